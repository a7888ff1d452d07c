"""Outputs that are folders, and outputs that lie among the renditions: placed whole or not at all, found again, taken away."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace as replaced
from pathlib import Path, PurePosixPath

import pytest

from crashing import crash_at
from harness import files
from intending import intend
from needs import need_root
from pectin.linux import move, trees
from pectin.model.conflict import Conflict, Terms
from pectin.model.errors import Cause, PectinError
from pectin.model.intent import Intent
from pectin.model.output import Home, Output
from pectin.publishing import place, replace, restore, strays, things
from pectin.publishing.address import renamed
from watching import mounted

JOB, OTHER = "0123456789", "0123456788"
TARGET = PurePosixPath("Film (1995)/Film (1995).mp4")
FILM, SMALL = b"film" * 500, b"small film" * 100
SET = {"master.m3u8": b"#EXTM3U", "720p/00000.m4s": b"a" * 300, "720p/00001.m4s": b"b" * 300}
TILES = {"320 - 10x10/0.jpg": b"tiles"}
IN_LIBRARY = {"Film (1995)/Film (1995).mp4": FILM, "Film (1995)/Film (1995)-poster.jpg": b"poster",
              **{f"Film (1995)/Film (1995).trickplay/{name}": content for name, content in TILES.items()}}
APART = {"films/Film (1995)/720p.mp4": SMALL, **{f"films/Film (1995)/hls/{name}": content for name, content in SET.items()}}


class Shelf:
    """A library, a folder for renditions, and outputs of every kind."""

    def __init__(self, root: Path) -> None:
        self.root, self.library, self.renditions = root, root / "library", root / "renditions"
        self.out, self.archive = root / "work" / JOB / "out", root / "originals" / JOB / ".replaced"
        for folder in (self.library, self.renditions):
            folder.mkdir(exist_ok=True)

    def make(self, mark: bytes = b"") -> list[Output]:
        shutil.rmtree(self.out, ignore_errors=True)
        for name, content in {"video.mp4": FILM, "small.mp4": SMALL, "poster.jpg": b"poster",
                              **{f"hls/{name}": content for name, content in SET.items()},
                              **{f"tiles/{name}": content for name, content in TILES.items()}}.items():
            (self.out / name).parent.mkdir(parents=True, exist_ok=True)
            (self.out / name).write_bytes(content + mark)
        return [
            Output(role="video", file=str(self.out / "video.mp4"), extension="mp4"),
            Output(role="rendition", file=str(self.out / "small.mp4"), home=Home.RENDITIONS, name="720p.mp4", suffix=" - 720p",
                   extension="mp4"),
            Output(role="hls", file=str(self.out / "hls"), home=Home.RENDITIONS, name="hls", tree=True),
            Output(role="poster", file=str(self.out / "poster.jpg"), suffix="-poster", extension="jpg"),
            Output(role="trickplay", file=str(self.out / "tiles"), extension="trickplay", tree=True)]

    def intend(self, terms: Terms = Terms(), mark: bytes = b"", job_id: str = JOB) -> Intent:  # noqa: B008  (frozen)
        return intend(self.make(mark), library=self.library, renditions=self.renditions, place=TARGET, job_id=job_id, terms=terms)

    def carry_out(self, intent: Intent) -> None:
        place.carry_out(intent, file_mode=0o640, folder_mode=0o750, group=None, archive=self.archive)

    def seen(self) -> dict[str, bytes]:
        """What whoever looks into the two sees: nothing in a hidden folder."""
        return {name: content for root in (self.library, self.renditions) for name, content in contents(root).items()
                if not any(part.startswith(".") for part in Path(name).parts)}

    def hidden(self) -> list[str]:
        return [name for root in (self.library, self.renditions) for name in contents(root)
                if any(part.startswith(".") for part in Path(name).parts)]

    def earlier(self, intent: Intent) -> Terms:
        return Terms(earlier=tuple(placement.final for placement in reversed(intent.placements)))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def outputs_of(intent: Intent) -> list[dict[str, object]]:
    return [{"role": p.role, "path": str(p.final), "size": p.size, "sha256": p.sha256} | ({"files": p.files} if p.files else {})
            for p in reversed(intent.placements)]


@pytest.fixture
def here(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture(params=["one file system", "two file systems"])
def shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
        if request.param == "two file systems":
            need_root("mount a file system of its own for the renditions")
            (root / "renditions").mkdir()
            stack.enter_context(mounted(root / "renditions", "-t", "tmpfs", "-o", "size=2m", "tmpfs"))
        yield Shelf(root)


def test_folders_and_renditions_are_placed_with_their_modes_and_the_film_comes_last(here: Shelf) -> None:
    before = os.umask(0o077)
    try:
        intent = here.intend()
        assert Intent.from_json(intent.as_json()) == intent
        assert intent.placements[-1].role == "video"
        assert intent.roots == (here.library, here.renditions)
        for _ in range(2):  # once more does no harm
            here.carry_out(intent)
            assert here.seen() == IN_LIBRARY | APART
            assert not here.hidden()
            assert files(here.out) == []
    finally:
        os.umask(before)
    for root in (here.library, here.renditions):
        for path in root.rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o750 if path.is_dir() else 0o640)


def test_a_folder_for_renditions_that_is_away_is_waited_for_like_a_library(here: Shelf) -> None:
    intent = here.intend()
    here.renditions.rmdir()
    with pytest.raises(PectinError) as away:
        here.carry_out(intent)
    assert away.value.cause is Cause.LIBRARY_MISSING
    assert here.seen() == {}
    here.renditions.mkdir()
    here.carry_out(intent)
    assert here.seen() == IN_LIBRARY | APART


def test_decoration_whose_name_is_taken_is_left_out_and_the_film_keeps_its_name(here: Shelf) -> None:
    (here.library / "Film (1995)/Film (1995).trickplay").mkdir(parents=True)
    (here.library / "Film (1995)/Film (1995)-poster.jpg").write_bytes(b"somebody's")
    here.carry_out(here.intend())
    assert here.seen() == {"Film (1995)/Film (1995).mp4": FILM, "Film (1995)/Film (1995)-poster.jpg": b"somebody's", **APART}


def test_names_that_are_taken_among_the_renditions_give_the_film_another_folder_there(here: Shelf) -> None:
    (here.renditions / "films/Film (1995)/hls").mkdir(parents=True)
    intent = here.intend(Terms(Conflict.REJECT))
    here.carry_out(intent)
    assert intent.video.final == here.library / TARGET
    assert {name for name in here.seen() if name.startswith("films")} == {name.replace("(1995)", "(1995) (2)") for name in APART}


def test_another_film_of_that_name_has_folders_of_its_own(here: Shelf) -> None:
    here.carry_out(here.intend())
    here.carry_out(here.intend(mark=b"2", job_id=OTHER))
    assert here.seen().items() >= (IN_LIBRARY | APART).items()
    assert (here.renditions / "films/Film (1995) - version 2/hls/720p/00001.m4s").read_bytes() == SET["720p/00001.m4s"] + b"2"
    assert (here.library / "Film (1995)/Film (1995) - version 2.mp4").read_bytes() == FILM + b"2"


def test_made_again_all_of_it_takes_the_old_names_and_what_has_no_successor_is_archived_too(here: Shelf) -> None:
    here.carry_out(first := here.intend())
    intent = here.intend(here.earlier(first), b"new")
    here.carry_out(intent)
    assert here.seen() == {name: content + b"new" for name, content in (IN_LIBRARY | APART).items()}
    assert contents(here.archive) == IN_LIBRARY | APART
    video = [output for output in here.make(b"newest") if output.role == "video"]
    here.carry_out(intend(video, library=here.library, renditions=here.renditions, place=TARGET, job_id=JOB,
                          terms=here.earlier(intent)))
    assert here.seen() == {str(TARGET): FILM + b"newest"}
    assert not list((here.renditions / "films").iterdir()), "no empty folder stays"


def test_the_same_once_more_stays_as_it_is(here: Shelf) -> None:
    here.carry_out(first := here.intend())
    here.carry_out(here.intend(here.earlier(first)))
    assert here.seen() == IN_LIBRARY | APART
    assert not here.hidden()


def test_what_was_made_of_a_film_that_is_replaced_leaves_with_it(here: Shelf) -> None:
    here.carry_out(first := here.intend())
    theirs = frozenset(p.final for p in first.placements)
    video = [output for output in here.make(b"new") if output.role == "video"]
    here.carry_out(intend(video, library=here.library, renditions=here.renditions, place=TARGET, job_id=OTHER, terms=Terms(
        Conflict.REPLACE, ours=theirs, goes=frozenset(p for p in theirs if p.name != TARGET.name))))
    assert here.seen() == {str(TARGET): FILM + b"new"}
    assert contents(here.archive) == IN_LIBRARY | APART


def test_a_folder_that_came_between_is_not_touched_and_another_name_is_found(here: Shelf) -> None:
    intent = here.intend()
    (here.renditions / "films/Film (1995)/hls").mkdir(parents=True)
    (here.renditions / "films/Film (1995)/hls/theirs").write_bytes(b"theirs")
    with pytest.raises(PectinError) as taken:
        here.carry_out(intent)
    assert taken.value.cause is Cause.NAME_TAKEN
    place.take_back(intent)
    assert here.seen() == {"films/Film (1995)/hls/theirs": b"theirs"}
    assert not here.hidden()
    again = renamed(intent, TARGET, JOB)
    assert again.video.final == intent.video.final
    here.carry_out(again)
    assert here.seen().keys() == IN_LIBRARY.keys() | {name.replace("(1995)", "(1995) (2)") for name in APART} | {
        "films/Film (1995)/hls/theirs"}


@pytest.mark.parametrize("change", ["a file more", "other bytes", "a link"])
def test_a_folder_in_which_somebody_has_changed_something_stays(here: Shelf, change: str) -> None:
    here.carry_out(intent := here.intend())
    folder = here.renditions / "films/Film (1995)/hls"
    if change == "a file more":
        (folder / "mine").touch()
    elif change == "other bytes":
        (folder / "master.m3u8").write_bytes(b"#EXTM3V")
    else:
        (folder / "720p/link").symlink_to("/etc/hostname")
    restore.withdraw_outputs(outputs_of(intent), intent, JOB)
    assert {name.split("/")[2] for name in here.seen()} == {"hls"}


def test_a_link_among_the_outputs_is_refused(here: Shelf) -> None:
    made = here.make()
    (here.out / "hls/link").symlink_to("/etc/hostname")
    with pytest.raises(PectinError):
        intend(made, library=here.library, renditions=here.renditions, place=TARGET, job_id=JOB)


def test_a_crash_at_any_line_of_placing_is_finished_by_the_next_call(shelf: Shelf) -> None:
    line, crashed, whole = 0, True, IN_LIBRARY | APART
    while crashed:
        line += 29
        intent = shelf.intend()
        crashed = crash_at(line, (place, things, trees, move), lambda intent=intent: shelf.carry_out(intent))  # type: ignore[misc]
        seen = shelf.seen()
        assert seen.items() <= whole.items(), f"line {line}"
        for folder in ("films/Film (1995)/hls", "Film (1995)/Film (1995).trickplay"):  # all of it, or nothing
            found = {name for name in seen if name.startswith(folder)}
            assert not found or found == {name for name in whole if name.startswith(folder)}, f"line {line}"
        shelf.carry_out(intent)
        assert shelf.seen() == whole, f"line {line}"
        assert not shelf.hidden()
        restore.withdraw_outputs(outputs_of(intent), intent, JOB)
        assert shelf.seen() == {}
    assert line > 200


def test_a_crash_at_any_line_of_replacing_loses_neither_the_old_nor_the_new(shelf: Shelf) -> None:
    line, crashed, old = 0, True, IN_LIBRARY | APART
    new = {name: content + b"new" for name, content in old.items()}
    while crashed:
        line += 37
        shelf.carry_out(first := shelf.intend())
        intent = shelf.intend(shelf.earlier(first), b"new")
        crashed = crash_at(line, (place, things, trees, replace, move), lambda intent=intent: shelf.carry_out(intent))  # type: ignore[misc]
        seen = shelf.seen()
        assert all(content in (old[name], new[name]) for name, content in seen.items()), f"line {line}"
        assert str(TARGET) in seen, f"line {line}"
        shelf.carry_out(intent)
        assert shelf.seen() == new, f"line {line}"
        assert contents(shelf.archive) == old, f"line {line}"
        assert not shelf.hidden()
        for root in (shelf.library, shelf.renditions, shelf.archive):
            shutil.rmtree(root) if root == shelf.archive else [shutil.rmtree(path) for path in root.iterdir()]
    assert line > 200


@pytest.mark.parametrize("act", ["take back", "withdraw", "undo"])
def test_a_crash_at_any_line_of_giving_up_leaves_nothing_of_ours_behind(here: Shelf, act: str) -> None:
    line, crashed = 0, True
    while crashed:
        line += 23
        intent = here.intend()
        if act == "undo":
            here.carry_out(intent)
        else:  # all but the film stands; a stranger has its name
            for placement in intent.placements[:-1]:
                move.make_folders(placement.final.parent)
                things.move(placement.work, placement.final)
        step = {"take back": lambda intent=intent: place.take_back(intent),
                "withdraw": lambda intent=intent: place.withdraw(intent),
                "undo": lambda intent=intent: restore.withdraw_outputs(outputs_of(intent), intent, JOB)}[act]
        crashed = crash_at(line, (place, restore, things, trees, replace, move), step)
        step()
        assert here.seen() == {}, f"line {line}"
        for root in (here.library, here.renditions):
            strays.discard_parts(strays.stray_parts(root, {JOB}))
        assert not here.hidden()
        if act == "take back":
            assert len(files(here.out)) == 3 + len(SET) + len(TILES), f"line {line}"
        for root in (here.library, here.renditions):
            [shutil.rmtree(path) for path in root.iterdir()]
    assert line > 100


def test_half_a_folder_and_one_that_was_to_be_replaced_are_swept(here: Shelf) -> None:
    folder = here.renditions / "films/Film (1995)"
    (folder / f".hls.{JOB}.part").mkdir(parents=True)
    (folder / f".hls.{JOB}.part/half").touch()
    (folder / f".sprites.{JOB}.replaced").mkdir()
    (folder / f".sprites.{JOB}.replaced/whole").touch()
    (folder / f".hls.{OTHER}.part").mkdir()
    found = strays.stray_parts(here.renditions, {JOB})
    assert [path.name for path in found] == [f".hls.{JOB}.part", f".sprites.{JOB}.replaced"]
    strays.discard_parts(found[:1])
    assert strays.restore_or_archive(found[1], here.renditions, here.archive) == folder / "sprites"
    assert files(here.renditions) == ["films/Film (1995)/sprites/whole"]


def test_where_the_file_system_cannot_refuse_a_taken_name_a_folder_is_not_put_over_another(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "_renameat2", lambda *_: errno.EINVAL)  # NFS, old FUSE
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    with pytest.raises(FileExistsError):
        trees.rename_tree(tmp_path / "one", tmp_path / "two")
    trees.rename_tree(tmp_path / "one", tmp_path / "three")
    assert files(tmp_path) == ["three/file", "two/file"]


def test_the_contents_of_a_folder_are_its_names_and_bytes_and_not_where_it_lies(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "below").mkdir(parents=True)
        for file in ("b", "a", "below/c"):
            (tmp_path / name / file).write_text(file)
    first, second = trees.contents_of(tmp_path / "one"), trees.contents_of(tmp_path / "two")
    assert (first.sha256, first.size, first.files) == (second.sha256, second.size, second.files) == (first.sha256, 9, 3)
    (tmp_path / "two/a").rename(tmp_path / "two/d")
    assert trees.contents_of(tmp_path / "two").sha256 != first.sha256


def test_what_came_out_the_same_to_the_second_stays_when_the_new_film_is_given_up(here: Shelf) -> None:
    def dated(intent: Intent) -> Intent:
        return replaced(intent, placements=tuple(replaced(p, mtime_ns=10**18) for p in intent.placements))

    here.carry_out(first := here.intend())
    for path in (*here.library.rglob("*"), *here.renditions.rglob("*")):
        os.utime(path, ns=(10**18, 10**18))
    made = here.make()
    (here.out / "video.mp4").write_bytes(b"another film")
    again = intend(made, library=here.library, renditions=here.renditions, place=TARGET, job_id=JOB, terms=here.earlier(first))
    place.withdraw(dated(again))
    assert here.seen() == IN_LIBRARY | APART


def test_two_films_never_share_a_folder_among_the_renditions(here: Shelf) -> None:
    (here.renditions / "films/Film (1995)").mkdir(parents=True)
    (here.renditions / "films/Film (1995)/1080p.mp4").write_bytes(b"another film's")
    here.carry_out(here.intend())
    assert {name.split("/")[1] for name in here.seen() if name.endswith("720p.mp4")} == {"Film (1995) (2)"}


def test_a_folder_half_removed_when_a_crash_came_is_not_kept_twice(here: Shelf) -> None:
    for name in ("old", "kept"):
        (here.root / name).mkdir()
        (here.root / name / "1").touch()
    (here.root / "kept/2").touch()
    trees.move_tree(here.root / "old", here.root / "kept")
    assert not (here.root / "old").exists()
    assert files(here.root / "kept") == ["1", "2"]
