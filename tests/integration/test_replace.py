"""A new film takes the name of an old one: in one step, and whatever happens, the old one is found exactly once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crashing import crash_at
from intending import intend
from needs import need_root
from pectin.linux import move
from pectin.model.conflict import Conflict, Terms
from pectin.model.errors import Cause, PectinError
from pectin.model.intent import Intent
from pectin.publishing import place, replace, strays, things
from pectin.publishing.address import refuse_taken, renamed
from watching import mounted

JOB = "0123456789"
TARGET = PurePosixPath("Film/Film.mp4")
NEW, NEW_SUB = b"new film" * 999, b"new words"
OLD, OLD_SUB, OLD_EXTRA = b"old film" * 1000, b"old words", b"old words in another language"
FINALS = {"Film/Film.mp4": NEW, "Film/Film.eng.srt": NEW_SUB}


class Shelf:
    """A library that has a film, another one that is to take its place, and an archive."""

    def __init__(self, root: Path) -> None:
        self.root, self.library, self.archive = root, root / "library", root / "originals" / JOB / ".replaced"
        self.out = root / "work" / JOB / "out"

    def fill(self) -> None:
        for path in (self.root / "originals", self.out):
            shutil.rmtree(path, ignore_errors=True)
        self.out.mkdir(parents=True)
        self.library.mkdir(exist_ok=True)
        shutil.rmtree(self.library / "Film", ignore_errors=True)
        (self.library / "Film").mkdir()
        for name, content in {"mp4": OLD, "eng.srt": OLD_SUB, "ger.srt": OLD_EXTRA}.items():
            (self.library / "Film" / f"Film.{name}").write_bytes(content)
        (self.out / "video.mp4").write_bytes(NEW)
        (self.out / "sub.srt").write_bytes(NEW_SUB)

    def intend(self, terms: Terms) -> Intent:
        return intend([("subtitle", self.out / "sub.srt", ".eng", "srt"), ("video", self.out / "video.mp4", "", "mp4")],
                      library=self.library, place=TARGET, job_id=JOB, terms=terms)

    def earlier(self) -> Terms:
        """As after a redo: all three are of an earlier publish of this job."""
        return Terms(earlier=tuple(self.library / "Film" / f"Film.{name}" for name in ("mp4", "eng.srt", "ger.srt")))

    def carry_out(self, intent: Intent) -> None:
        place.carry_out(intent, file_mode=0o640, folder_mode=0o750, group=None, archive=self.archive)

    def seen(self) -> dict[str, bytes]:
        """What whoever looks into the library sees."""
        return {name: content for name, content in contents(self.library).items() if not Path(name).name.startswith(".")}

    def everything(self) -> list[bytes]:
        """Each file's content, once for one that has two names."""
        found = {path.stat()[1:3]: path for root in (self.library, self.root / "originals", self.out) for path in root.rglob("*")
                 if path.is_file()}
        return [path.read_bytes() for path in found.values()]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def here(tmp_path: Path) -> Shelf:
    shelf = Shelf(tmp_path)
    shelf.fill()
    return shelf


