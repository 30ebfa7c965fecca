"""A Dockerfile as stages of instructions: only read, nothing is run."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    """One instruction, continuation lines joined: `COPY --from=build /a /b` has one flag and two words."""

    name: str
    flags: dict[str, str]
    text: str

    @property
    def words(self) -> list[str]:
        """The arguments: of the JSON form, or split as a shell does."""
        return list(json.loads(self.text)) if self.text.startswith("[") else shlex.split(self.text)

    @property
    def pairs(self) -> dict[str, str]:
        """The `name=value` arguments of ENV, ARG and LABEL."""
        return dict(word.partition("=")[::2] for word in self.words)


@dataclass
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    steps: list[Instruction] = field(default_factory=list)


def instructions(text: str) -> list[Instruction]:
    """What a builder would carry out, in order."""
    without_comments = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    joined = re.sub(r"\\\n\s*", "", without_comments)
    found = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        name, _, rest = line.partition(" ")
        head = re.match(r"(?:--\S+\s+)*", rest)
        options = head[0].split() if head else []
        flags = dict(option.removeprefix("--").partition("=")[::2] for option in options)
        found.append(Instruction(name.upper(), flags, rest[len(head[0]) if head else 0 :].strip()))
    return found


def read_stages(path: Path) -> list[Stage]:
    """The stages of a Dockerfile; one without a name is called by its number, as Docker does."""
    stages: list[Stage] = []
    for step in instructions(path.read_text()):
        if step.name == "FROM":
            base, *name = step.text.split(" AS ")
            stages.append(Stage(base, name[0] if name else str(len(stages))))
        else:
            stages[-1].steps.append(step)
    return stages
