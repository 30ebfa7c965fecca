"""Callers of the cache by three ways, with one set of words: the operations themselves, the lane, and HTTP.

What a promise says holds whichever way is taken, so its test is written once.
"""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote

import hiredis

from fakes import ask
from pannierd.cache.outcomes import Miss
from pannierd.cache.write import Write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fakes import Bench
    from pannierd.operations.view import View

PATIENCE_S = 10.0
"""For what must come; nothing is ever waited for this long."""


class Answer(NamedTuple):
    """Of fetch or lease: `hit`, `stale` or `miss`."""

    status: str
    value: bytes | None = None
    lease: str | None = None


class Caller(Protocol):
    """One tenant in one namespace."""

    def get(self, key: bytes) -> bytes | None: ...
    def fetch(self, key: bytes) -> Answer: ...
    def release(self, key: bytes, lease: str) -> object: ...
    def delete(self, key: bytes) -> object: ...

    def store(self, key: bytes, value: bytes, *, tags: Sequence[str] = (), **how: Any) -> str:
        """`stored`, `lease_lost` or `not_stored`. How: ttl_ms, stale_ms, lease, content_type."""

    def invalidate(self, **what: Any) -> object:
        """What: keys, tags, patterns, everything, soft."""


@dataclass
class Site:
    """A sidecar and two of its callers.

    Attributes:
        loader: asks for values and fills them.
        writer: changes what they are about.
        elsewhere: the writer's twin in another namespace.
        upkeep: all the background work there is.
    """

    bench: Bench
    loader: Caller
    writer: Caller
    elsewhere: Caller
    upkeep: Callable[[], object]


class DirectCaller:
    """Calls the operations."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.release: Callable[[bytes, str], object] = view.release
        self.delete: Callable[[bytes], object] = view.delete
        self.invalidate: Callable[..., object] = view.invalidate

    def get(self, key: bytes) -> bytes | None:
        entry = self._view.get(key)
        return None if entry is None else entry.value

    def fetch(self, key: bytes) -> Answer:
        outcome = ask(self._view, key)
        value = None if isinstance(outcome, Miss) else outcome.entry.value
        return Answer(type(outcome).__name__.lower(), value, outcome.lease)

    def store(self, key: bytes, value: bytes, *, tags: Sequence[str] = (), **how: Any) -> str:
        return self._view.store(key, Write(value, tags=tuple(tags), **how)).value


def packed(words: Sequence[str | bytes | int]) -> bytes:
    """A command as Redis clients send it."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"".join([b"*%d\r\n" % len(parts), *(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)])


class LaneConnection:
    """A plain socket that speaks RESP. It blocks, so that what is sent before something else is sent before it."""

    def __init__(self, address: tuple[str, int] | str, token: str = "") -> None:
        """To a host and port, or the path of a Unix socket."""
        self._socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(address)
        self._reader = hiredis.Reader(notEnoughData=Ellipsis)
        if token:
            assert self.call("AUTH", token) == b"OK"

    def send(self, *commands: Sequence[str | bytes | int]) -> None:
        """All of them in one write."""
        self._socket.sendall(b"".join(map(packed, commands)))

    def read(self) -> Any:
        """The next reply or push."""
        while (reply := self._reader.gets()) is Ellipsis:
            received = self._socket.recv(65_536)
            assert received, "the sidecar closed the connection"
            self._reader.feed(received)
        return reply

    def call(self, *words: str | bytes | int) -> Any:
        self.send(words)
        return self.read()

    def close(self) -> None:
        self._socket.close()


class LaneCaller:
    """Calls by the lane."""

    def __init__(self, connection: LaneConnection, namespace: str) -> None:
        self._connection = connection
        assert connection.call("PN.NS", namespace) == b"OK"

    def get(self, key: bytes) -> bytes | None:
        value: bytes | None = self._connection.call("GET", key)
        return value

    def fetch(self, key: bytes) -> Answer:
        status, value, lease, _, _ = self._connection.call("PN.FETCH", key)
        return Answer(status.decode(), value, None if lease is None else lease.decode())

    def store(self, key: bytes, value: bytes, *, tags: Sequence[str] = (), **how: Any) -> str:
        words: list[str | bytes | int] = ["PN.STORE", key, value, "TAGS", len(tags), *tags]
        options = {"lease": "LEASE", "ttl_ms": "PX", "stale_ms": "STALE", "content_type": "TYPE"}
        for name, option in options.items():
            if how.get(name) is not None:
                words += [option, how[name]]
        result: bytes = self._connection.call(*words)
        return result.decode()

    def release(self, key: bytes, lease: str) -> None:
        assert self._connection.call("PN.RELEASE", key, lease) == b"OK"

    def delete(self, key: bytes) -> None:
        assert self._connection.call("DEL", key) in {0, 1}

    def invalidate(self, *, everything: bool = False, soft: bool = False, **names: Sequence[str | bytes]) -> None:
        words: list[str | bytes | int] = ["PN.INVALIDATE"]
        for kind, some in names.items():
            words += [kind.upper(), len(some), *some]
        words += ["ALL"] * everything + ["SOFT"] * soft
        assert self._connection.call(*words) == b"OK"


class WebCaller:
    """Calls by HTTP."""

    def __init__(self, address: tuple[str, int], token: str, namespace: str) -> None:
        self.connection = http.client.HTTPConnection(*address, timeout=PATIENCE_S)
        self._namespace = namespace
        self._token = token

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        secret = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        self.connection.request(method, path, body, {**secret, **(headers or {})})
        response = self.connection.getresponse()
        return response.status, response.headers, response.read()

    def path(self, key: bytes, rest: str = "") -> str:
        return f"/v1/cache/{self._namespace}/{quote(key, safe='')}{rest}"

    def get(self, key: bytes) -> bytes | None:
        status, _, body = self.ask("GET", self.path(key))
        assert status in {200, 404}, body
        return body if status == 200 else None

    def fetch(self, key: bytes) -> Answer:
        status, headers, body = self.ask("POST", self.path(key, "/lease?wait_ms=0"))
        assert status in {200, 201, 404}, body
        lease = headers.get("X-Cache-Lease")
        return Answer(headers["X-Cache"], body, lease) if status == 200 else Answer("miss", None, lease)

    def store(self, key: bytes, value: bytes, *, tags: Sequence[str] = (), **how: Any) -> str:
        names = {
            "lease": "X-Cache-Lease",
            "ttl_ms": "X-Cache-TTL-Ms",
            "stale_ms": "X-Cache-Stale-Ms",
            "content_type": "Content-Type",
        }
        headers = {name: str(how[option]) for option, name in names.items() if how.get(option) is not None}
        if tags:
            headers["X-Cache-Tags"] = ",".join(tags)
        status, answered, body = self.ask("PUT", self.path(key), value, headers)
        assert status in {204, 409}, body
        return answered["X-Cache"] if status == 204 else "lease_lost"

    def release(self, key: bytes, lease: str) -> None:
        assert self.ask("DELETE", self.path(key, f"/lease/{lease}"))[0] == 204

    def delete(self, key: bytes) -> None:
        assert self.ask("DELETE", self.path(key))[0] == 204

    def invalidate(self, *, everything: bool = False, **wanted: Any) -> None:
        texts = {name: [word.decode() for word in wanted.get(name, ())] for name in ("keys", "patterns")}
        body = {"namespace": self._namespace, "all": everything, **wanted, **texts}
        status, _, answered = self.ask(
            "POST", "/v1/cache:invalidate", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        assert status == 200, answered
        assert json.loads(answered)["acknowledged"]
