"""The walk through an inbox: everything below, nothing outside, whatever somebody builds there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pectin.linux.beneath import walk


def test_folders_one_is_kept_out_of_are_neither_read_nor_given(tmp_path: Path) -> None:
    for name in ("in/deep", "out/deep"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "a").touch()
    asked: list[str] = []

    def entering(folder: str) -> bool:
        asked.append(folder)
        return not folder.endswith("/out")

    assert list(walk(tmp_path, entering=entering)) == [tmp_path / "in/deep/a"]
    assert asked[0] == str(tmp_path)
    assert sorted(asked[1:]) == [str(tmp_path / name) for name in ("in", "in/deep", "out")]
    assert list(walk(tmp_path, entering=lambda _: False)) == []


def test_a_root_that_is_a_link_is_followed_only_where_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a").touch()
    (tmp_path / "link").symlink_to("real")
    assert list(walk(tmp_path / "link")) == [tmp_path / "link/a"]
    with pytest.raises(OSError, match="link"):
        list(walk(tmp_path / "link", follow=False))


def test_a_folder_swapped_for_a_link_between_two_steps_is_not_followed(tmp_path: Path) -> None:
    inbox, outside = tmp_path / "inbox", tmp_path / "outside"
    (inbox / "a/b").mkdir(parents=True)
    (outside / "b").mkdir(parents=True)
    (outside / "b/secret").touch()
    (inbox / "a/b/film").touch()

    def entering(folder: str) -> bool:
        if folder.endswith("a/b"):
            (inbox / "a").rename(tmp_path / "away")
            (inbox / "a").symlink_to(outside)
        return True

    assert list(walk(inbox, entering=entering)) == [inbox / "a/b/film"]  # the folder it was in, by whatever name it goes now


def test_folders_deeper_than_descriptors_last_are_told_and_the_others_walked(tmp_path: Path) -> None:
    beside = tmp_path / "z"
    beside.mkdir()
    (beside / "a").touch()
    deepest = tmp_path
    for _ in range(300):
        deepest = deepest / "d"
    deepest.mkdir(parents=True)
    (deepest / "a").touch()
    told: list[Path] = []
    assert list(walk(tmp_path, told.append)) == [beside / "a"]
    assert len(told) == 1
    assert deepest.is_relative_to(told[0])


def test_a_walk_that_is_given_up_holds_nothing_open(tmp_path: Path) -> None:
    for name in ("a/b/c", "a/b/d", "e/f"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "x").touch()
    before = os.listdir("/proc/self/fd")
    files = walk(tmp_path)
    next(files)
    files.close()
    assert os.listdir("/proc/self/fd") == before
    assert len(list(walk(tmp_path))) == 3
    assert os.listdir("/proc/self/fd") == before
