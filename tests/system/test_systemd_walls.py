"""What the daemon is kept from by its unit, what it is given (devices, secrets), and what the journal knows of its work."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clips import Clips
from harness import until
from needs import need_program
from system.machine import CHECKOUT, INBOX, QUICK, SLOW, SOON, Machine, machine

KEY, SECRET, OTHER = "0badc0ffee0ddf00d0badc0ffee0ddf0", "whsec_cGVjdGluIGtlZXBzIHRoaXM=", "whsec_YW5kIHRoaXMgb25lIHRvbw=="
TOKEN = "cGFydCBvZiBhbiBhZGRyZXNz"
PORT = 8096

# Runs as a hook: in the daemon's whole sandbox, as its user. Each attempt should fail; what it saw goes to a file.
PROBE = f'''#!{"/usr/bin/python3"}
import ctypes, json, os, socket, sys
def tried(attempt):
    try:
        attempt()
    except OSError as error:
        return os.strerror(error.errno)
    return "done"
def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
libc = ctypes.CDLL(None, use_errno=True)
os.mkdir("/srv/pectin/rejected/probe")
found = {{
    "write /usr": tried(lambda: open("/usr/probe", "w")), "write /etc": tried(lambda: open("/etc/probe", "w")),
    "write /var": tried(lambda: open("/var/probe", "w")), "write /tmp": tried(lambda: open("/tmp/probe", "w").close()),
    "set gid": tried(lambda: os.chmod("/srv/pectin/rejected/probe", 0o2770)),
    "chown": tried(lambda: os.chown("/srv/pectin/rejected/probe", os.getuid(), os.getgid())),
    "unshare": tried(lambda: checked(libc.unshare(0x10000000))),
    "mount": tried(lambda: checked(libc.mount(b"x", b"/", b"x", 0, 0))),
    "netlink": tried(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "packet": tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "setuid": tried(lambda: os.setuid(os.getuid())), "mknod": tried(lambda: os.mknod("/srv/pectin/rejected/node", 0o60600)),
    "kernel": tried(lambda: open("/proc/sys/kernel/hostname", "w")), "cgroup": tried(lambda: os.mkdir("/sys/fs/cgroup/probe")),
    "/home": tried(lambda: os.listdir("/home")), "/dev": sorted(os.listdir("/dev")), "user": os.getuid(),
    "others": [pid for pid in os.listdir("/proc") if pid.isdigit() and os.stat("/proc/" + pid).st_uid != os.getuid()],
    "environment": dict(os.environ), "limits": open("/proc/self/limits").read(),
}}
with open("/srv/pectin/originals/seen.json", "w") as file:
    json.dump(found, file)
'''

# Stands for Jellyfin and for a receiver of webhooks: writes down with what key it is asked.
RECEIVER = f'''
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        with open("/root/asked", "a") as file:
            print(self.path, dict(self.headers), file=file)
        self.send_response(401 if "refuse" in self.path else 200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"[]" if "Folders" in self.path else b"{{}}")
    do_GET = do_POST = answer
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(("127.0.0.1", {PORT}), Handler).serve_forever()
'''


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, staged: Path) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("box"), staged) as made:
        yield made


@pytest.fixture(scope="module")
def film(clips: Clips) -> Path:
    return clips.film("film.mkv", seconds=1)


@pytest.fixture(scope="module")
def slow_film(clips: Clips) -> Path:
    return clips.make("slow.mkv", ["-f", "lavfi", "-i", "nullsrc=size=640x360:rate=25:duration=4,geq=random(1)*255:128:128",
                                   "-c:v", "mpeg4", "-q:v", "6"])


@pytest.mark.parametrize("unit", ["pectin.service", "pectin@.service"])
def test_the_units_exposure_is_at_most_1_5(unit: str) -> None:
    """Of 10; systemd's own count over all it knows to take away. What is left is what the daemon needs, each with its reason."""
    need_program("systemd-analyze", "systemd")
    path = str(CHECKOUT / "systemd" / unit)
    judged = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", path],
                            capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout[-300:] + judged.stderr
    listed = subprocess.run(["systemd-analyze", "security", "--offline=true", "--json=short", "--no-pager", path],
                            capture_output=True, text=True, check=False)
    given = {row["name"] for row in json.loads(listed.stdout) if not row["set"] and row["exposure"]}
    assert given == {
        "SystemCallFilter=~@resources", "RootDirectory=/RootImage=", "AmbientCapabilities=", "CapabilityBoundingSet=~CAP_LEASE",
        "RestrictAddressFamilies=~AF_UNIX", "RestrictAddressFamilies=~AF_(INET|INET6)", "ProcSubset=", "PrivateNetwork=",
        "PrivateUsers=", "DeviceAllow=", "IPAddressDeny=", "UMask="}


