"""Films over Samba: smbclient, and a client of which every request is ours: slow, like Explorer or Finder, or dying."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from smbprotocol.connection import Connection
from smbprotocol.file_info import FileBasicInformation, FileEndOfFileInformation, FileRenameInformation
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    FileAttributes,
    FilePipePrinterAccessMask,
    ImpersonationLevel,
    Open,
    ShareAccess,
    SMB2SetInfoRequest,
)
from smbprotocol.session import Session
from smbprotocol.structure import Structure
from smbprotocol.tree import TreeConnect

from system.clients.told import Sent
from system.clients.world import PASSWORD, World

SHARE, LOGIN = "//127.0.0.1/inbox", f"anna%{PASSWORD}"
SLOW = 30.0  # seconds a slow upload takes
_PIECE = 64 * 1024
_RESUMES = CreateDisposition.FILE_OPEN


class Client:
    """One connection as anna."""

    def __init__(self, world: World) -> None:
        world.enter_network()
        self._connection = Connection(uuid.uuid4(), "127.0.0.1", 445)
        self._connection.connect()
        session = Session(self._connection, "anna", PASSWORD, require_encryption=False, auth_protocol="ntlm")
        session.connect()
        self._tree = TreeConnect(session, r"\\127.0.0.1\inbox")
        self._tree.connect()

    @contextmanager
    def opened(self, name: str, disposition: int = CreateDisposition.FILE_OVERWRITE_IF) -> Iterator[Open]:
        file = Open(self._tree, name)
        file.create(ImpersonationLevel.Impersonation,
                    FilePipePrinterAccessMask.GENERIC_READ | FilePipePrinterAccessMask.GENERIC_WRITE
                    | FilePipePrinterAccessMask.DELETE, FileAttributes.FILE_ATTRIBUTE_NORMAL, ShareAccess.FILE_SHARE_READ,
                    disposition, CreateOptions.FILE_NON_DIRECTORY_FILE)
        yield file
        file.close()

    def write(self, file: Open, data: bytes, at: int = 0, seconds: float = 0.0) -> None:
        """The data from this offset to its end, in pieces, spread over so many seconds."""
        pieces = range(at, len(data), _PIECE)
        for offset in pieces:
            file.write(data[offset:offset + _PIECE], offset)
            if offset != pieces[-1]:
                time.sleep(seconds / len(pieces))

    def set(self, file: Open, info: Structure) -> None:
        request = SMB2SetInfoRequest()
        request["info_type"], request["file_info_class"] = info.INFO_TYPE, info.INFO_CLASS
        request["file_id"], request["buffer"] = file.file_id, info
        session = self._tree.session
        sent = self._connection.send(request, session.session_id, self._tree.tree_connect_id)
        self._connection.receive(sent)

    def set_times(self, name: str) -> None:
        """By name, long after the upload's close, as Finder and Explorer do."""
        basic = FileBasicInformation()
        basic["creation_time"] = basic["last_write_time"] = 132223104000000000  # 2020-01-01 in 100 ns since 1601
        basic["file_attributes"] = FileAttributes.FILE_ATTRIBUTE_ARCHIVE
        with self.opened(name, CreateDisposition.FILE_OPEN) as file:
            self.set(file, basic)

    def put(self, name: str, data: bytes) -> None:
        with self.opened(name) as file:
            self.write(file, data)

    def die(self) -> None:
        """Without a word, as a laptop whose lid is closed."""
        self._connection.transport.close()

    def leave(self) -> None:
        self._connection.disconnect()


def _smbclient(world: World, commands: str) -> None:
    world.run("smbclient", SHARE, "--user", LOGIN, "-c", commands)


def _end_of_file(size: int) -> FileEndOfFileInformation:
    info = FileEndOfFileInformation()
    info["end_of_file"] = size
    return info


def smbclient_put(world: World) -> Sent:
    film = world.films["tail"]
    _smbclient(world, f"put {film.inside} Smb.mp4")
    return Sent(name=b"Smb.mp4", sha256=film.sha256)


def smbclient_put_into_a_new_folder(world: World) -> Sent:
    film = world.films["avi"]
    _smbclient(world, f"mkdir Trip; mkdir Trip/Day; put {film.inside} Trip/Day/One.avi")
    return Sent(name=b"One.avi", sha256=film.sha256)


