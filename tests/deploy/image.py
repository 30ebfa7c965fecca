"""Builds an image without Docker: every COPY and RUN of a Dockerfile is carried out, as root, in a root of its own.

A stage's root is a folder laid out as Debian's: empty but for the system's programs, which are this machine's /usr,
read only, with the Python of these tests in /usr/local as in the image `python:3.11-slim`. A RUN sees that root as `/`
and nothing else of this machine; what it writes stays in the stage's folder, as a layer would.
"""

import fnmatch
import os
import shutil
import string
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.dockerfile import Instruction, Stage
from deploy.namespaces import Mount, run_inside

FOLDERS = ["dev", "etc", "home", "mnt", "opt", "proc", "root", "run", "srv", "tmp", "usr", "var/lib"]
MERGED_INTO_USR = ["bin", "sbin", "lib", "lib64"]
ACCOUNTS = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
}
NETWORK = [
    "hosts",
    "nsswitch.conf",
    "pip.conf",
    "resolv.conf",
    "ssl/certs",
    "ssl/openssl.cnf",
]  # how this machine reaches the package index
SYSTEM = ["ld.so.cache", "login.defs"]
PROXIES = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]  # as Docker hands them on


@dataclass
class Image:
    """A root folder, and how a container of it is started."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"})
    labels: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)

    @property
    def mounts(self) -> list[Mount]:
        """What stands for the base image's own files."""
        python = [] if sys.base_prefix.startswith("/usr") else [Mount(Path(sys.base_prefix), sys.base_prefix)]
        local = Mount(self.root.with_name(self.root.name + ".local"), "/usr/local", writable=True)
        return [Mount(Path("/usr"), "/usr"), local, *python]

    @property
    def start(self) -> list[str]:
        """The words of process 1."""
        return [*self.entrypoint, *self.command]

    def run(self, command: str, *, volumes: Sequence[Mount] = (), env: Mapping[str, str] | None = None) -> str:
        """What a shell command printed that ran in the image as root."""
        words = ["/bin/sh", "-c", f"cd {self.folder} && {command}"]
        return run_inside(self.root, [*self.mounts, *volumes], words, self.env | dict(env or {}))

    def path(self, inside: str) -> Path:
        """Where a path of the image is on this machine."""
        return self.root / Path(self.folder, inside).relative_to("/")


def lay_out(root: Path) -> Image:
    """An empty system with the base image's users and its Python."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    for link in MERGED_INTO_USR:
        (root / link).symlink_to(f"usr/{link}")
    for name, text in ACCOUNTS.items():
        (root / "etc" / name).write_text(text)
    for name in [*NETWORK, *SYSTEM]:
        if (source := Path("/etc", name)).exists():
            copy(source, root / "etc" / name)
    image = Image(root)
    for mount in image.mounts:
        (root / mount.target.lstrip("/")).mkdir(parents=True, exist_ok=True)
    link_python(root.with_name(root.name + ".local"))
    return image


def link_python(local: Path) -> None:
    """/usr/local as `python:slim` has it, in links: bin/python and the standard library where it looks for it."""
    version = f"python{sysconfig.get_python_version()}"
    (local / "bin").mkdir(parents=True)
    (local / "lib").mkdir()
    for name in ["python", "python3", version]:
        (local / "bin" / name).symlink_to(f"{sys.base_prefix}/bin/{version}")
    (local / "lib" / version).symlink_to(f"{sys.base_prefix}/lib/{version}")


def copy(source: Path, target: Path) -> None:
    """What COPY does with one source: a folder's content goes into the target, a file becomes it."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


@dataclass
class Context:
    """The folder that is sent to the builder, less what .dockerignore leaves out."""

    folder: Path

    def leaves_out(self, path: Path) -> bool:
        """The last pattern that fits decides; a pattern fits what is below it too."""
        names = [str(path), *map(str, path.parents)]
        left_out = False
        for pattern in self.patterns():
            keep, glob = pattern.startswith("!"), pattern.lstrip("!")
            if any(fnmatch.fnmatch(name, glob) or fnmatch.fnmatch(f"/{name}", glob) for name in names):
                left_out = not keep
        return left_out

    def enters(self, folder: Path) -> bool:
        """A folder that is left out may hold something that is not."""
        return not self.leaves_out(folder) or any(pattern.startswith(f"!{folder}/") for pattern in self.patterns())

    def patterns(self) -> Iterator[str]:
        lines = (self.folder / ".dockerignore").read_text().splitlines()
        return (line for line in lines if line and not line.startswith("#"))

    def send(self, target: Path) -> None:
        """Copy what is not left out."""
        for folder, folders, names in os.walk(self.folder):
            relative = Path(folder).relative_to(self.folder)
            folders[:] = [name for name in folders if self.enters(relative / name)]
            for name in names:
                if not self.leaves_out(relative / name):
                    copy(Path(folder) / name, target / relative / name)


class Builder:
    """Carries stages out, each in a root below `folder`."""

    def __init__(self, context: Context, folder: Path) -> None:
        self._context = folder / "context"
        self._folder = folder
        context.send(self._context)
        self._images: dict[str, Image] = {}

    def build(self, stages: list[Stage]) -> dict[str, Image]:
        """Every stage by its name, in the Dockerfile's order."""
        for stage in stages:
            image = self._images[stage.name] = lay_out(self._folder / stage.name)
            for step in stage.steps:
                getattr(self, f"_{step.name.lower()}")(image, step)
        return self._images

    def _run(self, image: Image, step: Instruction) -> None:
        proxies = {name: os.environ[name] for name in PROXIES if name in os.environ}
        image.run(step.text, env={"HOME": "/root"} | proxies)

    def _copy(self, image: Image, step: Instruction) -> None:
        origin = self._images[step.flags["from"]].root if "from" in step.flags else self._context
        *sources, target = step.words
        for source in sources:
            into = image.path(target)
            found = origin / source.lstrip("/")
            copy(found, into / found.name if target.endswith("/") and found.is_file() else into)

    def _env(self, image: Image, step: Instruction) -> None:
        for name, value in step.pairs.items():
            image.env[name] = string.Template(value).substitute(image.env)

    def _workdir(self, image: Image, step: Instruction) -> None:
        image.folder = step.text
        image.path(".").mkdir(parents=True, exist_ok=True)

    def _label(self, image: Image, step: Instruction) -> None:
        image.labels |= step.pairs

    def _user(self, image: Image, step: Instruction) -> None:
        image.user = step.text

    def _expose(self, image: Image, step: Instruction) -> None:
        image.ports += step.words

    def _entrypoint(self, image: Image, step: Instruction) -> None:
        image.entrypoint = step.words

    def _cmd(self, image: Image, step: Instruction) -> None:
        image.command = step.words

    def _healthcheck(self, image: Image, step: Instruction) -> None:
        image.health = Instruction("CMD", {}, step.text.removeprefix("CMD ")).words
