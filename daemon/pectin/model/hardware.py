"""Video hardware as values: what a device was seen to do, which way a picture takes through it, and why it takes no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pectin.model.profile import VideoCodec


class Api(StrEnum):
    """How ffmpeg speaks to a device."""

    VAAPI = "vaapi"  # Intel, AMD
    QSV = "qsv"      # Intel
    NVENC = "nvenc"  # NVIDIA


class Wish(StrEnum):
    """encoder.hardware."""

    AUTO = "auto"
    CPU = "cpu"
    VAAPI = "vaapi"
    QSV = "qsv"
    NVENC = "nvenc"


class Driver(StrEnum):
    """Whose driver it is: they differ in what they do badly (encoding/vaapi.py)."""

    IHD = "iHD"
    I965 = "i965"
    RADEONSI = "radeonsi"
    NVIDIA = "nvidia"
    OTHER = "other"


class RateControl(StrEnum):
    """How an encoder chooses its bits, in ffmpeg's words."""

    QVBR = "QVBR"  # a quality, within a bit rate: the nearest to x264's crf with maxrate
    VBR = "VBR"    # a bit rate on average, within a highest one
    CBR = "CBR"
    ICQ = "ICQ"    # a quality, whatever it takes
    CQP = "CQP"    # a fixed quantiser, whatever it takes


# Pixels. The least that all three vendors take (AMD's AV1 needs 320 lines of width), and the most for H.264 and for the others.
_SMALLEST = (320, 128)
_LARGEST = {VideoCodec.H264: 4096}
_LARGEST_ELSE = 8192


def takes(codec: VideoCodec, width: int, height: int) -> bool:
    """Whether devices encode pictures of this size."""
    return width >= _SMALLEST[0] and height >= _SMALLEST[1] and max(width, height) <= _LARGEST.get(codec, _LARGEST_ELSE)


UNBOUNDED = frozenset({RateControl.ICQ, RateControl.CQP})


class Filter(StrEnum):
    """What a device does with pictures besides encoding them."""

    SCALE = "scale"
    DEINTERLACE = "deinterlace"
    TONEMAP = "tonemap"


class Rung(StrEnum):
    """How much of the work a device does. A ladder: what fails is tried again one rung further down."""

    FULL = "full"      # decode, filter and encode
    HYBRID = "hybrid"  # encode only
    CPU = "cpu"        # nothing


class Why(StrEnum):
    """Why a picture goes the way it goes. The value is a metric label."""

    WORKS = "works"
    SWITCHED_OFF = "switched_off"
    NO_DEVICE = "no_device"
    COOLING_DOWN = "cooling_down"
    BUSY = "busy"
    NOT_ENCODED = "not_encoded"
    NO_ENCODER = "no_encoder"
    SIZE = "size"
    HDR_KEPT = "hdr_kept"
    QUALITY = "quality"
    CODEC_ON_CPU = "codec_on_cpu"
    NO_DECODER = "no_decoder"
    TELECINE = "telecine"
    CROP = "crop"
    BURNED_IN = "burned_in"
    ROTATED = "rotated"
    COLOURS = "colours"
    NO_SCALER = "no_scaler"
    NO_DEINTERLACER = "no_deinterlacer"
    NO_TONE_MAPPER = "no_tone_mapper"
    FELL = "fell"


class Fall(StrEnum):
    """How a run on a device came to grief. The value is a metric label."""

    START = "start"                # before the first frame
    MIDSTREAM = "midstream"
    STALL = "stall"
    KILLED = "killed"
    WRONG_OUTPUT = "wrong_output"  # it ran to its end, and what it wrote is not what was planned


@dataclass(frozen=True, slots=True, order=True)
class Mode:
    """One way to run an encoder. `low_power`: Intel's second, fixed encoder."""

    rate_control: RateControl
    low_power: bool = False

    def __str__(self) -> str:
        return f"{self.rate_control.value} low-power" if self.low_power else self.rate_control.value


@dataclass(frozen=True, slots=True, order=True)
class Picture:
    """A kind of picture: the codec as ffprobe names it, and bits per sample."""

    codec: str
    bits: int

    def __str__(self) -> str:
        return f"{self.codec} {self.bits} bit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a device was SEEN to do by trying it: `encodes` with the modes that gave the right picture, best first; `decodes`;
    `filters`. `node` is its file, `name` the driver's own words. `trouble`: why it is of no use at all, empty when it is."""

    api: Api
    node: str
    driver: Driver = Driver.OTHER
    name: str = ""
    encodes: Mapping[Picture, tuple[Mode, ...]] = field(default_factory=dict)
    decodes: frozenset[Picture] = frozenset()
    filters: frozenset[Filter] = frozenset()
    trouble: str = ""

    @property
    def label(self) -> str:
        """For people and metrics, e.g. `vaapi:/dev/dri/renderD128`."""
        return f"{self.api.value}:{self.node}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way through a device: enough to write the command. `source` is what is decoded, `target` what is encoded."""

    api: Api
    node: str
    driver: Driver
    rung: Rung
    mode: Mode
    source: Picture
    target: Picture
    codec: VideoCodec


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One rung for one film, with the reason why it is not a higher one. `way` is None on the CPU."""

    rung: Rung
    why: Why
    sentence: str
    device: Device | None = None
    way: Way | None = None
