import os
from pathlib import Path

from pannierd.config import Server
from pannierd.config.folders import data_dir, lane_socket


def test_a_path_that_is_given_is_taken_and_an_empty_one_switches_off(tmp_path: Path) -> None:
    assert lane_socket(Server(lane_socket="/x/lane.sock"), {}, tmp_path) == Path("/x/lane.sock")
    assert lane_socket(Server(lane_socket=""), {}, tmp_path) is None
    assert data_dir(Server(data_dir="/x"), {}) == Path("/x")


def test_the_folder_that_containers_share_comes_first_when_it_is_there(tmp_path: Path) -> None:
    variables = {"XDG_RUNTIME_DIR": "/run/user/7"}
    assert lane_socket(Server(), variables, tmp_path) == tmp_path / "lane.sock"
    assert lane_socket(Server(), variables, tmp_path / "missing") == Path("/run/user/7/pannier/lane.sock")


def test_without_a_runtime_folder_it_is_one_of_the_users_own(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    socket = lane_socket(Server(), {}, missing)
    assert socket is not None
    assert socket.parts[-2:] == (f"pannier-{os.getuid()}", "lane.sock")


def test_data_goes_to_the_users_share_folder_and_nothing_is_created(tmp_path: Path) -> None:
    share = tmp_path / "share"
    assert data_dir(Server(), {"XDG_DATA_HOME": str(share)}) == share / "pannier"
    assert not share.exists()
    assert data_dir(Server(), {}) == Path.home() / ".local/share/pannier"