@pytest.mark.parametrize("drop_in", sorted((CHECKOUT / "systemd/examples").glob("*.conf")), ids=lambda path: path.stem)
def test_each_drop_in_that_is_shipped_can_be_used_as_it_stands(installed: Machine, drop_in: Path) -> None:
    for folder in ("/srv/media", "/home/anna/Films", "/dev/dri"):
        installed.box.run("mkdir", "-p", folder)
    installed.box.run("touch", "/dev/dri/renderD128")  # no device, but it can be shown
    for key in ("jellyfin-key", "webhook-secret"):
        installed.box.path(f"/etc/pectin/{key}").write_text("x\n")
    installed.fresh(QUICK, SOON + "\n" + re.sub(r"^\[Unit\]\n(?:#.*\n|.+\n)*", "", drop_in.read_text(), flags=re.MULTILINE))
    unit = installed.box.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=one", "pectin.service")
    assert unit.stdout + unit.stderr == ""
    assert installed.box.unit("pectin.service", "ActiveState") == {"ActiveState": "active"}


def test_what_runs_in_the_daemons_sandbox_can_do_nothing_else(installed: Machine, film: Path) -> None:
    """A hook tries it all, from inside. A graphics card (here: its folder) is there; nothing else of /dev is."""
    hook = installed.box.path("/usr/local/bin/probe")
    hook.write_text(PROBE)
    hook.chmod(0o755)
    installed.box.run("sh", "-c", "mkdir -p /dev/dri && touch /dev/dri/renderD128 && touch /tmp/of-others")
    installed.fresh(QUICK | {"hooks": [{"name": "probe", "run": "/usr/local/bin/probe", "events": ["job.completed"]}]})
    installed.drop(film, "Probe.mkv")
    seen = installed.box.path("/srv/pectin/originals/seen.json")
    until(seen.exists, "the hook has looked")
    found: dict[str, Any] = until(lambda: json.loads(seen.read_text() or "null"), "and written all of it down")
    refused, read_only = "Operation not permitted", "Read-only file system"
    assert {name: value for name, value in found.items() if isinstance(value, str) and name != "limits"} == {
        "write /usr": read_only, "write /etc": read_only, "write /var": read_only, "write /tmp": "done", "set gid": refused,
        "chown": refused, "unshare": refused, "mount": refused, "netlink": "Address family not supported by protocol",
        "packet": "Address family not supported by protocol", "setuid": refused, "mknod": refused, "kernel": read_only,
        "cgroup": read_only, "/home": "Permission denied"}
    assert "dri" in found["/dev"]
    assert not {name for name in found["/dev"] if name.startswith(("sd", "vd", "nvme", "loop", "mem", "kmsg", "fuse", "net"))}
    assert found["others"] == [], "other people's processes are not seen"
    assert re.search(r"Max core file size +0 +0 ", found["limits"])
    assert not installed.box.path("/tmp/probe").exists(), "its /tmp is its own"


def test_everything_that_a_profile_can_ask_for_is_made_within_the_units_walls(installed: Machine, film: Path) -> None:
    """Each of ffmpeg's libraries meets the unit's sandbox once, and what they say there is no reason to leave anything out."""
    pictures = {"poster": "auto", "fanart": "auto", "thumb": "auto", "preview": "webp", "trickplay": True, "sprite": True}
    extras = {"renditions": [144], "nfo": True, "preset": "ultrafast", "pictures": pictures}
    installed.fresh(QUICK | {
        "profiles": {"fragments": extras | {"hls": "fmp4"}, "stream": extras | {"hls": "ts"}},
        "routes": [QUICK["routes"][0] | {"profile": "fragments"},
                   {"name": "old", "inbox": "/srv/pectin/inbox-old", "library": "/srv/pectin/library-old", "profile": "stream"}]},
        "[Service]\nExecStartPre=+install -d -o pectin -g pectin -m 2775 /srv/pectin/inbox-old /srv/pectin/library-old\n")
    installed.drop(film, "Whole.mkv")
    installed.bring(film, "/srv/pectin/inbox-old/Ancient.mkv", "anna")
    for name in ("Whole.mkv", "Ancient.mkv"):
        job = installed.job(name, "COMPLETED")
        assert [note for note in installed.box.text("pectin", "show", job["id"]).splitlines() if note.startswith("- ")] == []
        assert {one["role"] for one in job["outputs"]} == {
            "video", "rendition", "hls", "nfo", "poster", "fanart", "thumb", "preview", "trickplay", "sprite"}


