"""The book of arrivals: real files, real leases, a clock that the test holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path, PurePath

import pytest

from clips import Clips
from needs import need_root
from pectin.intake import sidecars
from pectin.intake.arrivals import Arrivals, Chosen, IntakeRules
from pectin.intake.names import NameReason
from pectin.intake.settle import Lease, Patience, WaitReason
from pectin.intake.structure import Wholeness, examine
from pectin.intake.writers import ask_lease
from pectin.model.order import Order

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
FORMATS = {
    "film.mp4": ((), Wholeness.WHOLE), "fast.mp4": (("-movflags", "+faststart"), Wholeness.WHOLE),
    "film.mov": ((), Wholeness.WHOLE), "film.mkv": ((), Wholeness.WHOLE), "film.avi": ((), Wholeness.WHOLE),
    "film.webm": (("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"), Wholeness.WHOLE),
    "frag.mp4": (("-movflags", "+frag_keyframe+empty_moov"), Wholeness.UNPROVABLE),
    "live.mkv": (("-live", "1"), Wholeness.UNPROVABLE),
    "film.ts": ((), Wholeness.UNPROVABLE), "film.flv": ((), Wholeness.UNPROVABLE),
}


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def film(clips: Clips) -> Path:
    return clips.film("film.mkv", seconds=1)


def book(inbox: Path, linger: float = 2, quiet: float = 15, *, sidecar_wait: float = 600, order: Order = Order.OLDEST,
         network: bool = False) -> Arrivals:
    rules = IntakeRules(patience=Patience(linger, quiet, give_up=86400), ignore=("*sample*",), sidecar_wait=sidecar_wait,
                        order=order)
    return Arrivals({"films": inbox}, rules, lambda _: network)


def take(arrivals: Arrivals) -> Chosen:
    """The only film whose turn it is."""
    [chosen] = arrivals.take(10)
    return chosen


def now_for(path: Path) -> float:
    """A moment just after the file's last change."""
    return path.stat().st_ctime + 0.001


@pytest.mark.parametrize("name", FORMATS)
def test_real_files_are_whole_and_cut_ones_never(clips: Clips, name: str) -> None:
    extra, expected = FORMATS[name]
    data = clips.film(name, seconds=1, video=H264, extra=extra).read_bytes()

    def look(length: int) -> Wholeness:
        return examine(lambda offset, count: data[:length][offset:offset + count], length).verdict

    assert look(len(data)) is expected
    for length in [*range(1, 200), *range(200, len(data), 997), *range(len(data) - 100, len(data))]:
        assert look(length) is not Wholeness.WHOLE, length


def test_the_lease_knows_writers_and_maps(inbox: Path) -> None:
    path = inbox / "a.mkv"
    program = "import mmap, sys; f = open(sys.argv[1], 'r+b'); m = mmap.mmap(f.fileno(), 0); " \
              "sys.argv[2] == 'map' and f.close(); print(flush=True); input()"
    path.write_bytes(b"x" * 5000)
    descriptor = os.open(path, os.O_RDONLY)
    for way in ("open", "map"):
        assert ask_lease(descriptor) is Lease.GRANTED
        argv = [sys.executable, "-c", program, path, way]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            assert ask_lease(descriptor) is Lease.HELD
            writer.communicate(b"\n")
    assert ask_lease(descriptor) is Lease.GRANTED
    os.close(descriptor)
    opened = os.open("/proc/self/status", os.O_RDONLY)
    assert ask_lease(opened) in (Lease.UNSUPPORTED, Lease.GRANTED)
    os.close(opened)


