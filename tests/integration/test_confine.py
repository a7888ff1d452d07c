"""The walls around a child: a program that is started exactly as ffmpeg is tries to get out, and cannot."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from needs import need_program, need_root
from pectin.linux.child import spawn
from pectin.linux.confine import FAILED, START
from pectin.linux.launch import Confinement, prefix
from pectin.linux.sandbox import NEEDED, Mode, Part, Sandbox, unconfined
from pectin.linux.trial import choose, offered, total_memory, try_out
from pectin.model.errors import Cause, PectinError

# Each line of a test's code is tried by itself; what it got stands in the answer under its own text.
TRY = """
import ctypes, errno, json, os, resource, signal, socket, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(function, *arguments):
    if getattr(libc, function)(*arguments) < 0: raise OSError(ctypes.get_errno(), 'refused')
found = {}
for line in sys.argv[1:]:
    try:
        found[line] = eval(line)
    except OSError as error:
        found[line] = errno.errorcode[error.errno]
    except ValueError as error:
        found[line] = str(error)
print(json.dumps(found, default=list))
"""


def whole() -> Sandbox:
    """What this machine offers, which must be all that is needed."""
    found = offered()
    if not found.whole:
        pytest.skip(f"this kernel cannot confine: {dict(found.missing)}")
    return found


async def tried(lines: Sequence[str], folder: Path, *, sandbox: Sandbox | None = None, fds: Sequence[int] = (),
                **more: Any) -> dict[str, Any]:
    """What a confined Python got for each of these expressions."""
    walls = Confinement(sandbox=sandbox or whole(), reads=[Path(sys.base_prefix), Path(sys.prefix), Path("/proc/self"), *fds],
                        own=[folder])
    async with spawn([sys.executable, "-I", "-S", "-c", TRY, *lines], cwd=folder, pass_fds=fds, confinement=walls,
                     **more) as child:
        said = await child.stdout.read()
        assert await child.wait() == 0, child.stderr_tail()
    found: dict[str, Any] = json.loads(said)
    return found


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


def test_this_machine_can_build_all_that_is_needed() -> None:
    assert whole().parts >= NEEDED


async def test_it_reads_its_input_by_the_descriptor_and_by_no_name(own: Path, tmp_path: Path) -> None:
    film, other = tmp_path / "film.mkv", tmp_path / "other.mkv"
    film.write_text("this film")
    other.write_text("another film")
    fd = os.open(film, os.O_RDONLY)
    again, by_name = f"open('/proc/self/fd/{fd}').read()", f"open({str(other)!r}).read()"
    try:
        got = await tried([again, by_name, "open('/etc/passwd').read()", "os.listdir('/root')", "os.listdir('/')",
                           f"open('/proc/self/fd/{fd}', 'r+').write('x')"], own, fds=[fd])
    finally:
        os.close(fd)
    assert got.pop(again) == "this film"
    assert set(got.values()) == {"EACCES"}


async def test_it_writes_its_own_folder_and_nothing_else(own: Path, tmp_path: Path) -> None:
    victim = tmp_path / "library.mp4"
    victim.write_text("published")
    victim.chmod(0o600)
    inside = ["open('made', 'w').write('12345')", "os.rename('made', 'kept')", "os.ftruncate(os.open('kept', os.O_RDWR), 2)"]
    outside = [f"open({str(victim)!r}, 'w')", f"os.unlink({str(victim)!r})", f"os.rename({str(victim)!r}, 'mine')",
               f"os.link({str(victim)!r}, 'mine')", "os.symlink('/etc', 'mine')", f"os.truncate({str(victim)!r}, 0)",
               f"os.chmod({str(victim)!r}, 0o777)", f"os.utime({str(victim)!r})", f"os.setxattr({str(victim)!r}, 'user.x', b'')",
               f"os.mkfifo({str(tmp_path / 'pipe')!r})", f"os.mkdir({str(tmp_path / 'folder')!r})"]
    got = await tried([*inside, *outside], own)
    assert (own / "kept").read_text() == "12"
    assert {line: got[line] for line in outside if got[line] not in ("EACCES", "EPERM", "EXDEV")} == {}
    assert (victim.read_text(), victim.stat().st_mode & 0o777) == ("published", 0o600)


async def test_a_program_in_somebodys_home_shows_it_nothing_else_that_lies_there(own: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "Videos").mkdir(parents=True)
    (home / "Videos" / "film.mkv").write_text("private")
    program = shutil.copy(need_program("cat", "coreutils"), home / "ffmpeg")
    walls = Confinement(sandbox=whole(), own=[own])
    async with spawn([str(program), str(home / "Videos" / "film.mkv")], cwd=own, confinement=walls) as child:
        assert (await child.stdout.read(), await child.wait()) == (b"", 1)
    assert "Permission denied" in child.stderr_tail()


async def test_libraries_beside_a_programs_folder_are_found(own: Path, tmp_path: Path) -> None:
    """As in builds that are unpacked somewhere: bin/ffmpeg and lib/libavcodec.so."""
    compiler = need_program("gcc", "gcc")
    for folder in ("bin", "lib"):
        (tmp_path / "build" / folder).mkdir(parents=True)
    (tmp_path / "x.c").write_text("int answer(void) { return 42; }")
    (tmp_path / "main.c").write_text("int answer(void); int main(void) { return answer(); }")
    build = tmp_path / "build"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", build / "lib" / "libx.so", tmp_path / "x.c"], check=True)
    subprocess.run([compiler, "-o", build / "bin" / "ffmpeg", tmp_path / "main.c", f"-L{build / 'lib'}", "-lx",
                    "-Wl,-rpath,$ORIGIN/../lib"], check=True)
    async with spawn([str(build / "bin" / "ffmpeg")], cwd=own, confinement=Confinement(sandbox=whole(), own=[own])) as child:
        assert (await child.wait(), child.stderr_tail()) == (42, "")


async def test_it_connects_to_nobody(own: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        lines = [f"socket.create_connection(('127.0.0.1', {port}))", "socket.socket(socket.AF_UNIX)", "socket.socketpair()",
                 "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"]
        assert set((await tried(lines, own)).values()) == {"EPERM"}
        with pytest.raises(BlockingIOError):
            server.accept()


async def test_the_network_of_its_own_would_lead_nowhere_even_with_sockets(own: Path) -> None:
    if Part.NETWORK not in whole().parts:
        pytest.skip(f"no network namespace here: {whole().missing}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))"
        walls = Sandbox(parts=frozenset({Part.NETWORK, Part.PRIVILEGES}))
        assert (await tried([line], own, sandbox=walls))[line] == "ENETUNREACH"


async def test_it_makes_threads_and_no_process(own: Path) -> None:
    thread = "[(t := threading.Thread(target=len, args=('',))), t.start(), t.join()][1]"
    got = await tried([thread, "os.fork()", "os.posix_spawn('/bin/true', ['true'], {})"], own)
    assert got.pop(thread) is None
    assert set(got.values()) == {"EPERM"}


async def test_it_touches_no_other_process(own: Path) -> None:
    daemon = os.getpid()
    lines = [f"os.kill({daemon}, 0)", f"os.kill({daemon}, 9)", "os.kill(-1, 9)",
             f"resource.prlimit({daemon}, resource.RLIMIT_CORE)", f"open('/proc/{daemon}/environ').read()",
             f"call('ptrace', 16, {daemon}, 0, 0)", f"os.pidfd_open({daemon})"]
    assert {line: got for line, got in (await tried(lines, own)).items() if got not in ("EPERM", "EACCES")} == {}


async def test_it_keeps_its_cpus_and_its_priority(own: Path) -> None:
    cpu = min(os.sched_getaffinity(0))
    everywhere = "os.sched_setaffinity(0, range(os.cpu_count()))"
    refused = [everywhere, "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))",
               "os.setpriority(os.PRIO_PROCESS, 0, 19)", "call('syscall', 251, 1, 0, 0)"]
    got = await tried([*refused, "os.sched_getaffinity(0)", "os.getpriority(os.PRIO_PROCESS, 0)"], own, cpus={cpu}, nice=7)
    assert {got[line] for line in refused} == {"EPERM"}
    assert got["os.sched_getaffinity(0)"] == [cpu]
    assert got["os.getpriority(os.PRIO_PROCESS, 0)"] == min(19, os.nice(0) + 7)


async def test_it_has_no_capability_and_gains_none(own: Path) -> None:
    line = "dict(l.split(':', 1) for l in open('/proc/self/status').read().splitlines())"
    status = (await tried([line], own))[line]
    sets = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
    assert sets == dict.fromkeys(sets, 0)
    assert int(status["NoNewPrivs"]) == 1
    if os.geteuid() == 0:  # a root that keeps its bounding set gets all of it back at exec
        assert int(status["CapBnd"], 16) == 0


async def test_its_limits_are_set_and_cannot_be_raised(own: Path) -> None:
    sandbox = choose(Mode.AUTO, 1 << 30)
    lines = [f"resource.getrlimit(resource.RLIMIT_{name})" for name in ("CORE", "NOFILE", "FSIZE", "AS")]
    raising = "resource.setrlimit(resource.RLIMIT_NOFILE, (9999, 9999))"
    got = await tried([*lines, raising], own, sandbox=sandbox)
    assert got[raising] == "not allowed to raise maximum limit"  # Python's words for EPERM
    limits = [got[line] for line in lines]
    assert all(soft == hard for soft, hard in limits)
    assert limits[0] == [0, 0]
    assert limits[3][0] > 1 << 30


async def test_it_can_still_abort(own: Path) -> None:
    """A crash must look like one: SIGABRT, by a signal that a program sends to itself."""
    walls = Confinement(sandbox=whole(), reads=[Path(sys.base_prefix), Path(sys.prefix)], own=[own])
    async with spawn([sys.executable, "-I", "-S", "-c", "import os; os.abort()"], cwd=own, confinement=walls) as child:
        assert await child.wait() == -signal.SIGABRT


async def test_a_hook_is_not_confined_but_has_none_of_our_capabilities(own: Path, tmp_path: Path) -> None:
    async with spawn(["sh", "-c", "(grep NoNewPrivs /proc/self/status); cat /etc/passwd >copy"], cwd=tmp_path) as child:
        assert (await child.stdout.read()).split() == [b"NoNewPrivs:", b"1"]
        assert await child.wait() == 0
    assert (tmp_path / "copy").stat().st_size > 0


async def test_root_reads_a_film_of_somebody_else_without_any_capability(own: Path, tmp_path: Path) -> None:
    need_root("own a film as somebody else")
    film, theirs = tmp_path / "private.mkv", 65534
    film.write_text("private")
    film.chmod(0o600)
    os.chown(film, theirs, theirs)
    tmp_path.chmod(0o700)  # others may not even come near: what counts is what is open already
    fd = os.open(film, os.O_RDONLY)
    walls = Confinement(sandbox=whole(), reads=[fd], own=[own])
    try:
        async with spawn(["cp", f"/proc/self/fd/{fd}", "out"], cwd=own, pass_fds=[fd], confinement=walls) as child:
            assert (await child.wait(), child.stderr_tail()) == (0, "")
    finally:
        os.close(fd)
    assert (own / "out").read_text() == "private"
    assert (own / "out").stat().st_uid == theirs  # encoding/ffmpeg.py takes it back


async def test_anothers_private_film_can_be_made_on_a_device_of_a_group(own: Path, tmp_path: Path) -> None:
    need_root("own a film as somebody else")
    film = tmp_path / "private.mkv"
    film.write_text("private")
    film.chmod(0o600)
    os.chown(film, 65534, 65534)
    fd = os.open(film, os.O_RDONLY)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as open_to_all:
        os.chmod(open_to_all, 0o755)
        node = Path(open_to_all, "card")
        try:
            os.mknod(node, stat.S_IFCHR, os.makedev(1, 3))
            node.write_text("")
        except PermissionError:
            pytest.skip("no device files may be made in /var/tmp here")
        node.chmod(0o660)
        os.chown(node, 0, 44444)
        walls = Confinement(sandbox=whole(), reads=[fd], own=[own], devices=[node])
        try:
            async with spawn(["tee", str(node)], cwd=own, pass_fds=[fd], confinement=walls) as child:
                assert (await child.wait(), child.stderr_tail()) == (0, "")
        finally:
            os.close(fd)


async def test_bubblewrap_does_it_where_the_kernel_has_no_landlock(own: Path, tmp_path: Path) -> None:
    need_program("bwrap", "bubblewrap")
    sandbox = try_out(frozenset(Part), landlock=False)
    if Part.FILES not in sandbox.parts:
        pytest.skip(f"bubblewrap does not work here: {sandbox.missing}")
    assert sandbox.bubblewrap
    film = tmp_path / "film.mkv"
    film.write_text("this film")
    fd = os.open(film, os.O_RDONLY)
    again = f"open('/proc/self/fd/{fd}').read()"
    try:
        got = await tried([again, "open('made', 'w').write('x')", "open('/etc/passwd')", f"open({str(film)!r})",
                           "os.fork()", "socket.socket()", "os.sched_setaffinity(0, {0})"], own, sandbox=sandbox, fds=[fd])
    finally:
        os.close(fd)
    assert list(got.values()) == ["this film", 1, "ENOENT", "ENOENT", "EPERM", "EPERM", "EPERM"]
    assert (own / "made").read_text() == "x"
    # The daemon may stand anywhere, and its folder may have another name than it seems.
    os.symlink(own, tmp_path / "link")
    for folder, shown, seen in ((tmp_path, own, "/"), (tmp_path / "link", tmp_path / "link", str(tmp_path / "link"))):
        walls = Confinement(sandbox=sandbox, own=[shown])
        async with spawn(["pwd"], cwd=folder, confinement=walls) as child:
            assert (await child.stdout.read(), child.stderr_tail()) == (f"{seen}\n".encode(), "")


def test_a_wall_that_cannot_be_built_lets_nothing_start() -> None:
    """A limit nobody knows stands for any failure: the program must not run without it."""
    command = [*prefix("/bin/echo", nice=0, cpus={100_000})[:-1], "--", "/bin/echo", "ran"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (FAILED, "")
    assert done.stderr.startswith("pectin-confine: cpus: ")


def test_a_launcher_whose_parent_is_gone_starts_nothing() -> None:
    code = str(Path(sys.modules["pectin"].__file__ or "").parents[1])
    nobody = 4194305  # more than Linux counts processes
    command = [sys.executable, "-I", "-S", "-c", START, code, f"parent={nobody}", "privileges=few", "--", "/bin/echo", "ran"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (FAILED, "")


def test_one_wall_that_does_not_hold_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def trial(sandbox: Sandbox) -> tuple[frozenset[Part], str]:
        return sandbox.parts - {Part.FILES}, ""

    monkeypatch.setattr("pectin.linux.trial._trial", trial)
    found = try_out(frozenset(Part))
    assert found.parts == frozenset(Part) - {Part.FILES}
    assert found.missing == {Part.FILES: "it was tried, and did not hold"}


def test_walls_that_cannot_be_built_are_left_out_with_the_launchers_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def trial(sandbox: Sandbox) -> tuple[frozenset[Part], str]:
        if Part.NETWORK in sandbox.parts:
            return frozenset(), "pectin-confine: network: Operation not permitted"
        return sandbox.parts, ""

    monkeypatch.setattr("pectin.linux.trial._trial", trial)
    found = try_out(frozenset(Part))
    assert (found.parts, found.whole) == (NEEDED, True)
    assert "Operation not permitted" in found.missing[Part.NETWORK]


def test_required_refuses_to_run_without(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = Sandbox(parts=frozenset({Part.SYSCALLS}), missing={Part.FILES: "no Landlock", Part.PRIVILEGES: "why ever"})
    monkeypatch.setattr("pectin.linux.trial.offered", lambda: lacking)
    assert choose(Mode.AUTO, None).parts == {Part.SYSCALLS}
    assert choose(Mode.NONE, 5) == Sandbox(parts=frozenset(), missing=unconfined().missing, max_memory=5)
    with pytest.raises(PectinError, match="files: no Landlock") as caught:
        choose(Mode.REQUIRED, None)
    assert caught.value.cause is Cause.SANDBOX_MISSING


def test_the_machines_memory_is_known() -> None:
    assert total_memory() > 1 << 28