def test_the_units_walls_stand_around_a_running_ffmpeg(installed: Machine, slow_film: Path) -> None:
    installed.fresh(SLOW)
    installed.drop(slow_film, "Walls.mkv")
    job = installed.encoding()
    daemon = installed.box.unit("pectin.service", "MainPID")["MainPID"]
    (child,) = installed.box.text("pgrep", "-P", daemon).split()
    for pid in (daemon, child):
        status = dict(line.split(":\t", 1) for line in installed.box.text("cat", f"/proc/{pid}/status").splitlines())
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert int(status["CapBnd"], 16) in (0, 1 << 28)
        assert set(status["Uid"].split()) == {installed.box.text("id", "--user", "pectin")}
        assert installed.box.text("cat", f"/proc/{pid}/cgroup").endswith("/pectin.slice/pectin.service")
        assert installed.box.text("cat", f"/proc/{pid}/oom_score_adj") == "300"
        mounts = {line.split()[4]: line.split()[5].split(",") for line
                  in installed.box.text("cat", f"/proc/{pid}/mountinfo").splitlines()}
        assert "ro" in mounts["/"]
        assert "rw" in mounts["/srv/pectin"]
        assert {"/home", "/tmp", "/dev", "/proc"} <= set(mounts)
    assert int(installed.box.text("ps", "-o", "ni=", "-p", child)) == 10
    # A mount that comes while it runs is seen inside: a library's disk may be late, or be plugged in again.
    installed.box.run("mkdir", "-p", "/mnt/late")
    installed.box.run("mount", "-t", "tmpfs", "late", "/mnt/late")
    assert " /mnt/late " in installed.box.text("cat", f"/proc/{daemon}/mountinfo")
    installed.box.run("umount", "/mnt/late")
    installed.box.run("pectin", "cancel", job["id"])


def test_secrets_come_as_credentials_and_are_seen_by_nobody(installed: Machine, film: Path, tmp_path: Path) -> None:
    """Three ways in (SetCredential=, LoadCredential=, a file); then everything that can be read is searched for them: after good
    and refused requests, a film that fails, a reload, and a crash with its traceback."""
    box = installed.box
    box.path("/root/receiver.py").write_text(RECEIVER)
    box.run("systemd-run", "--quiet", "--unit=receiver", "python3", "/root/receiver.py")
    box.path("/etc/pectin/secret").write_text(SECRET + "\n")
    box.path("/etc/pectin/secret").chmod(0o600)
    box.path("/etc/pectin/other").write_text(OTHER + "\n")
    box.run("sh", "-c", "chown root:pectin /etc/pectin/other; chmod 0640 /etc/pectin/other")
    url = f"http://127.0.0.1:{PORT}"
    sections = QUICK | {
        "log": {"level": "debug"},
        "jellyfin": {"url": url, "key_file": "credential:jellyfin-key"},
        "webhooks": [{"name": "chat", "url": f"{url}/chat?token={TOKEN}", "secret_file": "credential:chat"},
                     {"name": "strict", "url": f"{url}/refuse", "secret_file": "/etc/pectin/other"},
                     {"name": "dead", "url": "http://127.0.0.1:9/", "secret_file": "/etc/pectin/other"}]}
    installed.fresh(sections, SOON + f"SetCredential=jellyfin-key:{KEY}\nLoadCredential=chat:/etc/pectin/secret\n")
    (tmp_path / "noise.mkv").write_bytes(b"this is no film" * 1000)
    installed.drop(film, "Secret.mkv")
    installed.drop(tmp_path / "noise.mkv", "Bad.mkv")
    done, bad = installed.job("Secret.mkv", "COMPLETED"), installed.job("Bad.mkv", "REJECTED", "FAILED")
    asked = box.path("/root/asked")
    until(lambda: asked.exists() and KEY in asked.read_text() and TOKEN in asked.read_text(), "the keys work")
    assert "webhook-signature" in asked.read_text()

    box.run("systemctl", "reload", "pectin")
    places = [box.run("pectin", *words, user=user, check=False) for user, *words in (
        (None, "config", "show"), (None, "config", "show", "--json"), (None, "doctor", "--json"), ("anna", "doctor"),
        ("anna", "status", "--json"), ("anna", "show", done["id"], "--json"), ("anna", "show", bad["id"]))]
    told = [place.stdout + place.stderr for place in places]
    told += [box.text("curl", "--silent", "--unix-socket", "/run/pectin/pectin.sock", f"http://pectin{address}") for address in (
        "/v1/status", "/v1/jobs", f"/v1/jobs/{done['id']}", "/v1/inbox", "/openapi.json", "/healthz", "/v1/plan?path=/x")]
    told.append(box.text("curl", "--silent", "http://127.0.0.1:9847/metrics"))
    told.append(box.text("systemctl", "status", "--full", "pectin"))
    pids = [pid for pid in box.text("pgrep", "-u", "pectin").split() if pid]
    assert pids
    told += [box.run("sh", "-c", f"tr '\\0' ' ' < /proc/{pid}/{what}").stdout for pid in pids for what in ("cmdline", "environ")]
    # The crash: SIGABRT, as the watchdog does it, with all threads' tracebacks.
    box.run("systemctl", "kill", "--kill-whom=main", "--signal=ABRT", "pectin.service")
    until(lambda: "Fatal Python error: Aborted" in "\n".join(box.journal("-u", "pectin", "-n", "400")), "the traceback is there")
    # A key that cannot be one is refused at a reload without being shown.
    until(lambda: box.unit("pectin.service", "NRestarts", "ActiveState") == {"NRestarts": "1", "ActiveState": "active"},
          "it is up again")
    box.path("/etc/pectin/other").write_text(SECRET + "\nnot a key at all: " + KEY + "\n")
    told.append(box.run("pectin", "reload", check=False).stderr)
    assert "webhooks[1].secret_file" in told[-1]
    told.append(box.text("journalctl", "--output=export", "--unit=pectin"))
    assert "job.completed" in told[-1], "the debug log is in it"
    searched = "\n".join(told)
    assert len(told) == len(places) + 7 + 2 + 2 * len(pids) + 2
    for planted in (KEY, SECRET, SECRET.removeprefix("whsec_"), OTHER.removeprefix("whsec_"), TOKEN):
        assert planted not in searched
        left = box.run("grep", "--recursive", "--binary-files=text", "--files-with-matches", "--fixed-strings", planted,
                       "/var/lib/pectin", "/srv/pectin", "/run/pectin", check=False).stdout
        assert left == ""
    box.run("systemctl", "stop", "receiver")


