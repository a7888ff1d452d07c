"""A booted machine that serves its inbox over Samba and SSH as the README says, and what a scenario needs to act in it."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from clips import Clips
from harness import PATIENCE, until
from needs import need_program
from system.machine import CHECKOUT, CONFIG, INBOX, LIBRARY, Machine, machine

PROGRAMS = (("smbd", "samba"), ("smbpasswd", "samba-common-bin"), ("testparm", "samba-common-bin"), ("smbclient", "smbclient"),
            ("sshd", "openssh-server"), ("sftp", "openssh-client"), ("rsync", "rsync"), ("lftp", "lftp"))
PASSWORD = "secret"
SSH = "ssh -F /var/tmp/ssh_config"
SEEN = "/var/tmp/onlooker"
_CLONE_NEWNET = 0x40000000

# What the README leaves to the machine or the person: logins are allowed before the boot is over, people have keys, and so many
# uploads at once as no household makes are let in.
_AROUND = """
systemctl start systemd-user-sessions.service
ssh-keygen -A
echo 'MaxStartups 100' > /etc/ssh/sshd_config.d/many-at-once.conf
ssh-keygen -q -t ed25519 -N '' -f /var/tmp/key
for who in anna ben; do
    install -d -m 700 -o $who /home/$who/.ssh
    install -m 600 -o $who /var/tmp/key.pub /home/$who/.ssh/authorized_keys
    install -m 600 -o $who /var/tmp/key /home/$who/key
done
printf 'Host *\\n IdentityFile ~/key\\n StrictHostKeyChecking accept-new\\n LogLevel ERROR\\n' > /var/tmp/ssh_config
"""


@dataclass(frozen=True, slots=True)
class Film:
    """`inside` is its path in the machine, readable for everybody."""

    data: bytes
    inside: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class Running:
    """A program in the machine. Its id there is known, so that it can be stopped for a while, or killed, itself."""

    def __init__(self, world: World, process: subprocess.Popen[bytes], note: str) -> None:
        self._world, self._process, self._note = world, process, note

    def signal(self, number: signal.Signals) -> None:
        pid = until(lambda: self._world.read(self._note), "the program has begun")
        self._world.machine.box.run("kill", f"-{number.name.removeprefix('SIG')}", pid.decode().strip())
        if number is signal.SIGCONT:  # nsenter and runuser had stopped with it, and pass this on
            self._process.send_signal(number)

    def say(self, text: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def end(self) -> tuple[int, str]:
        """Its exit status and all it said."""
        said, _ = self._process.communicate(timeout=PATIENCE * 2)
        return self._process.returncode, said.decode(errors="replace")

    def succeed(self) -> None:
        status, said = self.end()
        assert status == 0, f"status {status}: {said}"


class World:
    """`films` by kind: tail (MP4, moov at its end), fast (MP4, moov in front), mkv, avi, ts."""

    def __init__(self, made: Machine, films: Mapping[str, Film]) -> None:
        self.machine = made
        self.films = films
        self._started: list[subprocess.Popen[bytes]] = []

    def python(self, text: str, *arguments: str, user: str = "anna") -> str:
        """Run a script by the machine's own python3; what it printed. A script that fails is an AssertionError."""
        return self.machine.box.run("/usr/bin/python3", "-c", text, *arguments, user=user, patience=PATIENCE * 2).stdout

    def run(self, *argv: str, user: str = "anna") -> None:
        self.machine.box.run(*argv, user=user, patience=PATIENCE * 2)

    def start(self, *argv: str, user: str | None = "anna") -> Running:
        note = f"/var/tmp/pid-{os.urandom(4).hex()}"
        process = self.machine.box.start("sh", "-c", 'echo $$ > "$0"; exec "$@"', note, *argv, user=user)
        self._started.append(process)
        return Running(self, process, note)

    def close(self) -> None:
        """Let go of what a failed scenario has left behind; the machine's end has ended it."""
        for process in self._started:
            process.kill()
            process.communicate()

    def folder(self, user: str = "anna") -> str:
        """A new folder of this user beside the inbox, on its file system."""
        path = f"/srv/own-{os.urandom(4).hex()}"
        self.machine.box.run("install", "-d", "-o", user, path)
        return path

    def brought(self, film: Film, name: str, user: str = "anna") -> str:
        """A copy of the film under the name it is to have, owned by the user; its path in the machine."""
        path = f"{self.folder(user)}/{name}"
        self.run("cp", film.inside, path, user=user)
        return path

    def read(self, inside: str) -> bytes:
        """A file of the machine; empty when there is none."""
        try:
            return self.machine.box.path(inside).read_bytes()
        except FileNotFoundError:
            return b""

    def size(self, name: str) -> int:
        """Of a path in the inbox; 0 when there is none."""
        try:
            return self.machine.box.path(f"{INBOX}/{name}").stat().st_size
        except FileNotFoundError:
            return 0

    def waits(self, name: str, *reasons: str) -> None:
        """Until the daemon itself says that it sees the file, and that it does not take it for one of these reasons."""
        def told() -> bool:
            waiting = self.machine.client().get("/v1/status")["waiting"]
            return any(one["reason"] in reasons and Path(one["path"]).name == name for one in waiting)
        until(told, f"{name} waits: {' or '.join(reasons)}")

    def enter_network(self) -> None:
        """From now on sockets of this thread are the machine's. There is no way back: for threads that only run scenarios."""
        with open(f"/proc/{self.machine.box.leader}/ns/net", "rb") as network:
            if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")


