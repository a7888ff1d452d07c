"""Which file system a folder should lie on: what counts as the same, and what as lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from pectin.linux import footing
from pectin.linux.footing import Footing, View, lost
from pectin.linux.mounts import mount_of, parse

SYSTEM = b"""28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
"""
DISK = SYSTEM + b"""40 28 8:17 / /mnt/films rw shared:9 - ext4 /dev/sdb1 rw
"""
SERVER = SYSTEM + b"""40 28 0:52 / /mnt/films rw shared:9 - nfs4 nas:/films rw
"""
# The same disk as a sandbox shows it (ReadWritePaths=/mnt/films/movies), and the bare folder in such a sandbox.
DISK_IN_SANDBOX = DISK + b"""90 40 8:17 /movies /mnt/films/movies rw - ext4 /dev/sdb1 rw
"""
BARE_IN_SANDBOX = SYSTEM + b"""90 28 254:0 /mnt/films/movies /mnt/films/movies rw - ext4 /dev/vda1 rw
"""
LATER = DISK + b"""50 40 8:33 / /mnt/films/movies rw shared:9 - xfs /dev/sdc1 rw
"""
SUBVOLUME = b"""28 1 0:25 /@ / rw shared:1 - btrfs /dev/vda1 rw
29 28 0:25 /@films /mnt/films rw shared:2 - btrfs /dev/vda1 rw
"""
MOVIES = Path("/mnt/films/movies")


@pytest.fixture(autouse=True)
def no_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container: nobody tells UUIDs."""
    monkeypatch.setattr(footing, "_uuid", lambda _device: "")


def seen(table: bytes, folder: Path = MOVIES) -> View:
    """As `view` would see it."""
    mounts = parse(table)
    mount, top = mount_of(mounts, str(folder)), mount_of(mounts, "/")
    assert mount is not None
    assert top is not None
    found = footing._footing(mount, str(folder))
    return View(found, found.same(footing._footing(top, str(folder))), tuple(m for m in mounts if m is not mount))


def known(table: bytes) -> Footing:
    found = seen(table).footing
    assert found is not None
    return found


def test_a_folder_on_the_systems_own_disk_is_bare_and_one_on_a_mount_is_not() -> None:
    assert seen(SYSTEM).bare
    assert seen(BARE_IN_SANDBOX).bare
    for table in (DISK, SERVER, DISK_IN_SANDBOX, LATER, SUBVOLUME):
        assert not seen(table).bare, table


def test_a_subvolume_that_is_mounted_apart_is_not_the_bare_folder() -> None:
    assert lost(known(SUBVOLUME), seen(SUBVOLUME.splitlines(keepends=True)[0]))


@pytest.mark.parametrize("table", [DISK, SERVER, DISK_IN_SANDBOX])
def test_what_was_on_a_mount_and_lies_on_the_systems_disk_is_lost(table: bytes) -> None:
    assert lost(known(table), seen(SYSTEM))
    assert lost(known(table), seen(BARE_IN_SANDBOX))


def test_it_is_the_same_disk_in_a_sandbox_and_outside_and_under_another_device_number() -> None:
    assert not lost(known(DISK), seen(DISK_IN_SANDBOX))
    assert not lost(known(DISK_IN_SANDBOX), seen(DISK))
    assert not lost(known(DISK), seen(DISK.replace(b"8:17", b"8:33").replace(b"sdb1", b"sdc1")))


def test_another_server_or_type_in_the_same_place_is_another_library() -> None:
    assert lost(known(SERVER), seen(SERVER.replace(b"nas:/films", b"nas:/series")))
    assert lost(known(SERVER), seen(DISK))


def test_another_disk_in_the_same_place_is_known_by_its_uuid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footing, "_uuid", lambda device: {"/dev/sdb1": "1111", "/dev/sdc1": "2222"}.get(device, ""))
    assert lost(known(DISK), seen(DISK.replace(b"sdb1", b"sdc1")))
    assert not lost(known(DISK), seen(DISK.replace(b"sdb1", b"sdz1"))), "nobody tells this one's: no reason to stop"


def test_what_is_mounted_on_top_came_later_and_is_right() -> None:
    assert not lost(known(DISK), seen(LATER))
    assert lost(known(LATER), seen(DISK)), "and this is its going away"


def test_without_proc_nothing_is_lost() -> None:
    assert not lost(known(DISK), View(None, bare=False, others=()))
