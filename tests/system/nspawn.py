"""A real systemd as process 1, in a fraction of a second: systemd-nspawn on this machine's own files, copy-on-write."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from needs import missing, need_program, need_root

BOOT = 60.0  # seconds until a boot has failed; it takes 0.2 to 2
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "COLUMNS": "200",
                "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}

# In a mount namespace of its own, so that nothing is left mounted: a pure cgroup2 tree (nspawn wants nothing else), a cgroup of
# the box's own to end everything by, and the root directory a second time, because nspawn does not take "/" itself.
_PREPARE = """set -e
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; fi
mkdir "/sys/fs/cgroup/$BOX_NAME"
echo $$ > "/sys/fs/cgroup/$BOX_NAME/cgroup.procs"
mount --bind / "$BOX_ROOT"
exec "$@"
"""


class Box:
    """A booted machine: this one's programs and files, nothing it writes reaches this one, no network but loopback."""

    def __init__(self, name: str, leader: int, nspawn: subprocess.Popen[bytes], cgroup: Path) -> None:
        self.name = name
        self.leader = leader  # its process 1, as this machine counts
        self._nspawn = nspawn
        self._cgroup = cgroup

    def run(self, *argv: str, user: str | None = None, check: bool = True, patience: float = 90.0,
            ) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as root or as `user` with that user's groups. A failure is an AssertionError with all it said."""
        done = subprocess.run(self._command(argv, user), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                              timeout=patience, env=_ENVIRONMENT)
        assert not check or done.returncode == 0, f"{' '.join(argv)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *argv: str, user: str | None = None) -> subprocess.Popen[bytes]:
        """Like run, but it goes on: the caller writes to its stdin, and waits for it."""
        return subprocess.Popen(self._command(argv, user), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, env=_ENVIRONMENT)

    def _command(self, argv: tuple[str, ...], user: str | None) -> list[str]:
        become = ("runuser", "-u", user, "--") if user else ()
        return ["nsenter", "-t", str(self.leader), "-a", "--wdns=/", *become, *argv]

    def text(self, *argv: str, user: str | None = None) -> str:
        return self.run(*argv, user=user).stdout.strip()

    def path(self, inside: str) -> Path:
        """A path of the box, as this machine's Python can open it."""
        return Path(f"/proc/{self.leader}/root{inside}")

    def unit(self, name: str, *properties: str) -> dict[str, str]:
        """Properties of a unit as `systemctl show` has them."""
        shown = self.text("systemctl", "show", name, *(f"--property={one}" for one in properties))
        return dict(line.split("=", 1) for line in shown.splitlines())

    def journal(self, *options: str) -> list[str]:
        """What the journal has so far, oldest first, messages only."""
        self.run("journalctl", "--sync")
        return self.text("journalctl", "--quiet", "--output=cat", *options).splitlines()

    def end(self) -> None:
        """Switch everything in the box off at once, as a power cut would, and clean up."""
        with suppress(FileNotFoundError):
            (self._cgroup / "cgroup.kill").write_text("1")
        self._nspawn.wait(BOOT)
        _remove_cgroup(self._cgroup)


@contextmanager
def box(folder: Path) -> Iterator[Box]:
    """Boot a box; `folder` is for its socket and console. Skips the test where this machine cannot do it."""
    need_root("boot a systemd in a container")
    for program, package in (("systemd-nspawn", "systemd-container"), ("nsenter", "util-linux"), ("unshare", "util-linux"),
                             ("runuser", "util-linux"), ("systemctl", "systemd")):
        need_program(program, package)
    tree = _cgroup_tree()
    name = f"pectin-test-{os.getpid()}-{os.urandom(3).hex()}"
    root, log = folder / "root", folder / "console"
    root.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices, log.open("wb") as console:
        notices.bind(str(folder / "n"))
        notices.settimeout(1)
        nspawn = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", _PREPARE, "sh", "systemd-nspawn", "--quiet", f"--directory={root}",
             f"--machine={name}", "--volatile=overlay", "--register=no", "--keep-unit", "--notify-ready=yes", "--console=pipe",
             # nspawn 252 does not know these calls, and so refuses them; a machine of its own would not.
             "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self",
             "--private-network", "--link-journal=no", "--boot", "systemd.unit=basic.target"],
            stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
            env={**os.environ, "NOTIFY_SOCKET": str(folder / "n"), "BOX_NAME": name, "BOX_ROOT": str(root)})
        made = Box(name, 0, nspawn, tree / name)
        try:
            leader = _booted(nspawn, notices)
            notices.close()  # nobody reads it any more; full (each reload tells), it would hold up process 1 for good
            if leader is None:
                said = log.read_text(errors="replace")[-2000:]
                missing("a systemd in a container", f"systemd-nspawn does not work here: {said}")
            made = Box(name, leader, nspawn, tree / name)
            yield made
        finally:
            if nspawn.poll() is None and not (tree / name).exists():  # it hangs before it has a cgroup
                nspawn.send_signal(signal.SIGKILL)
            made.end()


def _booted(nspawn: subprocess.Popen[bytes], notices: socket.socket) -> int | None:
    """The process id of the box's process 1 once it is up; None when that fails."""
    leader, ready, end = None, False, time.monotonic() + BOOT
    while not (leader and ready):
        if nspawn.poll() is not None or time.monotonic() > end:
            return None
        with suppress(TimeoutError):
            message = notices.recv(4096).decode()
            if found := re.search(r"^X_NSPAWN_LEADER_PID=(\d+)$", message, re.MULTILINE):
                leader = int(found[1])
            ready = ready or re.search(r"^READY=1$", message, re.MULTILINE) is not None
    return leader


def _cgroup_tree() -> Path:
    """Where this machine shows its cgroup2 hierarchy."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    found = [Path(where) for _, where, kind, *_ in mounts if kind == "cgroup2"]
    if not found:
        missing("cgroup2", "mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified")
    return found[0]


def _remove_cgroup(cgroup: Path) -> None:
    """Folders of a cgroup tree are removed from the inside out, and only once the kernel has let go of their processes."""
    end = time.monotonic() + BOOT
    while cgroup.is_dir() and time.monotonic() < end:
        for inner, _, _ in os.walk(cgroup, topdown=False):
            with suppress(OSError):
                Path(inner).rmdir()
        time.sleep(0.02)