def test_the_lease_of_somebody_elses_file_cannot_be_asked(inbox: Path) -> None:
    need_root("give up the rights of root")
    (inbox / "a.mkv").write_bytes(b"x")
    program = "import os, sys; from pectin.intake.writers import ask_lease; f = os.open(sys.argv[1], 0); os.setuid(65534); " \
              "print(ask_lease(f))"
    ran = subprocess.run([sys.executable, "-c", program, inbox / "a.mkv"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "unsupported"


def test_a_writer_who_comes_while_the_lease_is_held_does_not_kill_us(inbox: Path) -> None:
    path = inbox / "a.mkv"
    path.write_bytes(b"x")
    program = """
import fcntl, os, sys
from pectin.intake.writers import ask_lease
real = fcntl.fcntl
def slow(descriptor, command, value):                 # a writer comes just before the lease is given back
    if (command, value) == (fcntl.F_SETLEASE, fcntl.F_UNLCK) and os.fork() == 0:
        try:
            os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)
        except BlockingIOError:
            os._exit(7)
    elif (command, value) == (fcntl.F_SETLEASE, fcntl.F_UNLCK):
        print(os.waitstatus_to_exitcode(os.wait()[1]), end=" ")
    return real(descriptor, command, value)
fcntl.fcntl = slow
print(ask_lease(os.open(sys.argv[1], os.O_RDONLY)))
"""
    ran = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "7 granted\n")


def test_a_new_film_lingers_and_is_settled(inbox: Path, film: Path) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    arrivals, now = book(inbox), now_for(path)
    arrivals.notice("films", path, now)
    assert (arrivals.next_due(), arrivals.due(now), arrivals.due(now)) == (now, [path], [])
    verdict = arrivals.look(path, now)
    assert (verdict.reason, arrivals.next_due()) == (WaitReason.LINGER, now + 2)
    assert arrivals.due(now + 1.9) == []
    assert arrivals.due(now + 2) == [path]
    verdict = arrivals.look(path, now + 2)
    assert verdict.settled
    assert verdict.mark is not None
    assert (verdict.mark.inode, verdict.mark.size) == (path.stat().st_ino, film.stat().st_size)
    chosen = take(arrivals)
    assert (chosen.path, chosen.mark, chosen.truncated) == (path, verdict.mark, False)
    path.unlink()
    arrivals.claimed(chosen, now + 2, "0123456789")
    assert (arrivals.waiting(), arrivals.next_due()) == ([], None)


def test_an_old_film_found_by_a_scan_is_settled_at_once(inbox: Path, film: Path) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    arrivals = book(inbox)
    arrivals.notice("films", path, now_for(path) + 60, fresh=False)
    assert arrivals.look(path, now_for(path) + 60).settled


def test_a_time_in_the_future_does_not_hold_a_file_for_ever(inbox: Path, film: Path) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    os.utime(path, (4e9, 4e9))
    arrivals, now = book(inbox), now_for(path)
    arrivals.notice("films", path, now, fresh=False)
    assert arrivals.look(path, now).again_in == pytest.approx(2, abs=0.1)
    assert arrivals.look(path, now + 2).settled


def test_a_clock_set_back_does_not_hold_a_file_for_ever(inbox: Path, film: Path) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    arrivals, now = book(inbox), now_for(path)
    arrivals.notice("films", path, now + 5000)
    assert arrivals.look(path, now).again_in == pytest.approx(2)
    assert arrivals.look(path, now + 2.1).settled


def test_a_change_by_name_without_an_event_starts_the_linger_again(inbox: Path, film: Path) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    arrivals, now = book(inbox), now_for(path)
    arrivals.notice("films", path, now)
    arrivals.look(path, now)
    os.utime(path, (1e9, 1e9))  # what sftp -p does right after the upload
    assert arrivals.look(path, now + 60).again_in == pytest.approx(2, abs=0.1)
    assert arrivals.look(path, now + 63).settled


def test_a_growing_file_waits_for_its_writer_and_a_dead_one_for_its_rest(inbox: Path, film: Path) -> None:
    path, data = inbox / "a.mkv", film.read_bytes()
    arrivals = book(inbox)
    with path.open("wb") as writer:
        writer.write(data[:len(data) // 2])
        writer.flush()
        now = now_for(path)
        arrivals.notice("films", path, now)
        assert arrivals.look(path, now).reason is WaitReason.WRITING
        assert arrivals.next_due() == now + 5
    verdict = arrivals.look(path, now + 999)
    assert (verdict.reason, verdict.settled) == (WaitReason.TRUNCATED, False)
    waiting, = arrivals.waiting()
    assert (waiting.reason, waiting.since, "% of it is there" in waiting.sentence) == (WaitReason.TRUNCATED, now, True)
    arrivals.look(path, now + 2000)
    assert arrivals.waiting()[0].since == now, "since it was last changed, not since we looked"
    with path.open("ab") as writer:
        writer.write(data[len(data) // 2:])
    now = now_for(path)
    arrivals.notice("films", path, now + 2000)
    assert arrivals.look(path, now + 2000).reason is WaitReason.LINGER
    assert arrivals.look(path, now + 2002).settled


def test_an_unprovable_film_waits_for_quiet(inbox: Path, clips: Clips) -> None:
    path = shutil.copy(clips.film("film.ts", seconds=1), inbox / "a.ts")
    arrivals, now = book(inbox), now_for(path)
    arrivals.notice("films", path, now)
    assert arrivals.look(path, now + 14).reason is WaitReason.QUIET
    assert arrivals.look(path, now + 15).settled


def test_without_patience_a_film_is_settled_at_the_first_look(inbox: Path, film: Path) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    arrivals, now = book(inbox, 0, 0), now_for(path)
    arrivals.notice("films", path, now)
    assert arrivals.look(path, now).settled


def test_a_download_beside_it_makes_a_film_wait(inbox: Path, film: Path) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    partner = inbox / "a.mkv.aria2"
    partner.touch()
    arrivals, now = book(inbox), now_for(path)
    arrivals.notice("films", path, now, fresh=False)
    verdict = arrivals.look(path, now + 99)
    assert (verdict.settled, verdict.reason, verdict.again_in) == (False, WaitReason.PARTNER, 5)
    partner.unlink()
    assert arrivals.look(path, now + 104).settled


def test_other_files_stay_with_their_reason_until_they_go(inbox: Path) -> None:
    arrivals = book(inbox)
    for name in ("a.txt", "film.sample.mkv", ".DS_Store"):
        (inbox / name).touch()
        arrivals.notice("films", inbox / name, 1000.0)
    assert [(w.path.name, w.reason) for w in arrivals.waiting()] == [
        (".DS_Store", NameReason.COMPANION), ("a.txt", NameReason.NOT_A_VIDEO), ("film.sample.mkv", NameReason.CONFIGURED)]
    assert arrivals.next_due() is None
    (inbox / "a.txt").unlink()
    arrivals.sweep()
    assert len(arrivals.waiting()) == 2


def test_a_clock_that_is_set_back_keeps_no_file_waiting_for_the_time_to_come(inbox: Path, film: Path) -> None:
    shutil.copy(film, inbox / "Film.mkv")
    arrivals, now = book(inbox), time.time() + 7200
    arrivals.notice("films", inbox / "Film.mkv", now)
    assert [arrivals.look(path, now).reason for path in arrivals.due(now)] == [WaitReason.LINGER]
    before = now - 3600
    assert [arrivals.look(path, before).reason for path in arrivals.due(before)] == [WaitReason.LINGER]
    assert [arrivals.look(path, before + 3).settled for path in arrivals.due(before + 3)] == [True]


def test_what_only_lies_there_is_forgotten_once_it_has_gone(inbox: Path, film: Path) -> None:
    arrivals, now, whole = book(inbox), time.time(), film.read_bytes()
    for name, data in (("Cut.mkv", whole[:-9]), ("Cut.srt", b"x"), ("Alone.srt", b"x"), ("Film.mkv", whole)):
        (inbox / name).write_bytes(data)
        arrivals.notice("films", inbox / name, now)
        arrivals.look(inbox / name, now + 99)
    arrivals.take_sidecars(now + 99, 9)
    for name in ("Cut.mkv", "Alone.srt"):
        (inbox / name).unlink()
    arrivals.sweep()
    assert [w.path.name for w in arrivals.waiting()] == ["Film.mkv", "Cut.srt"]
    arrivals.notice("films", inbox / "Cut.srt", now + 99, fresh=False)  # a rescan asks anew whose it is
    arrivals.take_sidecars(now + 99, 9)
    assert "Cut" not in arrivals.waiting()[1].sentence


def test_a_file_that_is_found_by_every_scan_does_not_fill_the_schedule(inbox: Path, film: Path) -> None:
    (inbox / "Cut.mkv").write_bytes(film.read_bytes()[:-9])
    arrivals = Arrivals({"films": inbox}, IntakeRules(patience=Patience(linger=0, quiet=0, give_up=9e9)))
    for number in range(3000):
        arrivals.notice("films", inbox / "Cut.mkv", 2e9 + number, fresh=False)
        assert arrivals.due(2e9 + number) == [inbox / "Cut.mkv"]
        arrivals.look(inbox / "Cut.mkv", 2e9 + number)
    assert len(arrivals._schedule) <= 1100
    assert arrivals.next_due() is not None


def test_temporary_names_that_come_and_go_do_not_fill_the_memory(inbox: Path) -> None:
    arrivals = book(inbox)
    for number in range(5000):
        arrivals.notice("films", inbox / f".film.mkv.{number}", 1000.0)
    assert len(arrivals._ignored) <= 1001


def test_links_pipes_and_unreadable_files_are_told_and_vanished_ones_forgotten(inbox: Path, film: Path) -> None:
    arrivals = book(inbox)
    (inbox / "link.mkv").symlink_to(film)
    os.mkfifo(inbox / "pipe.mkv")
    for name in ("link.mkv", "pipe.mkv", "gone.mkv"):
        arrivals.notice("films", inbox / name, 1000.0)
        assert not arrivals.look(inbox / name, 1000.0).settled
    assert [(w.path.name, w.reason) for w in arrivals.waiting()] == [
        ("link.mkv", WaitReason.NOT_A_FILE), ("pipe.mkv", WaitReason.NOT_A_FILE)]
    assert "symbolic link" in arrivals.waiting()[0].sentence
    assert arrivals.look(inbox / "gone.mkv", 1000.0).reason is WaitReason.GONE
    arrivals.forget(inbox / "link.mkv")
    assert len(arrivals.waiting()) == 1


def test_an_event_during_a_look_is_not_lost(inbox: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    arrivals, now = book(inbox, 0, 0), now_for(path)
    arrivals.notice("films", path, now)
    arrivals.due(now)
    real = arrivals._looker.look

    def interrupted(*arguments: object) -> object:
        verdict = real(*arguments)  # type: ignore[arg-type]
        arrivals.notice("films", path, now + 1)
        return verdict

    monkeypatch.setattr(arrivals._looker, "look", interrupted)
    assert not arrivals.look(path, now).settled
    assert arrivals.due(now + 1) == [path]


def test_a_file_that_cannot_be_claimed_is_looked_at_again(inbox: Path, film: Path) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    arrivals, now = book(inbox, 0, 0), now_for(path)
    arrivals.notice("films", path, now)
    assert arrivals.due(now) == [path]
    arrivals.look(path, now)
    take(arrivals)
    arrivals.postpone(path, now, now + 60, "the disk is full")
    assert (arrivals.next_due(), arrivals.waiting()[0].reason) == (now + 60, WaitReason.POSTPONED)
    assert arrivals.due(now + 60) == [path]
    assert arrivals.look(path, now + 60).settled
    take(arrivals)
    arrivals.postpone(path, now + 60, now + 120, "the disk is full")
    assert [(w.reason, w.since) for w in arrivals.waiting()] == [(WaitReason.POSTPONED, now)], "it has waited all the time"


def test_a_new_file_under_a_claimed_name_is_noticed(inbox: Path, film: Path) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    arrivals, now = book(inbox, 0), now_for(path)
    arrivals.notice("films", path, now)
    arrivals.due(now)
    arrivals.look(path, now)
    arrivals.claimed(take(arrivals), now, "0123456789")  # it was moved away, and this is the next one
    assert arrivals.due(now) == [path]


def test_ten_thousand_arrivals_are_planned_quickly_enough_to_count(inbox: Path) -> None:
    arrivals = book(inbox)
    for number in range(10_000):
        arrivals.notice("films", inbox / f"{number}.mkv", 1000.0 + number % 7)
    assert sum(len(arrivals.due(1000.0 + second)) for second in range(7)) == 10_000
    assert arrivals.next_due() is None


def test_what_is_being_taken_is_not_looked_at_meanwhile_and_is_not_forgotten_when_it_comes_back(inbox: Path, film: Path) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    arrivals, now = book(inbox, 0, 0), now_for(path)
    arrivals.notice("films", path, now)
    arrivals.due(now)
    arrivals.look(path, now)
    chosen = take(arrivals)
    arrivals.notice("films", path, now + 1)
    arrivals.notice("films", path, now + 2, fresh=False)
    assert (arrivals.due(now + 3), arrivals.take(10)) == ([], [])
    arrivals.let_go(chosen.path, now + 3)
    assert arrivals.due(now + 3) == [path]
    assert arrivals.look(path, now + 3).settled
    assert take(arrivals).path == path


def test_a_settled_film_that_changes_steps_out_of_the_line(inbox: Path, film: Path) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    arrivals, now = book(inbox, 0, 0), now_for(path)
    arrivals.notice("films", path, now)
    arrivals.look(path, now)
    arrivals.notice("films", path, now + 1)
    assert (arrivals.take(10), arrivals.due(now + 1)) == ([], [path])
    arrivals.look(path, now + 1)
    arrivals.notice("films", path, now + 2, fresh=False)  # a scan sees it lie there
    assert (len(arrivals.take(10)), arrivals.due(now + 2)) == (1, [])


def test_the_line_goes_by_the_configured_order(inbox: Path, film: Path) -> None:
    data = film.read_bytes()
    for number, (name, more) in enumerate((("B.mkv", 0), ("a.mkv", 300), ("c.mkv", 100))):
        void = b"\xec" + (0x4000 | more).to_bytes(2, "big") + bytes(more) if more else b""
        segment = data.index(b"\x18\x53\x80\x67")
        (inbox / name).write_bytes(data[:segment] + void + data[segment:])  # larger, and whole
        os.utime(inbox / name, (1e9 + number, 1e9 + number))
    names = {Order.OLDEST: ["B.mkv", "a.mkv", "c.mkv"], Order.NAME: ["a.mkv", "B.mkv", "c.mkv"],
             Order.SMALLEST: ["B.mkv", "c.mkv", "a.mkv"]}
    for order, expected in names.items():
        arrivals = book(inbox, 0, 0, order=order)
        for number, name in enumerate(("B.mkv", "a.mkv", "c.mkv")):
            arrivals.notice("films", inbox / name, 2e9 + number)
            assert arrivals.look(inbox / name, 2e9 + number).settled
        assert [chosen.path.name for chosen in arrivals.take(10)] == expected, order


def test_a_lease_on_a_network_mount_proves_nothing(inbox: Path, film: Path) -> None:
    path = shutil.copy(film, inbox / "a.mkv")
    arrivals, now = book(inbox, network=True), now_for(path)
    arrivals.notice("films", path, now)
    verdict = arrivals.look(path, now + 14)
    assert (verdict.reason, "nobody can be asked" in verdict.sentence) == (WaitReason.QUIET, True)
    assert arrivals.look(path, now + 15).settled


def test_a_truncated_film_that_nobody_completes_is_taken_in_the_end_to_be_rejected(inbox: Path, film: Path) -> None:
    path = inbox / "a.mkv"
    path.write_bytes(film.read_bytes()[:-500])
    arrivals, now = book(inbox), now_for(path)
    arrivals.notice("films", path, now)
    arrivals.due(now)
    verdict = arrivals.look(path, now)
    assert (verdict.settled, verdict.reason) == (False, WaitReason.TRUNCATED)
    assert verdict.again_in == pytest.approx(86400, abs=1)
    assert arrivals.next_due() == pytest.approx(now + 86400, abs=1)
    assert not arrivals.look(path, now + 86390).settled
    assert arrivals.look(path, now + 86401).settled
    assert take(arrivals).truncated


class Folder:
    """Sidecars and films, settled one after the other."""

    def __init__(self, inbox: Path, film: Path, **rules: float) -> None:
        self.inbox, self._film = inbox, film
        self.arrivals = book(inbox, 0, 0, **rules)  # type: ignore[arg-type]
        self.now = 0.0

    def comes(self, name: str, later: float = 0) -> Path:
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self._film, path)
        self.now = max(self.now, now_for(path)) + later
        self.arrivals.notice("films", path, self.now)
        self.arrivals.look(path, self.now)
        return path

    def claims(self, job_id: str = "0123456789") -> None:
        while chosen := self.arrivals.take(100):
            for one in chosen:
                one.path.unlink()
                self.arrivals.claimed(one, self.now, job_id)

    def attended(self, later: float = 0) -> dict[str, tuple[str, str]]:
        """Sidecar: its job, and its path from the film's folder on."""
        taken = self.arrivals.take_sidecars(self.now + later, 100)
        return {chosen.relative.as_posix(): (owner.job_id, owner.within.as_posix()) for chosen, owner in taken}

    def why(self, name: str) -> WaitReason | NameReason:
        [waiting] = [w for w in self.arrivals.waiting() if w.path == self.inbox / name]
        return waiting.reason


def test_a_sidecar_goes_with_its_film_whichever_comes_first(inbox: Path, film: Path) -> None:
    folder = Folder(inbox, film)
    folder.comes("Trip/Film.en.srt")
    folder.comes("Trip/Subs/Film.de.srt")
    assert folder.attended() == {}
    assert folder.why("Trip/Film.en.srt") is WaitReason.SIDECAR
    folder.comes("Trip/Film.mkv")
    assert folder.attended() == {}, "its film waits yet"
    folder.claims()
    assert folder.attended() == {"Trip/Film.en.srt": ("0123456789", "Film.en.srt"),
                                 "Trip/Subs/Film.de.srt": ("0123456789", "Subs/Film.de.srt")}
    folder.comes("Trip/Film.nfo", later=599)
    assert folder.attended() == {"Trip/Film.nfo": ("0123456789", "Film.nfo")}
    folder.comes("Trip/Film-poster.jpg", later=10)
    assert folder.attended() == {}
    assert folder.why("Trip/Film-poster.jpg") is WaitReason.LATE


def test_a_sidecar_that_waits_for_its_film_tells_since_when_whoever_looks_again(inbox: Path, film: Path) -> None:
    folder = Folder(inbox, film)
    path = folder.comes("Film.srt")
    folder.attended()
    [before] = folder.arrivals.waiting()
    folder.arrivals.notice("films", path, folder.now + 60, fresh=False)
    folder.arrivals.look(path, folder.now + 60)
    assert folder.arrivals.waiting() == [before], "also between the look and the question whose it is"
    folder.attended(later=60)
    assert folder.arrivals.waiting() == [before]


def test_films_are_told_before_what_nobody_waits_for(inbox: Path, film: Path) -> None:
    folder = Folder(inbox, film)
    for name in ("a.txt", "b.srt", "c.iso"):
        folder.comes(name)
    folder.attended()
    (inbox / "z.mkv").write_bytes(film.read_bytes()[:1000])
    folder.arrivals.notice("films", inbox / "z.mkv", folder.now)
    folder.arrivals.look(inbox / "z.mkv", folder.now)
    assert [(w.path.name, w.reason) for w in folder.arrivals.waiting()] == [
        ("z.mkv", WaitReason.TRUNCATED), ("b.srt", WaitReason.SIDECAR), ("a.txt", NameReason.NOT_A_VIDEO),
        ("c.iso", NameReason.DISC_IMAGE)]


def test_a_sidecar_of_a_second_film_does_not_go_with_the_first(inbox: Path, film: Path) -> None:
    folder = Folder(inbox, film)
    folder.comes("Film.mkv")
    folder.claims("0000000001")
    folder.comes("Film.2.mkv")
    folder.comes("Film.2.srt")
    assert folder.attended() == {}
    folder.claims("0000000002")
    assert folder.attended() == {"Film.2.srt": ("0000000002", "Film.2.srt")}


def test_films_claimed_before_a_restart_still_get_their_sidecars(inbox: Path, film: Path) -> None:
    folder = Folder(inbox, film)
    path = folder.comes("Film.srt")
    folder.arrivals.remember("films", PurePath("Film.mkv"), "0123456789", now_for(path) - 60)
    assert list(folder.attended()) == ["Film.srt"]


def test_a_sidecar_that_changes_is_settled_anew(inbox: Path, film: Path) -> None:
    folder = Folder(inbox, film)
    path = folder.comes("Film.srt")
    folder.arrivals.notice("films", path, folder.now + 1)
    folder.comes("Film.mkv")
    folder.claims()
    assert folder.attended() == {}
    folder.arrivals.look(path, folder.now + 1)
    assert list(folder.attended()) == ["Film.srt"]


def test_a_burst_of_films_and_sidecars_in_one_folder_finds_every_pair(inbox: Path, film: Path) -> None:
    folder = Folder(inbox, film)
    for number in range(300):
        folder.comes(f"Film {number}.srt")
        folder.comes(f"Film {number}.mkv")
    folder.claims()
    found = {}
    for _ in range(4):
        found |= folder.attended()
    assert len(found) == 300
    assert folder.arrivals.waiting() != [], "taken is not yet moved"
    assert not folder.arrivals.asks()


def test_many_sidecars_of_no_film_are_not_compared_with_each_of_many_films(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals, folded = book(inbox), []
    monkeypatch.setattr(sidecars, "fold", lambda text: folded.append(text) or text.casefold())
    for number in range(300):
        arrivals.remember("films", PurePath(f"Film {number}.mkv"), f"{number:010}", 1000.0)
        path = inbox / f"Other {number}.srt"
        path.touch()
        arrivals.notice("films", path, 1000.0)
        arrivals.look(path, 2e9)
    while arrivals.asks():
        assert arrivals.take_sidecars(1000.0, 60) == []
    assert len(folded) < 300 * 10