def readme_commands(protocol: str) -> list[str]:
    """The commands of the README section about Samba and SFTP that name this word, one per line."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Drop films over Samba or SFTP", 1)[1].split("\n## ", 1)[0]
    [block] = [block for block in re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL) if protocol in block]
    return [line.split("  #")[0].strip() for line in block.splitlines()]


def set_up(made: Machine) -> None:
    """Type what the README says, as root (so without sudo). Packages are there already; passwords come from a pipe."""
    answers = f"{PASSWORD}\n{PASSWORD}\n"
    for line in (*readme_commands("smbd"), *readme_commands("sshd_config.d")):
        command = line.replace("sudo ", "")
        if command.startswith("apt "):
            continue
        answered = f"echo '{answers}' | {command.replace('smbpasswd', 'smbpasswd -s')}" if "passwd " in command else command
        made.box.run("sh", "-ec", answered)
    made.box.run("sh", "-ec", _AROUND)
    made.box.run("systemctl", "reload-or-restart", "ssh")


def _films(clips: Clips, made: Machine) -> dict[str, Film]:
    """Half a megabyte each, so that a slow upload has a middle."""
    rich = {"seconds": 2, "video": ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "8", "-pix_fmt", "yuv420p")}
    paths = {"tail": clips.film("tail.mp4", **rich), "fast": clips.film("fast.mp4", **rich, extra=("-movflags", "+faststart")),
             "mkv": clips.film("film.mkv", **rich), "ts": clips.film("film.ts", **rich),
             "avi": clips.film("film.avi", seconds=2, video=("-c:v", "mpeg4", "-q:v", "2"), audio=("-c:a", "mp2"))}
    films = {}
    for kind, path in paths.items():
        inside = f"/var/tmp/{path.name}"
        shutil.copyfile(path, made.box.path(inside))
        made.box.path(inside).chmod(0o644)
        films[kind] = Film(path.read_bytes(), inside)
    return films


@contextmanager
def world(folder: Path, staged: Path, clips: Clips) -> Iterator[World]:
    """Everything served, the daemon with its default waiting times, and its queue drained: what is claimed stays as
    it is."""
    for program, package in PROGRAMS:
        need_program(program, package)
    with ExitStack() as at_the_end, machine(folder, staged) as made:
        # A file system that knows by itself who has a file mapped; the machine's own, an overlay, does not.
        made.box.run("sh", "-ec", "mount -t tmpfs -o mode=755 tmpfs /srv && systemd-tmpfiles --create pectin.conf")
        made.fresh({"routes": [{"name": "films", "inbox": INBOX, "library": LIBRARY}]})
        assert "linger" not in made.box.path(CONFIG).read_text()
        set_up(made)
        made.client().post("/v1/drain")  # paused, it would copy nothing
        there = World(made, _films(clips, made))
        at_the_end.callback(there.close)
        until(lambda: made.box.run("smbclient", "//127.0.0.1/inbox", "--user", f"anna%{PASSWORD}", "-c", "ls",
                                   check=False).returncode == 0, "smbd answers")
        yield there


@contextmanager
def onlooker(there: World) -> Iterator[Callable[[], list[tuple[float, int, bytes]]]]:
    """Look at the inbox while the block runs. The yielded function gives what happened so far: time, inotify mask, path."""
    script = Path(__file__).with_name("onlooker.py").read_text()
    looking = there.start("sh", "-c", 'exec nice -n -15 /usr/bin/python3 -c "$0" "$1" > "$2"', script, INBOX, SEEN, user=None)

    def seen() -> list[tuple[float, int, bytes]]:
        lines = [json.loads(line) for line in there.read(SEEN).splitlines()]
        return [(line["time"], line["mask"], bytes.fromhex(line["path"])) for line in lines if "time" in line]
    try:
        until(lambda: there.read(SEEN), "the onlooker looks")
        yield seen
    finally:
        looking.signal(signal.SIGTERM)
        looking.end()


def by_name(path: str) -> str:
    """A shell command that sets times and mode by name a second after an upload; it fails when the name has gone."""
    return f"sleep 1.2; touch -c -d '2020-01-02' '{path}' && test -e '{path}' && chmod 664 '{path}'"
