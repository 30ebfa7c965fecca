"""T25: two calls share a key only if they mean the same."""

from __future__ import annotations

import inspect
import itertools
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pannier import BadRequest, Misconfigured
from pannier._bindings import Binding
from pannier._keys import Template, escaped, lane_key, lane_tag, spelled

if TYPE_CHECKING:
    from collections.abc import Callable


class Colour(Enum):
    RED = "red"


class Mode(str, Enum):  # noqa: UP042 - a text that is also a member, as older programs have it
    FAST = "fast"


class Shade(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int


@dataclass
class Size:
    x: int
    y: int


DIFFERENT = [
    *(None, "None", 1, True, 1.0, "1", b"1", Decimal(1), 0, False, "", b"", "True", "1.0"),
    *((), [], {}, set(), (1,), [1], {1: 1}, {1}, ("1",), ("a:b", "c"), ("a", "b:c"), ("a,b",), ("a", "b")),
    *(["a'", "b"], ["a", "'b"], ["a','b"], {"a": {"b": 1}}, {"a": {"b": "1"}}, {"a:b": 1}),
    *(Colour.RED, Shade.RED, "red", Mode.FAST, "fast", Point(1, 2), Size(1, 2), Point(2, 1), int, str),
    *("é", "e\u0301", "\x00", "\\x00", "\n", "\ud800", "\\ud800", "{", "*"),
    *(date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC), timedelta(days=1), UUID(int=1), PurePosixPath("a"), "a"),
]


def test_values_of_different_type_or_content_are_spelled_differently() -> None:
    spellings = [spelled(value) for value in DIFFERENT]
    alike = [(a, b) for (a, x), (b, y) in itertools.combinations(zip(DIFFERENT, spellings, strict=True), 2) if x == y]
    assert alike == []


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(JSON_LIKE, JSON_LIKE)
def test_two_values_are_spelled_alike_only_if_their_literals_are(one: object, other: object) -> None:
    def canonical(value: object) -> object:
        if isinstance(value, dict):
            return ("dict", frozenset((key, canonical(inner)) for key, inner in value.items()))
        if isinstance(value, list | tuple):
            return (type(value), *map(canonical, value))
        return (type(value), value)

    assert (spelled(one) == spelled(other)) == (canonical(one) == canonical(other))


def test_the_order_of_a_mapping_and_of_a_set_does_not_matter() -> None:
    assert spelled({"a": 1, "b": 2}) == spelled({"b": 2, "a": 1})
    assert spelled({"x", "y", "z"}) == spelled({"z", "y", "x"})


def test_an_object_that_only_its_address_tells_apart_is_refused() -> None:
    with pytest.raises(BadRequest, match="object cannot be part of a key"):
        spelled(object())


class Repository:
    def find(self, user_id: int, *fields: str, limit: int = 10, **options: object) -> None: ...

    @classmethod
    def all(cls, limit: int = 10) -> None: ...


def key_of(*args: object, **kwargs: object) -> object:
    binding = Binding(Repository.find)
    return binding.key(None)(binding.bind(args, kwargs))


def test_a_key_without_a_template_reads_as_the_call() -> None:
    assert key_of(Repository(), 7, "name") == (
        f"{__name__}.Repository.find(user_id=7,fields=('name',),limit=10,options={{}})"
    )


def test_defaults_and_the_way_an_argument_is_passed_make_no_difference() -> None:
    one, other = Repository(), Repository()
    assert key_of(one, 7) == key_of(other, user_id=7) == key_of(one, 7, limit=10)
    assert key_of(one, 7, b=1, a=2) == key_of(one, 7, a=2, b=1)
    assert key_of(one, 7) != key_of(one, 7, limit=11)


def no_parameters() -> None: ...
def plain(a: int, b: int) -> None: ...
def defaults(a: int, b: int = 2, *, c: int = 3) -> None: ...
def positional(a: int, /, b: int = 2) -> None: ...
def named(a: int, *, b: int) -> None: ...
def rest(a: int, *b: int, c: int = 3, **d: int) -> None: ...


@pytest.mark.parametrize("function", [no_parameters, plain, defaults, positional, named, rest])
@pytest.mark.parametrize("kwargs", [{}, {"b": 5}, {"c": 6}, {"a": 7, "b": 8}], ids=str)
@pytest.mark.parametrize("args", [(), (1,), (1, 2), (1, 2, 3)], ids=str)
def test_arguments_are_bound_as_python_binds_them(
    function: Callable[..., None], args: tuple[int, ...], kwargs: dict[str, int]
) -> None:
    def bound(bind: Callable[[], dict[str, object]]) -> object:
        try:
            return list(bind().items())
        except TypeError as error:
            return str(error)

    def by_python() -> dict[str, object]:
        known = inspect.signature(function).bind(*args, **kwargs)
        known.apply_defaults()
        return known.arguments

    assert bound(lambda: Binding(function).bind(args, kwargs)) == bound(by_python)


