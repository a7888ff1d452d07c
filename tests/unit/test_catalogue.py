"""The catalogue of sources: every promised container is in it, its probes lie beside it, and for each the decision is as
promised. (That the decision works is for tests/integration/test_every_source.py.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from pectin.planning import rules
from sources.catalogue import SOURCES
from sources.deciding import PROBES, planned, probed, profile_of, rows
from sources.doctoring import DOCTORS
from sources.phrases import Source

# A line for each source. When one is added, the failing test shows its line: to be read by a person, and put in.
FACTS = {line.partition(" | ")[0]: line for line in (PROBES / "facts.txt").read_text(encoding="utf-8").splitlines()}


def facts(source: Source) -> str:
    """The main facts of a probe in one line: container, picture, sound, subtitles, what else."""
    media = probed(source)
    video = [f"{s.codec} {s.width}x{s.height} {s.pixel_format} {float(s.frame_rate or 0):.5g}" for s in media.video]
    marks = [mark for s in media.video[:1] for mark in (
        f"{s.color_transfer}" if s.color_transfer else "", s.field_order if s.field_order not in (None, "progressive") else "",
        f"pixels {s.sample_aspect_ratio}" if s.sample_aspect_ratio not in (None, 1) else "",
        f"turned {s.rotation}" if s.rotation else "",
        f"Dolby Vision {s.dolby_vision_profile}.{s.dolby_vision_compatibility}" if s.dolby_vision_profile else "") if mark]
    audio = [f"{s.codec} {s.channels} {s.sample_rate}{f' {s.language}' if s.language else ''}" for s in media.audio]
    texts = [f"{s.codec}{f' {s.language}' if s.language else ''}" for s in media.subtitles]
    rest = [f"cover {s.codec}" for s in media.covers] + [s.kind for s in media.others]
    if media.chapters:
        rest.append(f"{media.chapters} chapters")
    return " | ".join([source.name, media.formats[0], *(", ".join(part) for part in (video + marks, audio, texts, rest) if part)])


def test_the_catalogue_and_the_probes_agree() -> None:
    assert {path.name.removesuffix(".json") for path in PROBES.glob("*.json")} == {source.name for source in SOURCES}
    assert len({source.name for source in SOURCES}) == len(SOURCES)
    assert FACTS.keys() == {source.name for source in SOURCES}


def test_every_promised_container_has_its_sources() -> None:
    assert len(SOURCES) >= 60
    assert {Path(source.name).suffix for source in SOURCES} >= {
        ".avi", ".mkv", ".mp4", ".mov", ".ts", ".m2ts", ".mpg", ".webm", ".flv", ".wmv", ".ogv", ".3gp"}


def test_every_source_says_how_it_ends() -> None:
    for source in SOURCES:
        assert (source.refused is None) == (source.method is not None) == bool(source.decisions), source
        assert not source.doctor or source.doctor in DOCTORS


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_the_facts_of_every_probe_are_read(source: Source) -> None:
    assert facts(source) == FACTS.get(source.name)


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_every_source_is_decided_as_promised(source: Source) -> None:
    refused = rules.refusals(probed(source), profile_of(source))
    if source.refused is not None:
        assert [refusal.cause for refusal in refused] == [source.refused]
        return
    assert refused == ()
    plan = planned(source)
    assert tuple(f"{s.kind} {s.action} {s.reason}" for s in plan.streams) == source.decisions, [s.sentence for s in plan.streams]
    assert plan.method is source.method


def test_the_table_for_people_has_a_sentence_for_every_source() -> None:
    table = list(rows())
    assert len(table) == len(SOURCES)
    assert all(what and decision and why.rstrip(".") for what, decision, why in table)
