"""Job ids: ten characters of Crockford's base32, short enough to type, long enough not to meet again."""

from __future__ import annotations

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: nothing to misread
LENGTH = 10  # 50 bits: one chance in a thousand of a clash after 1.5 million jobs, and a clash is noticed


def job_id(random: bytes) -> str:
    """The id made from at least 7 random bytes."""
    number = int.from_bytes(random[:7], "big")
    return "".join(ALPHABET[number >> (5 * place) & 31] for place in range(LENGTH))


def is_job_id(text: str) -> bool:
    return len(text) == LENGTH and all(character in ALPHABET for character in text)