def test_a_callable_may_want_everything_in_one_mapping_and_the_rest_by_name() -> None:
    binding = Binding(plain)
    arguments = binding.bind((1, 2), {})
    seen = binding.callable(lambda arguments, **rest: (arguments, rest))(arguments)
    assert seen == ({"a": 1, "b": 2}, {"a": 1, "b": 2})
    assert arguments == {"a": 1, "b": 2}


def test_only_the_receiver_of_a_method_is_left_out() -> None:
    def free(self: int) -> None: ...

    assert Binding(free).receiver == ""
    assert Binding(Repository.find).receiver == "self"
    assert Binding(Repository.all.__func__).receiver == "cls"  # type: ignore[attr-defined]  # a bound classmethod


def fill(text: str, **arguments: object) -> str:
    return Template(text, arguments.keys()).fill(arguments)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (7, "7"),
        ("7", "7"),
        ("Müller", "Müller"),
        ("a:b", "a%3Ab"),
        ("50%", "50%25"),
        ("*", "%2A"),
        ("a b/c", "a%20b%2Fc"),
        ("\x00\n", "%00%0A"),
        (None, "%None"),
        (True, "%True"),
        ("None", "None"),
        (b"\xff", "ÿ"),
        (Colour.RED, "red"),
        (Mode.FAST, "fast"),
        (date(2026, 1, 2), "2026-01-02"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_a_value_in_a_template_is_readable_and_cannot_pass_for_the_template(value: object, shown: str) -> None:
    assert fill("user:{user_id}", user_id=value) == f"user:{shown}"


@given(st.text(), st.text(), st.text(), st.text())
def test_a_template_never_confuses_its_fields(a: str, b: str, c: str, d: str) -> None:
    same = fill("{x}:{y}", x=a, y=b) == fill("{x}:{y}", x=c, y=d)
    assert same == ((a, b) == (c, d))


def test_a_template_may_look_into_its_arguments() -> None:
    assert fill("p:{point.x}/{ids[1]}", point=Point(1, 2), ids=["a", "b"]) == "p:1/b"


@pytest.mark.parametrize(
    ("text", "value"), [("{x.name}", None), ("{x[0]}", None), ("{x[0]}", []), ("{x[name]}", {}), ("{x[name]}", "text")]
)
def test_a_template_that_looks_into_what_is_not_there_says_so(text: str, value: object) -> None:
    with pytest.raises(BadRequest, match=re.escape(f"{text}: the {type(value).__name__} given has no such part")):
        fill(text, x=value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("user:{id}", "no argument 'id'; there are: user_id"),
        ("user:{}", "a field is a name"),
        ("user:{user_id!r}", "a field is a name"),
        ("user:{user_id:>3}", "a field is a name"),
        ("user:{user_id", "expected '}'"),
        ("{user_id}{user_id}", "put ':' or '/' between"),
        ("{user_id}-{user_id}", "put ':' or '/' between"),
    ],
)
def test_a_template_that_cannot_work_is_refused_when_it_is_read(text: str, problem: str) -> None:
    with pytest.raises(Misconfigured, match=problem):
        Template(text, {"user_id"})


def test_a_long_key_keeps_its_beginning_and_ends_in_a_hash_of_the_whole() -> None:
    one, other = lane_key("user:" + "x" * 2_000 + "1"), lane_key("user:" + "x" * 2_000 + "2")
    assert one != other
    assert len(one) <= 1_024
    assert one.startswith(b"user:xxx")
    assert lane_key("é" * 1_000).decode()


def test_a_key_that_fits_is_left_alone() -> None:
    assert lane_key("x" * 1_024) == b"x" * 1_024
    assert lane_key("naïve") == "naïve".encode()
    assert lane_key(b"\xff\x00") == b"\xff\x00"
    assert lane_key("\ud800") == b"\xed\xa0\x80"


@pytest.mark.parametrize("key", ["", b"", 7, None])
def test_what_is_no_key_is_refused(key: object) -> None:
    with pytest.raises(BadRequest):
        lane_key(key)  # type: ignore[arg-type]  # on purpose


def test_a_long_tag_is_shortened_as_a_key_is() -> None:
    assert len(lane_tag("t" * 300).encode()) <= 256
    assert lane_tag("t" * 300) != lane_tag("t" * 301)
    assert lane_tag("user:7") == "user:7"


def test_the_escape_of_a_value_is_the_same_wherever_it_stands() -> None:
    """So that a pattern finds what a key was made of."""
    assert fill("user:{x}", x="a-b*") == "user:a-b%2A"
    assert fill("user:{x}:*", x="a-b*") == "user:a-b%2A:*"
    assert escaped("a-b*") == "a-b%2A"
