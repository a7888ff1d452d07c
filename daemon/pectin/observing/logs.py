"""Log lines, for people or as JSON, with the job's id on each line about a job: on stderr, or as entries of the journal with
fields to search by (JOB_ID, STATE, REASON, PATH)."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Literal, TextIO

from pectin.linux.pathtext import printable
from pectin.observing.journal import Journal

Format = Literal["text", "json"]

IDENTIFIER = "pectin"  # what journalctl shows in front of a line, as for a line on stderr

current_job: ContextVar[str | None] = ContextVar("current_job", default=None)
_current_path: ContextVar[PurePath | None] = ContextVar("current_path", default=None)

# sd-daemon(3): journald takes the number in front of each line as its priority, and cuts it off.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))

# What every record has; whatever else is on it came from `extra=` and is shown. taskName: Python 3.12.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "job", "facts"}


@contextmanager
def job_context(job_id: str, path: PurePath | None = None) -> Iterator[None]:
    """Whatever is logged inside, in this task and those it starts, is about this job, whose source was dropped as `path`."""
    token, former = current_job.set(job_id), _current_path.set(path)
    try:
        yield
    finally:
        current_job.reset(token)
        _current_path.reset(former)


def facts(*, state: str | None = None, reason: str | None = None, path: PurePath | str | None = None) -> dict[str, Any]:
    """For `extra=`: what a line is about, as fields of the journal and of JSON lines. People read it in the words already."""
    given = {"state": state, "reason": reason, "path": None if path is None else os.fspath(path)}
    return {"facts": {name: value for name, value in given.items() if value is not None}}


class JobFilter(logging.Filter):
    """Puts the id of the current job on the record, unless `extra={"job": ...}` already did."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "job"):
            record.job = current_job.get()
        if (path := _current_path.get()) is not None:
            record.facts = {"path": os.fspath(path)} | getattr(record, "facts", {})
        return True


class TextFormatter(logging.Formatter):
    """`LEVEL job=ID message key=value`, with the time in front where no journal adds it. A traceback follows line by line,
    each with the same beginning and a bar, so that no file name in it can pass for a line of ours."""

    def __init__(self, *, journal: bool, numbered: bool = True) -> None:
        """`numbered`: the journal reads the priority from the line, for nothing else tells it."""
        super().__init__()
        self._journal, self._numbered = journal, journal and numbered

    def format(self, record: logging.LogRecord) -> str:
        job = getattr(record, "job", None)
        beginning = record.levelname + (f" job={printable(str(job))}" if job else "")
        if not self._journal:
            beginning = f"{_time(record)} {beginning}"
        details = "".join(f" {key}={_quoted(value)}" for key, value in _extras(record).items())
        lines = [f"{beginning} {printable(record.getMessage())}{details}"]
        lines += [f"{beginning} | {printable(line)}" for line in _traceback(self, record).splitlines()]
        return _with_priority(lines, record, numbered=self._numbered)


class JsonFormatter(logging.Formatter):
    """One object per line: time, level, logger, job, message, what `extra=` brought, and the traceback as `exception`."""

    def __init__(self, *, journal: bool, numbered: bool = True) -> None:
        """`numbered`: the journal reads the priority from the line, for nothing else tells it."""
        super().__init__()
        self._journal, self._numbered = journal, journal and numbered

    def format(self, record: logging.LogRecord) -> str:
        own: dict[str, Any] = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name,
                               "job": getattr(record, "job", None), "message": record.getMessage(),
                               **getattr(record, "facts", {})}
        line = own | _extras(record) | own  # in this order, and nobody's extra takes the place of ours
        if traceback := _traceback(self, record):
            line["exception"] = traceback
        # ASCII: one line whatever is in it, and the odd bytes of a file name stay valid JSON.
        return _with_priority([json.dumps(line, default=str)], record, numbered=self._numbered)


class JournalHandler(logging.Handler):
    """Writes entries with fields. What the journal does not take goes to stderr, which the journal reads too: no line is lost."""

    def __init__(self, journal: Journal, otherwise: logging.Handler) -> None:
        super().__init__()
        self._journal = journal
        self._otherwise = otherwise

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._journal.send(entry(record, self.format(record)))
        except OSError:
            self._otherwise.handle(record)
        except Exception:  # noqa: BLE001  (as every handler does: who logs, ours or a library, must not die of a bad line)
            self.handleError(record)


def entry(record: logging.LogRecord, message: str) -> dict[str, str | int]:
    """The journal's fields for a record; names as in systemd.journal-fields(7), and ours."""
    job = getattr(record, "job", None)
    return {
        "MESSAGE": message, "PRIORITY": _priority(record),
        "SYSLOG_IDENTIFIER": IDENTIFIER, "CODE_FILE": record.pathname, "CODE_LINE": record.lineno, "CODE_FUNC": record.funcName,
        "LOGGER": record.name, **({"JOB_ID": str(job)} if job else {}),
        **{name.upper(): str(value) for name, value in {**_extras(record), **getattr(record, "facts", {})}.items()}}


def connect(stream: TextIO) -> Journal | None:
    """The journal, where what goes to `stream` would get there anyhow; None in a terminal, in a container, without systemd."""
    if not under_journal(stream):
        return None
    try:
        return Journal()
    except OSError:
        return None


def setup(level: str, format: Format, stream: TextIO, *, journal: bool, native: Journal | None = None) -> None:
    """All logging of this process goes to `stream` from now on, or as entries to the journal itself (`native`). `level` as the
    configuration has it (`info`)."""
    formatter = JsonFormatter if format == "json" else TextFormatter
    handler: logging.Handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(journal=journal))
    if native is not None:
        handler = JournalHandler(native, handler)
        handler.setFormatter(formatter(journal=journal, numbered=False))
    handler.addFilter(JobFilter())
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


def _with_priority(lines: list[str], record: logging.LogRecord, *, numbered: bool) -> str:
    if not numbered:
        return "\n".join(lines)
    return "\n".join(f"<{_priority(record)}>{line}" for line in lines)  # on every line: journald makes an entry of each


def _priority(record: logging.LogRecord) -> int:
    return next(number for least, number in _PRIORITIES if record.levelno >= least)


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
