"""Which jobs come before others: words for people, numbers for the store. Among equals the order of the queue counts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LEVELS: Mapping[str, int] = MappingProxyType({"low": -10, "normal": 0, "high": 10})
MOST = 99     # a person's own numbers go so far up and down
FRONT = 1000  # from here on: somebody said `next`, and the one who said so last comes first
WORDS = f"low, normal, high, or a number from -{MOST} to {MOST}"


def parse_priority(text: str) -> int:
    """Raises ValueError."""
    word = text.strip().lower()
    if word in LEVELS:
        return LEVELS[word]
    digits = word[1:] if word[:1] in ("-", "+") else word
    if digits.isascii() and digits.isdigit() and abs(int(word)) <= MOST:
        return int(word)
    raise ValueError(f"{text!r} is no priority: {WORDS}")


def priority_word(priority: int) -> str:
    """As a person reads it."""
    if priority >= FRONT:
        return "next"
    return next((word for word, level in LEVELS.items() if level == priority), str(priority))
