"""Runs commands in a root folder of their own, in namespaces of their own, as a container runtime does.

Root needs nothing else; another user needs his sub-ids (Debian's `uidmap`) and a kernel that lets him use them.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
AS_ROOT = [] if os.geteuid() == 0 else ["--map-root-user", "--map-auto"]


@dataclass(frozen=True)
class Mount:
    """A folder of this machine, seen inside at `target`."""

    source: Path
    target: str
    writable: bool = False


def mounting(root: Path, mounts: Sequence[Mount], *, read_only: bool) -> str:
    """The shell lines that put a root together; they end in that root."""
    lines = [
        "set -e",
        "PATH=$PATH:/usr/sbin:/sbin",
        f"cd {shlex.quote(str(root))}",
        "mount --bind . .",
        f"cd {shlex.quote(str(root))}",
    ]
    if read_only:
        lines.append("mount -o remount,bind,ro .")
    for mount in mounts:
        target = shlex.quote(mount.target.lstrip("/"))
        lines.append(f"mount --bind {shlex.quote(str(mount.source))} {target}")
        if not mount.writable:
            lines.append(f"mount -o remount,bind,ro {target}")
    return "\n".join([*lines, "mount -t proc proc proc", "mount --rbind /dev dev"])


def run_inside(root: Path, mounts: Sequence[Mount], command: Sequence[str], env: Mapping[str, str]) -> str:
    """What a command printed that ran as root in `root`, with this machine's network."""
    script = f'{mounting(root, mounts, read_only=False)}\nexec chroot . "$@"'
    done = subprocess.run(
        [*UNSHARE, *AS_ROOT, "sh", "-c", script, "sh", *in_environment(env), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}"
    return done.stdout


def remove(folder: Path) -> None:
    """Remove a folder whatever users its files belong to inside."""
    subprocess.run([*UNSHARE, *AS_ROOT, "rm", "--recursive", "--one-file-system", str(folder)], check=True)


def in_environment(env: Mapping[str, str], folder: str = "/") -> list[str]:
    """The words before a command that give it this environment, nothing more, and a working folder."""
    return ["env", "--ignore-environment", "--chdir", folder, *(f"{name}={value}" for name, value in env.items())]
