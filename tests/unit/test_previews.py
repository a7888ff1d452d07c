"""A few moving seconds: which moments they show, and what is read from the finished file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pectin.encoding import previews
from pectin.encoding.shown import Shown
from pectin.model.artifact import Preview


def a_film(seconds: float, distance: float = 2.0) -> Shown:
    keys = tuple(number * distance for number in range(int(seconds / distance) + 1) if number * distance < seconds)
    return Shown(file="video.mp4", demuxer="mov", seconds=seconds, width=1920, height=1080, keys=keys)


def test_nobody_has_chosen_so_it_is_spread_over_the_film_at_key_frames() -> None:
    film = a_film(600)
    shown = previews.scenes(film, 3.0, ())
    assert len(shown) == 6
    assert sum(scene.frames for scene in shown) == 30
    assert {scene.at for scene in shown} <= set(film.keys)
    assert shown[0].at >= 58


def test_chosen_moments_are_taken_exactly() -> None:
    shown = previews.scenes(a_film(600), 3.0, (11.3, 400.7))
    assert [scene.at for scene in shown] == [11.3, 400.7]
    assert [scene.frames for scene in shown] == [15, 15]


def test_a_film_that_is_shorter_is_shown_whole() -> None:
    assert previews.scenes(a_film(2.0), 3.0, ()) == (previews.Scene(0.0, 20),)
    assert previews.scenes(a_film(0.04), 3.0, ()) == (previews.Scene(0.0, 1),)


@settings(deadline=None)
@given(st.floats(0.04, 20_000), st.floats(1, 30), st.floats(0.5, 400), st.lists(st.floats(0, 1), max_size=8))
def test_every_scene_is_in_the_film_and_all_are_as_long_as_wanted(seconds: float, wanted: float, distance: float,
                                                                 chosen: list[float]) -> None:
    shown = previews.scenes(a_film(seconds, distance), wanted, [share * seconds for share in chosen])
    assert all(0 <= scene.at <= seconds and scene.frames >= 1 for scene in shown)
    length = sum(scene.frames for scene in shown) / previews.RATE
    assert length <= min(wanted, seconds) + len(shown) / previews.RATE


@pytest.mark.parametrize("kind", [Preview.GIF, Preview.WEBP, Preview.MP4])
def test_only_the_scenes_are_read(kind: Preview) -> None:
    shown = previews.scenes(a_film(600), 3.0, ())
    command, file = previews.argv(a_film(600), shown, kind, 320, 2)
    assert command.count("-i") == command.count("-ss") == len(shown)
    assert file == command[-1] == f"preview.{kind.value}"
    assert ("palettegen" in " ".join(command)) is (kind is Preview.GIF)


def a_webp(frames: int) -> bytes:
    size = (319).to_bytes(3, "little") + (179).to_bytes(3, "little")
    chunks = b"VP8X" + (10).to_bytes(4, "little") + b"\x02\0\0\0" + size
    chunks += (b"ANMF" + (3).to_bytes(4, "little") + b"abc\0") * frames
    return b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WEBP" + chunks


def test_a_webp_tells_its_size_and_frames_when_it_is_whole() -> None:
    assert previews.webp_frames(a_webp(7)) == (320, 180, 7)
    assert previews.webp_frames(a_webp(7)[:-1]) is None
    assert previews.webp_frames(a_webp(0)) is None


def test_a_gif_tells_its_size_when_it_is_whole() -> None:
    whole = b"GIF89a" + (320).to_bytes(2, "little") + (180).to_bytes(2, "little") + b"..;"
    assert previews.gif_size(whole) == (320, 180)
    assert previews.gif_size(whole[:-1]) is None


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_anything_at_all_is_read_without_harm(data: bytes) -> None:
    previews.gif_size(data)
    previews.webp_frames(data)
    previews.webp_frames(b"RIFF" + (len(data) + 4).to_bytes(4, "little") + b"WEBP" + data)
