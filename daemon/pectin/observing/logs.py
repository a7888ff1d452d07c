"""Log lines on stderr: for people or as JSON, with the journal's priorities, and with the job's id on each line about a job."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from pectin.linux.pathtext import printable

Format = Literal["text", "json"]

current_job: ContextVar[str | None] = ContextVar("current_job", default=None)

# sd-daemon(3): journald takes the number in front of each line as its priority, and cuts it off.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))

# What every record has; whatever else is on it came from `extra=` and is shown. taskName: Python 3.12.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "job"}


@contextmanager
def job_context(job_id: str) -> Iterator[None]:
    """Whatever is logged inside, in this task and those it starts, is about this job."""
    token = current_job.set(job_id)
    try:
        yield
    finally:
        current_job.reset(token)


class JobFilter(logging.Filter):
    """Puts the id of the current job on the record, unless `extra={"job": ...}` already did."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "job"):
            record.job = current_job.get()
        return True


class TextFormatter(logging.Formatter):
    """`LEVEL job=ID message key=value`, with the time in front where no journal adds it. A traceback follows line by line,
    each with the same beginning and a bar, so that no file name in it can pass for a line of ours."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        job = getattr(record, "job", None)
        beginning = record.levelname + (f" job={printable(str(job))}" if job else "")
        if not self._journal:
            beginning = f"{_time(record)} {beginning}"
        details = "".join(f" {key}={_quoted(value)}" for key, value in _extras(record).items())
        lines = [f"{beginning} {printable(record.getMessage())}{details}"]
        lines += [f"{beginning} | {printable(line)}" for line in _traceback(self, record).splitlines()]
        return _with_priority(lines, record, journal=self._journal)


class JsonFormatter(logging.Formatter):
    """One object per line: time, level, logger, job, message, what `extra=` brought, and the traceback as `exception`."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        own: dict[str, Any] = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name,
                               "job": getattr(record, "job", None), "message": record.getMessage()}
        line = own | _extras(record) | own  # in this order, and nobody's extra takes the place of ours
        if traceback := _traceback(self, record):
            line["exception"] = traceback
        # ASCII: one line whatever is in it, and the odd bytes of a file name stay valid JSON.
        return _with_priority([json.dumps(line, default=str)], record, journal=self._journal)


def setup(level: str, format: Format, stream: TextIO, *, journal: bool) -> None:
    """All logging of this process goes to `stream` from now on. `level` as the configuration has it (`info`)."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(JobFilter())
    handler.setFormatter(JsonFormatter(journal=journal) if format == "json" else TextFormatter(journal=journal))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Their "info" is one line per request: ours to the receivers, and the users' to us.
    for chatty in ("httpx", "httpcore", "aiosqlite", "asyncio", "watchdog", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def under_journal(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written to `stream` goes to systemd's journal. Source: systemd.exec(5), JOURNAL_STREAM."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no real file behind it
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _with_priority(lines: list[str], record: logging.LogRecord, *, journal: bool) -> str:
    if not journal:
        return "\n".join(lines)
    number = next(number for least, number in _PRIORITIES if record.levelno >= least)
    return "\n".join(f"<{number}>{line}" for line in lines)  # on every line: journald makes an entry of each


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _OWN}


def _quoted(value: object) -> str:
    text = printable(str(value))
    return json.dumps(text, ensure_ascii=False) if not text or any(mark in text for mark in ' "=') else text


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(parts)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
