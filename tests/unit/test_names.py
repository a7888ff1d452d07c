"""Names in the inbox: what is taken, what is left alone, what waits."""

from __future__ import annotations

from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.intake.names import VIDEO_EXTENSIONS, NameAction, NameReason, judge_name, partners

UNFINISHED, COMPANION, HIDDEN = NameReason.UNFINISHED, NameReason.COMPANION, NameReason.HIDDEN


@pytest.mark.parametrize("name", [
    "film.mkv", "FILM.MKV", "Film (2010).mp4", "a.b.c.m2ts", "The.Temp.mkv", "The.Temp.1993.mkv", "part.mkv", "Download/film.mkv",
    "sub/dir/film.avi", "-rf.mkv", "a\nb.mkv", "%d.mkv", "🎬.webm", b"\xff\xfe.mkv".decode("utf-8", "surrogateescape"),
    "_Film.mkv", "@film.mkv", "~film.mkv", "Unpack/film.mkv", "x" * 251 + ".mkv", "film.dvr-ms", "tmp.mkv", "in.mkv",
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
    ("film.srt", NameReason.NOT_A_VIDEO), ("film", NameReason.NOT_A_VIDEO), ("mkv", NameReason.NOT_A_VIDEO),
    ("film.mkv:Zone.Identifier", NameReason.NOT_A_VIDEO), ("film.mkv.", NameReason.NOT_A_VIDEO),
])
def test_other_names_are_left_alone_with_their_reason(name: str, reason: NameReason) -> None:
    verdict = judge_name(PurePath(name))
    assert (verdict.action, verdict.reason) == (NameAction.IGNORE, reason)
    assert verdict.sentence


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


@given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1), min_size=1))
def test_no_name_is_without_a_verdict(parts: list[str]) -> None:
    path = PurePath(*parts)
    verdict = judge_name(path)
    assert (verdict.action is NameAction.TAKE) == (verdict.reason is None)
    if verdict.action is NameAction.TAKE:
        assert path.suffix[1:].lower() in VIDEO_EXTENSIONS