def test_the_journal_finds_a_jobs_lines_by_its_id_state_and_reason(installed: Machine, film: Path, tmp_path: Path) -> None:
    installed.fresh()
    (tmp_path / "noise.mkv").write_bytes(b"this is no film" * 1000)
    installed.drop(film, "Field.mkv")
    installed.drop(tmp_path / "noise.mkv", "Static.mkv")
    good, bad = installed.job("Field.mkv", "COMPLETED"), installed.job("Static.mkv", "REJECTED", "FAILED")
    installed.box.run("journalctl", "--sync")

    def entries(*options: str) -> list[dict[str, Any]]:
        found = installed.box.text("journalctl", "-u", "pectin", "--output=json", *options)
        return [json.loads(line) for line in found.splitlines()]

    about = entries(f"JOB_ID={good['id']}")
    assert [one["STATE"] for one in about if "STATE" in one] == ["PENDING", "PROCESSING", "PUBLISHING", "COMPLETED"]
    assert {one["PATH"] for one in about if "PATH" in one} == {f"{INBOX}/Field.mkv"}
    assert {one["SYSLOG_IDENTIFIER"] for one in about} == {"pectin"}
    assert all(f"job={good['id']} " in one["MESSAGE"] and one["CODE_FILE"].endswith(".py") and one["CODE_LINE"] for one in about)
    assert {one["PRIORITY"] for one in about} == {"6"}
    (end,) = entries(f"JOB_ID={bad['id']}", f"STATE={bad['state']}")
    assert (end["REASON"], end["PATH"]) == (bad["cause"], f"{INBOX}/Static.mkv")
    assert end["PRIORITY"] == "4"
    assert bad["id"] in {one["JOB_ID"] for one in entries(f"REASON={bad['cause']}")}
    installed.box.run("pectin", "retry", bad["id"])
    until(lambda: entries(f"JOB_ID={bad['id']}", "REASON=requeued_by_user"), "what a person did is told as well")
    assert installed.box.text("journalctl", "-u", "pectin", "--output=cat", f"JOB_ID={good['id']}").splitlines() \
        == [one["MESSAGE"] for one in about]
