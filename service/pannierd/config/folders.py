"""Folders: what "auto" means for the lane's socket and for the data folder, on this machine and for this user."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pannierd.config.knobs import Server

__all__ = ["AUTO", "data_dir", "lane_socket"]

AUTO: Final = "auto"
SHARED_FOLDER: Final = Path("/run/pannier")  # where containers share the socket; the client looks here first, too


def lane_socket(server: Server, variables: Mapping[str, str], shared: Path = SHARED_FOLDER) -> Path | None:
    """The path of the lane's Unix socket; None: it is switched off."""
    if server.lane_socket != AUTO:
        return Path(server.lane_socket) if server.lane_socket else None
    if shared.is_dir() and os.access(shared, os.W_OK | os.X_OK):
        return shared / "lane.sock"
    runtime = variables.get("XDG_RUNTIME_DIR")
    folder = Path(runtime, "pannier") if runtime else Path(f"/tmp/pannier-{os.getuid()}")  # noqa: S108 - the lane refuses a foreign one
    return folder / "lane.sock"


def data_dir(server: Server, variables: Mapping[str, str]) -> Path:
    """The folder for what must outlive the process. Whoever needs it creates it."""
    if server.data_dir != AUTO:
        return Path(server.data_dir)
    share = variables.get("XDG_DATA_HOME")
    return (Path(share) if share else Path("~/.local/share").expanduser()) / "pannier"
