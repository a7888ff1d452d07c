"""What Pectin does not take: every reason against a source at once, before anything is planned."""

from __future__ import annotations

from dataclasses import dataclass

from pectin.model.errors import Cause
from pectin.model.measured import Measured
from pectin.model.media import DEMUXERS, MediaInfo, VideoStream
from pectin.model.profile import Container, Profile, VideoCodec
from pectin.planning import audio
from pectin.planning.containers import holds

_STILL_SHARE = 20  # a picture that lasts less than this part of another one is no film: a cover nobody marked as one
# Dolby Vision's base layer in profile 5 (and whatever declares compatibility 0) is coded in its own colours: without a
# Dolby Vision decoder it is green and purple. Source: the Dolby Vision profiles and levels specification.
_OWN_COLOURS = 5
_NOTHING = Measured()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One reason against a source; `detail` holds the facts of this case."""

    cause: Cause
    detail: str


def main_video(media: MediaInfo) -> VideoStream | None:
    """The picture that is the film: the first one with a known codec and size that is no still beside a longer one, else the
    first there is. (Muxers lose the mark of a cover, and it often stands first.)"""
    whole = [stream for stream in media.video if stream.codec and stream.width and stream.height]
    longest = max((stream.duration or 0.0 for stream in whole), default=0.0)
    moving = (stream for stream in whole if stream.packets != 1
              and (stream.duration is None or stream.duration * _STILL_SHARE >= longest))
    return next(moving, next(iter((*whole, *media.video)), None))


def refusals(media: MediaInfo, profile: Profile, measured: Measured = _NOTHING) -> tuple[Refusal, ...]:
    """All that speaks against this source; empty means it can be planned. `measured`: as for plan.decide. Nothing is approved by
    being forgotten: every fact that a plan cannot do without is asked for here."""
    found: list[Refusal] = []

    def refuse(cause: Cause, detail: str) -> None:
        found.append(Refusal(cause=cause, detail=detail))

    if media.size == 0:
        refuse(Cause.EMPTY_FILE, "0 bytes")
    if not media.formats:
        refuse(Cause.NOT_A_VIDEO, "no container format was found")
    elif not set(media.formats) & set(DEMUXERS):
        refuse(Cause.NOT_A_VIDEO, f"the container is {media.formats[0]}, which Pectin does not open")
    elif not (media.video or media.audio or media.subtitles or media.covers or media.others):
        refuse(Cause.NOT_A_VIDEO, f"the {media.formats[0]} container holds no streams")
    video = main_video(media)
    if video is None:
        if media.formats:
            refuse(Cause.NO_VIDEO_STREAM, _what_instead(media))
        return tuple(found)
    if profile.container is Container.SOURCE:  # nobody has to understand what is taken over whole
        return tuple(found)
    if profile.video is VideoCodec.COPY and video.codec is not None and not holds(profile.container, video.codec):
        refuse(Cause.CANNOT_COPY, f"{video.codec} in {profile.container.upper()}")
    if media.layout is not None and media.layout.pieced and VideoCodec.COPY is profile.video:
        refuse(Cause.CANNOT_COPY, "a film that an edit list puts together from pieces; what is hidden between them would be seen")
    if video.codec is None:
        refuse(Cause.NO_DECODER, f"stream {video.index} is in a codec ffmpeg does not know ({video.codec_tag or 'no tag'})")
    if not video.width or not video.height:
        refuse(Cause.NO_PICTURE_SIZE, f"stream {video.index} says {video.width or '?'}x{video.height or '?'}")
    elif video.width * video.height > profile.max_pixels:
        refuse(Cause.PICTURE_TOO_LARGE,
               f"{video.width}x{video.height} is {video.width * video.height} pixels, the limit is {profile.max_pixels}")
    vision = None if profile.video is VideoCodec.COPY else video.dolby_vision_profile
    if vision is not None and (vision == _OWN_COLOURS or video.dolby_vision_compatibility == 0):
        refuse(Cause.DOLBY_VISION_WITHOUT_BASE, f"profile {vision}, compatibility {video.dolby_vision_compatibility}")
    if (silent := audio.refused(media.audio, profile, measured)) is not None:
        refuse(Cause.NO_SOUND, silent)
    return tuple(found)


def _what_instead(media: MediaInfo) -> str:
    if media.audio:
        return f"only sound ({len(media.audio)} tracks)" + (" and a cover picture" if media.covers else "")
    return "only a still picture" if media.covers else "neither picture nor sound"
