"""What doctor says of the inboxes, and whether leases will work there: asked of real file systems, rights and mounts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from needs import need_program, need_root
from pectin.cli.account import account_of
from pectin.cli.doctor_inbox import inbox_findings
from pectin.cli.findings import Finding, Level
from pectin.intake.leases import LeaseSupport, lease_support
from pectin.settings.load import parse
from watching import share


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "inbox"
    (folder / "sub").mkdir(parents=True)
    yield folder
    assert os.listdir(folder) in ([], ["sub"])  # nobody left anything


def findings(inbox: Path, **told: Any) -> list[Finding]:
    settings = parse(f"routes: [{{name: films, inbox: {inbox}, library: {inbox.parent / 'library'}}}]\n", "test")
    status = {"inboxes": [{"route": "films", "path": str(inbox), **told}]} if told else None
    return list(inbox_findings(settings, account_of(os.getpid()), status))


def asked(inbox: Path, *command: str) -> str:
    """What a process started with `command` finds."""
    ask = f"from pathlib import Path; from pectin.intake.leases import *; print(lease_support(Path({str(inbox)!r})))"
    return subprocess.run([*command, sys.executable, "-c", ask], capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL).stdout.strip()


def test_the_kernel_tells_of_our_own_files(inbox: Path) -> None:
    inbox.chmod(0o755)
    assert lease_support(inbox) is LeaseSupport.YES


def test_without_the_right_the_files_of_others_are_not_told_of(inbox: Path) -> None:
    need_root("give up capabilities")
    setpriv, unshare = need_program("setpriv", "util-linux"), need_program("unshare", "util-linux")
    inbox.chmod(0o777)
    assert asked(inbox) == LeaseSupport.YES
    assert asked(inbox, setpriv, "--bounding-set=-lease") == LeaseSupport.NO_RIGHT
    assert asked(inbox, unshare, "-Ur") == LeaseSupport.NO_RIGHT  # all capabilities, but only in its own namespace
    inbox.chmod(0o755)
    assert asked(inbox, setpriv, "--bounding-set=-lease") == LeaseSupport.YES


def test_where_no_file_can_be_made_it_is_unknown() -> None:
    assert lease_support(Path("/proc")) is LeaseSupport.UNKNOWN
    assert lease_support(Path("/nowhere/at/all")) is LeaseSupport.UNKNOWN


def test_doctor_is_content_with_a_local_inbox(inbox: Path) -> None:
    inbox.chmod(0o755)
    found = findings(inbox)
    assert {finding.level for finding in found} == {Level.OK}
    assert any("2 folders to watch" in finding.what for finding in found)


def test_doctor_says_what_a_network_mount_means(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    with share(tmp_path / "far", inbox / "sub"):
        assert lease_support(inbox / "sub") is LeaseSupport.NETWORK
        below = findings(inbox)
        itself = findings(inbox / "sub")
    for found in (below, itself):
        notes = [finding for finding in found if finding.level is Level.WARN]
        assert len(notes) == 1
        assert str(inbox / "sub") in notes[0].what
        assert "every 10 s (intake.poll)" in notes[0].what
        assert notes[0].mend
    assert any("1 folders to watch" in finding.what for finding in below)


def test_doctor_believes_the_daemon_where_it_runs(inbox: Path) -> None:
    found = findings(inbox, watching="events", file_system="ext4", folders=20, unwatched=31, leases="no_right",
                     sentence="not all can be watched: the kernel's limit fs.inotify.max_user_watches is used up")
    assert [finding.level for finding in found] == [Level.WARN, Level.FAIL]
    assert "CAP_LEASE" in found[0].what
    assert "51 folders" in found[1].what
    assert "max_user_watches" in found[1].mend


def test_doctor_does_not_raise_a_limit_that_is_not_the_trouble(inbox: Path) -> None:
    found = findings(inbox, folders=20, unwatched=1, leases="yes", sentence="1 folder in the inbox may not be read")
    assert [finding.level for finding in found] == [Level.OK, Level.FAIL]
    assert found[1].what == "inotify: 1 of 21 folders in the inboxes are not watched"
    assert "max_user_watches" not in found[1].mend


@pytest.mark.parametrize("told", [{"strange": 1}, {"leases": "something new"}, {"file_system": "nfs4"}])
def test_doctor_bears_a_daemon_of_another_version(inbox: Path, told: dict[str, Any]) -> None:
    assert findings(inbox, **told)


def test_doctor_leaves_a_missing_inbox_to_others(tmp_path: Path) -> None:
    assert [finding.level for finding in findings(tmp_path / "gone")] == [Level.OK]
