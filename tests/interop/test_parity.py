"""The same commands to redis-server and to the lane: the same bytes come back, in both versions of the protocol."""

from __future__ import annotations

import shlex
import socket
from typing import TYPE_CHECKING, Self

import hiredis
import pytest

from daemon import encode
from interop_servers import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon import Daemon

CONVERSATIONS = {
    "set": """
        SET k v
        GET k
        SET k w NX
        SET k w XX
        SET k x GET
        SET k y NX GET
        SET absent v XX
        SET absent v XX GET
        SET absent v NX GET
        GET absent
        SET k v EX 0
        SET k v EX -1
        SET k v PX abc
        SET k v EX
        SET k v EX 10 PX 10
        SET k v NX XX
        SET k v KEEPTTL EX 10
        SET k v EX 10 EX 10
        SET k v NOPE
        SET k v EX 99999999999999999
        SET k
        SET
        set k lower
        Get k
    """,
    "values": """
        SETNX k v
        SETNX k w
        SETEX k 100 v
        SETEX k 0 v
        SETEX k -5 v
        SETEX k abc v
        PSETEX k 0 v
        PSETEX k 1000 v
        GETDEL k
        GETDEL k
        GETEX k
        SET k v
        GETEX k EX 100
        GETEX k EX 0
        GETEX k PERSIST EX 5
        GETEX k NOPE
        MSET a 1 b 2
        MSET a 1 b
        MSET a
        MGET a b c a
        MGET
        STRLEN a
        STRLEN absent
    """,
    "numbers": """
        INCR n
        INCRBY n 41
        DECR n
        DECRBY n 10
        GET n
        INCRBY n abc
        INCRBY n 1.5
        INCRBY n 01
        INCRBY n +1
        INCRBY n 9223372036854775807
        SET n 9223372036854775807
        INCR n
        SET n -9223372036854775808
        DECR n
        DECRBY n -9223372036854775808
        INCRBY n 9223372036854775808
        SET n text
        INCR n
        DECRBY n 1
        SET n ''
        INCR n
    """,
    "keys": """
        MSET a 1 b 2 c 3
        EXISTS a b absent a
        TOUCH a absent
        TYPE a
        TYPE absent
        DEL a absent
        UNLINK b b
        EXISTS a
        DBSIZE
        KEYS *
        KEYS [a-c]
        KEYS nothing*
        DEL
        SCAN abc
        SCAN 0 COUNT 0
        SCAN 0 COUNT abc
        SCAN 0 NOPE
        SCAN 0 MATCH c
        FLUSHDB NOPE
        FLUSHDB
        FLUSHALL SYNC
        DBSIZE
    """,
    "lives": """
        SET k v EX 1000
        TTL k
        PTTL absent
        TTL absent
        EXPIRETIME absent
        PEXPIRETIME absent
        EXPIRE k 500
        TTL k
        EXPIRE k 600 GT
        EXPIRE k 60 GT
        EXPIRE k 600 LT
        EXPIRE k 100 NX
        EXPIRE k 100 XX
        EXPIRE k 100 NX XX
        EXPIRE k 100 GT LT
        EXPIRE k 100 NOPE
        EXPIRE k abc
        EXPIRE k 9223372036854775807
        EXPIRE absent 10
        PERSIST absent
        PEXPIREAT k 99999999999999
        EXPIREAT k 1
        EXISTS k
        SET k v
        EXPIRE k -1
        EXISTS k
        EXPIRE k
    """,
    "connection": """
        PING
        PING hello
        PING a b
        ECHO hello
        ECHO
        SELECT 0
        SELECT 99
        SELECT abc
        CLIENT GETNAME
        CLIENT SETNAME worker
        CLIENT GETNAME
        CLIENT SETNAME 'a b'
        CLIENT NOPE
        CLIENT
        CLIENT ID x
        CLIENT TRACKING
        CLIENT TRACKING MAYBE
        CONFIG GET save
        CONFIG GET nonsense
        CONFIG
        COMMAND NOPE
        HELLO 9
        HELLO abc
        HELLO 3 NOPE
        HELLO 3 AUTH x
        AUTH a b c
        AUTH password
        NONSENSE
        NONSENSE a 'b c' d
        RESET
    """,
    "transactions": """
        EXEC
        DISCARD
        MULTI
        MULTI
        SET k v
        INCR k
        GET k
        PING
        EXEC
        MULTI
        DISCARD
        MULTI
        SET k
        EXEC
        MULTI
        NONSENSE
        GET k
        EXEC
        MULTI
        EXEC
    """,
}
"""Each runs on an empty server. What is written here of lives, every key of both servers has."""


@pytest.fixture(scope="module")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Unix socket of a real redis-server."""
    with redis_server(tmp_path_factory.mktemp("redis")) as path:
        yield path


class Line:
    """A connection of which single answers are wanted as bytes."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(str(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def __call__(self, *words: str) -> bytes:
        self._socket.sendall(encode(words))
        answer, reader = b"", hiredis.Reader()
        while True:
            chunk = self._socket.recv(65_536)
            assert chunk, "the connection was closed"
            answer += chunk
            reader.feed(chunk)
            if reader.gets() is not False:
                return answer


@pytest.mark.parametrize("version", ["2", "3"])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_lane_answers_as_redis_does(sidecar: Daemon, redis_socket: Path, name: str, version: str) -> None:
    with Line(redis_socket) as theirs, Line(sidecar.socket) as ours:
        for line in (theirs, ours):
            line("FLUSHALL")
            line("HELLO", version)
        for text in filter(None, map(str.strip, CONVERSATIONS[name].splitlines())):
            wanted, got = theirs(*shlex.split(text)), ours(*shlex.split(text))
            assert (text, got) == (text, wanted)
