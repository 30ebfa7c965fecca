from hypothesis import given
from hypothesis import strategies as st

from fakes import Bench
from pannierd.cache.entry import Entry, etag_of, weight


def entry(value: bytes, content_type: str = "", tags: tuple[str, ...] = ()) -> Entry:
    made = Entry(Bench().space(), b"key")
    made.fill(value, content_type, tags)
    return made


@given(st.binary(max_size=300))
def test_value_and_size_come_back_out_of_the_wire_form(value: bytes) -> None:
    made = entry(value)
    assert made.wire == b"$%d\r\n%b\r\n" % (len(value), value)
    assert (made.value, made.size) == (value, len(value))


def test_the_etag_is_a_strong_hash_of_content_type_and_bytes() -> None:
    """Equal on every sidecar: the figure is that of `b2sum -l 128`."""
    assert entry(b"abc", "text/plain").etag == "3d4b35921c40d6022640404e777f66b8"
    assert etag_of(b"abc", "text/plain") != etag_of(b"abc", "text/html")
    assert etag_of(b"abc", "a") != etag_of(b"bc", "aa")


def test_a_new_value_has_a_new_etag() -> None:
    made = entry(b"abc")
    before = made.etag
    made.fill(b"abd", "", ())
    assert made.etag != before == etag_of(b"abc", "")


def test_the_weight_grows_with_key_value_and_tags() -> None:
    empty = weight(b"", b"", (), "")
    assert weight(b"12345", b"123", (), "") == empty + 8
    assert weight(b"", b"", ("abc",), "") - empty == 57 + 3
    assert weight(b"", b"", (), "text/html") - empty == 49 + 9
