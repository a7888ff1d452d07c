"""The words the catalogue is written in: what a source is, and pieces of ffmpeg's command line that many sources share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pectin.model.errors import Cause
from pectin.model.measured import Measured
from pectin.model.plan import Method

SECONDS = 1.2  # of most sources: long enough for a second key frame interval to begin, short enough for a hundred films


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One kind of source.

    `name` is its file name, `what` says in a few words what is odd about it. `arguments` are ffmpeg's, with `{kit}` for the
    folder of sources/kit.py and `{film:NAME}` for another source; `doctor` names a function of sources/doctoring.py that changes
    the bytes afterwards. `decisions` are the expected ones in the plan's order, as `kind action reason`; `refused` instead, when
    no job is done. `measured` is what a look at the frames must find. `wishes` are the keys in which its profile differs from
    the default one. `decoder`: a codec that not every ffmpeg decodes."""

    name: str
    what: str
    arguments: str
    method: Method | None = None
    decisions: tuple[str, ...] = ()
    refused: Cause | None = None
    wishes: dict[str, Any] = field(default_factory=dict)
    doctor: str = ""
    decoder: str = ""
    measured: Measured = field(default_factory=Measured)

    @property
    def stem(self) -> str:
        return self.name.partition(".")[0]

    def __str__(self) -> str:
        return self.name


def source(name: str, what: str, arguments: str, expected: str, **more: Any) -> Source:
    """`expected` as `encode: video encode codec, audio copy fits`; the method stands before the colon."""
    method, _, decisions = expected.partition(": ")
    return Source(name=name, what=what, arguments=arguments, method=Method(method),
                  decisions=tuple(decision.strip() for decision in decisions.split(",")), **more)


def refused(name: str, what: str, arguments: str, cause: Cause, **more: Any) -> Source:
    return Source(name=name, what=what, arguments=arguments, refused=cause, **more)


def picture(size: str = "192x144", rate: str = "25", seconds: float = SECONDS, more: str = "") -> str:
    """A moving test picture as input."""
    return f"-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds}{more}"


def tone(seconds: float = SECONDS, hertz: int = 440, rate: int = 48_000) -> str:
    """One channel of a tone as input."""
    return f"-f lavfi -i sine=frequency={hertz}:sample_rate={rate}:duration={seconds}"


def tones(layout: str, channels: int, seconds: float = SECONDS) -> str:
    """A different tone in every channel as input."""
    waves = "|".join(f"0.1*sin({200 + 50 * number}*2*PI*t)" for number in range(channels))
    return f"-f lavfi -i aevalsrc={waves}:c={layout}:s=48000:d={seconds}"


X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none"
AAC = "-c:a aac -ac 2"
FILM = f"{picture()} {tone()} {X264} {AAC}"  # fits every client, up to its container
SURROUND = tones("5.1", 6)
