"""How much of a picture is damaged, and whether that is too much: pure rules over counts of frames."""

from __future__ import annotations

from dataclasses import dataclass

# A flipped bit spoils one frame, and what follows until the next key frame a little: nobody sends a film back for that. One
# part in a hundred is a minute of a film of 100 minutes.
TOO_MUCH = 0.01
_ALWAYS_BORNE = 2    # frames, so that a short clip with one bad bit is not lost
_HALF = 0.02         # of a count: so near to double of another, it counts fields


@dataclass(frozen=True, slots=True)
class Damage:
    """`lost` frames of `of` are missing or have faults."""

    lost: int
    of: int

    @property
    def too_much(self) -> bool:
        return self.lost > max(_ALWAYS_BORNE, TOO_MUCH * self.of)

    @property
    def sentence(self) -> str:
        share = 100 * self.lost / self.of
        return f"{self.lost} of {self.of} pictures ({share:.3g} %) are missing or have faults"


def damage(*, stated: float | None, shown: int, faultless: int) -> Damage | None:
    """`stated`: how many frames there should be by the header (None: it is only a guess); `shown`: how many a decoder makes that
    paints over faults; `faultless`: how many one makes that does not. None: nothing is wrong."""
    if stated is not None and abs(stated - 2 * shown) <= _HALF * stated:
        stated = None
    whole = max(round(stated or 0), shown, faultless)
    lost = whole - min(shown, faultless)
    return Damage(lost, whole) if lost and whole else None
