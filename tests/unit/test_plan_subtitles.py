"""planning/subtitles.py: text becomes files with names Jellyfin understands, pictures stay behind."""

from __future__ import annotations

from typing import Any

import pytest

from pectin.model.media import Disposition
from pectin.model.plan import Reason, StreamAction, SubtitleTarget
from pectin.planning import subtitles
from unit.mediamaker import text


def suffix(**facts: Any) -> str:
    target = subtitles.decide([text(**facts)], wanted=True)[0].target
    assert isinstance(target, SubtitleTarget)
    return target.suffix


@pytest.mark.parametrize("codec", sorted(subtitles.TEXT))
def test_text_is_extracted(codec: str) -> None:
    found = subtitles.decide([text(codec=codec)], wanted=True)[0]
    assert (found.action, found.reason) == (StreamAction.EXTRACT, Reason.TEXT_SUBTITLE)


@pytest.mark.parametrize(
    ("codec", "reason"),
    [
        ("hdmv_pgs_subtitle", Reason.IMAGE_SUBTITLE),
        ("dvd_subtitle", Reason.IMAGE_SUBTITLE),
        ("dvb_subtitle", Reason.IMAGE_SUBTITLE),
        ("xsub", Reason.IMAGE_SUBTITLE),
        ("eia_608", Reason.UNDECODABLE),
        (None, Reason.UNDECODABLE),
    ],
)
def test_what_is_no_text_is_dropped_with_its_reason(codec: str | None, reason: Reason) -> None:
    found = subtitles.decide([text(codec=codec)], wanted=True)[0]
    assert (found.action, found.reason, found.target) == (StreamAction.DROP, reason, None)


def test_subtitles_can_be_switched_off() -> None:
    assert subtitles.decide([text()], wanted=False)[0].reason is Reason.SWITCHED_OFF


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ".eng"),
        ({"language": None}, ""),
        ({"disposition": Disposition(forced=True)}, ".eng.forced"),
        ({"disposition": Disposition(hearing_impaired=True)}, ".eng.sdh"),
        ({"title": "English (SDH)"}, ".eng.sdh"),
        ({"title": "Forced"}, ".eng.forced"),
        ({"title": "Enforced"}, ".eng"),
        ({"disposition": Disposition(forced=True, hearing_impaired=True), "language": None}, ".forced.sdh"),
        ({"disposition": Disposition(default=True)}, ".eng"),
    ],
)
def test_the_name_says_language_and_kind(facts: dict[str, Any], expected: str) -> None:
    assert suffix(**facts) == expected


def test_equal_tracks_are_told_apart_by_a_number_in_front() -> None:
    found = subtitles.decide([text(2), text(3), text(4), text(5, language=None), text(6, language=None)], wanted=True)
    assert [d.target.suffix for d in found if isinstance(d.target, SubtitleTarget)] == [".eng", ".2.eng", ".3.eng", "", ".2"]
