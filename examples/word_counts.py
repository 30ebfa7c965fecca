"""A plain script: count the words of some files, and count only those again that have changed.

    python examples/word_counts.py README.md docs/guide/*.md

The key has the file's size and time in it, so a changed file is another key, and nothing ever has to be invalidated.
Run it twice: the second run reads no file.
"""

import re
import sys
from collections import Counter
from pathlib import Path

from pannier import cache

MOST_COMMON = 10


def state(path: Path) -> str:
    """What changes when the file does."""
    status = path.stat()
    return f"{path.resolve()}:{status.st_size}:{status.st_mtime_ns}"


@cache(key=state, ttl=24 * 3600, namespace="word-counts")
def word_counts(path: Path) -> dict[str, int]:
    """How often each word stands in a file."""
    print(f"reading {path}", file=sys.stderr)
    return Counter(re.findall(r"[a-z]+", path.read_text(encoding="utf-8").lower()))


def main() -> None:
    total: Counter[str] = Counter()
    for name in sys.argv[1:]:
        total.update(word_counts(Path(name)))
    for word, count in total.most_common(MOST_COMMON):
        print(f"{count:>7}  {word}")


if __name__ == "__main__":
    main()
