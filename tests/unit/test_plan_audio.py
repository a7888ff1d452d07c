"""planning/audio.py: which tracks are kept, in which order, and as what."""

from __future__ import annotations

from typing import Any

import pytest

from pectin.model.media import AudioStream, Disposition
from pectin.model.plan import AudioTarget, Reason, StreamAction, StreamDecision
from pectin.model.profile import Profile, Surround
from pectin.planning import audio
from unit.mediamaker import sound

COPY, ENCODE, DROP = StreamAction.COPY, StreamAction.ENCODE, StreamAction.DROP


def decide(*tracks: AudioStream, copyable: bool = True, **profile: Any) -> tuple[StreamDecision, ...]:
    return audio.decide(tracks, Profile(**profile), copyable=copyable)


def outline(decisions: tuple[StreamDecision, ...]) -> list[tuple[int, StreamAction, Reason]]:
    return [(d.index, d.action, d.reason) for d in decisions]


def aim(decision: StreamDecision) -> AudioTarget:
    assert isinstance(decision.target, AudioTarget)
    return decision.target


@pytest.mark.parametrize(
    ("track", "action", "reason"),
    [
        (sound(), COPY, Reason.FITS),
        (sound(channels=1), COPY, Reason.FITS),
        (sound(sample_rate=44_100), COPY, Reason.FITS),
        (sound(bit_rate=None), COPY, Reason.FITS),
        (sound(codec="mp3"), ENCODE, Reason.CODEC),
        (sound(profile="HE-AAC"), ENCODE, Reason.CODEC_PROFILE),
        (sound(profile=None), ENCODE, Reason.CODEC_PROFILE),
        (sound(sample_rate=96_000), ENCODE, Reason.SAMPLE_RATE),
        (sound(bit_rate=5_000_000), ENCODE, Reason.BITRATE),
        (sound(codec="flac", channels=1), ENCODE, Reason.CODEC),
    ],
)
def test_a_lone_track_is_copied_when_every_client_plays_it(track: AudioStream, action: StreamAction, reason: Reason) -> None:
    found = decide(track)
    assert outline(found) == [(1, action, reason)]
    assert found[0].default


def test_sound_is_not_copied_from_a_container_without_timestamps() -> None:
    assert outline(decide(sound(), copyable=False)) == [(1, ENCODE, Reason.TIMESTAMPS)]


@pytest.mark.parametrize(
    ("track", "action"),
    [
        (sound(codec="ac3", channels=6, bit_rate=640_000), COPY),
        (sound(codec="eac3", channels=6), COPY),
        (sound(channels=6, bit_rate=384_000), COPY),
        (sound(codec="ac3", channels=6, bit_rate=None), COPY),
        (sound(codec="ac3", channels=4), COPY),
        (sound(codec="dts", channels=6), ENCODE),
        (sound(codec="truehd", channels=8), ENCODE),
        (sound(codec="eac3", channels=8), ENCODE),
        (sound(codec="eac3", channels=6, bit_rate=1_500_000), ENCODE),
        (sound(channels=6, profile="HE-AAC"), ENCODE),
        (sound(codec="flac", channels=5), ENCODE),
    ],
)
def test_surround_is_stereo_first_and_kept_second(track: AudioStream, action: StreamAction) -> None:
    found = decide(track)
    assert outline(found) == [(1, ENCODE, Reason.STEREO_FIRST), (1, action, Reason.SURROUND_KEPT)]
    assert [d.default for d in found] == [True, False]
    assert (aim(found[0]).codec, aim(found[0]).channels, aim(found[0]).sample_rate, aim(found[0]).bitrate) == (
        "aac",
        2,
        48_000,
        160_000,
    )
    if action is ENCODE:
        assert (aim(found[1]).codec, aim(found[1]).channels, aim(found[1]).bitrate) == ("ac3", 6, 448_000)


def test_surround_is_left_out_when_the_profile_says_so() -> None:
    assert outline(decide(sound(codec="ac3", channels=6), surround=Surround.NONE)) == [(1, ENCODE, Reason.STEREO_FIRST)]


def test_four_channels_of_a_strange_codec_are_stereo_only() -> None:
    assert outline(decide(sound(codec="flac", channels=4))) == [(1, ENCODE, Reason.STEREO_FIRST)]


def test_a_stereo_track_and_a_surround_track_of_one_language_stay_a_pair() -> None:
    assert outline(decide(sound(1), sound(2, "ac3", 6))) == [(1, COPY, Reason.FITS), (2, COPY, Reason.SURROUND_KEPT)]


