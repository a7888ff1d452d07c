"""Where sources rest: always in exactly one place, also when a move is called again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest

from needs import need_root
from pectin.linux.move import copy_durably, make_folders
from pectin.model.errors import Cause, PectinError
from pectin.model.places import CLAIM_NOTE, Places
from pectin.publishing.originals import (
    Where,
    archive,
    bring_back,
    locate,
    purge,
    rest_sidecar,
    set_aside,
    sidecars,
    tidy_work,
)

JOB, OTHER = "0123456789", "9876543210"
FILM = PurePath("Films/Film (2010)/Film.mkv")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "work", tmp_path / "originals", tmp_path / "rejected")


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Places]:
    """The originals lie on another file system."""
    need_root("mount a file system of its own for the originals")
    originals = tmp_path / "originals"
    originals.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(originals)], check=True)
    try:
        yield Places(tmp_path / "work", originals, tmp_path / "rejected")
    finally:
        subprocess.run(["umount", "-l", str(originals)], check=True)


def claimed(places: Places, relative: PurePath = FILM, content: bytes = b"film") -> Path:
    source = places.source(JOB, relative)
    source.parent.mkdir(parents=True)
    source.write_bytes(content)
    places.claim_note(JOB).write_text("{}")
    return source


def everything(places: Places) -> list[str]:
    roots = (places.work, places.originals, places.rejected)
    return sorted(str(path.relative_to(root.parent)) for root in roots for path in root.rglob("*") if path.is_file())


def cause_of(error: pytest.ExceptionInfo[PectinError]) -> Cause:
    return error.value.cause


@pytest.mark.parametrize("which", ["places", "apart"])
def test_an_archived_source_keeps_its_folders_and_is_nowhere_else(which: str, request: pytest.FixtureRequest) -> None:
    there: Places = request.getfixturevalue(which)
    claimed(there)
    for _ in range(2):
        assert archive(there, JOB, FILM) == there.originals / JOB / FILM
    assert locate(there, JOB, FILM) == (Where.ORIGINALS, there.originals / JOB / FILM)
    assert tidy_work(there, JOB)
    assert everything(there) == [f"originals/{JOB}/{FILM}"]


def test_a_move_between_file_systems_that_died_before_its_end_is_finished(apart: Places) -> None:
    source = claimed(apart)
    target = apart.original(JOB, FILM)
    make_folders(target.parent)
    copy_durably(source, target)  # dead before the source was removed
    assert locate(apart, JOB, FILM) == (Where.WORK, source)
    archive(apart, JOB, FILM)
    assert locate(apart, JOB, FILM) == (Where.ORIGINALS, target)


def test_a_full_disk_for_originals_leaves_the_source_where_it_was(apart: Places) -> None:
    source = claimed(apart, content=b"x" * 2_000_000)
    with pytest.raises(PectinError) as caught:
        archive(apart, JOB, FILM)
    assert cause_of(caught) is Cause.NO_SPACE
    assert source.stat().st_size == 2_000_000
    assert not [path for path in apart.originals.rglob("*") if path.is_file()]


def test_a_source_set_aside_has_the_reason_beside_it(places: Places) -> None:
    claimed(places)
    for why in ("first", "not a video: \udcff"):
        target = set_aside(places, JOB, FILM, why)
    assert target == places.rejected / JOB / FILM
    assert target.with_name("Film.mkv.why.txt").read_text() == "not a video: \\udcff\n"
    assert locate(places, JOB, FILM) == (Where.REJECTED, target)


def test_a_name_without_room_for_a_suffix_has_its_reason_under_another(places: Places) -> None:
    long = PurePath("x" * 251 + ".mkv")
    claimed(places, long)
    assert set_aside(places, JOB, long, "why").with_name("WHY.txt").read_text() == "why\n"
    bring_back(places, JOB, long)
    assert everything(places) == [f"work/{JOB}/{CLAIM_NOTE}", f"work/{JOB}/source/{long}"]


@pytest.mark.parametrize("rest", ["original", "rejected", "still at work"])
def test_a_source_comes_back_from_wherever_it_rests(places: Places, rest: str) -> None:
    source = claimed(places)
    if rest == "original":
        archive(places, JOB, FILM)
    elif rest == "rejected":
        set_aside(places, JOB, FILM, "why")
    for _ in range(2):
        assert bring_back(places, JOB, FILM) == source
    assert everything(places) == [f"work/{JOB}/{CLAIM_NOTE}", f"work/{JOB}/source/Film.mkv"]
    for root in (places.originals, places.rejected):
        assert not (root / JOB).exists()


def test_a_source_that_is_nowhere_is_lost(places: Places) -> None:
    assert locate(places, JOB, FILM) is None
    for action in (lambda: archive(places, JOB, FILM), lambda: bring_back(places, JOB, FILM),
                   lambda: set_aside(places, JOB, FILM, "why")):
        with pytest.raises(PectinError) as caught:
            action()
        assert cause_of(caught) is Cause.SOURCE_LOST


def test_two_different_files_for_one_place_are_both_kept(places: Places) -> None:
    claimed(places)
    archive(places, JOB, FILM)
    places.source(JOB, FILM).write_bytes(b"another film")
    with pytest.raises(PectinError) as caught:
        archive(places, JOB, FILM)
    assert cause_of(caught) is Cause.IO_ERROR
    assert places.original(JOB, FILM).read_bytes() == b"film"
    assert places.source(JOB, FILM).read_bytes() == b"another film"


def test_purging_removes_the_originals_of_one_job_and_says_how_much(places: Places) -> None:
    for job_id, size in ((JOB, 1000), (OTHER, 5)):
        path = places.original(job_id, FILM)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * size)
    assert purge(places, JOB) == 1000
    assert purge(places, JOB) == 0
    assert everything(places) == [f"originals/{OTHER}/{FILM}"]


@pytest.mark.parametrize("job_id", ["", ".", "..", "0123456789/..", "*"])
def test_what_is_no_job_id_is_never_removed(places: Places, job_id: str) -> None:
    claimed(places)
    for action in (purge, tidy_work):
        with pytest.raises(ValueError, match="no job id"):
            action(places, job_id)
    assert len(everything(places)) == 2


def test_a_work_folder_stays_while_its_source_is_there(places: Places) -> None:
    source = claimed(places)
    for folder in (places.scratch(JOB), places.out(JOB)):
        folder.mkdir()
        (folder / "x.mp4").touch()
    assert not tidy_work(places, JOB)
    assert len(everything(places)) == 4
    source.unlink()
    assert tidy_work(places, JOB)
    assert tidy_work(places, JOB)
    assert not places.job_folder(JOB).exists()


SUBTITLES = (PurePath("Film.en.srt"), PurePath("Subs/2_English.srt"))


def attended(places: Places, *names: PurePath, content: bytes = b"text") -> None:
    for name in names or SUBTITLES:
        path = places.sidecars(JOB) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize("which", ["places", "apart"])
def test_sidecars_rest_beside_their_source_and_come_back_with_it(which: str, request: pytest.FixtureRequest) -> None:
    there: Places = request.getfixturevalue(which)
    claimed(there)
    attended(there)
    archive(there, JOB, FILM)
    assert not tidy_work(there, JOB), "somebody's subtitles are still in it"
    for name in SUBTITLES:
        assert rest_sidecar(there, JOB, FILM, name, Where.ORIGINALS) == there.originals / JOB / FILM.parent / name
    assert tidy_work(there, JOB)
    assert [(where, name) for where, name, _ in sidecars(there, JOB, FILM)] == [(Where.ORIGINALS, name) for name in SUBTITLES]
    for _ in range(2):
        bring_back(there, JOB, FILM)
    assert everything(there) == [f"work/{JOB}/sidecars/{name}" for name in SUBTITLES] + [f"work/{JOB}/source/Film.mkv"]
    assert not (there.originals / JOB).exists()


def test_what_was_set_aside_comes_back_without_its_why(places: Places) -> None:
    claimed(places)
    attended(places)
    set_aside(places, JOB, FILM, "why")
    for name in SUBTITLES:
        rest_sidecar(places, JOB, FILM, name, Where.REJECTED)
    assert len(everything(places)) == 5
    assert [name for _, name, _ in sidecars(places, JOB, FILM)] == list(SUBTITLES), "the why is no sidecar"
    bring_back(places, JOB, FILM)
    assert [path for path in everything(places) if "rejected" in path] == []
    assert places.sidecars(JOB).joinpath("Subs/2_English.srt").read_bytes() == b"text"


def test_sidecars_come_back_also_when_the_source_never_left(places: Places) -> None:
    claimed(places)
    attended(places)
    rest_sidecar(places, JOB, FILM, SUBTITLES[0], Where.REJECTED)
    bring_back(places, JOB, FILM)
    assert [where for where, _, _ in sidecars(places, JOB, FILM)] == [Where.WORK] * 2


def test_two_sidecars_of_one_name_are_both_kept_and_the_same_bytes_once(places: Places) -> None:
    long = PurePath("x" * 251 + ".srt")
    for content in (b"first", b"second", b"second"):
        attended(places, SUBTITLES[0], long, content=content)
        for name in (SUBTITLES[0], long):
            rest_sidecar(places, JOB, FILM, name, Where.ORIGINALS)
    folder = places.originals / JOB / FILM.parent
    assert (folder / "Film.en.srt").read_bytes() == b"first"
    assert (folder / "Film.en (2).srt").read_bytes() == b"second"
    assert len(everything(places)) == 4
    attended(places, SUBTITLES[0], content=b"third")
    source = places.source(JOB, FILM)
    source.parent.mkdir()
    source.write_bytes(b"film")
    bring_back(places, JOB, FILM)
    assert (places.sidecars(JOB) / "Film.en.srt").read_bytes() == b"third"
    assert (places.sidecars(JOB) / "Film.en (2).srt").read_bytes() in (b"first", b"second")
    assert len([path for path in everything(places) if "Film.en" in path]) == 3


def test_half_a_copy_in_the_sidecars_keeps_no_work_folder(places: Places) -> None:
    attended(places, PurePath("Subs/.2_English.part"))
    assert sidecars(places, JOB, FILM) == []
    assert tidy_work(places, JOB)
    assert not places.job_folder(JOB).exists()


def test_purging_takes_the_sidecars_along(places: Places) -> None:
    claimed(places)
    attended(places)
    archive(places, JOB, FILM)
    rest_sidecar(places, JOB, FILM, SUBTITLES[1], Where.ORIGINALS)
    assert purge(places, JOB) == len(b"film") + len(b"text")
    assert sidecars(places, JOB, FILM) == [(Where.WORK, SUBTITLES[0], places.sidecars(JOB) / SUBTITLES[0])]
