"""What text columns can hold: SQLite's TEXT is UTF-8, and a Python string made from a file name may not be."""

from __future__ import annotations

import re

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def readable(text: str) -> str:
    """For people: bytes that were no UTF-8 become U+FFFD."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def storable_json(text: str | None) -> str | None:
    """For machines: they become JSON escapes, so that the parsed value is what it was."""
    return None if text is None else _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
