"""Turns ffprobe's JSON into MediaInfo. Never raises: whatever is missing, odd or a lie in form becomes a hole (None)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, TypedDict

from pectin.model import mastering
from pectin.model.media import (
    AudioStream,
    Disposition,
    MediaInfo,
    OtherStream,
    SubtitleStream,
    VideoStream,
)
from pectin.planning import languages

# Picture codecs that are stills: a cover even where the file forgot to say so, unless it counts more than one. (mjpeg is a cover
# only when flagged: cameras record films in it.)
_STILLS = frozenset({"png", "bmp", "gif", "webp"})
_LARGEST = 2**63  # what SQLite can hold; a larger number in a header is a lie
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")  # a NUL cannot be passed to ffmpeg, a newline breaks a table
_DURATION = re.compile(r"(\d{1,6}):(\d\d):(\d\d(?:\.\d+)?)")
_HIGH_DEPTH = re.compile(r"(9|10|12|14|16|48|64)(?:le|be)$")
# Names that muxers write of themselves into MP4's handler_name: no title.
_HANDLER = re.compile(r"handler|iso media|core media|^(sound|video|stereo|surround|mono)$", re.IGNORECASE)


class _Common(TypedDict):
    index: int
    codec: str | None
    codec_tag: str | None
    profile: str | None
    bit_rate: int | None
    start_time: float | None
    duration: float | None
    packets: int | None
    language: str | None
    title: str | None
    disposition: Disposition


def parse(document: Mapping[str, Any]) -> MediaInfo:
    """`document`: what `ffprobe -of json -show_format -show_streams -show_chapters` printed, decoded.

    Seconds, bytes, bit/s and Hz as in MediaInfo. Languages are ISO 639-2/B (`ger`, `fre`). Garbage of any shape is allowed."""
    video: list[VideoStream] = []
    covers: list[VideoStream] = []
    audio: list[AudioStream] = []
    subtitles: list[SubtitleStream] = []
    others: list[OtherStream] = []
    for index, raw in _streams(document):
        kind = _text(raw.get("codec_type"))
        common = _common(index, raw)
        if kind == "video":
            is_cover = common["disposition"].attached_pic or (common["codec"] in _STILLS and common["packets"] in (None, 1))
            (covers if is_cover else video).append(_video(common, raw))
        elif kind == "audio":
            audio.append(AudioStream(**common, channels=_positive(raw.get("channels")),
                                     channel_layout=_known(raw.get("channel_layout")),
                                     sample_rate=_positive(raw.get("sample_rate"))))
        elif kind == "subtitle":
            subtitles.append(SubtitleStream(**common))
        else:
            others.append(OtherStream(**common, kind=kind or "data"))
    container = _mapping(document.get("format"))
    chapters = document.get("chapters")
    return MediaInfo(
        formats=tuple(name for name in (_text(container.get("format_name")) or "").split(",") if name),
        duration=_seconds(container.get("duration")), start_time=_float(container.get("start_time")),
        size=_integer(container.get("size")), bit_rate=_positive(container.get("bit_rate")),
        video=tuple(video), audio=tuple(audio), subtitles=tuple(subtitles), covers=tuple(covers), others=tuple(others),
        chapters=len(chapters) if isinstance(chapters, list) else 0,
        chapters_end=_chapters_end(chapters),
        tags={key: value for key, value in _mapping(container.get("tags")).items() if isinstance(value, str)},
    )


def _chapters_end(chapters: object) -> float | None:
    ends = [_seconds(_mapping(chapter).get("end_time")) for chapter in (chapters if isinstance(chapters, list) else ())]
    return max((end for end in ends if end is not None), default=None)


def _streams(document: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The streams with an index each, never the same twice: decisions are told apart by it."""
    found = document.get("streams")
    seen: set[int] = set()
    for position, raw in enumerate(found if isinstance(found, list) else ()):
        index = _integer(_mapping(raw).get("index"))
        index = position if index is None else index
        if isinstance(raw, Mapping) and index not in seen:
            seen.add(index)
            yield index, raw


def _common(index: int, raw: Mapping[str, Any]) -> _Common:
    tags = {key.upper(): value for key, value in _mapping(raw.get("tags")).items() if isinstance(key, str)}
    flags = _mapping(raw.get("disposition"))
    handler = _text(tags.get("HANDLER_NAME"))
    tag = _text(raw.get("codec_tag_string"))
    # Matroska's tag comes first: where nothing of a stream is found at the beginning, ffprobe fills in the whole file's length.
    duration = _clock(_statistic(tags, "DURATION"))
    return _Common(
        index=index, codec=_known(raw.get("codec_name")), codec_tag=None if tag is None or "[0]" in tag else tag,
        profile=_known(raw.get("profile")),
        bit_rate=_positive(raw.get("bit_rate")) or _positive(_statistic(tags, "BPS")),
        start_time=_float(raw.get("start_time")),
        duration=duration if duration is not None else _seconds(raw.get("duration")),
        packets=_positive(raw.get("nb_read_packets")) or _positive(raw.get("nb_frames"))
                or _positive(_statistic(tags, "NUMBER_OF_FRAMES")),
        language=languages.normalise(_text(tags.get("LANGUAGE"))),
        title=_text(tags.get("TITLE")) or (handler if handler and not _HANDLER.search(handler) else None),
        disposition=Disposition(**{name: _integer(flags.get(name)) == 1 for name in Disposition.__dataclass_fields__}),
    )


