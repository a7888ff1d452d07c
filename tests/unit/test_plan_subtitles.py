"""planning/subtitles.py: text becomes files with names Jellyfin understands, pictures stay behind."""

from __future__ import annotations

from typing import Any

import pytest

from pectin.model.measured import Measured
from pectin.model.media import Disposition, SubtitleStream
from pectin.model.plan import Burn, Reason, StreamAction, StreamDecision, SubtitleTarget
from pectin.model.profile import Container, ImageSubtitles, Profile, TextSubtitles
from pectin.planning import captions, plan, subtitles
from unit.mediamaker import film, picture, sound, text

PLAIN = Profile()
FORCED = Disposition(forced=True)


def decided(*tracks: SubtitleStream, profile: Profile = PLAIN, seen: bool | None = None,
            burnt: int | None = None) -> tuple[StreamDecision, ...]:
    media = film(picture(), sound(), *tracks)
    return subtitles.decide(media, profile, Measured(captions=seen), picture=media.video[0], burnt=burnt)


def suffix(**facts: Any) -> str:
    target = decided(text(**facts))[0].target
    assert isinstance(target, SubtitleTarget)
    return target.suffix


@pytest.mark.parametrize("codec", sorted(subtitles.TEXT))
def test_text_is_extracted(codec: str) -> None:
    found = decided(text(codec=codec))[0]
    assert (found.action, found.reason) == (StreamAction.EXTRACT, Reason.CAPTIONS if codec == "eia_608" else Reason.TEXT_SUBTITLE)


@pytest.mark.parametrize("codec", [None, "ttml", "hdmv_text_subtitle"])
def test_what_nobody_can_read_is_dropped_with_its_reason(codec: str | None) -> None:
    found = decided(text(codec=codec))[0]
    assert (found.action, found.reason, found.target) == (StreamAction.DROP, Reason.UNDECODABLE, None)


@pytest.mark.parametrize(("codec", "extension"), [("hdmv_pgs_subtitle", "sup"), ("dvd_subtitle", "mks"), ("dvb_subtitle", "mks"),
                                                  ("xsub", "mks")])
def test_pictures_of_text_stay_with_the_original(codec: str, extension: str) -> None:
    found = decided(text(codec=codec, disposition=FORCED))[0]
    assert (found.action, found.reason) == (StreamAction.EXTRACT, Reason.IMAGE_SUBTITLE)
    assert found.target == SubtitleTarget(suffix=".eng.forced", extension=extension, with_original=True)


def test_subtitles_can_be_switched_off() -> None:
    assert decided(text(), profile=Profile(subtitles=TextSubtitles.NONE))[0].reason is Reason.SWITCHED_OFF
    assert decided(text(codec="xsub"), profile=Profile(image_subtitles=ImageSubtitles.DROP))[0].reason is Reason.SWITCHED_OFF


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ".eng"),
        ({"language": None}, ""),
        ({"disposition": Disposition(forced=True)}, ".eng.forced"),
        ({"disposition": Disposition(hearing_impaired=True)}, ".eng.sdh"),
        ({"title": "English (SDH)"}, ".eng.sdh"),
        ({"title": "English [CC]"}, ".eng.cc"),
        ({"codec": "eia_608"}, ".eng.cc"),
        ({"title": "Forced"}, ".eng.forced"),
        ({"title": "Enforced"}, ".eng"),
        ({"disposition": Disposition(forced=True, hearing_impaired=True), "language": None}, ".forced.sdh"),
        ({"disposition": Disposition(default=True)}, ".eng"),
        ({"disposition": Disposition(default=True, forced=True)}, ".eng.default.forced"),
        ({"disposition": Disposition(comment=True)}, ".commentary.eng"),
    ],
)
def test_the_name_says_language_and_kind(facts: dict[str, Any], expected: str) -> None:
    assert suffix(**facts) == expected