def put_over_a_waiting_file(world: World) -> Sent:
    """The first one does not tell its length and waits; the second, another film, comes meanwhile under the same name."""
    film, other = world.films["ts"], world.films["mkv"]
    _smbclient(world, f"put {film.inside} Over.ts")
    world.waits("Over.ts", "quiet")
    _smbclient(world, f"put {other.inside} Over.ts")
    return Sent(name=b"Over.ts", sha256=other.sha256)


def slow_writer(world: World) -> Sent:
    """Of a film with its index in front and of one that does not tell, at once: neither is whole before the end."""
    film, client = world.films["fast"], Client(world)
    with client.opened("Slow.mp4") as file:
        client.write(file, film.data, seconds=SLOW)
        last = time.time()
    client.leave()
    return Sent(name=b"Slow.mp4", sha256=film.sha256, not_before=last)


def slow_writer_of_a_format_that_does_not_tell(world: World) -> Sent:
    film, client = world.films["ts"], Client(world)
    with client.opened("Slow.ts") as file:
        client.write(file, film.data, seconds=SLOW)
        last = time.time()
    client.leave()
    return Sent(name=b"Slow.ts", sha256=film.sha256, unprovable=True, not_before=last)


def explorer(world: World) -> Sent:
    """The end of the file is set first: it has its final size, and zeros, from the first moment. Times are set by name after."""
    film, client = world.films["fast"], Client(world)
    with client.opened("Explorer.mp4") as file:
        client.set(file, _end_of_file(len(film.data)))
        client.write(file, film.data, seconds=6)
        last = time.time()
    time.sleep(1.2)
    client.set_times("Explorer.mp4")
    client.leave()
    return Sent(name=b"Explorer.mp4", sha256=film.sha256, not_before=last)


def _dies_and_comes_back(world: World, name: str, kind: str, *, end_first: bool) -> Sent:
    film, client = world.films[kind], Client(world)
    half = len(film.data) // 2 // _PIECE * _PIECE
    with client.opened(name) as file:
        if end_first:
            client.set(file, _end_of_file(len(film.data)))
        client.write(file, film.data[:half])
        client.die()
        world.waits(name, "truncated")
        time.sleep(4)  # more than the time a whole file is left alone
        back, resumed = Client(world), time.time()
        with back.opened(name, _RESUMES) as again:
            back.write(again, film.data, at=half)
        back.leave()
        file._connected = False  # there is nothing left to close
    return Sent(name=name.encode(), sha256=film.sha256, not_before=resumed)


def dies_half_way_then_resumes(world: World) -> Sent:
    return _dies_and_comes_back(world, "Dies.mp4", "fast", end_first=False)


def explorer_dies_half_way_then_resumes(world: World) -> Sent:
    """What died lies there with its final size, its index in front, and zeros at its end."""
    return _dies_and_comes_back(world, "ExplorerDies.mp4", "fast", end_first=True)


def part_then_rename(world: World) -> Sent:
    film, client = world.films["mkv"], Client(world)
    with client.opened("Renamed.mkv.part") as file:
        client.write(file, film.data)
        time.sleep(4)
        info = FileRenameInformation()
        info["replace_if_exists"], info["file_name"] = False, "Renamed.mkv"
        client.set(file, info)
    client.leave()
    return Sent(name=b"Renamed.mkv", sha256=film.sha256)


def finder(world: World) -> Sent:
    """Its own files before and after, and times and attributes by name a second after the film."""
    film, client = world.films["tail"], Client(world)
    client.put(".DS_Store", bytes(6148))
    client.put("._Finder.mp4", bytes(4096))
    client.put("Finder.mp4", film.data)
    time.sleep(1.2)
    client.set_times("Finder.mp4")
    client.put("._Finder.mp4", bytes(4096))
    client.leave()
    return Sent(name=b"Finder.mp4", sha256=film.sha256)


SCENARIOS = (smbclient_put, smbclient_put_into_a_new_folder, put_over_a_waiting_file, slow_writer,
             slow_writer_of_a_format_that_does_not_tell, explorer, dies_half_way_then_resumes,
             explorer_dies_half_way_then_resumes, part_then_rename, finder)
