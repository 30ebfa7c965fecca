"""From an annotation to its shape, once, when a function is decorated; what cannot make the round trip fails there."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Any

from pannier._shapes import (
    ANY,
    SIMPLE,
    Shape,
    enum_shape,
    fixed_shape,
    literal_shape,
    mapping_shape,
    record_shape,
    sequence_shape,
    union_shape,
    whole_number_keys,
)
from pannier.errors import NotCacheable

__all__ = ["bare", "shape_of"]


def shape_of(annotation: Any) -> Shape:
    """The shape of a type.

    Raises:
        NotCacheable: Its values would not come back from JSON as they went in.
    """
    return _Walk().shape(annotation)


def bare(annotation: Any) -> Any:
    """The type itself, without what only type checkers read."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__value__"):  # a `type` statement
            annotation = annotation.__value__
        else:
            return annotation


class _Walk:
    """One walk over an annotation. Its classes are remembered, so that a type may contain itself."""

    def __init__(self) -> None:
        self._classes: dict[Any, Shape] = {}

    def shape(self, annotation: Any) -> Shape:
        annotation = bare(annotation)
        try:
            simple = SIMPLE.get(annotation)
        except TypeError:  # not hashable, so no type
            raise _unfit(annotation) from None
        if simple:
            return simple
        if make := _MAKERS.get(typing.get_origin(annotation) or annotation):
            return make(self, *typing.get_args(annotation))
        if isinstance(annotation, type):
            return self._classes.get(annotation) or self._of_class(annotation)
        raise _unfit(annotation)

    def _of_class(self, cls: Any) -> Shape:
        if issubclass(cls, Enum):
            return _scalars(enum_shape(cls), cls)
        if hasattr(cls, "__required_keys__"):
            return self._record(cls, cls.__annotations__, _typed_dict)
        names = getattr(cls, "_fields", None)
        if names is not None and issubclass(cls, tuple):
            return self._record(cls, names, _named_tuple)
        if dataclasses.is_dataclass(cls):
            names = [field.name for field in dataclasses.fields(cls) if field.init]
            return self._record(cls, names, _dataclass)
        raise _unfit(cls)

    def _record(self, cls: Any, names: Iterable[str], make: Callable[[Any, dict[str, Shape]], Shape]) -> Shape:
        # Remembered before its fields are known. Inside itself it counts as one that callers may not share.
        shape = self._classes[cls] = Shape(_unfinished, _unfinished, frozenset({"object"}), shareable=False)
        try:
            hints = typing.get_type_hints(cls)
        except NameError as error:
            raise NotCacheable(f"{cls.__qualname__}: {error}") from error
        made = make(cls, {name: self.shape(hints.get(name, Any)) for name in names})
        shape.dump, shape.load, shape.kinds, shape.shareable = made.dump, made.load, made.kinds, made.shareable
        return shape

    def list(self, item: Any = Any) -> Shape:
        return sequence_shape(list, (list,), self.shape(item))

    def sequence(self, item: Any = Any) -> Shape:
        return sequence_shape(list, (list, tuple), self.shape(item))

    def set(self, item: Any = Any) -> Shape:
        return sequence_shape(set, (set,), self.shape(item))

    def frozenset(self, item: Any = Any) -> Shape:
        return sequence_shape(frozenset, (frozenset, set), self.shape(item))

    def tuple(self, *items: Any) -> Shape:
        if not items:
            return sequence_shape(tuple, (tuple,), ANY)
        if items[-1] is ...:
            return sequence_shape(tuple, (tuple,), self.shape(items[0]))
        return fixed_shape([self.shape(item) for item in items], tuple, tuple)

    def mapping(self, key: Any = str, value: Any = Any) -> Shape:
        keys = self.shape(key)
        if keys is SIMPLE[int]:
            keys = whole_number_keys()
        if keys.kinds != {"string"}:
            raise NotCacheable(f"the keys of a mapping must be text or whole numbers: {_name(key)}")
        return mapping_shape(keys, self.shape(value))

    def union(self, *members: Any) -> Shape:
        shapes = [self.shape(member) for member in members]
        if any(shape is ANY for shape in shapes):
            return ANY
        if len(frozenset().union(*(shape.kinds for shape in shapes))) != sum(len(shape.kinds) for shape in shapes):
            raise NotCacheable(f"JSON cannot tell these apart: {' | '.join(map(_name, members))}")
        return union_shape(shapes)

    def literal(self, *constants: Any) -> Shape:
        return _scalars(literal_shape(constants), typing.Literal[constants])


def _scalars(shape: Shape, annotation: Any) -> Shape:
    if not shape.kinds <= {"string", "int", "boolean", "null"}:
        raise NotCacheable(f"{_name(annotation)}: only text, whole numbers, booleans and None")
    return shape


def _dataclass(cls: Any, fields: dict[str, Shape]) -> Shape:
    def read(value: Any) -> dict[str, Any]:
        return {name: getattr(value, name) for name in fields} if type(value) is cls else {"": value}

    shape = record_shape(cls, fields, fields.keys(), read, cls)
    shape.shareable = cls.__dataclass_params__.frozen and all(field.shareable for field in fields.values())
    return shape


def _typed_dict(cls: Any, fields: dict[str, Shape]) -> Shape:
    def read(value: Any) -> dict[str, Any]:
        return value if type(value) is dict else {"": value}

    return record_shape(cls, fields, cls.__required_keys__, read, dict)


def _named_tuple(cls: Any, fields: dict[str, Shape]) -> Shape:
    return fixed_shape(list(fields.values()), cls, cls._make)


def _unfit(annotation: Any) -> NotCacheable:
    return NotCacheable(f"{_name(annotation)} cannot be encoded and decoded")


def _unfinished(_: Any) -> Any:
    raise AssertionError("a shape is used before its class was walked")


def _name(annotation: Any) -> str:
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)


_MAKERS: dict[Any, Callable[..., Shape]] = {
    list: _Walk.list,
    set: _Walk.set,
    frozenset: _Walk.frozenset,
    tuple: _Walk.tuple,
    dict: _Walk.mapping,
    Sequence: _Walk.sequence,
    AbstractSet: _Walk.frozenset,
    Mapping: _Walk.mapping,
    typing.Union: _Walk.union,
    types.UnionType: _Walk.union,
    typing.Literal: _Walk.literal,
}