def test_equal_tracks_are_told_apart_by_a_number_in_front() -> None:
    found = decided(text(2), text(3), text(4), text(5, language=None), text(6, language=None), text(7, "dvd_subtitle"))
    names = [(d.target.suffix, d.target.extension) for d in found if isinstance(d.target, SubtitleTarget)]
    assert names == [(".eng", "srt"), (".2.eng", "srt"), (".3.eng", "srt"), ("", "srt"), (".2", "srt"), (".eng", "mks")]


@pytest.mark.parametrize(("container", "codec", "action", "made"), [
    (Container.MP4, "subrip", StreamAction.ENCODE, "mov_text"), (Container.MP4, "mov_text", StreamAction.COPY, None),
    (Container.MKV, "subrip", StreamAction.ENCODE, "subrip"), (Container.MKV, "ass", StreamAction.ENCODE, "subrip"),
    (Container.WEBM, "webvtt", StreamAction.COPY, None), (Container.WEBM, "mov_text", StreamAction.ENCODE, "webvtt"),
])
def test_text_inside_the_film_is_what_its_container_holds(container: Container, codec: str, action: StreamAction,
                                                          made: str | None) -> None:
    found = decided(text(codec=codec), profile=Profile(subtitles=TextSubtitles.EMBED, container=container))[0]
    assert found.action is action
    assert (found.target.codec if isinstance(found.target, SubtitleTarget) else None) == made


def test_text_inside_the_film_stands_behind_the_sound_and_makes_no_encode_of_it() -> None:
    media = film(picture(), sound(), text(2), text(3, disposition=FORCED))
    made = plan.decide(media, Profile(subtitles=TextSubtitles.EMBED))
    assert [s.kind for s in made.kept] == ["video", "audio", "subtitle", "subtitle"]
    assert [(s.default, s.forced) for s in made.kept[2:]] == [(False, False), (False, True)]
    assert made.method == "remux"


BURN = Profile(image_subtitles=ImageSubtitles.BURN_FORCED)
PGS = "hdmv_pgs_subtitle"


@pytest.mark.parametrize(("tracks", "expected"), [
    ((), None),
    ((text(2, PGS),), None),
    ((text(2, "subrip", disposition=FORCED),), None),
    ((text(2, PGS), text(3, PGS, disposition=FORCED)), Burn(index=3, fitted=True)),
    ((text(2, "dvd_subtitle", title="Forced"),), Burn(index=2, fitted=False)),
    ((text(2, PGS, disposition=FORCED), text(3, PGS, disposition=Disposition(forced=True, default=True))),
     Burn(index=3, fitted=True)),
])
def test_the_forced_pictures_are_burnt_in_by_wish(tracks: tuple[SubtitleStream, ...], expected: Burn | None) -> None:
    assert subtitles.to_burn(tracks, BURN) == expected
    assert subtitles.to_burn(tracks, PLAIN) is None


def test_what_is_burnt_in_is_no_file_any_more() -> None:
    burnt, other = decided(text(2, PGS, disposition=FORCED), text(3, PGS), profile=BURN, burnt=2)
    assert (burnt.action, burnt.reason) == (StreamAction.DROP, Reason.BURNT_IN)
    assert (other.action, other.reason) == (StreamAction.EXTRACT, Reason.IMAGE_SUBTITLE)


def test_captions_that_were_seen_become_a_file() -> None:
    *_, found = decided(text(), seen=True)
    assert (found.kind, found.index, found.reason) == ("captions", 0, Reason.CAPTIONS)
    assert found.target == SubtitleTarget(suffix=".cc")
    assert decided(seen=None) == decided(seen=False) == ()
    assert decided(seen=True, profile=Profile(subtitles=TextSubtitles.NONE)) == ()


def test_captions_are_looked_for_only_where_they_can_be() -> None:
    assert captions.ask(film(picture(codec="mpeg2video")), PLAIN)
    assert not captions.ask(film(picture(codec="vp9")), PLAIN)
    assert not captions.ask(film(picture()), Profile(subtitles=TextSubtitles.NONE))
    assert not captions.ask(film(picture()), Profile(container=Container.SOURCE))