@pytest.mark.parametrize(("languages", "first"), [((), 2), (("ger",), 3), (("de",), 3), (("jpn", "eng"), 1), (("jpn",), 2)])
def test_the_first_track_is_in_the_preferred_language_or_the_authors_choice(languages: tuple[str, ...], first: int) -> None:
    tracks = (sound(1), sound(2, language="fre", disposition=Disposition(default=True)), sound(3, language="ger"))
    found = decide(*tracks, languages=languages)
    assert found[0].index == first
    assert [d.reason for d in found[1:]] == [Reason.OTHER_LANGUAGE] * 2
    assert [d.default for d in found] == [True, False, False]


def test_a_second_track_of_a_language_is_a_duplicate() -> None:
    assert outline(decide(sound(1), sound(2, "mp3"), sound(3, "dts", 6, language="ger"), sound(4, language="ger"))) == [
        (1, COPY, Reason.FITS),
        (3, ENCODE, Reason.OTHER_LANGUAGE),
        (2, DROP, Reason.DUPLICATE),
        (4, DROP, Reason.DUPLICATE),
    ]


def test_tracks_that_do_not_tell_their_language_are_all_kept() -> None:
    assert outline(decide(sound(1, language=None), sound(2, language=None))) == [
        (1, COPY, Reason.FITS),
        (2, COPY, Reason.OTHER_LANGUAGE),
    ]


@pytest.mark.parametrize(
    "facts",
    [
        {"disposition": Disposition(comment=True, default=True)},
        {"title": "Director's Commentary"},
        {"disposition": Disposition(visual_impaired=True)},
        {"title": "Audio description"},
    ],
)
def test_a_commentary_is_never_first_unless_alone(facts: dict[str, Any]) -> None:
    aside = sound(1, **facts)
    assert outline(decide(aside, sound(2))) == [(2, COPY, Reason.FITS), (1, COPY, Reason.COMMENTARY)]
    assert outline(decide(aside)) == [(1, COPY, Reason.FITS)]
    assert decide(aside)[0].default


def test_a_commentary_carries_its_flag_and_its_name() -> None:
    found = decide(sound(1), sound(2, "ac3", title="Commentary by the cook", disposition=Disposition(comment=True)))
    assert (found[1].comment, found[1].title, found[1].default) == (True, "Commentary by the cook", False)


def test_a_title_about_the_technique_does_not_outlive_the_technique() -> None:
    found = decide(sound(1, "dts", 6, title="DTS-HD MA 5.1"))
    assert [d.title for d in found] == [None, None]
    assert decide(sound(1, title="Stereo 2.0 AC3"))[0].title == "Stereo 2.0 AC3"


@pytest.mark.parametrize("facts", [{"codec": None}, {"channels": None}, {"sample_rate": None}])
def test_a_track_that_cannot_be_decoded_is_dropped_not_fatal(facts: dict[str, Any]) -> None:
    assert outline(decide(sound(1, **facts))) == [(1, DROP, Reason.UNDECODABLE)]
    assert outline(decide(sound(1, **facts), sound(2))) == [(2, COPY, Reason.FITS), (1, DROP, Reason.UNDECODABLE)]


def test_there_are_eight_tracks_at_most() -> None:
    found = decide(*(sound(n, language=None) for n in range(1, 12)))
    assert [d.action for d in found] == [COPY] * 8 + [DROP] * 3
    assert {d.reason for d in found[8:]} == {Reason.BITRATE}


def test_sound_leaves_the_picture_its_bits() -> None:
    found = decide(sound(1, "dts", 6), sound(2, language="ger"), max_bitrate=1_000_000)
    assert outline(found) == [(1, ENCODE, Reason.STEREO_FIRST), (2, COPY, Reason.OTHER_LANGUAGE), (1, DROP, Reason.BITRATE)]
    tight = decide(sound(1, "mp3"), max_bitrate=200_000)
    assert aim(tight[0]).bitrate == 76_000


def test_one_channel_stays_one_channel() -> None:
    target = aim(decide(sound(1, "mp3", 1))[0])
    assert (target.channels, target.bitrate) == (1, 96_000)


def test_what_a_silent_header_takes_is_guessed_for_the_budget() -> None:
    tracks = (sound(1, bit_rate=None), sound(2, "ac3", 6, bit_rate=None))
    assert audio.rate(decide(*tracks), tracks) == 192_000 + 640_000
    assert audio.rate((), ()) == 0


def test_a_codec_that_no_ffmpeg_decodes_is_left_out() -> None:
    spatial, plain = sound(1, "mpegh_3d_audio", 6), sound(2, "aac")
    decisions = audio.decide((spatial, plain), Profile(), copyable=True)
    assert [(d.index, d.action, d.reason) for d in decisions] == [
        (2, StreamAction.COPY, Reason.FITS), (1, StreamAction.DROP, Reason.UNDECODABLE)]
    assert "mpegh_3d_audio, which ffmpeg cannot decode" in decisions[1].sentence
