"""Every kind of source in the catalogue through a real daemon: decided as promised, filed, playable by every client, and then
with nothing left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from clips import Clips
from harness import Daemon, daemon
from judging import Oracle, described, oracle
from needs import missing
from pectin.encoding.tools import find
from pectin.model.measured import Scan
from pectin.model.plan import Method
from pectin.planning.layout import read_layout
from pectin.planning.plan import decide
from pectin.planning.probe import parse
from sources.catalogue import SOURCES
from sources.deciding import profile_of
from sources.dropping import all_ended
from sources.making import Workshop
from sources.phrases import Source

FILED = [source for source in SOURCES if source.refused is None]
TEXTS = ("subtitle extract text_subtitle", "captions extract captions")
REFUSED = [source for source in SOURCES if source.refused is not None]


def dropped_as(source: Source) -> str:
    """A name of its own: two sources may differ in their extension only, their films in the library may not."""
    return f"{source.stem} {Path(source.name).suffix[1:]}{Path(source.name).suffix}"


def profile(source: Source) -> str:
    return f"{source.stem}-wished" if source.wishes else "universal"


@dataclass(frozen=True)
class Done:
    """The daemon and its jobs, each in its last state, by the name of its source."""

    running: Daemon
    jobs: dict[str, dict[str, Any]]
    workshop: Workshop
    decoders: frozenset[str]
    _said: dict[Path, dict[str, Any]] = field(default_factory=dict)

    def filed(self, source: Source) -> tuple[dict[str, Any], Path]:
        """The job and the film it has placed."""
        if source.decoder and source.decoder not in self.decoders:
            missing(f"a decoder for {source.decoder}", "use an ffmpeg that is built with it, as Debian's")
        job = self.jobs[dropped_as(source)]
        assert job["state"] == "COMPLETED", f"{job['cause']}: {job['message']}"
        return job, next(Path(output["path"]) for output in job["outputs"] if output["role"] == "video")

    def said(self, film: Path) -> dict[str, Any]:
        """What ffprobe says of it, asked once."""
        if film not in self._said:
            self._said[film] = described(film)
        return self._said[film]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, clips: Clips) -> Iterator[Done]:
    """All sources at once, two jobs beside each other. A profile that wishes for something has a route of its own."""
    workshop = Workshop(clips)
    folder = tmp_path_factory.mktemp("d")
    profiles: dict[str, dict[str, Any]] = {profile(source): {"preset": "ultrafast"} | source.wishes for source in SOURCES}
    for name in profiles:
        (folder / "inbox" / name).mkdir(parents=True)
        (folder / "libraries" / name).mkdir(parents=True)
    routes = [{"name": name, "inbox": str(folder / "inbox" / name), "library": str(folder / "libraries" / name), "profile": name}
              for name in profiles]
    with daemon(folder, {"encoder": {"threads": 1, "jobs": 2}, "profiles": profiles, "routes": routes}) as made:
        for source in SOURCES:
            made.drop(workshop.make(source), f"{profile(source)}/{dropped_as(source)}")
        yield Done(made, all_ended(made, len(SOURCES)), workshop, asyncio.run(find("auto")).decoders or frozenset())


@pytest.fixture(scope="module")
def judge() -> Iterator[Oracle]:
    with oracle() as made:
        yield made


def decisions(plan: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{stream['kind']} {stream['action']} {stream['reason']}" for stream in plan["streams"])


@pytest.mark.parametrize("source", FILED, ids=str)
def test_it_is_decided_as_promised_and_filed(done: Done, source: Source) -> None:
    job, film = done.filed(source)
    plan = job["plan"]
    assert decisions(plan) == source.decisions, [stream["sentence"] for stream in plan["streams"]]
    assert plan["method"] == source.method
    target = plan["streams"][0]["target"]
    if target is not None and source.measured.scan is not None:
        assert (target["deinterlace"], target["detelecine"]) == (source.measured.scan is Scan.INTERLACED,
                                                                source.measured.scan is Scan.TELECINED)
    if source.method is Method.FILE:
        assert film.read_bytes() == done.workshop.make(source).read_bytes()
    extracted = [Path(output["path"]) for output in job["outputs"] if output["role"] == "subtitle"]
    assert len(extracted) == sum(decision in TEXTS for decision in source.decisions)
    for text in extracted:
        words = text.read_bytes().decode("utf-8").casefold()
        assert "jelly" in words
        assert "quince" in words


@pytest.mark.parametrize("source", FILED, ids=str)
def test_there_is_nothing_left_to_do_for_it(done: Done, source: Source) -> None:
    """By the headers of what was filed; where the frames themselves decided, they are looked at again."""
    _, film = done.filed(source)
    if source.measured.scan is not None:
        again = done.running.client().get("/v1/plan", path=str(film))["plan"]
        assert again["method"] == Method.FILE, [stream["sentence"] for stream in again["streams"]]
        return
    content = film.read_bytes()
    layout = read_layout(lambda offset, length: content[offset:offset + length], len(content))
    decided = decide(replace(parse(done.said(film)), layout=layout), profile_of(source))
    assert decided.method is Method.FILE, [stream.sentence for stream in decided.streams]


@pytest.mark.parametrize("source", FILED, ids=str)
def test_every_client_plays_it_as_it_is(done: Done, judge: Oracle, source: Source) -> None:
    _, film = done.filed(source)
    assert judge.transcodes(done.said(film)) == {}


@pytest.mark.parametrize("source", REFUSED, ids=str)
def test_it_is_refused_for_the_reason_promised(done: Done, source: Source) -> None:
    job = done.jobs[dropped_as(source)]
    assert (job["state"], job["cause"]) == ("REJECTED", source.refused)


