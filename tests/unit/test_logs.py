"""Log lines: which job they are about, what the journal sees, and that nobody's file name can forge one."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.errors import Cause
from pectin.observing.logs import JobFilter, JsonFormatter, TextFormatter, job_context, setup, under_journal

log = logging.getLogger("pectin.test")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def written(format: str = "text", *, level: str = "info", journal: bool = True) -> io.StringIO:
    stream = io.StringIO()
    setup(level, format, stream, journal=journal)  # type: ignore[arg-type]
    return stream


def fail(why: str) -> None:
    raise ValueError(why)


def test_a_line_about_a_job_carries_its_id() -> None:
    stream = written()
    with job_context("0123456789"):
        log.info("decided: %s", "remux", extra={"streams": 3, "film": "A Film"})
    log.info("idle")
    assert stream.getvalue() == '<6>INFO job=0123456789 decided: remux streams=3 film="A Film"\n<6>INFO idle\n'


async def test_two_jobs_at_once_do_not_mix_their_ids() -> None:
    stream = written()

    async def work(job: str) -> None:
        with job_context(job):
            for step in range(3):
                log.info("%s %d", job, step)
                await asyncio.sleep(0)

    await asyncio.gather(work("a"), work("b"))
    for line in stream.getvalue().splitlines():
        _, job, said, _ = line.split(" ")
        assert job == f"job={said}"


async def test_tasks_and_threads_of_a_job_carry_its_id_too() -> None:
    stream = written()

    async def child() -> None:
        log.info("in a task")

    with job_context("a"):
        await asyncio.create_task(child())
        await asyncio.to_thread(log.info, "in a thread")
    assert stream.getvalue().count("job=a ") == 2


@pytest.mark.parametrize(("level", "number"), [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3),
                                               (logging.CRITICAL, 2)])
def test_the_journal_gets_the_priority(level: int, number: int) -> None:
    stream = written(level="debug")
    log.log(level, "x")
    assert stream.getvalue().startswith(f"<{number}>")


def test_every_line_of_a_traceback_has_priority_and_job() -> None:
    stream = written()
    with job_context("0123456789"):
        try:
            fail("first\nERROR job=9999999999 second\x1b[2J")
        except ValueError:
            log.exception("internal error")
    lines = stream.getvalue().splitlines()
    assert len(lines) > 4
    assert lines[0] == "<3>ERROR job=0123456789 internal error"
    assert all(line.startswith("<3>ERROR job=0123456789 | ") and line.isprintable() for line in lines[1:])


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize("hostile", ["a\nERROR job=1 gone", "a\r<0>panic", "\x1b[2J\x1b[31mred", "a\u2028b", "\udcff.mkv", "\x00",
                                     "\x85"])
def test_a_file_name_cannot_forge_a_line_or_reach_the_terminal(format: str, hostile: str) -> None:
    stream = written(format)
    log.info("found %s", hostile, extra={"path": hostile})
    text = stream.getvalue()
    assert len(text.splitlines()) == 1
    assert text.rstrip("\n").isprintable()
    assert text.encode("utf-8", "strict")


@given(st.text(), st.text())
def test_any_text_makes_exactly_one_line(message: str, extra: str) -> None:
    record = logging.makeLogRecord({"name": "pectin", "levelno": logging.INFO, "levelname": "INFO", "msg": "%s",
                                    "args": (message,), "detail": extra})
    JobFilter().filter(record)
    for formatter in (TextFormatter(journal=True), TextFormatter(journal=False), JsonFormatter(journal=True)):
        line = formatter.format(record)
        assert len((line + "\n").splitlines()) == 1
        assert line.isprintable() or "\u200c" in line or "\u200d" in line
    assert json.loads(JsonFormatter(journal=False).format(record))["message"] == message


def test_json_lines_have_the_promised_fields() -> None:
    stream = written("json", journal=False)
    with job_context("0123456789"):
        log.warning("retry in %d s", 5, extra={"cause": Cause.NO_SPACE, "level": "never mine"})
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {"level": "warning", "logger": "pectin.test", "job": "0123456789", "message": "retry in 5 s",
                    "cause": "no_space"}


def test_json_keeps_a_traceback_in_one_line() -> None:
    stream = written("json", journal=True)
    try:
        fail("broken")
    except ValueError:
        log.exception("internal error")
    [line] = stream.getvalue().splitlines()
    assert "ValueError: broken" in json.loads(line.removeprefix("<3>"))["exception"]


def test_without_a_journal_the_time_stands_in_front() -> None:
    stream = written(journal=False)
    log.info("x")
    time, level, message = stream.getvalue().split()
    assert (time[10], time[-1], level, message) == ("T", "Z", "INFO", "x")


def test_the_level_holds_back_the_rest() -> None:
    stream = written(level="warning")
    log.info("no")
    log.warning("yes")
    assert stream.getvalue() == "<4>WARNING yes\n"


def test_setting_up_again_replaces_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = written(), written()
    log.info("x")
    assert (first.getvalue(), second.getvalue()) == ("", "<6>INFO x\n")
    assert capsys.readouterr().err == ""


def test_the_journal_is_recognised_by_device_and_inode(tmp_path: object) -> None:
    with open(f"{tmp_path}/journal", "w") as stream:
        found = os.fstat(stream.fileno())
        assert under_journal(stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not under_journal(stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not under_journal(stream, {})
    assert not under_journal(io.StringIO(), {"JOURNAL_STREAM": "1:2"})
