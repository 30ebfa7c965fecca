"""A container of an image, as a pod runs one: read-only root, no privileges, process 1, alone with its loopback."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from deploy.image import Image
from deploy.namespaces import AS_ROOT, UNSHARE, Mount, in_environment, mounting

SHARED = ["--net", "--user"] if AS_ROOT else ["--net"]
ALL = ["--mount", "--pid", *SHARED]
LOOPBACK_UP = """
import fcntl, socket, struct
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
fcntl.ioctl(socket.socket(), SIOCSIFFLAGS, struct.pack("16sh14s", b"lo", IFF_UP, b""))
"""


class Container:
    """Starts with `with`, and is gone after it. It can write to nothing but its writable volumes."""

    def __init__(
        self,
        image: Image,
        volumes: Sequence[Mount] = (),
        *,
        network_of: "Container | None" = None,
        env: Mapping[str, str] | None = None,
        groups: Sequence[str] = (),
    ) -> None:
        self._image = image
        for volume in volumes:
            image.path(volume.target).mkdir(parents=True, exist_ok=True)
        self._mounts = [*image.mounts, *volumes]
        self._network_of = network_of
        environment = in_environment(image.env | dict(env or {}), image.folder)
        self._as_user = [*unprivileged(image.user, groups), *environment]

    def __enter__(self) -> Self:
        gate, told = os.pipe()
        self._process = subprocess.Popen(
            [*self._namespaces(), "bash", "-c", self._script(told), "bash", *self._as_user, *self._image.start],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=[told],
        )
        os.close(told)
        with os.fdopen(gate) as heard:
            assert heard.readline() == "inside\n", self._process.communicate(timeout=10)[0]
        self.pid = int(Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text())
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._end()

    def _namespaces(self) -> list[str]:
        if self._network_of:
            return ["nsenter", "--target", str(self._network_of.pid), *SHARED, *UNSHARE]
        return [*UNSHARE, *AS_ROOT, "--net"]

    def _script(self, told: int) -> str:
        loopback = [] if self._network_of else [f"{sys.executable} -c {shlex.quote(LOOPBACK_UP)}"]
        tell = f'echo inside >&{told}; exec {told}>&-; exec "$@"'
        root = mounting(self._image.root, self._mounts, read_only=True)
        return "\n".join([*loopback, root, f'exec chroot . bash -c {shlex.quote(tell)} bash "$@"'])

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside process 1, as the same user, and wait for it: `docker exec`."""
        enter = ["nsenter", "--target", str(self.pid), *ALL, "--root", "--wd", "--"]
        return subprocess.run(
            [*enter, *self._as_user, *command], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )

    def is_healthy(self) -> bool:
        """What the image's health check says."""
        return self.execute(*self._image.health).returncode == 0

    def kill(self) -> str:
        """End it at once, and with process 1 all that runs beside it; all that it printed."""
        self._end()
        return self._process.communicate()[0]

    def _end(self) -> None:
        if self._process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def stop(self, timeout: float) -> tuple[int, str]:
        """Send SIGTERM to process 1; its exit code and all that it printed. `timeout` is in seconds."""
        os.kill(self.pid, signal.SIGTERM)
        output, _ = self._process.communicate(timeout=timeout)
        return self._process.returncode, output


def unprivileged(user: str, groups: Sequence[str]) -> list[str]:
    """The words before a command that make it run as `uid:gid`, and in `groups`, without a way to get more rights."""
    uid, gid = user.split(":")
    joined = ["--groups", ",".join(groups)] if groups else ["--clear-groups"]
    rights = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    return ["setpriv", "--reuid", uid, "--regid", gid, *joined, *rights, "--"]
