"""What an HDR film says of the screen it was made on, read as ffprobe writes it, from the container or from its first frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

_BRIGHTEST = 10_000  # cd/m2, the end of the PQ curve: what claims more is no screen


@dataclass(frozen=True, slots=True, kw_only=True)
class MasteringDisplay:
    """The screen an HDR film was graded on (SMPTE ST 2086): CIE 1931 chromaticities (x, y), luminances in cd/m2."""

    red: tuple[Fraction, Fraction]
    green: tuple[Fraction, Fraction]
    blue: tuple[Fraction, Fraction]
    white: tuple[Fraction, Fraction]
    brightest: Fraction
    darkest: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentLight:
    """The brightest pixel and the brightest frame's average of an HDR film (CTA-861.3), in cd/m2."""

    pixel: int
    frame: int


def read(side_data: object) -> tuple[MasteringDisplay | None, ContentLight | None]:
    """What ffprobe's `side_data_list` of a stream or a frame holds of both; anything odd is left out."""
    screen: MasteringDisplay | None = None
    light: ContentLight | None = None
    for item in side_data if isinstance(side_data, list) else ():
        if not isinstance(item, Mapping):
            continue
        if item.get("side_data_type") == "Mastering display metadata":
            screen = _screen(item)
        elif item.get("side_data_type") == "Content light level metadata":
            light = _light(item)
    return screen, light


def _screen(data: Mapping[object, object]) -> MasteringDisplay | None:
    """Whole or not at all: a screen with a missing corner would be another screen."""
    places = [_number(data.get(f"{colour}_{axis}")) for colour in ("red", "green", "blue", "white_point") for axis in "xy"]
    known = [place for place in places if place is not None and 0 < place < 1]
    brightest, darkest = _number(data.get("max_luminance")), _number(data.get("min_luminance"))
    if len(known) < len(places) or brightest is None or not 0 < brightest <= _BRIGHTEST:
        return None
    return MasteringDisplay(red=(known[0], known[1]), green=(known[2], known[3]), blue=(known[4], known[5]),
                            white=(known[6], known[7]), brightest=brightest, darkest=max(darkest or Fraction(0), Fraction(0)))


def _light(data: Mapping[object, object]) -> ContentLight | None:
    pixel, frame = data.get("max_content"), data.get("max_average")
    if not isinstance(pixel, int) or not isinstance(frame, int) or not (0 < pixel <= _BRIGHTEST and 0 <= frame <= _BRIGHTEST):
        return None
    return ContentLight(pixel=pixel, frame=frame)


def _number(value: object) -> Fraction | None:
    """`34000/50000`."""
    above, _, below = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not (above.isascii() and above.isdigit() and below.isascii() and below.isdigit()) or len(above + below) > 30:
        return None
    return Fraction(int(above), int(below)) if int(below) else None
