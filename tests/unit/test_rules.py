"""planning/rules.py: every reason against a source is named, and all of them at once."""

from __future__ import annotations

from typing import Any

import pytest

from pectin.model.errors import MEANINGS, Cause, Kind
from pectin.model.media import MediaInfo, VideoStream
from pectin.model.profile import Profile
from pectin.planning import rules
from unit.mediamaker import film, picture, sound


def causes(media: MediaInfo, **profile: Any) -> list[Cause]:
    return [refusal.cause for refusal in rules.refusals(media, Profile(**profile))]


def test_an_ordinary_film_is_taken() -> None:
    assert causes(film()) == []


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        (film(size=0), [Cause.EMPTY_FILE]),
        (MediaInfo(formats=(), size=0), [Cause.EMPTY_FILE, Cause.NOT_A_VIDEO]),
        (MediaInfo(formats=()), [Cause.NOT_A_VIDEO]),
        (MediaInfo(formats=("matroska",)), [Cause.NOT_A_VIDEO, Cause.NO_VIDEO_STREAM]),
        (film(formats=("hls",)), [Cause.NOT_A_VIDEO]),
        (film(sound()), [Cause.NO_VIDEO_STREAM]),
        (film(sound(), covers=(picture(codec="png"),)), [Cause.NO_VIDEO_STREAM]),
        (film(picture(width=None)), [Cause.NO_PICTURE_SIZE]),
        (film(picture(width=None, codec=None), size=0), [Cause.EMPTY_FILE, Cause.NO_DECODER, Cause.NO_PICTURE_SIZE]),
        (film(picture(width=16_000, height=8_000)), [Cause.PICTURE_TOO_LARGE]),
        (film(picture(codec="hevc", dolby_vision_profile=5, dolby_vision_compatibility=0)), [Cause.DOLBY_VISION_WITHOUT_BASE]),
        (film(picture(codec="av1", dolby_vision_profile=10, dolby_vision_compatibility=0)), [Cause.DOLBY_VISION_WITHOUT_BASE]),
        (film(picture(codec="hevc", dolby_vision_profile=8, dolby_vision_compatibility=1)), []),
        (film(picture(codec="hevc", dolby_vision_profile=7, dolby_vision_compatibility=6)), []),
        (film(picture(width=None), picture(index=5)), []),
    ],
)
def test_what_speaks_against_a_source_is_named(media: MediaInfo, expected: list[Cause]) -> None:
    assert causes(media) == expected


def test_the_limit_of_pixels_is_the_profiles() -> None:
    assert causes(film(), max_pixels=1920 * 1080) == []
    assert causes(film(), max_pixels=1920 * 1080 - 1) == [Cause.PICTURE_TOO_LARGE]


def test_every_refusal_carries_the_facts_and_is_a_refusal() -> None:
    for refusal in rules.refusals(film(picture(width=None, codec=None), size=0), Profile()):
        assert refusal.detail
        assert MEANINGS[refusal.cause].kind is Kind.REFUSAL


@pytest.mark.parametrize("still", [picture(codec="mjpeg", packets=1, duration=None), picture(codec="mjpeg", duration=0.04)])
def test_a_still_that_nobody_marked_as_a_cover_is_not_the_film(still: VideoStream) -> None:
    moving = picture(index=1, duration=60.0)
    assert rules.main_video(film(still, moving)) is moving
    assert rules.main_video(film(moving, still)) is moving
    assert rules.main_video(film(still)) is still
    assert rules.main_video(film(picture(duration=30.0), moving)) != moving
