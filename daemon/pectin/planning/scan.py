"""Interlaced, telecined or progressive: when the headers' word is not enough, and what follows from what was seen."""

from __future__ import annotations

from fractions import Fraction

from pectin.model.measured import Measured, Scan
from pectin.model.media import VideoStream
from pectin.model.plan import Reason

_FLAGS = ("tt", "bb", "tb", "bt")
# Codecs that broadcasters, discs, cameras and capture cards store fields in. (VP8, VP9, AV1, Theora, Windows Media Video 7 and 8
# know only whole frames, and nobody has fields in them.)
_WITH_FIELDS = frozenset({"h264", "hevc", "mpeg2video", "mpeg1video", "mpeg4", "msmpeg4v3", "vc1", "wmv3", "dvvideo", "prores",
                          "dnxhd", "ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "v210", "mjpeg", "jpeg2000"})
# Interlaced pictures come from television: 480 to 1088 lines (less where borders were cut off), 25 or 29.97 pictures per second,
# or their fields counted as pictures. 720 lines are always progressive.
_LEAST_LINES, _MOST_LINES, _PROGRESSIVE_LINES = 400, 1088, 720
_WIDTHS = frozenset({480, 528, 544, 640, 702, 704, 720, 960, 1280, 1440, 1920})
_RATES = (Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(60000, 1001))
_RATE_TOLERANCE = Fraction(1, 20)  # also takes in an even 30 and 60, as many files round them
_FILM_SHARE = Fraction(4, 5)  # of the frames are left when 3:2 pulldown is undone


def flagged(stream: VideoStream) -> bool:
    return stream.field_order in _FLAGS


def doubtful(stream: VideoStream) -> bool:
    """Whether somebody has to look. Flags lie both ways: progressive film is broadcast in interlaced streams, and careless
    encoders flag nothing."""
    if flagged(stream):
        return True
    width, height, rate = stream.width or 0, stream.height or 0, stream.frame_rate
    if stream.codec not in _WITH_FIELDS or stream.rotation or rate is None:  # what is turned comes from a phone
        return False
    return (_LEAST_LINES <= height <= _MOST_LINES and height != _PROGRESSIVE_LINES and width in _WIDTHS
            and any(abs(rate - known) <= _RATE_TOLERANCE for known in _RATES))


def judge(stream: VideoStream, measured: Measured) -> Scan:
    """What the picture is: as seen, else as flagged. Pulldown is only undone at the rate it is made for."""
    seen = measured.scan
    if seen is None:
        return Scan.INTERLACED if flagged(stream) else Scan.PROGRESSIVE
    if seen is Scan.TELECINED and film_rate(stream) is None:
        return Scan.INTERLACED
    return seen


def film_rate(stream: VideoStream) -> Fraction | None:
    """The frames per second of the film inside a telecined stream; None at rates that no telecine makes."""
    for rate in (Fraction(30000, 1001), Fraction(60000, 1001)):  # the second: some containers count fields
        if stream.frame_rate is not None and abs(stream.frame_rate - rate) <= _RATE_TOLERANCE:
            return Fraction(30000, 1001) * _FILM_SHARE
    return None


def fault(stream: VideoStream, measured: Measured) -> tuple[Reason, str] | None:
    """What is wrong for a player that shows whole frames only."""
    seen = judge(stream, measured)
    if seen is Scan.TELECINED:
        return Reason.TELECINED, "it is film in 60 fields per second (3:2 pulldown), brought back to its 24 frames"
    if seen is Scan.INTERLACED:
        return Reason.INTERLACED, "it is interlaced" if flagged(stream) else "it is interlaced, though flagged as progressive"
    if flagged(stream):
        return Reason.WRONG_FLAG, "it is flagged as interlaced, though its frames are whole: players would deinterlace it"
    return None
