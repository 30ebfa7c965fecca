"""A Unix socket's place in the file system, and who comes through it."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from lane_bench import LaneBench, RawClient
from pannierd.config import Tenant
from pannierd.resp.socket_file import PlaceRefused, SocketFile, make_folder

MODE = 0o660


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pannier" / "lane.sock"


def test_folder_and_file_are_made_with_their_modes(path: Path) -> None:
    file = SocketFile(path, MODE, "")
    with file.bind():
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == MODE
        file.remove()
        assert not path.exists()
        file.remove()


def test_the_file_of_a_dead_process_is_replaced(path: Path) -> None:
    SocketFile(path, MODE, "").bind().close()
    assert path.exists()
    with SocketFile(path, MODE, "").bind(), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_file_that_somebody_answers_on_is_left_alone(path: Path) -> None:
    first, second = SocketFile(path, MODE, ""), SocketFile(path, MODE, "")
    with first.bind():
        with pytest.raises(OSError, match="another process answers there"):
            second.bind()
        second.remove()
        assert path.exists()


def test_a_successors_file_is_not_removed(path: Path) -> None:
    first, second = SocketFile(path, MODE, ""), SocketFile(path, MODE, "")
    first.bind().close()
    with second.bind():
        first.remove()
        assert path.exists()
        second.remove()


def test_of_many_that_start_together_one_gets_the_place(path: Path) -> None:
    SocketFile(path, MODE, "").bind().close()
    barrier, bound, refused = threading.Barrier(8), list[socket.socket](), list[OSError]()

    def start() -> None:
        barrier.wait()
        try:
            bound.append(SocketFile(path, MODE, "").bind())
        except OSError as error:
            refused.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for listening in bound:
        listening.close()
    assert (len(bound), len(refused)) == (1, 7)


def test_what_is_no_socket_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(OSError, match="is there, and is no socket"):
        SocketFile(path, MODE, "").bind()
    assert path.read_text() == "precious"


def test_a_path_that_is_too_long_is_named(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 110)
    with pytest.raises(OSError, match="xxx: AF_UNIX path too long"):
        SocketFile(path, MODE, "").bind()


def test_a_group_that_does_not_exist_is_named(path: Path) -> None:
    with pytest.raises(OSError, match="there is no group nobody-has-this"):
        SocketFile(path, MODE, "nobody-has-this").bind()
    assert not path.exists()


def test_a_strangers_folder_is_refused_also_behind_a_link_of_his(tmp_path: Path) -> None:
    """Only root can give a link away; for another user his own is the stranger's, when he trusts nobody but root."""
    link = tmp_path / "link"
    link.symlink_to("/")
    stranger = os.geteuid() or 12_345
    os.lchown(link, stranger, -1)
    assert Path("/").stat().st_uid == 0
    with pytest.raises(PlaceRefused, match=f"{link} belongs to user {stranger}"):
        make_folder(link, {0})
    with pytest.raises(PlaceRefused, match=f"belongs to user {os.geteuid()}"):
        make_folder(tmp_path, {12_345})
    make_folder(tmp_path / "new", {os.geteuid()})


async def test_a_peer_is_known_by_its_user_id(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o600)
    tenants = {
        "mine": Tenant(token_file=str(token), peer_uids=[os.geteuid()]),
    }
    lane = LaneBench(tenants=tenants)
    listener = lane.lane.unix(tmp_path / "lane.sock", MODE, "")
    await listener.start()
    async with RawClient.connect(listener.address) as client:
        assert await client("SET", "k", "v") == b"OK"
        assert b"user=mine_uid" in await client("CLIENT", "INFO")
        assert await client("RESET") == b"RESET"
        assert await client("GET", "k") == b"v"
    async with lane.listening() as address, RawClient.connect(address) as client:
        assert (await client("GET", "k")).startswith("NOAUTH")
    await listener.close()
    assert not (tmp_path / "lane.sock").exists()


async def test_a_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    lane = LaneBench()
    async with lane.listening() as address:
        with pytest.raises(OSError, match="address already in use"):
            await lane.lane.tcp(address).start()
        assert str(address).startswith("127.0.0.1:")
        assert not asyncio.get_running_loop().is_closed()
