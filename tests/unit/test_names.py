"""Names in the inbox: what is taken, what is left alone, what waits."""

from __future__ import annotations

from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.intake.names import VIDEO_EXTENSIONS, NameAction, NameReason, is_companion, judge_name, partners

UNFINISHED, COMPANION, HIDDEN = NameReason.UNFINISHED, NameReason.COMPANION, NameReason.HIDDEN


@pytest.mark.parametrize("name", [
    "film.mkv", "FILM.MKV", "Film (2010).mp4", "a.b.c.m2ts", "The.Temp.mkv", "The.Temp.1993.mkv", "part.mkv", "Download/film.mkv",
    "sub/dir/film.avi", "-rf.mkv", "a\nb.mkv", "%d.mkv", "🎬.webm", b"\xff\xfe.mkv".decode("utf-8", "surrogateescape"),
    "_Film.mkv", "@film.mkv", "~film.mkv", "Unpack/film.mkv", "x" * 251 + ".mkv", "film.dvr-ms", "tmp.mkv", "in.mkv",
    "DCIM/AVCHD/BDMV/STREAM/00001.MTS", "My DVD/film.vob", "film.F137.mp4", "film.f12345.mp4", "f137.mp4", "f1.film.mkv",
])
def test_a_film_is_taken(name: str) -> None:
    verdict = judge_name(PurePath(name))
    assert (verdict.action, verdict.reason, verdict.sentence) == (NameAction.TAKE, None, "")


@pytest.mark.parametrize(("name", "reason"), [
    ("film.mkv.filepart", UNFINISHED), (".in.film.mkv.", UNFINISHED), (".film.mkv.a1B2c3", HIDDEN), ("film.mkv.part", UNFINISHED),
    ("film.PARTIAL", UNFINISHED), ("film.mkv.crdownload", UNFINISHED), ("film.mkv.download/film.mkv", UNFINISHED),
    (".com.google.Chrome.x1.mkv", UNFINISHED), ("x.cyberducksegment", UNFINISHED), (".syncthing.film.mkv.tmp", UNFINISHED),
    ("~syncthing~film.mkv.tmp", UNFINISHED), (".film.mkv.~1a2b", HIDDEN), ("film.ocTransferId12.part", UNFINISHED),
    ("film.mkv.aria2", UNFINISHED), ("film.mp4.ytdl", UNFINISHED), ("film.temp.mp4", UNFINISHED), ("film.mkv.!qB", UNFINISHED),
    ("film.mkv.!ut", UNFINISHED), ("film.bc!", UNFINISHED), ("film.mkv.!sync", UNFINISHED), ("film.tmp", UNFINISHED),
    (".goutputstream-XYZ.mkv", UNFINISHED),
    (".nfs000123", COMPANION), ("Thumbs.db", COMPANION), ("Desktop.ini", COMPANION), ("~$film.mkv", COMPANION),
    ("._film.mkv", COMPANION), (".DS_Store", COMPANION),
    (".~tmp~/film.mkv", NameReason.SYNCHRONISING), ("a/.rsync-partial/film.mkv", NameReason.SYNCHRONISING),
    (".stversions/film.mkv", NameReason.SYNCHRONISING), (".sync/film.mkv", NameReason.SYNCHRONISING),
    ("@eaDir/film.mkv", NameReason.SYNCHRONISING),
    ("__ADMIN__/film.mkv", NameReason.UNPACKING), ("_UNPACK_Film/film.mkv", NameReason.UNPACKING),
    ("_FAILED_Film/film.mkv", NameReason.UNPACKING), ("_unpack/film.mkv", NameReason.UNPACKING),
    ("#recycle/film.mkv", NameReason.RECYCLED), (".recycle/film.mkv", NameReason.RECYCLED),
    (".Trash-1000/files/film.mkv", NameReason.RECYCLED), (".Trashes/film.mkv", NameReason.RECYCLED),
    (".film.mkv", HIDDEN), (".hidden/film.mkv", HIDDEN),
    ("film.iso", NameReason.DISC_IMAGE), ("film.IMG", NameReason.DISC_IMAGE), ("film.strm", NameReason.STREAM_LINK),
    ("Film/VIDEO_TS/VTS_01_1.VOB", NameReason.DISC_FOLDER), ("VIDEO_TS/VIDEO_TS.IFO", NameReason.DISC_FOLDER),
    ("Film/bdmv/STREAM/00000.m2ts", NameReason.DISC_FOLDER), ("Film/BDMV/META/DL/poster.jpg", NameReason.DISC_FOLDER),
    ("film.zip", NameReason.ARCHIVE), ("film.part01.RAR", NameReason.ARCHIVE), ("film.r00", NameReason.ARCHIVE),
    ("film.7z.001", NameReason.ARCHIVE), ("film.rm.txt", NameReason.NOT_A_VIDEO), ("film.001", NameReason.NOT_A_VIDEO),
    ("film.txt", NameReason.NOT_A_VIDEO), ("film", NameReason.NOT_A_VIDEO), ("mkv", NameReason.NOT_A_VIDEO),
    ("film.mkv.", NameReason.NOT_A_VIDEO), ("film.mkv:Zone.Identifier", COMPANION), ("Icon\r", COMPANION),
    ("film.f137.mp4", UNFINISHED), ("film.f251.webm", UNFINISHED), ("film.f137-1.mp4", UNFINISHED),
    ("film.f251-drc.webm", UNFINISHED), ("film.mp4.part-Frag12", UNFINISHED), ("film.mp4.part-Frag12.part", UNFINISHED),
    (".stfolder/film.mkv", NameReason.SYNCHRONISING), (".cyberducksegment", UNFINISHED), ("film.srt.part", UNFINISHED),
    (".film.srt", HIDDEN), ("#recycle/film.srt", NameReason.RECYCLED), ("._film.srt", COMPANION),
    ("_UNPACK_Film/film.nfo", NameReason.UNPACKING),
])
def test_other_names_are_left_alone_with_their_reason(name: str, reason: NameReason) -> None:
    verdict = judge_name(PurePath(name))
    assert (verdict.action, verdict.reason) == (NameAction.IGNORE, reason)
    assert verdict.sentence