@pytest.fixture
def shelf(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """In memory: hundreds of crashes would wait for the disk most of the time."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
        if request.param == "two file systems":
            need_root("mount a file system of its own for the library")
            (root / "library").mkdir()
            stack.enter_context(mounted(root / "library", "-t", "tmpfs", "-o", "size=2m", "tmpfs"))
        if request.param == "no links":
            def refuse(*_: object, **__: object) -> None:
                raise PermissionError(1, "no links here")
            monkeypatch.setattr(replace.os, "link", refuse)
        shelf = Shelf(root)
        shelf.fill()
        yield shelf


def test_a_film_is_replaced_with_its_subtitles_and_the_old_ones_are_archived(here: Shelf) -> None:
    intent = here.intend(Terms(Conflict.REPLACE))
    assert Intent.from_json(intent.as_json()) == intent
    for _ in range(2):  # once more does no harm
        here.carry_out(intent)
        assert contents(here.library) == {**FINALS, "Film/Film.ger.srt": OLD_EXTRA}
        assert contents(here.archive) == {"Film/Film.mp4": OLD, "Film/Film.eng.srt": OLD_SUB}
        assert not list(here.out.iterdir())


def test_encoded_again_a_film_has_its_old_name_and_what_has_no_successor_leaves_too(here: Shelf) -> None:
    (here.library / "Film/Film.mp4").rename(here.library / "Film/Film - version 2.mp4")
    second = here.library / "Film/Film - version 2.mp4"
    intent = here.intend(Terms(Conflict.REJECT, earlier=(second, *here.earlier().earlier[1:])))
    assert intent.video.final == second
    here.carry_out(intent)
    assert contents(here.library) == {"Film/Film - version 2.mp4": NEW, "Film/Film - version 2.eng.srt": NEW_SUB}
    assert contents(here.archive) == {"Film/Film - version 2.mp4": OLD, "Film/Film.eng.srt": OLD_SUB,
                                      "Film/Film.ger.srt": OLD_EXTRA}


def test_a_film_that_comes_out_the_same_is_not_taken_for_one_whose_subtitles_stand(here: Shelf) -> None:
    """The same settings make the same bytes."""
    (here.library / "Film/Film.mp4").write_bytes(NEW)
    here.carry_out(here.intend(here.earlier()))
    assert contents(here.library) == FINALS
    assert contents(here.archive) == {"Film/Film.eng.srt": OLD_SUB, "Film/Film.ger.srt": OLD_EXTRA}
    assert not list(here.out.iterdir())


def test_replacing_twice_keeps_both_old_ones(here: Shelf) -> None:
    here.carry_out(here.intend(here.earlier()))
    (here.out / "video.mp4").write_bytes(b"newer")
    (here.out / "sub.srt").write_bytes(NEW_SUB)
    here.carry_out(here.intend(Terms(earlier=here.earlier().earlier[:2])))
    assert contents(here.library) == {"Film/Film.mp4": b"newer", "Film/Film.eng.srt": NEW_SUB}
    assert {name: content for name, content in contents(here.archive).items() if name.endswith("mp4")} == {
        "Film/Film.mp4": OLD, "Film/Film (2).mp4": NEW}


def test_where_films_of_one_name_are_refused_nothing_is_even_intended(here: Shelf) -> None:
    before = contents(here.library)
    for action in (lambda: here.intend(Terms(Conflict.REJECT)),
                   lambda: refuse_taken(here.library, TARGET, Terms(Conflict.REJECT))):
        with pytest.raises(PectinError) as refused:
            action()
        assert refused.value.cause is Cause.NAME_EXISTS
        assert "Film.mp4" in refused.value.sentence or "Film.eng.srt" in refused.value.sentence
    refuse_taken(here.library, PurePosixPath("Other/Other.mp4"), Terms(Conflict.REJECT))
    assert contents(here.library) == before


def test_what_came_with_a_film_is_replaced_only_where_it_is_ours_and_unchanged(here: Shelf) -> None:
    for name in ("Film-poster.jpg", "Film.nfo"):
        (here.library / "Film" / name).write_bytes(b"is there")
        (here.out / name).write_bytes(b"comes")
    outputs = [("sidecar", here.out / "Film-poster.jpg", "-poster", "jpg"), ("sidecar", here.out / "Film.nfo", "", "nfo"),
               ("video", here.out / "video.mp4", "", "mp4")]
    ours = frozenset({here.library / "Film/Film-poster.jpg"})
    here.carry_out(intend(outputs, library=here.library, place=TARGET, job_id=JOB, terms=Terms(Conflict.REPLACE, ours=ours)))
    assert contents(here.library)["Film/Film-poster.jpg"] == b"comes"
    assert contents(here.library)["Film/Film.nfo"] == b"is there"
    assert contents(here.archive) == {"Film/Film.mp4": OLD, "Film/Film-poster.jpg": b"is there"}


@pytest.mark.parametrize("what", ["folder", "link"])
def test_what_is_no_file_is_not_replaced(here: Shelf, what: str) -> None:
    final = here.library / "Film/Film.mp4"
    final.unlink()
    final.mkdir() if what == "folder" else final.symlink_to("/etc/hostname")
    assert here.intend(Terms(Conflict.REPLACE)).video.final.name == "Film - version 2.mp4"


def test_a_film_that_comes_between_is_replaced_as_well_once_it_is_known(here: Shelf) -> None:
    (here.library / "Film/Film.mp4").unlink()
    intent = here.intend(Terms(Conflict.REPLACE))
    (here.library / "Film/Film.mp4").write_bytes(OLD)
    with pytest.raises(PectinError) as refused:
        here.carry_out(intent)
    assert refused.value.cause is Cause.NAME_TAKEN
    place.take_back(intent)
    assert here.seen()["Film/Film.eng.srt"] == OLD_SUB
    here.carry_out(renamed(intent, TARGET, JOB, Terms(Conflict.REPLACE)))
    assert here.seen() == {**FINALS, "Film/Film.ger.srt": OLD_EXTRA}
    assert contents(here.archive) == {"Film/Film.mp4": OLD, "Film/Film.eng.srt": OLD_SUB}


def test_a_full_archive_leaves_the_new_film_in_its_place_and_the_old_one_hidden_until_there_is_room(tmp_path: Path) -> None:
    need_root("mount a small file system for the archive")
    shelf = Shelf(tmp_path)
    shelf.fill()
    (tmp_path / "originals").mkdir(exist_ok=True)
    with mounted(tmp_path / "originals", "-t", "tmpfs", "-o", "size=40k", "tmpfs"):
        ballast = tmp_path / "originals/ballast"
        ballast.write_bytes(b"x" * 30_000)
        intent = shelf.intend(Terms(Conflict.REPLACE))
        with pytest.raises(PectinError) as full:
            shelf.carry_out(intent)
        assert full.value.cause is Cause.NO_SPACE
        assert shelf.seen() == {**FINALS, "Film/Film.ger.srt": OLD_EXTRA}
        assert OLD in contents(shelf.library).values()
        assert place.stands(intent)
        ballast.unlink()
        shelf.carry_out(intent)
        assert contents(shelf.archive) == {"Film/Film.mp4": OLD, "Film/Film.eng.srt": OLD_SUB}
        assert shelf.seen() == contents(shelf.library)


@pytest.mark.parametrize(("shelf", "terms"), [("one file system", "redo"), ("two file systems", "replace"),
                                              ("no links", "replace")], indirect=["shelf"])
def test_a_crash_at_any_line_is_finished_by_the_next_call(shelf: Shelf, terms: str) -> None:
    line, crashed = 0, True
    while crashed:
        line += 1 if terms == "redo" else 2
        shelf.fill()
        intent = shelf.intend(shelf.earlier() if terms == "redo" else Terms(Conflict.REPLACE))
        crashed = crash_at(line, (place, things, move, replace), lambda intent=intent: shelf.carry_out(intent))  # type: ignore[misc]
        seen = shelf.seen()
        assert seen["Film/Film.mp4"] in (OLD, NEW), f"line {line}"  # never none, never half
        assert seen["Film/Film.eng.srt"] in (OLD_SUB, NEW_SUB), f"line {line}"
        assert {OLD, OLD_SUB, OLD_EXTRA} <= set(shelf.everything()), f"line {line}"
        shelf.carry_out(intent)
        left = {} if terms == "redo" else {"Film/Film.ger.srt": OLD_EXTRA}
        assert contents(shelf.library) == FINALS | left, f"line {line}"
        gone = {"Film/Film.ger.srt": OLD_EXTRA} if terms == "redo" else {}
        assert contents(shelf.archive) == {"Film/Film.mp4": OLD, "Film/Film.eng.srt": OLD_SUB, **gone}, f"line {line}"
        assert not list(shelf.out.iterdir())
    assert line > 80


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(crashes=st.lists(st.tuples(st.sampled_from(["carry out", "take back", "withdraw"]), st.integers(1, 160)), max_size=4),
       redo=st.booleans(), stranger=st.sampled_from(["", "Film/Film.mp4", "Film/Film.eng.srt"]),
       end=st.sampled_from(["again", "up"]))
def test_whatever_crashes_and_whoever_comes_between_no_film_is_lost(
        tmp_path: Path, crashes: list[tuple[str, int]], redo: bool, stranger: str, end: str) -> None:
    """Crashes in any order; then somebody may put a film of his own under a name; then the job is finished, or given up."""
    shelf = Shelf(tmp_path)
    shelf.fill()
    terms = shelf.earlier() if redo else Terms(Conflict.REPLACE)
    intent = shelf.intend(terms)
    for what, line in crashes:
        act = {"carry out": shelf.carry_out, "take back": place.take_back, "withdraw": place.withdraw}[what]

        def refusing(act: object = act) -> None:
            with suppress(PectinError):  # given up before, and now nothing is left to place: the worker would make it again
                act(intent)  # type: ignore[operator]

        crash_at(line, (place, things, move, replace), refusing)
        assert {OLD, OLD_SUB, OLD_EXTRA} <= set(shelf.everything())
    if stranger:
        (shelf.root / "stranger").write_bytes(b"a stranger's")
        kept = shelf.library / stranger
        if kept.exists():  # he looks after what he moves away
            kept.rename(shelf.library / "Film" / f"kept by him {kept.name}")
        (shelf.root / "stranger").rename(kept)
    (shelf.out / "video.mp4").write_bytes(NEW)  # made again
    (shelf.out / "sub.srt").write_bytes(NEW_SUB)
    if end == "again":
        shelf.carry_out(shelf.intend(Terms(Conflict.REPLACE, earlier=tuple(p for p in terms.earlier if p.is_file()))))
        assert shelf.seen().items() >= FINALS.items()
    else:
        place.withdraw(intent)
    for stray in strays.stray_parts(shelf.library, {JOB}):
        if strays.is_replaced(stray):
            strays.restore_or_archive(stray, shelf.library, shelf.archive)
        else:
            strays.discard_parts([stray])
    assert not [name for name in contents(shelf.library) if Path(name).name.startswith(".")]
    everything = shelf.everything()
    for content in (OLD, OLD_SUB, OLD_EXTRA, *([b"a stranger's"] if stranger else [])):
        assert everything.count(content) == 1
