"""Films over SSH: sftp, scp, lftp and WinSCP's way as ben, who may do nothing else; rsync as anna, who has a shell."""

from __future__ import annotations

import signal
import time

from harness import until
from system.clients.told import Sent
from system.clients.world import SSH, Running, World
from system.machine import INBOX

STALL = 60.0    # seconds an upload stands still
SLOW = "800"    # kbit/s: the half megabyte takes five seconds
_HALF = 150_000  # bytes: so much has arrived when an upload is cut off
SFTP = ("sftp", "-q", "-F", "/var/tmp/ssh_config")
BEN = "ben@127.0.0.1"


def _start(world: World, commands: str, *options: str) -> Running:
    """sftp with these commands, ending at the first that fails."""
    running = world.start(*SFTP, *options, "-b", "-", BEN, user="ben")
    running.say(commands.encode() + b"\n")
    return running


def _sftp(world: World, commands: str, *options: str) -> None:
    _start(world, commands, *options).succeed()


def sftp_put(world: World) -> Sent:
    film = world.films["tail"]
    _sftp(world, f"put {film.inside} Sftp.mp4")
    return Sent(name=b"Sftp.mp4", sha256=film.sha256)


def sftp_put_of_a_format_that_does_not_tell(world: World) -> Sent:
    film = world.films["ts"]
    _sftp(world, f"put {film.inside} Sftp.ts")
    return Sent(name=b"Sftp.ts", sha256=film.sha256, unprovable=True)


def sftp_put_p(world: World) -> Sent:
    film = world.films["mkv"]
    _sftp(world, f"put -p {film.inside} SftpP.mkv\n!sleep 1.2\nchmod 664 SftpP.mkv")
    return Sent(name=b"SftpP.mkv", sha256=film.sha256)


def sftp_into_a_folder_of_its_own(world: World) -> Sent:
    film = world.films["mkv"]
    _sftp(world, f"mkdir Holiday\nput {film.inside} Holiday/Beach.mkv")
    return Sent(name=b"Beach.mkv", sha256=film.sha256)


def sftp_put_r_of_a_folder_that_others_may_write(world: World) -> Sent:
    """`put -r` makes the folder with the mode it has at home."""
    film, path = world.films["mkv"], world.brought(world.films["mkv"], "Recursive.mkv", "ben")
    folder = path.rpartition("/")[0]
    world.run("chmod", "775", folder, user="ben")
    _sftp(world, f"put -r {folder} Tree")
    return Sent(name=b"Recursive.mkv", sha256=film.sha256)


def sftp_put_killed_then_reput(world: World) -> Sent:
    """Killed, it leaves a file that nobody writes and that is cut short."""
    film, name = world.films["mkv"], "Reput.mkv"
    first = _start(world, f"put {film.inside} {name}", "-l", SLOW)
    until(lambda: world.size(name) > _HALF, "half has arrived")
    first.signal(signal.SIGKILL)
    first.end()
    world.waits(name, "truncated")
    time.sleep(4)  # more than the time a whole file is left alone
    resumed = time.time()
    _sftp(world, f"reput {film.inside} {name}")
    return Sent(name=name.encode(), sha256=film.sha256, not_before=resumed)


