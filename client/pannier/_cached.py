"""A cached function: what its decorator was told, bound to a client when it is first called.

A call whose key is known to be in the near-cache is answered from here without building the key again: the arguments
themselves are remembered, if they are few bytes of types that cannot change. They are told apart by value and by type:
1 and True are equal, and two keys.
"""

from __future__ import annotations

import inspect
import sys
import typing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pannier._config import checked_namespace
from pannier._keys import lane_key
from pannier._protocol import Call
from pannier._values import NOT_FOUND, codec_for
from pannier.aio import Client as AioClient
from pannier.client import Client
from pannier.errors import BadRequest, Misconfigured, NotCacheable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannier._bindings import Binding, Choice, Choices
    from pannier._protocol import Policy
    from pannier._values import Codec

__all__ = ["AnyClient", "CachedFunction", "is_async"]

AnyClient = Client | AioClient

# Of one function in one client: at most 16,384 calls with the arguments of each at most so large, so at most 8 MiB.
_MAX_REMEMBERED = 16_384
_MAX_REMEMBERED_BYTES = 512
_REMEMBERED_TYPES = frozenset({bool, int, str, bytes, type(None), UUID})


class _Bound:
    """A function with a client: the namespace there, and where the results of which arguments are kept near."""

    __slots__ = ("client", "near", "places", "space")

    def __init__(self, client: AnyClient | None, space: Any) -> None:
        self.client = client
        self.near = None if client is None else client.near
        self.space = space
        # By arguments. With each place the type of the one argument or the types of all, which must be the same: equal
        # ones of other types (True and 1, a text and a member of an enum) have other keys.
        self.places: dict[tuple[Any, ...], tuple[bytes, Any]] = {}

    def remember(self, args: tuple[Any, ...], place: bytes) -> None:
        kinds = tuple(map(type, args))
        if not _REMEMBERED_TYPES.issuperset(kinds) or sum(map(sys.getsizeof, args)) > _MAX_REMEMBERED_BYTES:
            return
        if len(self.places) >= _MAX_REMEMBERED:
            self.places = {}
        self.places[args] = (place, kinds[0] if len(kinds) == 1 else kinds)


class CachedFunction:
    """One decorated function in one namespace."""

    def __init__(
        self,
        function: Callable[..., Any],
        binding: Binding,
        policy: Policy,
        *,
        key: Choice | None,
        tags: Choices,
        condition: Callable[..., Any] | None = None,
        namespace: str | None = None,
    ) -> None:
        """Take what the decorator was told.

        Args:
            function: The function itself.
            binding: Its parameters.
            policy: Lives, and what to do without a sidecar.
            key: A template, a callable, or none for a key that spells the arguments out.
            tags: Templates, or a callable.
            condition: Says whether a call is cached at all.
            namespace: Where results are kept; none: the client's.

        Raises:
            Misconfigured: A template or a callable does not fit the function, or the namespace cannot be.
            NotCacheable: The function's results would not come back as they went in.
        """
        self.function = function
        self._binding = binding
        self._policy = policy
        self._key = binding.key(key)
        self._tags = binding.tags(tags, with_result=True)
        self._condition = binding.callable(condition) if condition is not None else None
        self._namespace = None if namespace is None else checked_namespace(namespace)
        # Chosen when the function is decorated; later only when the annotation names what does not exist yet.
        self._codec: Codec[Any] | Any = _early_codec(function)
        # The key depends on the arguments alone, and so does whether there is one.
        self._is_rememberable = condition is None and binding.is_of_arguments_alone(key)
        self._first = 1 if binding.receiver else 0
        # One object, replaced as a whole: threads may meet here with different clients.
        self._bound = _Bound(None, None)

    @property
    def codec(self) -> Codec[Any]:
        """How results travel. Raises NotCacheable, if the annotation was not to be had before."""
        if self._codec is None:
            self._codec = _late_codec(self.function)
        return self._codec

    def hit(self, client: AnyClient | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The value kept near for these arguments, or NOT_FOUND. Hot: loadtests/f04_near_cache.py guards it (F4)."""
        bound = self._bound
        near = bound.near
        if client is not bound.client or near is None or kwargs:
            return NOT_FOUND
        if self._first:
            args = args[1:]
        try:
            remembered = bound.places.get(args)
        except TypeError:  # not hashable
            return NOT_FOUND
        if remembered is None:
            return NOT_FOUND
        place, kind = remembered
        if (not args or kind is not type(args[0])) and kind != tuple(map(type, args)):
            return NOT_FOUND
        return near.value(place, self._codec)

    def found(self, client: AnyClient, call: Call) -> Any:
        """The value that is kept near for this call, or NOT_FOUND."""
        return client.near.value(call.place, call.codec) if client.near is not None else NOT_FOUND

    def call(self, client: AnyClient, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """This call, as the protocol sees it; none: its condition says that it is not to be cached.

        Raises:
            BadRequest: An argument cannot be part of a key.
            TypeError: The arguments do not fit the function.
        """
        bound = self._bound
        if client is not bound.client:
            bound = self._bound = _Bound(client, client.space(self._namespace))
        arguments = self._binding.bind(args, kwargs)
        if self._condition is not None and not self._condition(arguments):
            return None
        function = self.function
        try:
            key = lane_key(self._key(arguments))
        except BadRequest as error:
            raise BadRequest(f"{self!r}: {error.detail}") from error
        call = Call(
            bound.space,
            key,
            self.codec,
            self._policy,
            lambda: function(*args, **kwargs),
            lambda result: self._tags({"result": result, **arguments}),
            self,
            client.sidecar.clock(),
        )
        if self._is_rememberable and not kwargs and bound.near is not None:
            bound.remember(args[self._first :], call.place)
        return call

    def __repr__(self) -> str:
        """The function's name."""
        return f"{self.function.__module__}.{self.function.__qualname__}"


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine.

    Raises:
        NotCacheable: Calling it gives a generator, which can be read once.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise NotCacheable(f"{function.__qualname__} is a generator: there is no result to keep")
    if not callable(function):
        raise Misconfigured(f"expected a function, not {function!r}")
    return inspect.iscoroutinefunction(function)


def _codec(function: Callable[..., Any]) -> Codec[Any]:
    """The codec of the function's results.

    Raises:
        NotCacheable: They would not come back from the cache as they went in.
        NameError: Their type is not to be found, or not yet.
    """
    try:
        return codec_for(_result_type(function))
    except NotCacheable as error:
        raise NotCacheable(f"the result of {function.__qualname__}: {error.detail}") from error


def _early_codec(function: Callable[..., Any]) -> Codec[Any] | None:
    try:
        return _codec(function)
    except NameError:
        return None


def _late_codec(function: Callable[..., Any]) -> Codec[Any]:
    try:
        return _codec(function)
    except NameError as error:
        raise NotCacheable(
            f"the result of {function.__qualname__}: {error}; let the annotation name what its module defines or "
            "imports, and not for type checking alone"
        ) from error


def _result_type(function: Callable[..., Any]) -> Any:
    """The return annotation alone: those of the parameters may name what is imported for type checking alone."""
    original = inspect.unwrap(function)
    stand_in = SimpleNamespace(
        __annotations__={"return": getattr(function, "__annotations__", {}).get("return", Any)},
        __type_params__=getattr(function, "__type_params__", ()),
    )
    hints = typing.get_type_hints(stand_in, getattr(original, "__globals__", {}), include_extras=True)
    return hints["return"]
