"""Films that mean harm: each fails its own job with a reason, and nothing else happens to anybody."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clips import Clips
from harness import Daemon, daemon, files
from needs import need_program
from pectin.encoding import ffmpeg
from pectin.linux.child import Child
from pectin.linux.sandbox import Sandbox, unconfined
from pectin.linux.trial import offered
from pectin.model.errors import PectinError
from pectin.model.reports import Progress, RunReport

MOST_MEMORY = 400 << 20  # bytes: a probe needs 60 MiB; what these films ask for are gigabytes


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """Whoever connects here has been tricked."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


@pytest.fixture(scope="module")
def secret(clips: Clips) -> Path:
    """Somebody else's film, of a kind that playlists may name."""
    return clips.film("secret.ts", seconds=1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon(tmp_path_factory.mktemp("h"), {"encoder": {"threads": 1, "max_memory": "2GB"}}) as made:
        yield made


def playlist(*entries: str) -> str:
    lines = ("#EXTM3U", "#EXT-X-TARGETDURATION:10", *(f"#EXTINF:1,\n{entry}" for entry in entries), "#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def texts(secret: Path, port: int) -> dict[str, str]:
    """Text files with the name of a film, by what they try."""
    web = f"http://127.0.0.1:{port}/x"
    return {
        "passwd.avi": playlist("file:///etc/passwd"),
        "other-film.avi": playlist(str(secret)),
        "other-film-url.mkv": playlist(f"file://{secret}"),
        "web.avi": playlist(f"{web}.ts"),
        "key.mkv": playlist(f'#EXT-X-KEY:METHOD=AES-128,URI="{web}.key"\n{secret}'),
        "concat-protocol.avi": playlist(f"concat:{web}|{secret}"),
        "subfile.avi": playlist(f"subfile,,start,0,end,100,,:{secret}"),
        "ffconcat.mkv": f"ffconcat version 1.0\nfile '{secret}'\n",
        "ffconcat-web.mkv": f"ffconcat version 1.0\nfile '{web}.ts'\n",
        "ffconcat-beside.mkv": "ffconcat version 1.0\nfile 'job.json'\n",
        "session.mp4": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "dash.mp4": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
                    f'<Representation id="1"><BaseURL>{web}.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>',
    }


def test_text_that_only_points_at_other_things_is_no_film(running: Daemon, secret: Path, listener: socket.socket,
                                                          tmp_path: Path) -> None:
    port = listener.getsockname()[1]
    for name, text in texts(secret, port).items():
        (tmp_path / name).write_text(text)
        running.drop(tmp_path / name)
    for name in texts(secret, port):
        job = running.job(name, "REJECTED", "FAILED", "COMPLETED")
        assert (name, job["state"], job["cause"]) == (name, "REJECTED", "not_a_video")
    assert files(running.library) == []
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_picture_of_ten_thousand_million_pixels_is_refused(running: Daemon, clips: Clips, tmp_path: Path) -> None:
    """In an AVI the size stands in the header alone, and there is nothing that would contradict it."""
    film = bytearray(clips.make("raw.avi", ["-f", "lavfi", "-i", "testsrc2=size=322x242:rate=5:duration=1", "-c:v", "rawvideo",
                                            "-pix_fmt", "yuv420p"]).read_bytes())
    for side in (322, 242):
        at = film.find(side.to_bytes(4, "little"))
        while 0 <= at < 1000:
            film[at:at + 4] = (100_000).to_bytes(4, "little")
            at = film.find(side.to_bytes(4, "little"), at + 4)
    (tmp_path / "huge.avi").write_bytes(film)
    running.drop(tmp_path / "huge.avi")
    job = running.job("huge.avi", "REJECTED", "FAILED", "COMPLETED")
    assert job["state"] == "REJECTED"
    assert job["cause"] in ("picture_too_large", "no_picture_size", "not_a_video")
    assert _peak_of_a_plan(tmp_path / "huge.avi") < MOST_MEMORY


def test_a_few_bytes_that_become_gigabytes_are_refused_before_they_do(running: Daemon, clips: Clips) -> None:
    bomb = clips.make("bomb.mkv", ["-f", "lavfi", "-i", "color=black:size=8000x6000:rate=1:duration=2", "-c:v", "mjpeg",
                                   "-q:v", "31"])
    running.drop(bomb)
    job = running.job("bomb.mkv", "REJECTED", "FAILED", "COMPLETED")
    assert job["state"] == "REJECTED"
    assert job["cause"] in ("picture_too_large", "no_picture_size")  # as this ffprobe has it: it would not decode it to see
    assert _peak_of_a_plan(bomb) < MOST_MEMORY


def element(number: int, *parts: bytes) -> bytes:
    """Of Matroska: the id, the length in eight bytes, the content."""
    content = b"".join(parts)
    return number.to_bytes((number.bit_length() + 7) // 8, "big") + (1 << 56 | len(content)).to_bytes(8, "big") + content


def matroska(streams: int) -> bytes:
    """A film of so many sound tracks and not one sound."""
    tracks = [element(0xAE, element(0xD7, number.to_bytes(2, "big")), element(0x73C5, number.to_bytes(2, "big")),
                      element(0x83, b"\x02"), element(0x86, b"A_PCM/INT/LIT"))
              for number in range(1, streams + 1)]
    about = element(0x1549A966, element(0x2AD7B1, (1_000_000).to_bytes(4, "big")))
    return element(0x1A45DFA3, element(0x4282, b"matroska")) + element(0x18538067, about, element(0x1654AE6B, *tracks))


def test_thousands_of_streams_end_with_a_reason(running: Daemon, tmp_path: Path) -> None:
    (tmp_path / "many.mkv").write_bytes(matroska(5000))
    running.drop(tmp_path / "many.mkv")
    job = running.job("many.mkv", "REJECTED", "FAILED", "COMPLETED")
    assert job["state"] == "REJECTED"
    assert job["message"]
    assert _peak_of_a_plan(tmp_path / "many.mkv") < MOST_MEMORY


def test_what_is_no_regular_file_never_becomes_a_job(running: Daemon, clips: Clips, secret: Path) -> None:
    os.mkfifo(running.inbox / "fifo.mkv")
    (running.inbox / "link.mkv").symlink_to(secret)
    (running.inbox / "zero.mkv").symlink_to("/dev/zero")
    running.client().post("/v1/rescan")
    running.drop(clips.film(seconds=1), "after-them.mkv")
    running.job("after-them.mkv", "COMPLETED")
    assert {job["name"] for job in running.jobs()} & {"fifo.mkv", "link.mkv", "zero.mkv"} == set()
    assert secret.exists()


@pytest.mark.parametrize("name", ["-y.mkv", "http:x.mkv", "pipe:0.mkv", "img%03d.mkv", "a'b|c.mkv", "line\nbreak.mkv",
                                  "subfile,,:x.mkv"])
def test_a_name_is_a_name_and_nothing_else(running: Daemon, clips: Clips, name: str) -> None:
    running.drop(clips.film(seconds=1), name)
    running.job(name, "COMPLETED")


def test_a_job_tells_what_it_has_cost(running: Daemon, clips: Clips) -> None:
    running.drop(clips.film("cost.mkv", seconds=2, video=("-c:v", "mpeg4")))
    figures = running.job("cost.mkv", "COMPLETED")["figures"]
    assert figures["cpu_seconds"] > 0
    assert 1 << 20 < figures["peak_memory"] < 1 << 30
    assert "of CPU time" in running.cli("show", running.job("cost.mkv", "COMPLETED")["id"]).stdout


@dataclass
class Nobody:
    suspended: bool = False

    def child_started(self, child: Child) -> None: ...

    def child_ended(self) -> None: ...

    def progressed(self, progress: Progress) -> None: ...


async def _trusting(film: Path, folder: Path, sandbox: Sandbox) -> RunReport:
    """ffmpeg as people run it, with none of our options that keep it from opening other things."""
    fd = os.open(film, os.O_RDONLY)
    try:
        return await ffmpeg.run((need_program("ffmpeg", "ffmpeg"), "-nostdin", "-v", "error", "-progress", "pipe:1", "-i",
                                 f"/proc/self/fd/{fd}", "-c", "copy", "-f", "matroska", "out.mkv"), cwd=folder, pass_fds=(fd,),
                                job="test-of-hostile:1", total_seconds=None, total_frames=None, stall_timeout=60,
                                monitor=Nobody(), sandbox=sandbox)
    finally:
        os.close(fd)


async def test_the_walls_hold_where_all_options_are_forgotten(secret: Path, tmp_path: Path) -> None:
    """The same playlist brings another film into the output when there are no walls: they are what holds."""
    if not offered().whole:
        pytest.skip(f"this kernel cannot confine: {dict(offered().missing)}")
    film = tmp_path / "film.mkv"
    film.write_text(playlist(str(secret)))
    for name in ("open", "walled"):
        (tmp_path / name).mkdir()
    if "5.1" in subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]:
        assert (await _trusting(film, tmp_path / "open", unconfined())).frames == 25  # newer ones refuse by themselves
    with pytest.raises(PectinError):
        await _trusting(film, tmp_path / "walled", offered())
    assert [path for path in (tmp_path / "walled").iterdir() if path.stat().st_size > 1000] == []


def _peak_of_a_plan(film: Path) -> int:
    """Bytes of memory that the largest process needs when somebody asks what would be done with it."""
    process = subprocess.Popen([sys.executable, "-m", "pectin", "plan", str(film), "--json"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    assert process.stderr is not None
    with process.stderr as said:
        words = said.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 1, words
    return used.ru_maxrss * 1024
