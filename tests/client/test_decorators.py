"""The decorators against a real sidecar. Each rule is held for sync and async functions alike."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest

import pannier
import pannier.aio
from pannier import BadRequest, Misconfigured, NotCacheable, cache, cache_invalidate, cache_refresh
from pannier.aio import DEFAULT as AIO_DEFAULT
from pannier.client import DEFAULT
from pannier.testing import FakePannier
from patience import until, until_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass
class User:
    id: int
    name: str


class Origin:
    """Where results come from, and how often it was asked. Both kinds of functions are made of it."""

    def __init__(self, kind: str, namespace: str, client: Any, runner: asyncio.Runner) -> None:
        self.kind = kind
        self.client = client
        self.namespace = namespace
        self.runs: list[Any] = []
        self.fails = False
        self._runner = runner

    def load(self, wanted: Any) -> Any:
        self.runs.append(wanted)
        if self.fails:
            raise LookupError(wanted)
        return len(self.runs)

    def decorate(self, decorator: Callable[[Any], Any], function: Callable[..., Any]) -> Callable[..., Any]:
        """The decorated function of this kind, to be called without await."""
        if self.kind == "sync":
            return decorator(function)  # type: ignore[no-any-return]  # any function
        decorated = decorator(_async_twin(function))
        assert inspect.iscoroutinefunction(decorated)
        return self.awaiting(decorated)

    def awaiting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function if self.kind == "sync" else lambda *args, **kwargs: self._runner.run(function(*args, **kwargs))


def _async_twin(function: Callable[..., Any]) -> Any:
    async def twin(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    for name in ("__module__", "__name__", "__qualname__", "__annotations__"):
        setattr(twin, name, getattr(function, name))
    twin.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # read by inspect
    return twin


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["far", "near"])
def origin(kind: str, request: pytest.FixtureRequest, sidecar_url: str, namespace: str) -> Iterator[Origin]:
    options: dict[str, Any] = {"namespace": namespace, "near_cache": request.param}
    with asyncio.Runner() as runner:
        if kind == "sync":
            with pannier.Client(sidecar_url, **options) as client:
                yield Origin(kind, namespace, client, runner)
        else:
            aio_client = pannier.aio.Client(sidecar_url, **options)
            yield Origin(kind, namespace, aio_client, runner)
            runner.run(aio_client.close())


def test_a_result_is_loaded_once_for_each_key(origin: Origin) -> None:
    def get(user_id: int, *, deep: bool = False) -> int:
        return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

    cached = origin.decorate(cache(ttl=60, client=origin.client), get)
    assert [cached(1), cached(1), cached(user_id=1), cached(1, deep=False)] == [1, 1, 1, 1]
    assert cached(2) == 2
    assert cached(1, deep=True) == 3
    assert cached(True) == 4
    assert [cached(1), cached(True), cached(1)] == [1, 4, 1]


class Mode(str, Enum):  # noqa: UP042 - a text that is also a member, as older programs have it
    FAST = "fast"


@pytest.mark.parametrize("alike", [(1, True), (0, False), ("fast", Mode.FAST)], ids=str)
def test_arguments_that_are_equal_and_of_two_types_have_two_results(origin: Origin, alike: tuple[Any, Any]) -> None:
    def get(wanted: Any) -> int:
        return origin.load(wanted)  # type: ignore[no-any-return]  # it counts

    cached = origin.decorate(cache(ttl=60, client=origin.client), get)
    one, other = alike
    assert [cached(one) for _ in range(5)] == [1] * 5  # by now it is near, if anything is
    assert [cached(other) for _ in range(5)] == [2] * 5
    assert cached(one) == 1


@pytest.mark.parametrize("decorator", [cache, cache_refresh, cache_invalidate], ids=lambda one: one.__name__)
@pytest.mark.parametrize("spelling", ["bare", "empty", "with arguments"])
def test_a_decorator_may_be_bare_empty_or_with_arguments(origin: Origin, decorator: Any, spelling: str) -> None:
    def get(user_id: int) -> int:
        return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

    form = {"bare": decorator, "empty": decorator(), "with arguments": decorator(namespace=origin.namespace)}[spelling]
    default: Any = DEFAULT if origin.kind == "sync" else AIO_DEFAULT
    with default.replaced(lambda: origin.client):
        decorated = origin.decorate(form, get)
        assert [decorated(7), decorated(7)] == ([1, 1] if decorator is cache else [1, 2])


def test_a_decorated_function_looks_like_the_function(origin: Origin) -> None:
    @cache(client=None)
    def documented(user_id: int) -> int:
        """What it does."""
        return user_id

    assert (documented.__name__, documented.__doc__) == ("documented", "What it does.")
    assert str(inspect.signature(documented)) == "(user_id: 'int') -> 'int'"


def test_methods_of_every_sort_are_cached_without_their_receiver(origin: Origin) -> None:
    if origin.kind == "sync":

        class Repository:
            @cache(client=origin.client)
            def one(self, user_id: int) -> int:
                return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

            @cache(client=origin.client)
            @classmethod
            def two(cls, user_id: int) -> int:
                return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

            @staticmethod
            @cache(client=origin.client)
            def three(user_id: int) -> int:
                return origin.load(user_id)  # type: ignore[no-any-return]  # it counts
    else:

        class Repository:  # type: ignore[no-redef]  # the async one
            @cache(client=origin.client)
            async def one(self, user_id: int) -> int:
                return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

            @cache(client=origin.client)
            @classmethod
            async def two(cls, user_id: int) -> int:
                return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

            @staticmethod
            @cache(client=origin.client)
            async def three(user_id: int) -> int:
                return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

    for name, number in (("one", 1), ("two", 2), ("three", 3)):
        assert origin.awaiting(getattr(Repository(), name))(7) == number
        assert origin.awaiting(getattr(Repository(), name))(7) == number


def test_a_template_and_a_callable_make_keys_that_others_can_use(origin: Origin) -> None:
    def get(user_id: int) -> int:
        return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

    by_template = origin.decorate(cache(key="user:{user_id}", client=origin.client), get)
    by_callable = origin.decorate(cache(key=lambda user_id: f"user:{user_id}", client=origin.client), get)
    assert by_template(7) == by_callable(7) == 1
    assert origin.awaiting(origin.client.cache().get)("user:7") == 1


def test_a_call_whose_condition_is_false_is_not_cached(origin: Origin) -> None:
    def get(user_id: int | None) -> int:
        return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

    cached = origin.decorate(cache(condition=lambda user_id: user_id is not None, client=origin.client), get)
    assert [cached(None), cached(None), cached(1), cached(1)] == [1, 2, 3, 3]


def test_results_are_found_by_tags_made_of_arguments_and_result(origin: Origin) -> None:
    def get(user_id: int) -> dict[str, Any]:
        return {"team": f"{origin.namespace}-{origin.load(user_id)}"}

    by_template = origin.decorate(cache(tags=["team:{result[team]}"], key="a:{user_id}", client=origin.client), get)
    by_callable = origin.decorate(
        cache(
            tags=lambda result, arguments: [f"team:{result['team']}", str(arguments)],
            key="b:{user_id}",
            client=origin.client,
        ),
        get,
    )
    for cached, number in ((by_template, 1), (by_callable, 3)):
        assert cached(7) == cached(7)
        invalidate = origin.awaiting(origin.client.cache().invalidate)
        invalidate(tags=[f"team:{origin.namespace}-{number}"])
        assert cached(7) == {"team": f"{origin.namespace}-{number + 1}"}


def test_none_is_cached_only_with_a_life_of_its_own(origin: Origin) -> None:
    def get(user_id: int) -> int | None:
        origin.load(user_id)
        return None

    forgetful = origin.decorate(cache(key="a:{user_id}", ttl=60, client=origin.client), get)
    forgetful(1), forgetful(1)
    assert len(origin.runs) == 2
    remembering = origin.decorate(cache(key="b:{user_id}", negative_ttl=60, client=origin.client), get)
    remembering(1), remembering(1)
    assert len(origin.runs) == 3


def test_a_failure_is_raised_and_not_cached(origin: Origin) -> None:
    def get(user_id: int) -> int:
        return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

    cached = origin.decorate(cache(client=origin.client), get)
    origin.fails = True
    for _ in range(2):
        with pytest.raises(LookupError):
            cached(7)
    origin.fails = False
    assert [cached(7), cached(7)] == [3, 3]


def test_an_invalidation_follows_the_function_and_not_its_failure(origin: Origin) -> None:
    def get(user_id: int) -> int:
        return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

    def update(user_id: int) -> int:
        if origin.fails:
            raise LookupError
        return user_id

    cached = origin.decorate(cache(key="user:{user_id}", client=origin.client), get)
    updating = origin.decorate(cache_invalidate(key="user:{user_id}", client=origin.client), update)
    assert [cached(1), cached(2)] == [1, 2]
    origin.fails = True
    with pytest.raises(LookupError):
        updating(1)
    assert cached(1) == 1
    origin.fails = False
    assert updating(1) == 1
    assert [cached(1), cached(2)] == [3, 2]


@pytest.mark.parametrize(
    "named",
    [
        {"key": "user:{result}"},
        {"keys": ["user:{user_id}", "other"]},
        {"keys": lambda user_id: [f"user:{user_id}"]},
        {"pattern": "us?r:*"},
        {"pattern": "user:{user_id}"},
        {"tags": ["{user_id}-{{tag}}"]},
        {"tags": lambda arguments, result: f"{result}-{{tag}}"},
        {},
    ],
    ids=str,
)
def test_what_is_to_be_forgotten_has_many_names(origin: Origin, named: dict[str, Any]) -> None:
    def get(user_id: int) -> int:
        return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

    def update(user_id: int) -> int:
        return user_id

    cached = origin.decorate(cache(key="user:{user_id}", tags=["{user_id}-{{tag}}"], client=origin.client), get)
    cached(7)
    origin.decorate(cache_invalidate(client=origin.client, **named), update)(7)
    assert cached(7) == 2


@pytest.mark.parametrize("named", [{"keys": []}, {"tags": ()}, {"pattern": ""}, {"key": "", "tags": ["t"]}], ids=str)
def test_an_empty_list_of_names_is_not_the_whole_namespace(origin: Origin, named: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured, match="names nothing; leave it out to forget the whole namespace"):
        cache_invalidate(client=origin.client, **named)


def test_what_a_callable_does_not_name_is_not_forgotten(origin: Origin) -> None:
    def get(user_id: int) -> int:
        return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

    def update(*user_ids: int) -> list[str]:
        return [f"user:{user_id}" for user_id in user_ids]

    cached = origin.decorate(cache(key="user:{user_id}", client=origin.client), get)
    updating = origin.decorate(cache_invalidate(keys=lambda result: result, client=origin.client), update)
    cached(7)
    assert updating() == []
    assert cached(7) == 1
    updating(7)
    assert cached(7) == 2


def test_a_refresh_always_runs_and_replaces_what_is_cached(origin: Origin) -> None:
    def get(user_id: int) -> int:
        return origin.load(user_id)  # type: ignore[no-any-return]  # it counts

    cached = origin.decorate(cache(key="user:{user_id}", client=origin.client), get)
    reloading = origin.decorate(
        cache_refresh(key="user:{user_id}", ttl=timedelta(minutes=1), client=origin.client), get
    )
    assert [cached(7), reloading(7), cached(7), reloading(7), cached(7)] == [1, 2, 2, 3, 3]


def test_a_refresh_that_fails_leaves_the_stale_value_and_quotes_nothing(
    origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "pannier")
    values = origin.client.cache()
    origin.awaiting(values.set)("key", 7)
    origin.awaiting(values.invalidate)(keys=["key"], soft=True)

    def get() -> int:
        raise LookupError("secret")

    assert origin.decorate(cache(key="key", client=origin.client), get)() == 7
    origin.awaiting(until_now if origin.kind == "sync" else until)(lambda: "LookupError" in caplog.text)
    assert "secret" not in caplog.text


def test_every_caller_has_a_result_of_its_own(origin: Origin) -> None:
    def get(user_id: int) -> User:
        return User(user_id, str(origin.load(user_id)))

    cached = origin.decorate(cache(client=origin.client), get)
    for _ in range(3):
        user = cached(7)
        assert user == User(7, "1")
        user.name = "changed"


def test_a_key_may_tell_instances_apart(origin: Origin) -> None:
    class Shop:
        def __init__(self, name: str) -> None:
            self.name = name

        def price(self, product: int) -> str:
            return f"{product} at {self.name}"

    price = origin.decorate(cache(key="{self.name}:{product}", client=origin.client), Shop.price)
    one, other = Shop("one"), Shop("other")
    assert [price(one, 7) for _ in range(5)] == 5 * ["7 at one"]  # by now it is near, if anything is
    assert price(other, 7) == "7 at other"


def test_a_result_of_an_older_version_is_loaded_again(origin: Origin) -> None:
    origin.awaiting(origin.client.cache().set)("user:7", {"id": 7})

    def get(user_id: int) -> User:
        return User(user_id, str(origin.load(user_id)))

    cached = origin.decorate(cache(key="user:{user_id}", client=origin.client), get)
    assert [cached(7), cached(7)] == [User(7, "1"), User(7, "1")]


def test_a_result_that_does_not_fit_its_annotation_is_returned_and_not_cached(
    origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    def get(user_id: int) -> int:
        return "not a number" if origin.load(user_id) == 1 else 2  # type: ignore[return-value]  # on purpose

    cached = origin.decorate(cache(client=origin.client), get)
    assert cached(7) == "not a number"
    assert caplog.messages == [f"a result of {get.__module__}.{get.__qualname__} is not cached: {_NOT_INT}"]
    assert [cached(7), cached(7)] == [2, 2]


_NOT_INT = "it does not fit its type: str, not int"


class Opaque:
    pass


def test_what_cannot_work_fails_when_the_function_is_decorated(origin: Origin) -> None:
    def opaque() -> Opaque:
        return Opaque()

    def get(user_id: int) -> int:
        return user_id

    def generate() -> Iterator[int]:
        yield 1

    for options, problem in (
        ({"key": "user:{id}"}, r"get: 'user:\{id\}': no argument 'id'"),
        ({"tags": ["{team}"]}, "no argument 'team'"),
        ({"condition": lambda wrong: wrong}, "a callable wants wrong"),
        ({"key": lambda result: result}, "a callable wants result"),
        ({"ttl": 0}, "ttl"),
        ({"ttl": "60"}, "ttl"),
        ({"on_unavailable": "ignore"}, "bypass, stale or raise"),
        ({"namespace": "no spaces"}, "namespace"),
    ):
        with pytest.raises(Misconfigured, match=problem):
            cache(client=origin.client, **options)(get if origin.kind == "sync" else _async_twin(get))
    with pytest.raises(NotCacheable, match="Opaque cannot be encoded"):
        cache(opaque)
    with pytest.raises(NotCacheable, match="generator"):
        cache(generate)


def test_a_client_of_the_other_kind_is_refused(sidecar_url: str) -> None:
    async def get() -> int:
        return 1

    with pannier.Client(sidecar_url) as client, pytest.raises(Misconfigured, match=r"pannier\.aio\.Client"):
        cache(client=client)(get)


def test_a_default_client_that_was_closed_is_made_anew_and_one_that_was_given_is_not() -> None:
    runs = []

    def get() -> int:
        runs.append(1)
        return len(runs)

    with FakePannier() as fake:
        by_default = cache(key="default", client=None)(get)
        assert by_default() == 1
        pannier.client().close()
        assert by_default() == 1
        given = fake.client()
        by_given = cache(key="given", client=given)(get)
        assert by_given() == 2
        given.close()
        assert [by_given(), by_given()] == [3, 4]


def test_an_argument_that_cannot_be_a_key_is_named(origin: Origin) -> None:
    def get(thing: object) -> int:
        return 1

    with pytest.raises(BadRequest, match=r"get: .*name the key with key="):
        origin.decorate(cache(client=origin.client), get)(object())


def test_arguments_that_do_not_fit_fail_as_they_would_without_the_decorator(origin: Origin) -> None:
    def get(user_id: int) -> int:
        return user_id

    with pytest.raises(TypeError, match="missing a required argument"):
        origin.decorate(cache(client=origin.client), get)(wrong=1)


@dataclass
class Node:
    """Annotations that name the class itself, not there yet when the method is decorated, and what never will be."""

    name: str

    @cache
    def parent(self, distance: int) -> Node:
        return Node(f"parent {distance}")

    @cache
    def broken(self) -> NoSuchName: ...  # type: ignore[name-defined]  # noqa: F821 - on purpose


def test_an_annotation_that_names_what_does_not_exist_yet_is_looked_up_later(client: pannier.Client) -> None:
    with DEFAULT.replaced(lambda: client):
        assert Node("x").parent(1) == Node("x").parent(1) == Node("parent 1")


def test_an_annotation_that_names_what_never_exists_is_an_error_with_advice(client: pannier.Client) -> None:
    with DEFAULT.replaced(lambda: client), pytest.raises(NotCacheable, match="'NoSuchName' is not defined; let the"):
        Node("x").broken()


def test_parameters_may_be_annotated_with_what_only_type_checkers_import(origin: Origin) -> None:
    def get(sequence: Sequence[int]) -> int:
        return origin.load(sequence)  # type: ignore[no-any-return]  # it counts

    assert "Sequence" not in globals()
    cached = origin.decorate(cache(client=origin.client), get)
    assert [cached([7]), cached([7])] == [1, 1]


@pytest.mark.parametrize("near", [False, True], ids=["far", "near"])
def test_a_process_holds_on_to_few_and_small_arguments(near: bool, sidecar_url: str, namespace: str) -> None:  # noqa: FBT001 - a parameter
    """Without a near-cache to none; with one, to those that are looked up near again."""
    with pannier.Client(sidecar_url, namespace=namespace, near_cache=near) as client:
        cached = cache(client=client)(len)

        def held(text: str) -> bool:
            before = sys.getrefcount(text)
            cached(text)
            return sys.getrefcount(text) > before

        assert [held("small" + namespace), held("large" * 200 + namespace)] == [near, False]


def test_threads_that_miss_together_run_the_function_once(client: pannier.Client) -> None:
    gate, runs = threading.Event(), []
    results: list[int] = []

    @cache(client=client)
    def get(user_id: int) -> int:
        runs.append(user_id)
        assert gate.wait(10)
        return 7

    threads = [threading.Thread(target=lambda: results.append(get(1))) for _ in range(16)]
    for thread in threads:
        thread.start()
    until_now(lambda: runs)
    gate.set()
    for thread in threads:
        thread.join()
    assert (results, runs) == ([7] * 16, [1])


async def test_tasks_that_miss_together_run_the_function_once(aio_client: pannier.aio.Client) -> None:
    gate, runs = asyncio.Event(), []

    @cache(client=aio_client)
    async def get(user_id: int) -> list[int]:
        runs.append(user_id)
        await gate.wait()
        return [7]

    tasks = [asyncio.create_task(get(1)) for _ in range(100)]
    await until(lambda: runs)
    gate.set()
    results = await asyncio.gather(*tasks)
    assert (results, runs) == ([[7]] * 100, [1])
    assert len({id(result) for result in results}) == 100


async def test_a_caller_that_gives_up_does_not_stop_the_load(aio_client: pannier.aio.Client) -> None:
    gate, began = asyncio.Event(), asyncio.Event()

    @cache(client=aio_client)
    async def get() -> int:
        began.set()
        await gate.wait()
        return 7

    first, second = asyncio.create_task(get()), asyncio.create_task(get())
    await began.wait()
    await until(lambda: aio_client.loader.waiting == 2)
    first.cancel()
    await asyncio.wait([first])
    gate.set()
    assert await second == 7
    assert first.cancelled()


async def test_a_load_that_nobody_waits_for_is_cancelled_and_its_lease_given_back(
    aio_client: pannier.aio.Client,
) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    @cache(key="key", client=aio_client)
    async def get() -> int:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return 7

    caller = asyncio.create_task(get())
    await began.wait()
    caller.cancel()
    await ended.wait()
    assert await aio_client.cache().get_or_set("key", _seven) == 7
    assert (await aio_client.cache().explain("key"))["lease"] is None


async def _seven() -> int:
    return 7


@pytest.mark.parametrize("order", ["stale first", "fresh first"])
async def test_a_fill_that_an_invalidation_overtook_is_not_served(aio_client: pannier.aio.Client, order: str) -> None:
    """T1, through the decorator: the function read before the invalidation, so its result is not kept."""
    row, gates = ["old"], [asyncio.Event(), asyncio.Event()]
    runs: list[str] = []

    @cache(key="key", client=aio_client)
    async def get() -> str:
        read, gate = row[0], gates[len(runs)]
        runs.append(read)
        await gate.wait()
        return read

    slow = asyncio.create_task(get())
    await until(lambda: runs == ["old"])
    row[0] = "new"
    await aio_client.cache().delete("key")
    fast = asyncio.create_task(get())
    await until(lambda: runs == ["old", "new"])
    first, last = (fast, slow) if order == "fresh first" else (slow, fast)
    for task in (first, last):
        gates[0 if task is slow else 1].set()
        assert await task == ("old" if task is slow else "new")
    assert [await get(), await aio_client.cache().get("key")] == ["new", "new"]
    assert runs == ["old", "new"]


async def test_a_caller_after_an_invalidation_never_gets_what_was_loaded_before(
    aio_client: pannier.aio.Client, sidecar_url: str, namespace: str
) -> None:
    """After it the lease is another process's: a caller that joins the old run here must not believe it."""
    origin, gate, began = ["old"], asyncio.Event(), asyncio.Event()

    @cache(key="key", client=aio_client)
    async def get() -> str:
        value = origin[0]
        if not began.is_set():
            began.set()
            await gate.wait()
        return value

    first = asyncio.create_task(get())
    await began.wait()
    async with pannier.aio.Client(sidecar_url, namespace=namespace) as other:
        other_gate = asyncio.Event()

        async def slow() -> str:
            await other_gate.wait()
            return "new"

        origin[0] = "new"
        await other.cache().delete("key")
        foreign = asyncio.create_task(other.cache().get_or_set("key", slow))
        await until(lambda: other.loader.waiting == 1)
        late = asyncio.create_task(get())
        await until(lambda: aio_client.loader.waiting == 2)
        gate.set()
        assert await first == "old"
        other_gate.set()
        assert await late == await foreign == "new"
