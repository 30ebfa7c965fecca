"""What names may be, and how long: keys, tags, namespaces. Both lanes, the configuration and the documents ask here."""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_CONTENT_TYPE", "MAX_KEY_BYTES", "MAX_TAGS", "MAX_TAG_BYTES", "NAMESPACE_PATTERN"]

NAMESPACE_PATTERN: Final = "[A-Za-z0-9_.:-]{1,64}"
"""Of the whole name."""

MAX_KEY_BYTES: Final = 1_024
"""Of a key or a pattern; as text none has more characters."""

MAX_TAG_BYTES: Final = 256
MAX_TAGS: Final = 64
"""Of one entry."""

MAX_CONTENT_TYPE: Final = 256
"""Characters."""
