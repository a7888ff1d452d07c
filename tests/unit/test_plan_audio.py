"""planning/audio.py: which tracks are kept, in which order, and as what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.measured import Loudness, Measured
from pectin.model.media import AudioStream, Disposition, MediaInfo
from pectin.model.plan import AudioTarget, Reason, StreamAction, StreamDecision
from pectin.model.profile import AudioCodec, Container, Profile, Surround
from pectin.planning import audio, gain, keeping, languages, loudness, tracks
from unit.mediamaker import any_film, film, picture, sound

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
        (sound(codec="eac3", channels=8), COPY),
        (sound(codec="eac3", channels=6, bit_rate=1_500_000), COPY),
        (sound(codec="eac3", channels=6, bit_rate=6_000_000), ENCODE),
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
        (4, COPY, Reason.OTHER_LANGUAGE),
        (2, DROP, Reason.DUPLICATE),
        (3, DROP, Reason.DUPLICATE),
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
    assert "mpegh_3d_audio, which this ffmpeg cannot decode" in decisions[1].sentence


# From here on: which track of a language is taken.

MAIN = Disposition(default=True)


@pytest.mark.parametrize(
    ("found", "first"),
    [
        ((sound(1, "ac3", 6, disposition=MAIN), sound(2)), (2, COPY)),  # its own stereo version saves an encode
        ((sound(1, "ac3", 6), sound(2, bit_rate=64_000)), (1, ENCODE)),  # so small: a commentary that nobody marked
        ((sound(1, "ac3", 6), sound(2, channels=1)), (1, ENCODE)),
        ((sound(1, "ac3", 6), sound(2, profile="HE-AAC")), (1, ENCODE)),
        ((sound(1, "ac3", 6), sound(2, language="ger")), (1, ENCODE)),
        ((sound(1, "mp3", disposition=MAIN), sound(2)), (1, ENCODE)),  # two alike: the author's choice
        ((sound(1, "mp3"), sound(2, "flac", disposition=MAIN)), (2, ENCODE)),
        ((sound(1, "ac3"), sound(2, "ac3", 6)), (2, ENCODE)),  # the most channels
        ((sound(1, "ac3", 6), sound(2, "truehd", 6)), (2, ENCODE)),  # what has lost nothing
        ((sound(1, "dts", 6), sound(2, "dts", 6, profile="DTS-HD MA")), (2, ENCODE)),
        ((sound(1, "ac3"), sound(2, "pcm_s16le")), (2, ENCODE)),
    ],
)
def test_the_first_track_is_made_from_the_best_of_its_language(found: tuple[AudioStream, ...], first: tuple[int, StreamAction],
                                                               ) -> None:
    decided = decide(*found)[0]
    assert ((decided.index, decided.action), decided.default) == (first, True)


@pytest.mark.parametrize(
    ("found", "second"),
    [
        ((sound(1, "truehd", 8), sound(2, "ac3", 6)), (2, COPY)),  # as good in 5.1, and no work
        ((sound(1, "dts", 6), sound(2, "ac3", 3)), (1, ENCODE)),
        ((sound(1, "ac3", 6), sound(2, "eac3", 8)), (2, COPY)),
        ((sound(1, "ac3", 6, bit_rate=2_000_000), sound(2)), (1, ENCODE)),
        ((sound(1, "ac3", 6, sample_rate=32_000), sound(2)), (1, ENCODE)),
    ],
)
def test_surround_is_copied_where_that_loses_nothing(found: tuple[AudioStream, ...], second: tuple[int, StreamAction]) -> None:
    decided = decide(*found)[1]
    assert ((decided.index, decided.action), decided.reason) == (second, Reason.SURROUND_KEPT)


@pytest.mark.parametrize(
    ("profile", "codec", "bitrate"),
    [
        ({"surround": Surround.AC3}, "ac3", 448_000),
        ({"surround": Surround.EAC3}, "eac3", 640_000),
        ({"audio": AudioCodec.OPUS, "container": Container.WEBM}, "libopus", 320_000),
        ({"audio": AudioCodec.OPUS, "container": Container.MKV, "surround": Surround.EAC3}, "libopus", 320_000),
    ],
)
def test_surround_is_encoded_as_the_profile_says(profile: dict[str, Any], codec: str, bitrate: int) -> None:
    target = aim(decide(sound(1, "wmapro", 8), **profile)[1])
    assert (target.codec, target.channels, target.bitrate, target.source_channels) == (codec, 6, bitrate, 8)


@pytest.mark.parametrize(
    ("codec", "container", "audio_codec", "actions"),
    [
        ("dts", Container.MP4, AudioCodec.AAC, [ENCODE, ENCODE]),
        ("dts", Container.MKV, AudioCodec.AAC, [ENCODE, COPY]),
        ("flac", Container.MKV, AudioCodec.OPUS, [ENCODE, COPY]),
        ("opus", Container.WEBM, AudioCodec.OPUS, [ENCODE, COPY]),
        ("opus", Container.MP4, AudioCodec.AAC, [ENCODE, ENCODE]),
        ("ac3", Container.WEBM, AudioCodec.OPUS, [ENCODE, ENCODE]),
    ],
)
def test_other_containers_hold_more_and_webm_less(codec: str, container: Container, audio_codec: AudioCodec,
                                                  actions: list[StreamAction]) -> None:
    found = decide(sound(1, codec, 6, bit_rate=900_000 if codec != "ac3" else 448_000), container=container, audio=audio_codec)
    assert [decision.action for decision in found] == actions


@pytest.mark.parametrize(
    ("codec", "container", "action"),
    [("opus", Container.WEBM, COPY), ("vorbis", Container.WEBM, COPY), ("aac", Container.MKV, COPY),
     ("aac", Container.WEBM, ENCODE), ("mp3", Container.MKV, ENCODE)],
)
def test_a_profile_with_opus_encodes_only_what_does_not_fit(codec: str, container: Container, action: StreamAction) -> None:
    found = decide(sound(1, codec), container=container, audio=AudioCodec.OPUS)[0]
    assert found.action is action
    if action is ENCODE:
        assert aim(found).codec == "libopus"


def test_a_profile_that_copies_keeps_every_track_its_container_holds() -> None:
    found = decide(sound(1, "dts", 6), sound(2, "truehd", 8), sound(3, "mp3", language="ger"), sound(4),
                   sound(5, title="Commentary"), audio=AudioCodec.COPY, languages=("ger",), copyable=False)
    assert outline(found) == [(3, COPY, Reason.COPY_ONLY), (1, COPY, Reason.COPY_ONLY), (4, COPY, Reason.COPY_ONLY),
                              (5, COPY, Reason.COPY_ONLY), (2, DROP, Reason.CONTAINER)]
    assert [d.default for d in found] == [True, False, False, False, False]
    assert "mp4 cannot hold truehd" in found[-1].sentence


# Late, loud, broken.


@pytest.mark.parametrize(
    ("start", "begin", "reason", "fill"),
    [(0.9, 0.0, Reason.FITS, None), (1.1, 0.0, Reason.LATE, True), (6.4, 1.4, Reason.LATE, True), (2.0, 1.4, Reason.FITS, None),
     (500.0, 0.0, Reason.LATE, True), (700.0, 0.0, Reason.FITS, None), (0.0, 5.0, Reason.FITS, None)],
)
def test_sound_that_begins_late_is_filled_with_silence(start: float, begin: float, reason: Reason, fill: bool | None) -> None:
    found = audio.decide([sound(start_time=start)], Profile(), copyable=True, begin=begin)[0]
    assert found.reason is reason
    assert (found.target is None) == (fill is None)
    if fill is not None:
        assert aim(found).fill is fill


def test_sound_that_begins_too_late_to_be_filled_keeps_its_time() -> None:
    assert not aim(decide(sound(1, "mp3", start_time=700.0))[0]).fill
    assert outline(decide(sound(1, "ac3", 6, start_time=5.0)))[1] == (1, ENCODE, Reason.SURROUND_KEPT)


def louder(found: float, peak: float = -10.0) -> Measured:
    return Measured(loudness={1: Loudness(integrated=found, peak=peak, range=5.0)})


def test_a_fitting_track_is_encoded_only_where_its_loudness_was_measured_as_wrong() -> None:
    wanted = Profile(loudness=-16.0)
    for measured, reason in ((Measured(), Reason.FITS), (louder(-16.4), Reason.FITS), (louder(-70.0), Reason.FITS),
                             (louder(-23.0), Reason.LOUDNESS)):
        found = audio.decide([sound()], wanted, copyable=True, measured=measured)[0]
        assert found.reason is reason
    assert aim(found).gain == 7.0
    assert "its loudness is -23.0 LUFS, -16 is wanted" in found.sentence
    assert audio.decide([sound()], Profile(), copyable=True, measured=louder(-23.0))[0].reason is Reason.FITS


def test_surround_stays_as_loud_as_its_author_made_it() -> None:
    first, second = audio.decide([sound(1, "dts", 6)], Profile(loudness=-16.0), copyable=True, measured=louder(-23.0))
    assert (aim(first).gain, aim(second).gain) == (7.0, None)
    assert "7.0 dB louder" in first.sentence
    assert "as loud as it was" in second.sentence


@given(st.floats(-70, 5), st.floats(-100, 10), st.floats(-40, -5))
def test_a_gain_never_asks_the_limiter_for_more_than_it_can_do(found: float, peak: float, wanted: float) -> None:
    change = gain.gain(wanted, Loudness(integrated=found, peak=peak, range=0.0))
    if change is not None:
        assert 0.5 < abs(change) <= max(20.0, found - wanted + 0.01)
        assert (change > 0) == (wanted > found)
        assert change < 0 or peak + change <= -1.0 + 12.01
    assert gain.gain(None, None) is None


def test_only_what_will_be_mono_or_stereo_is_measured() -> None:
    source = film(picture(), sound(1, "dts", 6), sound(2, "ac3", 6), sound(3, language="ger"), sound(4), sound(5, codec=None))
    assert loudness.ask(source, Profile(loudness=-16.0)) == (4, 3)
    assert loudness.ask(source, Profile()) == ()
    assert loudness.ask(source, Profile(loudness=-16.0, audio=AudioCodec.COPY)) == ()


def test_an_ffmpeg_without_a_decoder_drops_the_track() -> None:
    found = audio.decide([sound(1, "truehd", 8), sound(2, "ac3", 6)], Profile(), copyable=True,
                         measured=Measured(decoders=frozenset({"ac3", "aac"})))
    assert outline(found) == [(2, ENCODE, Reason.STEREO_FIRST), (2, COPY, Reason.SURROUND_KEPT), (1, DROP, Reason.UNDECODABLE)]
    assert "truehd, which this ffmpeg cannot decode" in found[-1].sentence


@pytest.mark.parametrize(
    ("found", "facts", "words"),
    [
        ((), {}, None),
        ((sound(),), {}, None),
        ((sound(1, codec=None), sound(2, "mp3")), {}, None),
        ((sound(1, codec=None), sound(2, channels=None)), {},
         "stream 1 is in a codec ffmpeg does not know; stream 2 is in aac without a usable header"),
        ((sound(1, "pcm_s16le"),), {"audio": AudioCodec.COPY},
         "stream 1 is in pcm_s16le, which mp4 cannot hold, and this profile encodes no sound"),
    ],
)
def test_a_film_that_would_lose_all_its_sound_is_told_why(found: tuple[AudioStream, ...], facts: dict[str, Any],
                                                          words: str | None) -> None:
    assert audio.refused(found, Profile(**facts)) == words


# What the tracks carry.


@pytest.mark.parametrize(
    ("title", "left"),
    [
        (None, None), ("DTS-HD MA 5.1", None), ("Dolby Digital Plus 5.1", None), ("TrueHD Atmos 7.1 @ 4032 kbps", None),
        ("Stereo", None), ("English DTS-HD Master Audio 5.1", "English"), ("Commentary (AC3 2.0)", "Commentary"),
        ("Director's commentary", "Director's commentary"), ("[FLAC] Japanese", "Japanese"), ("DD 5.1 / 448 kbps", None),
        ("Kommentar - AAC 2.0 - Regie", "Kommentar Regie"), ("Surround 5.1", None), ("Mono", None), ("Monologue", "Monologue"),
        ("E-AC-3", None),
    ],
)
def test_a_title_is_freed_of_its_technique(title: str | None, left: str | None) -> None:
    assert tracks.title_without_technique(title) == left


def test_flags_are_kept_and_a_title_may_tell_them() -> None:
    flags = Disposition(hearing_impaired=True, dub=True, original=True)
    kept = decide(sound(1, disposition=flags))[0]
    assert (kept.hearing_impaired, kept.dub, kept.original) == (True, True, True)
    assert (kept.comment, kept.visual_impaired) == (False, False)
    told = decide(sound(1), sound(2, title="Audiodeskription"), sound(3, title="Kommentar der Regie"))
    assert [(d.visual_impaired, d.comment) for d in told] == [(False, False), (True, False), (False, True)]


@pytest.mark.parametrize(
    ("written", "code"),
    [("English", "eng"), ("DEUTSCH", "ger"), ("français", "fre"), ("franc\u0327ais", "fre"), ("zh-Hant", "chi"), ("pt-BR", "por"),
     ("English (UK)", "eng"), ("Portuguese-Brazil", "por"), ("日本語", "jpn"), ("Klingon", None), ("lao", "lao"),
     ("en_US", "eng"), ("bahasa indonesia", "ind"), ("und", None), ("", None)],
)
def test_a_language_has_one_spelling(written: str, code: str | None) -> None:
    assert languages.normalise(written) == code


# What holds for any film.

PROFILES = st.builds(
    Profile,
    audio=st.sampled_from(AudioCodec),
    container=st.sampled_from([Container.MP4, Container.MKV]),
    surround=st.sampled_from(Surround),
    languages=st.sampled_from([(), ("ger",), ("jpn", "eng")]),
    loudness=st.sampled_from([None, -16.0]),
)


@given(any_film(), PROFILES, st.booleans(), st.sampled_from([None, frozenset({"aac", "ac3", "dts"})]))
def test_every_track_has_its_word_and_one_is_the_default(media: MediaInfo, profile: Profile, copyable: bool,
                                                         decoders: frozenset[str] | None) -> None:
    quiet = Loudness(integrated=-23.0, peak=-3.0, range=1.0)
    measured = Measured(decoders=decoders, loudness={s.index: quiet for s in media.audio})
    found = audio.decide(media.audio, profile, copyable=copyable, measured=measured)
    assert {d.index for d in found} == {s.index for s in media.audio}
    kept = [d for d in found if d.action is not DROP]
    assert [d.default for d in found] == [n == 0 for n in range(len(kept))] + [False] * (len(found) - len(kept))
    assert all(d.action is DROP for d in found[len(kept):])
    assert bool(kept) == (audio.refused(media.audio, profile, measured) is None and bool(media.audio))
    assert set(loudness.ask(media, profile)) <= {s.index for s in media.audio}
    assert all(d.sentence.endswith(".") and "None" not in d.sentence for d in found)


def as_written(decision: StreamDecision, source: AudioStream, index: int) -> AudioStream:
    """The track as it is in the output."""
    target, flags = decision.target, Disposition(default=decision.default, comment=decision.comment, dub=decision.dub,
                                                 hearing_impaired=decision.hearing_impaired,
                                                 visual_impaired=decision.visual_impaired)
    if not isinstance(target, AudioTarget):
        return sound(index, source.codec, source.channels, profile=source.profile, sample_rate=source.sample_rate,
                     bit_rate=source.bit_rate or keeping.rate(decision, {source.index: source}), language=decision.language,
                     title=decision.title, disposition=flags)
    codec = {"libopus": "opus"}.get(target.codec, target.codec)
    return sound(index, codec, target.channels, sample_rate=target.sample_rate, bit_rate=int(target.bitrate * 1.05),
                 language=decision.language, title=decision.title, disposition=flags)


@given(any_film(), PROFILES)
def test_our_own_output_needs_nothing_more(media: MediaInfo, profile: Profile) -> None:
    by_index = {s.index: s for s in media.audio}
    kept = [d for d in audio.decide(media.audio, profile, copyable=True) if d.action is not DROP]
    written = [as_written(d, by_index[d.index], n) for n, d in enumerate(kept)]
    again = audio.decide(written, profile, copyable=True)
    assert [(d.index, d.action) for d in again] == [(n, COPY) for n in range(len(written))], [d.sentence for d in again]
