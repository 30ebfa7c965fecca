"""Bytes to commands: any split of a stream gives the same ones, and nothing a client sends costs more than it may."""

from __future__ import annotations

import contextlib
import tracemalloc

import hiredis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pannierd.resp.protocol import Command, Commands, ProtocolError, cut_command, plain_chunks, split_words

LIMIT = 1_000_000
COMMANDS = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=5), min_size=1, max_size=8)


def written(*commands: Command) -> bytes:
    return b"".join(
        b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in command)
        for command in commands
    )


def parser(*, trusted: bool = True, limit: int = LIMIT) -> Commands:
    commands = Commands(1_000, limit)
    commands.is_trusted = trusted
    return commands


def read_all(commands: Commands) -> list[Command]:
    found = []
    while (command := commands.gets()) is not False:
        found.append(command)
    return found


def read(stream: bytes, *, trusted: bool = True, limit: int = LIMIT) -> list[Command]:
    commands = parser(trusted=trusted, limit=limit)
    commands.feed(stream)
    return read_all(commands)


def refusal(stream: bytes, *, trusted: bool = True, limit: int = LIMIT) -> str:
    with pytest.raises(ProtocolError) as caught:
        read(stream, trusted=trusted, limit=limit)
    return str(caught.value)


@given(COMMANDS, st.lists(st.integers(min_value=1, max_value=30), min_size=1))
def test_any_split_of_a_stream_gives_the_same_commands(sent: list[Command], sizes: list[int]) -> None:
    stream = written(*sent)
    commands, found, at, turn = parser(), [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        commands.feed(stream[at : at + size])
        found += read_all(commands)
        at, turn = at + size, turn + 1
    assert found == sent
    assert commands.is_idle
    assert commands.held_bytes == 0


@given(COMMANDS)
def test_hiredis_reads_the_same_commands(sent: list[Command]) -> None:
    reader = hiredis.Reader()
    reader.feed(written(*sent))
    assert [reader.gets() for _ in sent] == read(written(*sent)) == sent


@given(st.binary(max_size=300))
@example(b"*1\r\n$-1\r\n")
@example(b"*3\r\n$1\r\n\r\n")
@example(b'"')
@example(b"*1\r\n*1\r\n$1\r\na\r\n")
def test_garbage_gives_commands_or_a_protocol_error_and_nothing_else(stream: bytes) -> None:
    commands = parser()
    commands.feed(stream)
    with contextlib.suppress(ProtocolError):
        while (command := commands.gets()) is not False:
            assert command
            assert all(isinstance(part, bytes) for part in command)


@given(COMMANDS, st.binary(max_size=60))
def test_a_byte_at_a_time_means_the_same_as_all_at_once_also_when_it_ends_in_garbage(
    sent: list[Command], garbage: bytes
) -> None:
    stream = written(*sent) + garbage

    def outcome(size: int) -> tuple[list[Command], str]:
        commands, found = parser(), []
        try:
            for at in range(0, len(stream), size):
                commands.feed(stream[at : at + size])
                while (command := commands.gets()) is not False:
                    found.append(command)
        except ProtocolError as error:
            return found, str(error)
        return found, ""

    assert outcome(1) == outcome(len(stream))


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        (b"*abc\r\n", "invalid multibulk length"),
        (b"*01\r\n", "invalid multibulk length"),
        (b"*+1\r\n", "invalid multibulk length"),
        (b"*1001\r\n", "invalid multibulk length"),
        (b"*99999999999999999999\r\n", "invalid multibulk length"),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"*1\r\n*1\r\n", "expected '$', got '*'"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$1000001\r\n", "invalid bulk length"),
        (b"*1\r\n$" + b"1" * 40, "too big bulk count string"),
        (b"*" + b"1" * 40, "too big mbulk count string"),
        (b'SET "a\r\n', "unbalanced quotes in request"),
        (b"SET 'a'b\r\n", "unbalanced quotes in request"),
        (b"a" * 65_537, "too big inline request"),
    ],
)
def test_a_broken_stream_is_refused_in_redis_words(stream: bytes, text: str) -> None:
    assert refusal(stream) == text


def test_the_arguments_of_one_command_share_one_limit() -> None:
    half = b"x" * 600
    assert refusal(written([half, half]), limit=1_000) == "invalid bulk length"
    assert read(written([half], [half]), limit=1_000) == [[half], [half]]


