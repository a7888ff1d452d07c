"""Folders in the library: their exact mode whatever the umask is, and the setgid bit of the folder above."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pectin.linux.folder import make_folder


@pytest.fixture
def narrow_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.parametrize("mode", [0o775, 0o750, 0o777, 0o700])
@pytest.mark.parametrize("above", [0o2770, 0o770])
@pytest.mark.usefixtures("narrow_umask")
def test_a_folder_has_its_mode_and_inherits_setgid(tmp_path: Path, mode: int, above: int) -> None:
    tmp_path.chmod(above)
    make_folder(tmp_path / "new", mode)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode | (above & stat.S_ISGID)
    assert os.umask(0o077) == 0o077, "the process kept its umask"


@pytest.mark.usefixtures("narrow_umask")
def test_where_threads_get_no_umask_of_their_own_it_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container, whose filter refuses unshare."""
    monkeypatch.setattr("pectin.linux.folder._LIBC.unshare", lambda _: -1)
    tmp_path.chmod(0o2770)
    make_folder(tmp_path / "new", 0o775)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o2775


def test_a_folder_that_is_there_already_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        make_folder(tmp_path, 0o775)
