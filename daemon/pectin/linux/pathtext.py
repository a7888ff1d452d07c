"""File names as text that is safe in a log line, a terminal and JSON, whatever bytes somebody put into them."""

from __future__ import annotations

import os
from pathlib import PurePath

# Zero-width (non-)joiners build emoji and Persian words; alone among the invisible characters they harm nobody.
_HARMLESS = frozenset("\u200c\u200d")


def printable(path: PurePath | str | bytes) -> str:
    """The path with line breaks, escape codes, invisible characters and undecodable bytes written out (`\\n`, `\\x1b`)."""
    text = os.fsdecode(path)
    return "".join(character if character.isprintable() or character in _HARMLESS else _escape(character) for character in text)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, as Python keeps it in a str
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
