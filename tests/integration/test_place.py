"""Placing outputs in a library: never half a file, never over another one, and finished after a crash at any line."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from crashing import crash_at
from intending import intend
from needs import need_root
from pectin.linux import move
from pectin.model.errors import Cause, PectinError
from pectin.model.intent import Intent
from pectin.publishing import place, things
from pectin.publishing.address import renamed
from pectin.publishing.place import carry_out, take_back, withdraw
from pectin.publishing.strays import discard_parts, stray_parts

JOB = "0123456789"
FILM, SUBTITLE = b"film" * 50_000, b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"
TARGET = PurePosixPath("Film/Film.mp4")


class Library:
    """A work folder and a library, on one file system or on two."""

    def __init__(self, root: Path, library: Path) -> None:
        self.out, self.library = root / "work" / JOB / "out", library
        self.out.mkdir(parents=True)
        library.mkdir(exist_ok=True)

    def intend(self) -> Intent:
        (self.out / "video.mp4").write_bytes(FILM)
        (self.out / "sub0.srt").write_bytes(SUBTITLE)
        return intend([("video", self.out / "video.mp4", "", "mp4"), ("subtitle", self.out / "sub0.srt", ".eng", "srt")],
                      library=self.library, place=TARGET, job_id=JOB)

    def files(self) -> dict[str, bytes]:
        """Every file in the library."""
        return {str(path.relative_to(self.library)): path.read_bytes() for path in self.library.rglob("*") if path.is_file()}

    def assert_published(self, name: str = "Film") -> None:
        found = self.files()
        assert found[f"Film/{name}.mp4"] == FILM
        assert found[f"Film/{name}.eng.srt"] == SUBTITLE
        assert not [path for path in found if path.endswith(".part")]
        assert not list(self.out.iterdir())


@pytest.fixture
def here(tmp_path: Path) -> Library:
    return Library(tmp_path, tmp_path / "library")


@contextlib.contextmanager
def mounted(where: Path, *options: str) -> Iterator[Path]:
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(where)], check=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Library]:
    """The library is a file system of its own, with room for one film and a half."""
    need_root("mount a file system of its own for the library")
    with mounted(tmp_path / "library", "-o", "size=320k") as library:
        yield Library(tmp_path, library)


def publish(intent: Intent) -> None:
    carry_out(intent, file_mode=0o640, folder_mode=0o750, group=None)


def cause_of(action: Callable[[], object]) -> Cause:
    with pytest.raises(PectinError) as caught:
        action()
    return caught.value.cause


def test_an_intent_names_the_video_last_and_knows_what_it_places(here: Library) -> None:
    intent = here.intend()
    assert [p.role for p in intent.placements] == ["subtitle", "video"]
    assert intent.video.final == here.library / "Film" / "Film.mp4"
    assert intent.placements[0].final == here.library / "Film" / "Film.eng.srt"
    assert intent.video.part == here.library / "Film" / f".Film.mp4.{JOB}.part"
    assert (intent.video.size, intent.video.sha256) == (len(FILM), hashlib.sha256(FILM).hexdigest())
    assert here.files() == {}
    assert Intent.from_json(intent.as_json()) == intent


def test_everything_is_placed_with_exact_modes(here: Library) -> None:
    before = os.umask(0o077)
    try:
        publish(here.intend())
    finally:
        os.umask(before)
    here.assert_published()
    assert stat.S_IMODE((here.library / "Film").stat().st_mode) == 0o750
    assert stat.S_IMODE((here.library / "Film/Film.mp4").stat().st_mode) == 0o640


def test_a_set_gid_bit_of_the_library_is_inherited(here: Library) -> None:
    here.library.chmod(0o2775)
    publish(here.intend())
    assert (here.library / "Film").stat().st_mode & stat.S_ISGID


def test_the_group_is_set(here: Library) -> None:
    group = os.getgid() if os.geteuid() else 12345
    carry_out(here.intend(), file_mode=0o644, folder_mode=0o755, group=group)
    assert {path.stat().st_gid for path in here.library.rglob("*")} == {group}


def test_within_a_file_system_nothing_is_copied(here: Library) -> None:
    intent = here.intend()
    inode = intent.video.work.stat().st_ino
    publish(intent)
    assert intent.video.final.stat().st_ino == inode


def test_carrying_out_again_changes_nothing(here: Library) -> None:
    intent = here.intend()
    publish(intent)
    before = intent.video.final.stat()
    publish(intent)
    assert intent.video.final.stat() == before
    here.assert_published()


def test_a_sidecar_changed_after_publishing_is_left_alone(here: Library) -> None:
    intent = here.intend()
    publish(intent)
    intent.placements[0].final.write_bytes(b"corrected")
    publish(intent)
    assert here.files() == {"Film/Film.mp4": FILM, "Film/Film.eng.srt": b"corrected"}


def test_another_file_system_gets_a_copy(elsewhere: Library) -> None:
    publish(elsewhere.intend())
    elsewhere.assert_published()


@pytest.mark.parametrize("taken", ["Film.mp4", "Film.eng.srt"])
def test_a_taken_name_gives_another_version_to_all(here: Library, taken: str) -> None:
    (here.library / "Film").mkdir()
    (here.library / "Film" / taken).write_bytes(b"somebody's")
    publish(here.intend())
    here.assert_published("Film - version 2")
    assert here.files()[f"Film/{taken}"] == b"somebody's"


def test_a_dangling_link_takes_a_name_too(here: Library) -> None:
    (here.library / "Film").mkdir()
    (here.library / "Film" / "Film.mp4").symlink_to("/nowhere")
    assert here.intend().video.final.name == "Film - version 2.mp4"


@pytest.mark.parametrize("which", ["here", "elsewhere"])
@pytest.mark.parametrize("after", ["before the start", "while placing"])
def test_a_name_taken_meanwhile_is_never_overwritten_and_can_be_left(
        which: str, after: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    here: Library = request.getfixturevalue(which)
    intent = here.intend()

    def take() -> None:
        intent.video.final.parent.mkdir(exist_ok=True)
        intent.video.final.write_bytes(b"somebody's")

    if after == "before the start":
        take()
    else:
        real = place._name

        def late(library: Path, placement: place.Placement) -> None:
            if placement is intent.video:
                take()
            real(library, placement)

        monkeypatch.setattr(place, "_name", late)
    assert cause_of(lambda: publish(intent)) is Cause.NAME_TAKEN
    monkeypatch.undo()
    for _ in range(2):  # a crash in between: once more does no harm
        take_back(intent)
    assert here.files() == {"Film/Film.mp4": b"somebody's"}
    again = renamed(intent, TARGET, JOB)
    publish(again)
    here.assert_published("Film - version 2")
    assert here.files()["Film/Film.mp4"] == b"somebody's"


def test_taking_back_also_works_between_file_systems(elsewhere: Library) -> None:
    intent = elsewhere.intend()
    (elsewhere.library / "Film").mkdir()
    for placement in intent.placements:
        move.copy_durably(placement.work, placement.part)
    move.rename_noreplace(intent.placements[0].part, intent.placements[0].final)
    intent.placements[0].work.unlink()
    take_back(intent)
    assert elsewhere.files() == {}
    assert {path.read_bytes() for path in elsewhere.out.iterdir()} == {FILM, SUBTITLE}


def test_a_missing_library_is_never_made(here: Library) -> None:
    intent = here.intend()
    here.library.rmdir()
    assert cause_of(lambda: publish(intent)) is Cause.LIBRARY_MISSING
    assert not here.library.exists()


def test_a_file_in_the_way_of_a_folder_is_a_taken_name(here: Library) -> None:
    (here.library / "Film").write_bytes(b"a file")
    assert cause_of(lambda: publish(here.intend())) is Cause.NAME_TAKEN
    assert here.files() == {"Film": b"a file"}


def test_a_lost_output_is_told(here: Library) -> None:
    intent = here.intend()
    intent.video.work.unlink()
    assert cause_of(lambda: publish(intent)) is Cause.OUTPUT_LOST
    assert not intent.video.final.exists()


def test_an_output_cut_short_is_not_placed(here: Library) -> None:
    intent = here.intend()
    os.truncate(intent.video.work, 100)
    assert cause_of(lambda: publish(intent)) is Cause.OUTPUT_LOST
    assert not intent.video.final.exists()


def test_a_copy_that_is_not_what_was_verified_is_not_placed(elsewhere: Library) -> None:
    intent = elsewhere.intend()
    intent.video.work.write_bytes(FILM[::-1])
    assert cause_of(lambda: publish(intent)) is Cause.OUTPUT_LOST
    assert FILM[::-1] not in elsewhere.files().values()


def test_half_a_part_is_made_again(here: Library) -> None:
    intent = here.intend()
    intent.video.part.parent.mkdir()
    intent.video.part.write_bytes(FILM[:1000])
    publish(intent)
    here.assert_published()


def test_a_full_library_leaves_no_part_and_is_filled_when_there_is_room(elsewhere: Library) -> None:
    ballast = elsewhere.library / "ballast"
    ballast.write_bytes(b"x" * 200_000)
    intent = elsewhere.intend()
    assert cause_of(lambda: publish(intent)) is Cause.NO_SPACE
    assert not intent.video.part.exists()
    assert not intent.video.final.exists()
    ballast.unlink()
    publish(intent)
    elsewhere.assert_published()


def test_a_read_only_library_is_told(elsewhere: Library) -> None:
    intent = elsewhere.intend()
    subprocess.run(["mount", "-o", "remount,ro", str(elsewhere.library)], check=True)
    assert cause_of(lambda: publish(intent)) is Cause.READ_ONLY


def test_a_library_we_may_not_write_to_is_told(here: Library) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere: run the tests as an ordinary user to see this one")
    intent = here.intend()
    here.library.chmod(0o555)
    try:
        assert cause_of(lambda: publish(intent)) is Cause.NO_PERMISSION
    finally:
        here.library.chmod(0o755)


def test_an_intent_that_is_given_up_leaves_only_what_has_its_name(here: Library) -> None:
    intent = here.intend()
    intent.video.part.parent.mkdir()
    intent.video.part.write_bytes(b"half")
    withdraw(intent)
    assert not (here.library / "Film").exists()
    publish(intent)
    withdraw(intent)
    here.assert_published()


def test_only_our_parts_that_nobody_needs_are_stray(here: Library) -> None:
    other, needed, foreign = "9876543210", "aaaaaaaaaa", "zzzzzzzzzz"
    names = [f".A.mp4.{other}.part", f".B.mp4.{needed}.part", f".C.mp4.{foreign}.part", f"D.mp4.{other}.part", ".part",
             f".E.mp4.{other}.part.mp4", f".{other}.part"]
    deep = here.library / "a" / "b"
    deep.mkdir(parents=True)
    for name in names:
        (deep / name).touch()
    stray = stray_parts(here.library, {other, needed}, needed_ids={needed})
    assert [path.name for path in stray] == [f".{other}.part", f".A.mp4.{other}.part"]
    discard_parts(stray)
    assert stray_parts(here.library, {other, needed}, needed_ids={needed}) == []
    assert len(list(deep.iterdir())) == len(names) - 2


def test_sidecars_find_a_free_name_and_never_make_the_film_another_version(here: Library) -> None:
    outputs = []
    came = [(".eng", "srt"), (".eng", "srt"), ("-poster", "jpg"), ("-POSTER", "jpg"), ("", "nfo")]
    for number, (suffix, extension) in enumerate(came):
        path = here.out / f"came{number}"
        path.write_bytes(b"%d" % number)
        outputs.append(("sidecar", path, suffix, extension))
    here.intend()  # makes the film and its extracted subtitles
    (here.library / "Film").mkdir()
    (here.library / "Film" / "Film.nfo").write_bytes(b"Jellyfin's")
    intent = intend([*outputs, ("video", here.out / "video.mp4", "", "mp4"), ("subtitle", here.out / "sub0.srt", ".eng", "srt")],
                    library=here.library, place=TARGET, job_id=JOB)
    assert intent.video is intent.placements[-1]
    publish(intent)
    assert here.files() == {"Film/Film.mp4": FILM, "Film/Film.eng.srt": SUBTITLE, "Film/Film.2.eng.srt": b"0",
                            "Film/Film.3.eng.srt": b"1", "Film/Film-poster.jpg": b"2", "Film/Film.nfo": b"Jellyfin's"}


def test_a_sidecar_whose_name_is_taken_meanwhile_gets_another_one_beside_the_same_film(here: Library) -> None:
    (here.out / "came").write_bytes(b"came")
    here.intend()
    intent = intend([("sidecar", here.out / "came", ".en", "srt"), ("video", here.out / "video.mp4", "", "mp4")],
                    library=here.library, place=TARGET, job_id=JOB)
    (here.library / "Film").mkdir()
    (here.library / "Film/Film.en.srt").write_bytes(b"somebody's")
    assert cause_of(lambda: publish(intent)) is Cause.NAME_TAKEN
    take_back(intent)
    publish(renamed(intent, TARGET, JOB))
    assert here.files() == {"Film/Film.mp4": FILM, "Film/Film.2.en.srt": b"came", "Film/Film.en.srt": b"somebody's"}


@pytest.mark.parametrize("which", ["here", "elsewhere"])
def test_a_crash_at_any_line_is_finished_by_the_next_call(which: str, request: pytest.FixtureRequest) -> None:
    library: Library = request.getfixturevalue(which)
    line, crashed = 0, True
    while crashed:
        line += 1
        intent = library.intend()
        crashed = crash_at(line, (place, things, move), lambda intent=intent: publish(intent))  # type: ignore[misc]
        for path, content in library.files().items():
            if not path.endswith(".part"):  # whoever looks into the library sees whole files only
                assert content in (FILM, SUBTITLE), f"line {line}: {path}"
        publish(intent)
        library.assert_published()
        for placement in intent.placements:
            placement.final.unlink()
        (library.library / "Film").rmdir()
    assert line > 50  # it really went through the lines


@pytest.mark.parametrize("which", ["here", "elsewhere"])
def test_a_crash_at_any_line_of_taking_back_loses_nothing(which: str, request: pytest.FixtureRequest) -> None:
    library: Library = request.getfixturevalue(which)
    line, crashed = 0, True
    while crashed:
        line += 1
        intent = library.intend()
        (library.library / "Film").mkdir()
        move.move_durably(intent.placements[0].work, intent.placements[0].final)
        move.move_durably(intent.video.work, intent.video.part)
        intent.video.final.write_bytes(b"x")
        crashed = crash_at(line, (place, things, move), lambda intent=intent: take_back(intent))  # type: ignore[misc]
        take_back(intent)
        assert library.files() == {"Film/Film.mp4": b"x"}
        assert (library.out / "video.mp4").read_bytes() == FILM
        assert (library.out / "sub0.srt").read_bytes() == SUBTITLE
        for path in library.out.iterdir():
            path.unlink()
        intent.video.final.unlink()
        (library.library / "Film").rmdir()
    assert line > 20
