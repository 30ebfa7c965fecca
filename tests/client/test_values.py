"""Values: what a type can bring through the cache, and what is refused when the function is decorated."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, NewType, TypedDict, TypeVar
from uuid import UUID

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pannier import NotCacheable
from pannier._values import Undecodable, codec_for


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1


class Pair(NamedTuple):
    name: str
    born: date | None = None


class Movie(TypedDict, total=False):
    title: str
    year: int


@dataclass
class Address:
    street: str
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Frozen:
    x: int
    y: tuple[str, ...] = ()


@dataclass
class User:
    kind: ClassVar[str] = "user"
    id: int
    name: str
    born: datetime | None
    address: Address | None = None
    friends: list[User] = field(default_factory=list)


@dataclass(slots=True)
class Slotted:
    x: int


class Struct(msgspec.Struct):
    x: int
    at: datetime | None = None


@dataclass
class WithStruct:
    inner: Struct


def refuse_odd(number: int) -> None:
    """What a class may say about its own values, in an exception of any type."""
    if number % 2:
        raise LookupError(number)


@dataclass
class Even:
    number: int

    def __post_init__(self) -> None:
        refuse_odd(self.number)


class EvenStruct(msgspec.Struct):
    number: int

    def __post_init__(self) -> None:
        refuse_odd(self.number)


class EvenModel(pydantic.BaseModel):
    number: int

    def model_post_init(self, _: Any) -> None:
        refuse_odd(self.number)


class Model(pydantic.BaseModel):
    x: int
    at: datetime | None = None


UserId = NewType("UserId", int)
T = TypeVar("T")
NOON = datetime(2026, 1, 2, 12, 30, 15, 123456, tzinfo=UTC)

ROUND_TRIPS = [
    (bytes, b"\xff\x00"),
    (str, "Ü\x00"),
    (str | None, "x"),
    (int, 2**62),
    (float, 1.5),
    (float, 1),
    (bool, True),
    (None, None),
    (Any, {"a": [1, 1.5, None, True, "x", {}]}),
    (Any, b"raw"),
    (Any, "text"),
    (object, [1]),
    (list[int], [1, 2]),
    (list, [1, "a"]),
    (dict, {"a": 1}),
    (dict[str, Any], {"a": {"b": 1}}),
    (dict[int, list[bytes]], {1: [b"\xff"]}),
    (dict[UUID, date], {UUID(int=1): date(2026, 1, 2)}),
    (dict[Colour, int], {Colour.RED: 1}),
    (tuple[int, str], (1, "a")),
    (tuple[int, ...], (1, 2, 3)),
    (tuple, (1, "a")),
    (set[str], {"a", "b"}),
    (frozenset[int], frozenset({1})),
    (datetime, NOON),
    (time, time(12, 30)),
    (timedelta, timedelta(days=-1, microseconds=7)),
    (Decimal, Decimal("1.10")),
    (UUID, UUID(int=7)),
    (Colour, Colour.BLUE),
    (Level, Level.LOW),
    (Literal["a", 1] | None, 1),
    (int | str | None, "1"),
    (float | int, 1),
    (float | int, 1.0),
    (list[int | None], [1, None]),
    (UserId, 7),
    (Annotated[int, "a number"], 7),
    (Pair, Pair("Ada", date(1815, 12, 10))),
    (Movie, {"title": "M"}),
    (Frozen, Frozen(1, ("a",))),
    (Slotted, Slotted(1)),
    (User, User(1, "Ada", NOON, Address("Here", ["x"]), [User(2, "Bob", None)])),
    (User | None, User(1, "Ada", None)),
    (list[User], [User(1, "Ada", None)]),
    (Struct, Struct(1, NOON)),
    (list[Struct] | None, [Struct(1)]),
    (WithStruct, WithStruct(Struct(1))),
    (Model, Model(x=1, at=NOON)),
    (list[Model] | None, [Model(x=1)]),
]


@pytest.mark.parametrize(("annotation", "value"), ROUND_TRIPS, ids=lambda part: f"{part}"[:40])
def test_a_value_comes_back_equal_and_of_its_type(annotation: Any, value: Any) -> None:
    codec = codec_for(annotation)
    back = codec.decode(*codec.encode(value))
    assert back == value
    assert type(back) is type(value) or annotation is float


@pytest.mark.parametrize(("annotation", "value"), ROUND_TRIPS, ids=lambda part: f"{part}"[:40])
def test_nothing_travels_as_nothing_whatever_the_type(annotation: Any, value: Any) -> None:
    codec = codec_for(annotation)
    assert codec.encode(None) == (b"", b"application/vnd.pannier.none")
    assert codec.decode(b"", b"application/vnd.pannier.none") is None


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_plain_json_comes_back_as_it_went_in(value: Any) -> None:
    codec = codec_for(Any)
    assert codec.decode(*codec.encode(value)) == value


@pytest.mark.parametrize(
    ("value", "content_type"),
    [
        (b"x", b"application/octet-stream"),
        ("x", b"text/plain; charset=utf-8"),
        ({"a": 1}, b"application/json"),
        (7, b"application/json"),
    ],
)
def test_a_value_says_what_it_is(value: Any, content_type: bytes) -> None:
    assert codec_for(Any).encode(value)[1] == content_type


class Opaque:
    pass


@pytest.mark.parametrize(
    "annotation",
    [
        Opaque,
        list[Opaque],
        dict[tuple[int, int], str],
        dict[float, str],
        Address | User,
        list[int] | tuple[int, ...],
        str | datetime,
        complex,
        T,
        type,
        Literal[b"x"],
        "a text",
        [int],
    ],
    ids=str,
)
def test_a_type_that_cannot_come_back_is_refused_at_once(annotation: Any) -> None:
    with pytest.raises(NotCacheable):
        codec_for(annotation)


@pytest.mark.parametrize(
    ("annotation", "value", "problem"),
    [
        (Any, (1, 2), "tuple"),
        (Any, {"a": [{"b": {1}}]}, "set, which JSON has no word for"),
        (Any, {1: 2}, "a key of a mapping is int"),
        (Any, float("nan"), "float, which JSON"),
        (Any, 2**70, "64-bit"),
        (Any, User(1, "Ada", None), "User"),
        (Any, Level.LOW, "Level"),
        (int, True, "bool"),
        (int, "1", "str"),
        (bytes, "x", "not bytes"),
        (str, b"x", "not str"),
        (str, "\ud800", "no Unicode"),
        (float, float("inf"), "not a finite float"),
        (list[int], ["x"], "not int"),
        (tuple[int, str], (1,), "1 items, not 2"),
        (User, {"id": 1}, "not a User"),
        (Address, User(1, "Ada", None), "not a Address"),
        (Movie, {"titel": "M"}, "dict, not a Movie"),
        (Literal["a"], "b", "str, none of the literal's values"),
        (Literal[1], True, "bool, none of the literal's values"),
        (int | None, "x", "not int"),
        (int | str, 1.5, "no member of the union"),
        (Struct, {"y": 1}, "fit its type"),
        (Model, "text", "fit its type"),
    ],
    ids=str,
)
def test_a_result_that_is_not_what_its_annotation_says_is_named(annotation: Any, value: Any, problem: str) -> None:
    with pytest.raises(NotCacheable, match=problem):
        codec_for(annotation).encode(value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Any, {"secret": {"secret", 1}}),
        (dict[str, int], {"secret": "secret"}),
        (Movie, {"secret": "secret"}),
        (Address, Address("street", list[Any](["secret", b"secret"]))),
        (Literal["a"], "secret"),
        (Colour, "secret"),
        (Struct, msgspec.defstruct("Other", [("x", str)])("secret")),
        (Model, Model.model_construct(x="secret")),
        (Model, "secret"),
    ],
    ids=str,
)
def test_what_is_said_about_a_result_never_quotes_it(annotation: Any, value: Any) -> None:
    with pytest.raises(NotCacheable, match="does not fit") as caught:
        codec_for(annotation).encode(value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("annotation", "data", "content_type"),
    [
        (User, b'{"id":1,"name":"Ada"}', b"application/json"),
        (User, b'{"id":1,"name":"Ada","born":null,"address":null,"friends":[],"new":1}', b"application/json"),
        (User, b"[]", b"application/json"),
        (User, b"{", b"application/json"),
        (User, b"x", b"application/octet-stream"),
        (int, b'"1"', b"application/json"),
        (dict, b"[]", b"application/json"),
        (str, b"\xff", b"text/plain; charset=utf-8"),
        (str, b"{}", b"application/json"),
        (datetime, b'"soon"', b"application/json"),
        (UUID, b'"x"', b"application/json"),
        (Colour, b'"green"', b"application/json"),
        (dict[int, int], b'{"x":1}', b"application/json"),
        (int | str, b"[]", b"application/json"),
        (Struct, b'{"y":1}', b"application/json"),
        (Struct, b"{}", b"text/plain"),
        (Model, b'{"y":1}', b"application/json"),
        (Even, b'{"number":1}', b"application/json"),
        (list[Even], b'[{"number":1}]', b"application/json"),
        (EvenStruct, b'{"number":1}', b"application/json"),
        (EvenModel, b'{"number":1}', b"application/json"),
        (set, b"[[]]", b"application/json"),
    ],
    ids=str,
)
def test_what_is_of_another_type_or_version_is_no_value(annotation: Any, data: bytes, content_type: bytes) -> None:
    with pytest.raises(Undecodable):
        codec_for(annotation).decode(data, content_type)


def test_a_value_that_another_client_stored_is_read_by_its_media_type() -> None:
    decode = codec_for(Any).decode
    assert decode(b"caf\xc3\xa9", b"text/html; charset=utf-8") == "café"
    assert decode(b"\x89PNG", b"image/png") == b"\x89PNG"
    assert codec_for(dict).decode(b"{}", b"application/json; charset=utf-8") == {}


@pytest.mark.parametrize(
    ("annotation", "is_shareable"),
    [
        (bytes, True),
        (str, True),
        (int, True),
        (Frozen, True),
        (tuple[str, ...], True),
        (frozenset[int], True),
        (Colour, True),
        (Pair, True),
        (datetime | None, True),
        (dict, False),
        (list[int], False),
        (Any, False),
        (User, False),
        (tuple[list[int], ...], False),
        (Struct, False),
        (Slotted, False),
    ],
    ids=str,
)
def test_only_what_cannot_be_changed_is_shared_among_callers(annotation: Any, is_shareable: bool) -> None:  # noqa: FBT001 - a parameter
    assert codec_for(annotation).shareable is is_shareable
