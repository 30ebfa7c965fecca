"""Values: how a result travels to the cache and back, chosen once by the function's annotation.

bytes and str travel as they are, None as nothing, everything else as JSON, each under its media type, so that whoever
reads a value over HTTP or with another language's client knows what it holds. Types of msgspec and pydantic are handed
to their own library; nothing here imports either. Nothing is ever unpickled.
"""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import orjson

from pannier._annotations import bare, shape_of
from pannier._shapes import ANY, Mismatch, Shape
from pannier._wire import BYTES, JSON, NOTHING, TEXT
from pannier.errors import NotCacheable

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["NOT_FOUND", "Codec", "Record", "Undecodable", "codec_for"]

T = TypeVar("T")
# What a look-up found when it found nothing: None is a value.
NOT_FOUND: Any = object()

Record = tuple[bytes, bytes]  # the value in bytes, and its media type


class Undecodable(Exception):
    """What the cache holds is of another type, or of another version of it."""


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """One type on its way to the cache and back.

    Attributes:
        encode: The value in bytes, and its media type; raises NotCacheable.
        decode: The value again; raises Undecodable.
        shareable: The values cannot be changed, so callers may share one.
        again: The value of bytes that `decode` took before, without looking at them twice.
    """

    encode: Callable[[Any], Record]
    decode: Callable[[bytes, bytes], T]
    shareable: bool
    again: Callable[[bytes], T] | None = None


def codec_for(annotation: Any) -> Codec[Any]:
    """The way of a type to the cache and back.

    Raises:
        NotCacheable: Its values would not come back as they went in.
    """
    annotation = _without_none(bare(annotation))
    if annotation in (Any, object):
        return Codec(_encode_any, _decode_any, shareable=False)
    if annotation is bytes:
        return Codec(_encode_bytes, _decode_bytes, shareable=True)
    if annotation is str:
        return Codec(_encode_text, _decode_text, shareable=True)
    for library, name, codec in _FOREIGN:
        base = getattr(sys.modules.get(library), name, None)
        if base and any(isinstance(part, type) and issubclass(part, base) for part in _parts(annotation, set())):
            return codec(annotation)
    shape = shape_of(annotation)
    load = shape.load
    again = orjson.loads if shape.plain else lambda data: load(orjson.loads(data))
    return Codec(partial(_encode_shape, shape), _json_decoder(shape), shape.shareable, again)


def _encode_shape(shape: Shape, value: Any) -> Record:
    if value is None:
        return b"", NOTHING
    try:
        return orjson.dumps(shape.dump(value)), JSON
    except Mismatch as error:
        raise NotCacheable(f"it does not fit its type: {error}") from error
    except TypeError as error:  # a whole number over 64 bits, text that is no Unicode
        raise NotCacheable(f"it does not fit into JSON: {error}") from error


def _json_decoder(shape: Shape) -> Callable[[bytes, bytes], Any]:
    load, plain = shape.load, shape.plain

    def decode(data: bytes, content_type: bytes) -> Any:
        if content_type != JSON and not content_type.startswith(JSON):
            if content_type == NOTHING:
                return None
            raise Undecodable(f"{content_type.decode('latin-1')}, not JSON")
        try:
            value = orjson.loads(data)
            return value if type(value) is plain else load(value)
        except Exception as error:
            raise _undecodable(error) from error

    return decode


def _encode_any(value: Any) -> Record:
    if type(value) is bytes:
        return value, BYTES
    if type(value) is str:
        return _encode_text(value)
    return _encode_shape(ANY, value)


def _decode_any(data: bytes, content_type: bytes) -> Any:
    if content_type.startswith(b"text/"):
        return _decode_text(data, content_type)
    return _decode_json(data, content_type) if content_type in (JSON, NOTHING) else data


def _encode_bytes(value: Any) -> Record:
    if value is None:
        return b"", NOTHING
    if type(value) is not bytes:
        raise NotCacheable(f"it does not fit its type: {type(value).__qualname__}, not bytes")
    return value, BYTES


def _decode_bytes(data: bytes, content_type: bytes) -> bytes | None:
    return None if content_type == NOTHING else data


def _encode_text(value: Any) -> Record:
    if value is None:
        return b"", NOTHING
    if type(value) is not str:
        raise NotCacheable(f"it does not fit its type: {type(value).__qualname__}, not str")
    try:
        return value.encode(), TEXT
    except UnicodeEncodeError as error:
        raise NotCacheable(f"it is no Unicode text: {error}") from error


def _decode_text(data: bytes, content_type: bytes) -> str | None:
    if content_type == NOTHING:
        return None
    if content_type == JSON:
        raise Undecodable("JSON, not text")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Undecodable(str(error)) from error


def _msgspec(annotation: Any) -> Codec[Any]:
    json = sys.modules["msgspec"].json
    try:
        decoder = json.Decoder(annotation)
    except TypeError as error:
        raise NotCacheable(str(error)) from error
    return _foreign(json.encode, decoder.decode)


def _pydantic(annotation: Any) -> Codec[Any]:
    pydantic = sys.modules["pydantic"]
    try:
        adapter = pydantic.TypeAdapter(annotation)
    except pydantic.errors.PydanticUserError as error:
        raise NotCacheable(str(error)) from error
    return _foreign(partial(adapter.dump_json, warnings="error"), adapter.validate_json)


def _foreign(dumps: Callable[[Any], bytes], loads: Callable[[bytes], Any]) -> Codec[Any]:
    def encode(value: Any) -> Record:
        if value is None:
            return b"", NOTHING
        try:
            data = dumps(value)
            loads(data)  # what cannot be read back is refused now, not found out by the next reader
        except Exception as error:
            refused = f"{type(value).__qualname__}, refused by its library ({type(error).__qualname__})"
            raise NotCacheable(f"it does not fit its type: {refused}") from error
        return data, JSON

    def decode(data: bytes, content_type: bytes) -> Any:
        if content_type == NOTHING:
            return None
        if not content_type.startswith(JSON):
            raise Undecodable(f"{content_type.decode('latin-1')}, not JSON")
        try:
            return loads(data)
        except Exception as error:
            raise _undecodable(error) from error

    return Codec(encode, decode, shareable=False)


def _undecodable(error: Exception) -> Undecodable:
    """Whatever a class of the application's raises about a value from the cache: it is no value of this program."""
    return Undecodable(str(error) if isinstance(error, Mismatch) else type(error).__qualname__)


def _without_none(annotation: Any) -> Any:
    """`User` for `User | None`: None travels as nothing, whatever the type."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return annotation
    members = tuple(member for member in typing.get_args(annotation) if member is not type(None))
    return bare(members[0]) if len(members) == 1 else typing.Union[members]  # noqa: UP007 - a tuple has no |


def _parts(annotation: Any, seen: set[Any]) -> Iterator[Any]:
    """Every type that an annotation is made of, the fields of its dataclasses included."""
    annotation = bare(annotation)
    if isinstance(annotation, type):
        if annotation in seen:
            return
        seen.add(annotation)
        yield annotation
        if dataclasses.is_dataclass(annotation):
            for hint in typing.get_type_hints(annotation).values():
                yield from _parts(hint, seen)
    for inner in typing.get_args(annotation):
        if inner is not ...:
            yield from _parts(inner, seen)


_decode_json = _json_decoder(ANY)
_FOREIGN = (("msgspec", "Struct", _msgspec), ("pydantic", "BaseModel", _pydantic))