def test_the_sentence_says_what_to_do() -> None:
    assert "give it one" in judge_name(PurePath("film")).sentence
    assert "unpack" in judge_name(PurePath("film.rar")).sentence
    assert "MakeMKV" in judge_name(PurePath("VIDEO_TS/VTS_01_1.VOB")).sentence


def test_the_configuration_can_name_more() -> None:
    for pattern, name in [("*sample*", "film.SAMPLE.mkv"), ("extras/*", "Extras/a.mkv"), ("*/proof/*", "film/Proof/a.mkv")]:
        assert judge_name(PurePath(name), ignore=["x", pattern]).reason is NameReason.CONFIGURED
    assert judge_name(PurePath("film.mkv"), ignore=["*.avi", "mkv", ""]).action is NameAction.TAKE


@pytest.mark.parametrize("partner", partners("film.mkv"))
def test_a_film_waits_for_the_download_beside_it(partner: str) -> None:
    verdict = judge_name(PurePath("sub/film.mkv"), siblings={"film.mkv", partner})
    assert (verdict.action, verdict.reason) == (NameAction.WAIT, NameReason.PARTNER)
    assert partner in verdict.sentence
    assert judge_name(PurePath("sub/film.mkv"), siblings={"film.mkv", "other.mkv.part"}).action is NameAction.TAKE


@pytest.mark.parametrize("name", ["film.srt", "Film.EN.SRT", "Film/poster.jpg", "Subs/2_English.idx", "movie.nfo", "a.sup"])
def test_a_sidecar_is_known_as_one(name: str) -> None:
    verdict = judge_name(PurePath(name))
    assert (verdict.action, verdict.reason) == (NameAction.SIDECAR, NameReason.SIDECAR)
    assert "film" in verdict.sentence


def test_a_sidecar_can_be_left_alone_or_wait_as_a_film_can() -> None:
    assert judge_name(PurePath("film.nfo"), ignore=["*.nfo"]).reason is NameReason.CONFIGURED
    assert judge_name(PurePath("film.srt"), siblings={"film.srt.part"}).action is NameAction.WAIT


def test_the_configuration_can_name_more_endings_of_unfinished_downloads() -> None:
    assert "film.mkv.mydl" in partners("film.mkv", [".mydl"])
    verdict = judge_name(PurePath("film.mkv"), siblings={"film.mkv.mydl"}, wait=[".mydl"])
    assert (verdict.action, verdict.reason) == (NameAction.WAIT, NameReason.PARTNER)
    assert judge_name(PurePath("film.mkv"), siblings={"film.mkv.mydl"}).action is NameAction.TAKE
    assert judge_name(PurePath("film.mkv.MyDL"), wait=[".mydl"]).reason is UNFINISHED
    assert judge_name(PurePath("film.mkv"), wait=[".mkv"]).action is NameAction.TAKE, "an ending of films is none of downloads"


def test_what_systems_leave_behind_may_go_with_an_empty_folder() -> None:
    assert all(map(is_companion, ("Thumbs.db", ".DS_Store", "._film.mkv", "desktop.ini", "film.mkv:Zone.Identifier")))
    assert not any(map(is_companion, (".nfs0001", "~$film.doc", "film.mkv", "film.srt", ".hidden", "film.part", "a.txt")))


@given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1), min_size=1))
def test_no_name_is_without_a_verdict(parts: list[str]) -> None:
    path = PurePath(*parts)
    verdict = judge_name(path)
    assert (verdict.action is NameAction.TAKE) == (verdict.reason is None)
    if verdict.action is NameAction.TAKE:
        assert path.suffix[1:].lower() in VIDEO_EXTENSIONS
