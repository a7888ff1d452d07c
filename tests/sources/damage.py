"""Damage as disks, cables and cut recordings do it, and as somebody does it on purpose: decided by a seed, always the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

# Small sources of every container, some to be copied and some to be encoded.
VICTIMS = ("whole.mp4", "film.mkv", "film.ts", "film.flv", "film.mov", "fragmented.mp4", "index-last.mp4", "long.mp4", "rich.mkv",
           "ac3.mkv", "divx.avi", "h264.avi", "mpeg2.mpg", "vp9.webm", "windows.wmv", "theora.ogv", "phone.3gp", "hevc10.mkv",
           "pgs.m2ts", "variable.mp4")
SECONDS = 5.0  # of most victims: half a second more or less is forgiven, so that a film must be much longer
# These do not say how long they are: what has been cut off at their ends nobody can miss.
ENDLESS = frozenset({"film.ts", "fragmented.mp4", "mpeg2.mpg", "theora.ogv", "pgs.m2ts"})


@dataclass(frozen=True, slots=True)
class Case:
    """One damaged film: `seed` and `number` decide all of it."""

    seed: int
    number: int
    victim: str
    kind: str

    @property
    def name(self) -> str:
        """The name it is dropped under tells how to make it again."""
        stem, _, extension = self.victim.rpartition(".")
        return f"{self.seed} {self.number:04} {self.kind} {stem}.{extension}"

    def of(self, film: bytes) -> bytes:
        """`film` with this damage. Raises nothing: a film too small for its damage gets what fits."""
        return _KINDS[self.kind](bytearray(film), random.Random(f"{self.seed} {self.number} damage"))


def cases(seed: int, count: int) -> list[Case]:
    """The first `count` of a seed; each victim comes as often as any other."""
    kinds = sorted(_KINDS)
    chosen = random.Random(seed)
    return [Case(seed, number, VICTIMS[number % len(VICTIMS)], chosen.choice(kinds)) for number in range(count)]


def _flip(film: bytearray, chance: random.Random, count: int, start: int = 0, end: int | None = None) -> bytes:
    for _ in range(count):
        film[chance.randrange(start, min(end or len(film), len(film)))] ^= 1 << chance.randrange(8)
    return bytes(film)


def _overwrite(film: bytearray, chance: random.Random, block: bytes) -> bytes:
    at = chance.randrange(max(1, len(film) - len(block)))
    film[at:at + len(block)] = block[:len(film) - at]
    return bytes(film)


def _cut(film: bytearray, chance: random.Random) -> bytes:
    return bytes(film[:chance.randrange(1, len(film))])


def _cut_at_the_very_end(film: bytearray, chance: random.Random) -> bytes:
    return bytes(film[:-chance.randrange(1, 400)])


def _behead(film: bytearray, chance: random.Random) -> bytes:
    return bytes(film[chance.randrange(1, len(film) // 2):])


def _remove(film: bytearray, chance: random.Random) -> bytes:
    at = chance.randrange(len(film))
    del film[at:at + chance.randrange(1, 5000)]
    return bytes(film)


def _repeat(film: bytearray, chance: random.Random) -> bytes:
    at = chance.randrange(len(film))
    film[at:at] = film[at:at + chance.randrange(1, 20_000)]
    return bytes(film)


def _swap(film: bytearray, chance: random.Random) -> bytes:
    """Two pieces in each other's place."""
    a, b, c, d = sorted(chance.sample(range(len(film)), 4))
    return bytes(film[:a] + film[c:d] + film[b:c] + film[a:b] + film[d:])


_KINDS: dict[str, Callable[[bytearray, random.Random], bytes]] = {
    "one bit": lambda film, chance: _flip(film, chance, 1),
    "20 bits": lambda film, chance: _flip(film, chance, 20),
    "400 bits": lambda film, chance: _flip(film, chance, 400),
    "bits in front": lambda film, chance: _flip(film, chance, 5, 0, 700),
    "bits at the end": lambda film, chance: _flip(film, chance, 5, max(0, len(film) - 2000)),
    "zeros": lambda film, chance: _overwrite(film, chance, bytes(4096)),
    "many zeros": lambda film, chance: _overwrite(film, chance, bytes(len(film) // 4)),
    "zeros at the end": lambda film, chance: bytes(film[:-chance.randrange(5000, 9000)]) + bytes(9000),
    "noise": lambda film, chance: _overwrite(film, chance, chance.randbytes(4096)),
    "more behind": lambda film, chance: bytes(film) + chance.randbytes(20_000),
    "twice": lambda film, chance: bytes(film + film[:chance.randrange(len(film))]),
    "cut": _cut,
    "cut at the very end": _cut_at_the_very_end,
    "no head": _behead,
    "piece missing": _remove,
    "piece repeated": _repeat,
    "pieces swapped": _swap,
}
