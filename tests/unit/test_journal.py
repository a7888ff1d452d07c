"""Entries of the journal's own protocol: fields that cannot be forged, and a line for each fact, whatever the journal does."""

from __future__ import annotations

import array
import io
import logging
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.errors import Cause
from pectin.model.job import State
from pectin.observing.journal import Journal, encode
from pectin.observing.logs import connect, facts, job_context, setup

log = logging.getLogger("pectin.test")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def decoded(entry: bytes) -> dict[str, bytes]:
    """As the journal reads it: NAME=value, or NAME, the length and so many bytes."""
    fields, rest = {}, entry
    while rest:
        line, _, rest = rest.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", rest[:8])
            value, rest = rest[8:8 + length], rest[8 + length + 1:]
        fields[name.decode()] = value
    return fields


class Listener:
    """The journal's end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(10)

    def entry(self) -> dict[str, bytes]:
        data, ancillary, _, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
        for _, _, given_ in ancillary:
            (memory,) = array.array("i", given_)
            with open(memory, "rb") as file:
                return decoded(os.pread(file.fileno(), os.fstat(memory).st_size, 0))
        return decoded(data)


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    made = Listener(tmp_path / "journal")
    yield made
    made.socket.close()


@pytest.fixture
def journal(listener: Listener) -> Iterator[Journal]:
    made = Journal(listener.path)
    yield made
    made.close()


def test_a_step_of_a_job_can_be_searched_for_by_each_of_its_fields(listener: Listener, journal: Journal) -> None:
    stream = io.StringIO()
    setup("info", "text", stream, journal=True, native=journal)
    with job_context("0123456789", PurePosixPath("/in/A Film.mkv")):
        log.warning("%s -> %s", State.PROCESSING, State.PENDING, extra=facts(state=State.PENDING, reason=Cause.NO_SPACE))
    found = listener.entry()
    assert found["MESSAGE"] == b"WARNING job=0123456789 PROCESSING -> PENDING"
    assert {name: found[name] for name in ("JOB_ID", "STATE", "REASON", "PATH", "PRIORITY", "SYSLOG_IDENTIFIER", "LOGGER")} == {
        "JOB_ID": b"0123456789", "STATE": b"PENDING", "REASON": b"no_space", "PATH": b"/in/A Film.mkv", "PRIORITY": b"4",
        "SYSLOG_IDENTIFIER": b"pectin", "LOGGER": b"pectin.test"}
    assert found["CODE_FILE"].endswith(b"test_journal.py")
    assert int(found["CODE_LINE"]) > 0
    assert found["CODE_FUNC"].startswith(b"test_a_step")
    assert stream.getvalue() == ""


def test_a_line_about_no_job_has_no_such_fields(listener: Listener, journal: Journal) -> None:
    setup("info", "text", io.StringIO(), journal=True, native=journal)
    log.info("stopped")
    assert not {"JOB_ID", "STATE", "REASON", "PATH"} & set(listener.entry())


def test_what_somebody_says_about_itself_counts_before_what_is_said_around_it(listener: Listener, journal: Journal) -> None:
    setup("info", "text", io.StringIO(), journal=True, native=journal)
    with job_context("a", PurePosixPath("/in/film.mkv")):
        log.info("x", extra=facts(path="/in/film.srt"))
    assert listener.entry()["PATH"] == b"/in/film.srt"


@pytest.mark.parametrize(("level", "number"), [(logging.DEBUG, b"7"), (logging.INFO, b"6"), (logging.WARNING, b"4"),
                                               (logging.ERROR, b"3"), (logging.CRITICAL, b"2")])
def test_each_level_has_its_priority(listener: Listener, journal: Journal, level: int, number: bytes) -> None:
    setup("debug", "text", io.StringIO(), journal=True, native=journal)
    log.log(level, "x")
    assert listener.entry()["PRIORITY"] == number


def test_json_lines_are_the_message_and_have_the_fields_too(listener: Listener, journal: Journal) -> None:
    setup("info", "json", io.StringIO(), journal=True, native=journal)
    with job_context("a", PurePosixPath("/in/film.mkv")):
        log.info("x", extra=facts(reason=Cause.DRAINING))
    found = listener.entry()
    assert found["MESSAGE"].startswith(b'{"time"')
    assert b'"reason": "draining"' in found["MESSAGE"]
    assert b'"path": "/in/film.mkv"' in found["MESSAGE"]
    assert (found["REASON"], found["PATH"]) == (b"draining", b"/in/film.mkv")


def test_a_films_name_can_forge_no_field(listener: Listener, journal: Journal) -> None:
    setup("info", "text", io.StringIO(), journal=True, native=journal)
    path = "/in/a\nPRIORITY=0\nJOB_ID=9999999999\n\udcff.mkv"
    with job_context("0123456789", PurePosixPath(path)):
        log.info("found %s", path)
    found = listener.entry()
    assert (found["PRIORITY"], found["JOB_ID"], found["PATH"]) == (b"6", b"0123456789", os.fsencode(path))
    assert b"\n" not in found["MESSAGE"]


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True), st.text() | st.binary() | st.integers()))
def test_any_fields_come_out_as_they_went_in(fields: dict[str, str | bytes | int]) -> None:
    found = decoded(encode(fields))
    assert found == {name: value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
                     for name, value in fields.items()}


def test_a_traceback_is_one_entry_of_many_lines(listener: Listener, journal: Journal) -> None:
    setup("info", "text", io.StringIO(), journal=True, native=journal)
    try:
        raise IndexError("out of range")
    except IndexError:
        log.exception("unforeseen error")
    lines = listener.entry()["MESSAGE"].decode().splitlines()
    assert lines[0] == "ERROR unforeseen error"
    assert lines[-1] == "ERROR | IndexError: out of range"


def test_what_no_datagram_holds_arrives_whole(listener: Listener, journal: Journal) -> None:
    setup("info", "text", io.StringIO(), journal=True, native=journal)
    log.info("x" * 3_000_000)
    assert listener.entry()["MESSAGE"] == b"INFO " + b"x" * 3_000_000


def test_a_journal_that_does_not_answer_loses_no_line(tmp_path: Path) -> None:
    """Full and never read, then gone: each time the line goes to stderr, where the journal finds it later."""
    listener = Listener(tmp_path / "journal")
    journal = Journal(listener.path)
    stream = io.StringIO()
    setup("info", "text", stream, journal=True, native=journal)
    sent = 0
    while not stream.getvalue():
        log.info("line %d", sent)
        sent += 1
        assert sent < 100_000
    assert stream.getvalue() == f"<6>INFO line {sent - 1}\n"
    listener.socket.close()
    listener.path.unlink()
    log.warning("after it went")
    assert stream.getvalue().endswith("<4>WARNING after it went\n")
    again = Listener(tmp_path / "journal")
    log.info("after it came back")
    told = again.entry()["MESSAGE"]
    again.socket.close()
    journal.close()
    assert told == b"INFO after it came back"
    assert "came back" not in stream.getvalue()


def test_outside_the_journal_there_is_no_connection_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "log").open("w") as stream:
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
        assert connect(stream) is None
        found = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        monkeypatch.setattr("pectin.observing.journal.SOCKET", tmp_path / "no journal")
        monkeypatch.setattr("pectin.observing.logs.Journal", lambda: Journal(tmp_path / "no journal"))
        assert connect(stream) is None


def test_a_line_that_cannot_be_written_harms_nobody_but_itself(listener: Listener, journal: Journal,
                                                                capsys: pytest.CaptureFixture[str]) -> None:
    """A library with a mistake in its own logging must not take a job down, or the daemon."""
    setup("info", "text", io.StringIO(), journal=True, native=journal)
    log.info("two words are wanted: %s %s", "one")  # noqa: PLE1206  (the mistake)
    log.info("the next one")
    assert listener.entry()["MESSAGE"] == b"INFO the next one"
    assert "not enough arguments" in capsys.readouterr().err