def sftp_upload_that_stalls(world: World) -> Sent:
    """Of a format that does not tell its length: only the kernel knows that there is still a writer."""
    film, name = world.films["ts"], "Stalled.ts"
    upload = _start(world, f"put {film.inside} {name}", "-l", SLOW)
    until(lambda: world.size(name) > _HALF // 3, "a part has arrived")
    upload.signal(signal.SIGSTOP)
    time.sleep(STALL)
    goes_on = time.time()
    upload.signal(signal.SIGCONT)
    upload.succeed()
    return Sent(name=name.encode(), sha256=film.sha256, unprovable=True, not_before=goes_on)


def scp(world: World) -> Sent:
    film = world.films["fast"]
    world.run("scp", "-q", "-p", "-F", "/var/tmp/ssh_config", film.inside, f"{BEN}:Scp.mp4", user="ben")
    return Sent(name=b"Scp.mp4", sha256=film.sha256)


def lftp_with_temporary_name(world: World) -> Sent:
    """It links the final name and removes the temporary one: no close and no move is ever seen of the final name."""
    film = world.films["mkv"]
    world.run("lftp", "-e", f'set net:max-retries 2; set sftp:connect-program "{SSH} -a -x"; set xfer:use-temp-file yes; '
                            f"put {film.inside} -o Lftp.mkv; bye", "sftp://ben:none@127.0.0.1", user="ben")
    return Sent(name=b"Lftp.mkv", sha256=film.sha256)


def winscp(world: World) -> Sent:
    """NAME.filepart, the rename of the protocol itself (not OpenSSH's own), then times and rights by name."""
    film = world.films["tail"]
    name = "WinScp.mp4"
    _sftp(world, f"put {film.inside} {name}.filepart\nrename -l {name}.filepart {name}\n!sleep 1.2\nchmod 664 {name}")
    return Sent(name=b"WinScp.mp4", sha256=film.sha256)


def _rsync(world: World, source: str, target: str, *options: str) -> Running:
    return world.start("rsync", "-e", SSH, *options, source, f"anna@127.0.0.1:{INBOX}/{target}")


def rsync(world: World) -> Sent:
    film = world.films["mkv"]
    _rsync(world, film.inside, "Rsync.mkv", "-t").succeed()
    return Sent(name=b"Rsync.mkv", sha256=film.sha256)


def rsync_slow(world: World) -> Sent:
    film = world.films["ts"]
    _rsync(world, film.inside, "RsyncSlow.ts", "-a", "--bwlimit=60").succeed()
    return Sent(name=b"RsyncSlow.ts", sha256=film.sha256, unprovable=True)


def rsync_inplace(world: World) -> Sent:
    film = world.films["tail"]
    _rsync(world, film.inside, "Inplace.mp4", "-t", "--inplace", "--bwlimit=100").succeed()
    return Sent(name=b"Inplace.mp4", sha256=film.sha256)


def _interrupt(upload: Running) -> None:
    upload.signal(signal.SIGTERM)
    status, said = upload.end()
    assert status, f"it was over before it could be interrupted: {said}"


def rsync_partial_dir_resumed(world: World) -> Sent:
    """The interrupted part lies under the same name in a folder of rsync's own."""
    film, name = world.films["mkv"], "Partial.mkv"
    options = ("-t", "--partial-dir=.rsync-partial")
    first = _rsync(world, film.inside, name, *options, "--bwlimit=60")
    inbox = world.machine.box.path(INBOX)
    until(lambda: any(path.stat().st_size > _HALF for path in inbox.glob(f".{name}.*")), "half has arrived")
    _interrupt(first)
    until(lambda: world.size(f".rsync-partial/{name}"), "rsync keeps the part")
    time.sleep(4)
    resumed = time.time()
    _rsync(world, film.inside, name, *options).succeed()
    return Sent(name=name.encode(), sha256=film.sha256, not_before=resumed)


def rsync_append_verify_resumed(world: World) -> Sent:
    film, name = world.films["mkv"], "Appended.mkv"
    first = _rsync(world, film.inside, name, "-a", "--inplace", "--bwlimit=60")
    until(lambda: world.size(name) > _HALF, "half has arrived")
    _interrupt(first)
    world.waits(name, "truncated", "unreadable")  # until its end rsync lets only the sender read it
    time.sleep(4)
    resumed = time.time()
    _rsync(world, film.inside, name, "-a", "--append-verify").succeed()
    return Sent(name=name.encode(), sha256=film.sha256, not_before=resumed)


def rsync_tree(world: World) -> Sent:
    """A tree with folders in folders; with -a rsync gives each folder the mode it has at home, so the README adds --chmod."""
    film, folder = world.films["mkv"], world.folder()
    world.run("sh", "-ec", f"umask 022; mkdir -p {folder}/Show/S02; cp {film.inside} {folder}/Show/S02/Episode.mkv")
    _rsync(world, f"{folder}/Show", "", "-a", "--chmod=Dg+w").succeed()
    return Sent(name=b"Episode.mkv", sha256=film.sha256)


SCENARIOS = (sftp_put, sftp_put_of_a_format_that_does_not_tell, sftp_put_p, sftp_into_a_folder_of_its_own,
             sftp_put_r_of_a_folder_that_others_may_write, sftp_put_killed_then_reput, sftp_upload_that_stalls, scp,
             lftp_with_temporary_name, winscp, rsync, rsync_slow, rsync_inplace, rsync_partial_dir_resumed,
             rsync_append_verify_resumed, rsync_tree)
