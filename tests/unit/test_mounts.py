"""What mountinfo says: places with odd names, mounts on top of each other, network or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.linux.mounts import Mount, is_network, mount_of, mounts_below, parse, read_mounts

TABLE = b"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:27 / /srv rw,relatime shared:2 master:1 - xfs /dev/vdb rw
31 30 0:28 / /srv/inbox rw - nfs4 nas:/films rw,vers=4.2
32 31 0:29 / /srv/inbox/a\\040b\\134c rw - fuse.sshfs me@far: rw
33 30 0:30 / /srv/covered rw - cifs //nas/x rw
34 30 0:31 / /srv/covered rw - tmpfs tmpfs rw
35 27 0:32 / /mnt/deep/down rw - nfs nas:/y rw
36 27 0:33 / /mnt rw - ext4 /dev/vdc rw
"""


def kind(path: str, text: bytes = TABLE) -> str:
    mount = mount_of(parse(text), path)
    return mount.type if mount else ""


@pytest.mark.parametrize(("path", "expected"), [
    ("/", "ext4"),
    ("/home/x", "ext4"),
    ("/srv", "xfs"),
    ("/srv/inboxes", "xfs"),
    ("/srv/inbox", "nfs4"),
    ("/srv/inbox/films/x", "nfs4"),
    ("/srv/inbox/a b\\c", "fuse.sshfs"),
    ("/srv/covered/x", "xfs"),
])
def test_the_longest_place_counts(path: str, expected: str) -> None:
    text = b"\n".join(line for line in TABLE.splitlines() if b"covered" not in line)
    assert kind(path, text) == expected


def test_of_two_mounts_stacked_on_one_place_the_upper_counts() -> None:
    assert kind("/srv/covered/x") == "tmpfs"
    assert kind("/srv/covered/x", TABLE.replace(b"34 30 0:31", b"34 33 0:31")) == "tmpfs"  # as the kernel mostly tells it


def test_a_mount_below_a_place_that_was_covered_later_is_out_of_reach() -> None:
    assert kind("/mnt/deep/down/x") == "ext4"
    assert mounts_below(parse(TABLE), "/mnt") == ()


def test_mounts_below_are_those_that_can_be_reached() -> None:
    below = mounts_below(parse(TABLE), "/srv/inbox")
    assert [(m.place, m.type) for m in below] == [("/srv/inbox/a b\\c", "fuse.sshfs")]
    assert {m.place for m in mounts_below(parse(TABLE), "/")} == {
        "/proc", "/srv", "/srv/inbox", "/srv/inbox/a b\\c", "/srv/covered", "/mnt"}


def test_in_a_container_the_mount_above_may_be_unknown() -> None:
    assert kind("/data/x", b"9 8 0:1 / /data rw - nfs nas:/ rw\n") == "nfs"
    assert kind("/other", b"9 8 0:1 / /data rw - nfs nas:/ rw\n") == ""
    assert kind("/x", b"1 1 0:1 / / rw - rootfs none rw\n") == "rootfs"


@given(st.binary())
def test_whatever_the_kernel_says_is_borne(text: bytes) -> None:
    for mount in parse(text):
        mount_of(parse(text), mount.place)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_every_name_is_read_as_the_kernel_writes_it(name: str) -> None:
    escaped = b"".join(b"\\%03o" % sign if sign in b"\\ \t\n" else bytes([sign]) for sign in name.encode())
    assert parse(b"5 1 0:1 / /" + escaped + b" rw - ext4 /dev/x rw\n") == (Mount(5, 1, "/" + name, "ext4"),)


@pytest.mark.parametrize("file_system", ["nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "vboxsf", "ceph", "fuse.sshfs",
                                         "fuse.rclone", "fuse.s3fs", "fuse.vmhgfs-fuse", "fuse.davfs2", "fuse.glusterfs"])
def test_these_are_changed_by_other_machines(file_system: str) -> None:
    assert is_network(file_system)


@pytest.mark.parametrize("file_system", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuse.mergerfs", "fuseblk",
                                         "ecryptfs", "fuse.ntfs-3g", "fuse", "exfat", "fuse.nfs", ""])
def test_these_are_ours(file_system: str) -> None:
    assert not is_network(file_system)


def test_this_machine_has_a_root() -> None:
    mount = mount_of(read_mounts(), "/")
    assert mount is not None
    assert mount.place == "/"