def test_a_stranger_may_send_little() -> None:
    assert refusal(b"*11\r\n", trusted=False) == "unauthenticated multibulk length"
    assert refusal(b"*1\r\n$16385\r\n", trusted=False) == "unauthenticated bulk length"
    assert read(written([b"AUTH", b"x" * 1000]), trusted=False) == [[b"AUTH", b"x" * 1000]]


def test_empty_commands_and_lines_are_passed_over() -> None:
    assert read(b"*0\r\n*-1\r\n*-5\r\n\r\n  \r\nPING\r\n") == [[b"PING"]]


def test_an_oversized_header_is_refused_before_its_bytes_arrive() -> None:
    commands = parser()
    tracemalloc.start()
    commands.feed(b"*1000\r\n" + b"$1000000\r\n")
    assert commands.gets() is False
    assert tracemalloc.get_traced_memory()[1] < 10_000
    tracemalloc.stop()


def test_a_large_value_in_many_chunks_costs_a_few_times_its_size() -> None:
    value = b"x" * 8_000_000
    stream = written([b"SET", b"k", value])
    commands = parser(limit=10_000_000)
    tracemalloc.start()
    for at in range(0, len(stream), 65_536):
        commands.feed(stream[at : at + 65_536])
        found = commands.gets()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [b"SET", b"k", value]
    assert peak < 3 * len(value)


def test_what_was_carried_out_already_is_skipped() -> None:
    commands = parser()
    commands.feed(written([b"A"], [b"B"], [b"C", b"d"]) + b"*1\r\n$1\r\n")
    commands.skip(2)
    assert read_all(commands) == [[b"C", b"d"]]
    assert not commands.is_idle


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"GET key", [b"GET", b"key"]),
        (b"  GET\t key  ", [b"GET", b"key"]),
        (rb'SET "a b" "\x41\n\"\q"', [b"SET", b"a b", b'A\n"q']),
        (rb"SET 'it\'s' '\n'", [b"SET", b"it's", rb"\n"]),
        (b'pre"fix" ""', [b"prefix", b""]),
        (b"", []),
        (b'"open', None),
        (b'"a""b"', None),
        (b'a "b', None),
    ],
)
def test_inline_words_are_split_as_redis_does(line: bytes, words: Command | None) -> None:
    assert split_words(line) == words


@pytest.mark.parametrize(
    ("chunk", "is_plain"),
    [
        (written([b"GET", b"k"]), True),
        (written([b"GET", b"k"])[:-1], True),
        (b"PING\r\n", False),
        (b"*9999\r\n", True),
        (b"*10000\r\n", False),
        (written([b"GET", b"k"]) + b"*99999999\r\n", False),
        (written([b"SET", b"k", b"v" * 2_000]), False),
        (b"*1\r\n~99999999\r\n", False),
        (b"*1\r\n>99999999\r\n", False),
        (b"*1\r\n|99999999\r\n", False),
        (b"*1\r\n+PING\r\n", False),
        (b"*1\r\n=8\r\ntxt:PING\r\n", False),
        (b"*2\r\n$3\r\nGET\r\n(1\r\n", False),
        (written([b"SET", b"a|b~c", b"<p>1+1 = (2)</p>"]), True),
    ],
)
def test_only_what_keeps_the_limits_is_plain(chunk: bytes, is_plain: bool) -> None:  # noqa: FBT001 - a table's column
    assert plain_chunks(65_536, 1_000)(chunk) is is_plain


def test_a_lower_limit_of_arguments_makes_fewer_chunks_plain() -> None:
    plain = plain_chunks(50, 1_000)
    assert plain(b"*9\r\n")
    assert not plain(b"*10\r\n")


@pytest.mark.parametrize(
    ("whole", "unfinished", "found"),
    [
        ([[b"GET", b"k"]], b"*2\r\n$3\r\nGET\r\n", b"*2\r\n$3\r\nGET\r\n"),
        ([[b"GET", b"k"]] * 3, b"*2\r\n$3\r\nGET\r\n$5\r\na", b"*2\r\n$3\r\nGET\r\n$5\r\na"),
        ([[b"GET", b"x\r\n*1"]], b"", b""),
        ([[b"GET", b"k"], [b"GET", b"x\r\n*1"]], b"", b""),
        ([[b"GET", b"k"]], b"$100\r\nabc\r\n*1\r\n$4\r\nPI", b""),
    ],
)
def test_a_cut_command_is_found_at_the_last_begin_unless_that_is_in_a_value(
    whole: list[Command], unfinished: bytes, found: bytes
) -> None:
    assert cut_command(written(*whole) + unfinished, len(whole)) == found
