"""Durations, sizes, paths and modes as people write them, each with the words that tell what is allowed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from pectin.model.artifact import Moment

MASK = "***"  # stands in `pectin config show` for what may be a secret

_SECONDS = {"ms": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "day": 86400, "days": 86400,
            "w": 604800, "week": 604800, "weeks": 604800}
_DURATION = re.compile(r"(?:\s*\d+(?:\.\d+)?\s*[a-z]+)+\s*")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")
_BITS = {"": 1, "k": 1_000, "m": 1_000_000}
_BYTES = {"": 1, "b": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
          "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([km]?)(?:bit/s|bps)?")


@dataclass(frozen=True)
class Allowed:
    """What may stand here, in words for an error message and for the commented example."""

    words: str


def parse_duration(value: object) -> object:
    """`15s`, `2min`, `1h30m`, `14d` or a bare number of seconds, as seconds. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("not a duration")  # noqa: TRY004  (pydantic turns ValueError into a message, not TypeError)
    if isinstance(value, int | float):
        seconds = float(value)
    else:
        text = value.strip().lower()
        if re.fullmatch(r"\d+(?:\.\d+)?", text):
            seconds = float(text)
        elif _DURATION.fullmatch(text) and all(unit in _SECONDS for _, unit in _PART.findall(text)):
            seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
        else:
            raise ValueError("not a duration")
    if not 0 <= seconds < 1e10:
        raise ValueError("not a duration")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest way to write it that parse_duration reads back, e.g. `14d`, `90s`."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.15g}{unit}"
    return f"{seconds:.15g}s"


def _parse_rate(value: object) -> object:
    if isinstance(value, str) and (match := _RATE.fullmatch(value.strip().lower())):
        return round(float(match[1]) * _BITS[match[2]])
    return value


def parse_size(value: object) -> object:
    """`500MB`, `20GB`, `1.5TiB` or a bare number of bytes, as bytes. Raises ValueError."""
    if isinstance(value, str) and (match := _SIZE.fullmatch(value.strip().lower())) and match[2] in _BYTES:
        return round(float(match[1]) * _BYTES[match[2]])
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError("not a size")


def format_size(size: float) -> str:
    """The shortest way to write it that parse_size reads back, e.g. `5GB`."""
    for unit, length in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= length and size % length == 0:
            return f"{size / length:.15g}{unit}"
    return f"{size:.15g}"


def _parse_mode(value: object) -> object:
    """YAML 1.1 reads 0664 as the number 436 and "0664" as text: both mean the same here."""
    if isinstance(value, str) and re.fullmatch(r"0?o?[0-7]{3,4}", value):
        return int(value.removeprefix("0o"), 8)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o7777:
        return value
    raise ValueError("not a file mode")


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("not an absolute path")
    if ".." in path.parts:
        raise ValueError("a path with '..' in it")
    return path


def _secret_reference(text: str) -> str:
    if text.startswith("credential:") and text.removeprefix("credential:").replace("-", "").replace("_", "").isalnum():
        return text
    if Path(text).is_absolute():
        return text
    raise ValueError("not an absolute path")


def _listen(value: object) -> object:
    if value is False or value == "off":  # YAML reads a bare `off` as false
        return "off"
    if isinstance(value, str) and (match := re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[0-9A-Za-z.-]+):(\d{1,5})", value)) \
            and int(match[2]) < 65536:
        return value
    raise ValueError("not host:port")


def reachable(url: str) -> str:
    """An address that can be asked for at all: a wrong port would be found out by the first event only. Raises ValueError."""
    if MASK in url:  # copied from `pectin config show`
        raise ValueError("masked")
    parts = urlsplit(url)  # raises ValueError for a bracket that is not closed, and below for a port that is none
    if parts.port == 0 or not parts.hostname or any(not 0 < len(word) < 64 for word in parts.hostname.rstrip(".").split(".")):
        raise ValueError("no host, or no port")
    return url


def parse_moment(text: str) -> Moment:
    """`1m30s` or `40%`. Raises ValueError."""
    share = _SHARE.fullmatch(text.strip())
    if share is not None and float(share[1]) <= 100:
        return Moment(fraction=float(share[1]) / 100)
    seconds = parse_duration(text)
    if not isinstance(seconds, float):
        raise ValueError("not a time")  # noqa: TRY004  (pydantic turns ValueError into a message, not TypeError)
    return Moment(seconds=seconds)


def _moment(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("not a time")  # noqa: TRY004  (see above)
    text = value.strip() if isinstance(value, str) else f"{value:g}s"
    parse_moment(text)
    return text


def _moment_or_word(value: object) -> object:
    return value if value in ("none", "auto") else _moment(value)


Duration = Annotated[float, BeforeValidator(parse_duration), Allowed("a duration such as 500ms, 15s, 2min, 1h30m or 14d"),
                     WithJsonSchema({"type": ["string", "number"], "examples": ["15s", "2min", "14d"]})]
Size = Annotated[int, BeforeValidator(parse_size), Allowed("a size such as 500MB, 20GB or 1TiB"),
                 WithJsonSchema({"type": ["string", "integer"], "examples": ["5GB", "500MB"]})]
BitRate = Annotated[int, BeforeValidator(_parse_rate), Allowed("a bit rate such as 160k or 8M"),
                    WithJsonSchema({"type": ["string", "integer"], "examples": ["160k", "8M"]})]
Mode = Annotated[int, BeforeValidator(_parse_mode), Allowed("an octal file mode in quotes such as \"0664\""),
                 WithJsonSchema({"type": ["string", "integer"], "examples": ["0664"]})]
AbsolutePath = Annotated[Path, AfterValidator(_absolute), Allowed("an absolute path without '..'")]
SecretFile = Annotated[str, AfterValidator(_secret_reference),
                       Allowed("an absolute path, or credential:NAME for a systemd credential")]
Listen = Annotated[str, BeforeValidator(_listen), Allowed("host:port such as 127.0.0.1:9847, or off"),
                   WithJsonSchema({"type": ["string", "boolean"], "examples": ["127.0.0.1:9847", "off"]})]
When = Annotated[str, BeforeValidator(_moment), Allowed("a time such as 1m30s, or a part of the film such as 40%"),
                 WithJsonSchema({"type": ["string", "number"], "examples": ["1m30s", "40%"]})]
WhenOrWord = Annotated[str, BeforeValidator(_moment_or_word),
                       Allowed("none, auto, a time such as 1m30s, or a part of the film such as 40%"),
                       WithJsonSchema({"type": ["string", "number"], "examples": ["none", "auto", "1m30s", "40%"]})]
