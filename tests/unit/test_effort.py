"""How long a plan takes, about: what must hold whatever the machine."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from pectin.model.profile import Profile, Verify, VideoCodec
from pectin.planning.effort import expected_seconds
from pectin.planning.plan import decide
from pectin.settings.codecs import ENCODERS
from unit.mediamaker import film, picture, sound

HOUR = film(picture(codec="mpeg2video", duration=3600.0), sound(), duration=3600.0)


def expected(profile: Profile, *, threads: int = 1, verify: Verify = Verify.FULL) -> float:
    seconds = expected_seconds(decide(HOUR, profile), HOUR, threads=threads, verify=verify)
    assert seconds is not None
    return seconds


@pytest.mark.parametrize("codec", [VideoCodec.H264, VideoCodec.HEVC, VideoCodec.AV1, VideoCodec.VP9])
def test_every_preset_has_a_speed_and_a_slower_one_takes_no_less(codec: VideoCodec) -> None:
    presets = ENCODERS[codec].presets
    if codec in (VideoCodec.AV1, VideoCodec.VP9):  # there the highest number is the fastest
        presets = presets[::-1]
    times = [expected(Profile(video=codec, preset=preset)) for preset in presets]
    assert all(faster <= slower for faster, slower in pairwise(times))


def test_an_hour_at_1080p_is_some_hours_on_one_core() -> None:
    assert 3600 < expected(Profile()) < 4 * 3600


def test_more_cores_a_quick_look_and_copies_take_less() -> None:
    assert expected(Profile(), threads=4) < expected(Profile(), threads=2) < expected(Profile())
    assert expected(Profile(), verify=Verify.QUICK) < expected(Profile())
    copied = film(duration=3600.0)
    seconds = expected_seconds(decide(copied, Profile()), copied, threads=1, verify=Verify.FULL)
    assert seconds is not None
    assert seconds < expected(Profile()) / 2


def test_without_a_length_nobody_knows() -> None:
    unknown = film(picture(codec="mpeg2video", duration=None), sound(), duration=None)
    assert expected_seconds(decide(unknown, Profile()), unknown, threads=1, verify=Verify.FULL) is None


def test_a_file_that_is_taken_over_takes_as_long_as_its_copy() -> None:
    plan = replace(decide(HOUR, Profile()), whole_file=True)
    seconds = expected_seconds(plan, replace(HOUR, size=6_000_000_000), threads=1, verify=Verify.FULL)
    assert seconds is not None
    assert 60 < seconds < 600