def _video(common: _Common, raw: Mapping[str, Any]) -> VideoStream:
    pixel_format = _known(raw.get("pix_fmt"))
    rotation, mirrored = 0, False
    vision: tuple[int | None, int | None] = (None, None)
    side_data = raw.get("side_data_list")
    for item in side_data if isinstance(side_data, list) else ():
        data = _mapping(item)
        if data.get("side_data_type") == "Display Matrix":
            rotation = round(_float(data.get("rotation")) or 0.0)
            mirrored = _mirrored(_text(data.get("displaymatrix")))
        elif data.get("side_data_type") == "DOVI configuration record":
            vision = (_integer(data.get("dv_profile")), _integer(data.get("dv_bl_signal_compatibility_id")))
    screen, light = mastering.read(side_data)
    return VideoStream(
        **common, width=_positive(raw.get("width")), height=_positive(raw.get("height")), pixel_format=pixel_format,
        bit_depth=_depth(pixel_format, raw), level=_positive(raw.get("level")), reference_frames=_positive(raw.get("refs")),
        field_order=_known(raw.get("field_order")), sample_aspect_ratio=_ratio(raw.get("sample_aspect_ratio"), ":"),
        average_frame_rate=_ratio(raw.get("avg_frame_rate"), "/"), real_frame_rate=_ratio(raw.get("r_frame_rate"), "/"),
        rotation=rotation, mirrored=mirrored, mastering=screen, light=light,
        color_range=_known(raw.get("color_range")), color_space=_known(raw.get("color_space")),
        color_transfer=_known(raw.get("color_transfer")), color_primaries=_known(raw.get("color_primaries")),
        dolby_vision_profile=vision[0], dolby_vision_compatibility=vision[1],
    )


def _mirrored(matrix: str | None) -> bool:
    """Whether a display matrix turns left and right about: its determinant is negative. ffprobe prints its nine numbers in
    three rows, each behind its number and a colon (and a newline, which is a blank by now)."""
    numbers = [_float(word) for word in (matrix or "").split() if not word.endswith(":")]
    if len(numbers) != 9:
        return False
    a, b, _, c, d = (number or 0.0 for number in numbers[:5])
    return a * d - b * c < 0


def _depth(pixel_format: str | None, raw: Mapping[str, Any]) -> int | None:
    """Bits per sample. The pixel format is what the decoder delivers; the header's own number may be anything."""
    if pixel_format is None:
        return _positive(raw.get("bits_per_raw_sample"))
    found = _HIGH_DEPTH.search(pixel_format)
    return 8 if found is None else {"48": 16, "64": 16}.get(found[1], 0) or int(found[1])


def _statistic(tags: Mapping[str, Any], name: str) -> Any:
    """A Matroska statistics tag, also in its older spelling with a language behind (`BPS-eng`). That one may be stale: who copies
    a film anew writes the other, and leaves it."""
    return tags.get(name) or next((tags[key] for key in tags if key.startswith(name + "-")), None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return (_CONTROL.sub(" ", value).strip() or None) if isinstance(value, str) else None


def _known(value: object) -> str | None:
    """A name that says something: ffprobe writes "unknown" and "N/A" where it knows nothing."""
    text = _text(value)
    return None if text in ("unknown", "N/A", "none", "reserved") else text


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) < _LARGEST else None


def _seconds(value: object) -> float | None:
    number = _float(value)
    return number if number is not None and number >= 0 else None


def _integer(value: object) -> int | None:
    """A whole number from 0 up."""
    number = _float(value)
    if number is None or number < 0 or number != int(number):
        return None
    return int(number)


def _positive(value: object) -> int | None:
    return _integer(value) or None


def _ratio(value: object, sign: str) -> Fraction | None:
    """`30000/1001` or `16:15`; None for zero and nonsense ("0/0", "0:1", "N/A")."""
    above, found, below = (_text(value) or "").partition(sign)
    numerator, denominator = _positive(above), _positive(below)
    return Fraction(numerator, denominator) if found and numerator and denominator else None


def _clock(value: object) -> float | None:
    """Matroska's `00:01:30.500000000` in seconds."""
    found = _DURATION.fullmatch(_text(value) or "")
    return None if found is None else int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
