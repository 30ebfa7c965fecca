import pytest

from pannierd.config.address import Address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:7480", "127.0.0.1", 7480), ("[::1]:0", "::1", 0), ("localhost:65535", "localhost", 65535)],
)
def test_host_and_port_are_read_and_written_alike(text: str, host: str, port: int) -> None:
    address = Address.parse(text)
    assert (address.host, address.port) == (host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "7480", ":7480", "host", "host:", "host:x", "host:65536", "host:-1", "::1:80", "[host]:80", "host:²"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected host:port"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("text", "is_loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("10.0.0.1:1", False),
        ("localhost.example:1", False),
    ],
)
def test_loopback_is_what_only_this_host_reaches(text: str, *, is_loopback: bool) -> None:
    assert Address.parse(text).is_loopback is is_loopback


@pytest.mark.parametrize(
    ("text", "from_here"),
    [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.1:1", "10.0.0.1:1"), ("localhost:1", "localhost:1")],
)
def test_who_listens_everywhere_is_called_on_loopback(text: str, from_here: str) -> None:
    assert str(Address.parse(text).from_here) == from_here
