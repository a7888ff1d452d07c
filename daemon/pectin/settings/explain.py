"""From a validation error to a sentence a person can act on: the place, the value, what is allowed, the nearest known key."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pectin.model.schedule import WindowError
from pectin.settings.quantities import Allowed
from pectin.settings.sections import Settings

_HIDDEN = ("url", "secret_file", "key_file")  # an address may hold a token, and a key may stand where its file belongs
_OF_A_NAME = "[key]"  # pydantic's last part where a name is wrong, not what stands below it


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing to mend. `path` is written like `routes[0].inbox`; `line` counts from 1."""

    path: str
    line: int | None
    message: str
    hint: str

    @property
    def sentence(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        what = f"{self.path}: {self.message}" if self.path else self.message
        return f"{where}{what} -- {self.hint}" if self.hint else f"{where}{what}"


def explain(error: Mapping[str, Any], lines: Mapping[str, int], data: Mapping[str, Any]) -> Problem:
    """One pydantic error as a Problem."""
    location = _plain_location(error["loc"], data)
    path = dotted(location)
    line = line_of(path, lines)
    if error["type"] == "extra_forbidden":
        return Problem(path=path, line=line, message="unknown key", hint=_nearest(location))
    if error["type"] == "missing":
        return Problem(path=path, line=line, message="this key is needed", hint=f"allowed: {allowed_at(location)}")
    value = "nothing" if error["input"] is None else "what stands there" if location[-1:] and location[-1] in _HIDDEN \
        else repr(error["input"])
    why = error.get("ctx", {}).get("error")
    if isinstance(why, WindowError):
        return Problem(path=path, line=line, message=f"{value} is not allowed: {why}", hint=f"allowed: {allowed_at(location)}")
    hint = _name_words(location) if error["loc"][-1] == _OF_A_NAME else allowed_at(location)
    return Problem(path=path, line=line, message=f"{value} is not allowed", hint=f"allowed: {hint}")


def line_of(path: str, lines: Mapping[str, int]) -> int | None:
    """The line of a key; of the nearest section above it where the key itself is not in the file."""
    while path and path not in lines:
        path = path[:max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path) if path else None


def dotted(location: Sequence[str | int]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _plain_location(location: Sequence[str | int], data: Any) -> tuple[str | int, ...]:
    """Only the parts that are keys or positions in the file: pydantic adds the names of union members and `[key]`."""
    plain: list[str | int] = []
    here: Any = data
    for part in location:
        if isinstance(here, Mapping) and part != _OF_A_NAME:
            plain.append(part)
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int):
            plain.append(part)
            here = here[part] if part < len(here) else None
        else:
            break
    return tuple(plain)


def _model_at(location: Sequence[str | int]) -> type[BaseModel] | None:
    """The section class at a location, through lists and dictionaries."""
    kind: Any = Settings
    for part in location:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            if field is None:
                return None
            kind = field.annotation
        else:
            arguments = [a for a in get_args(kind) if a is not Ellipsis]
            kind = arguments[-1] if arguments else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _nearest(location: Sequence[str | int]) -> str:
    section = _model_at(location[:-1])
    known = list(section.model_fields) if section else []
    wrong = str(location[-1])
    if close := difflib.get_close_matches(wrong, known, n=1, cutoff=0.6):
        return f"did you mean {dotted((*location[:-1], close[0]))}?"
    elsewhere = {path.rsplit(".", 1)[-1]: path for path, _ in keys()}
    if close := difflib.get_close_matches(wrong, list(elsewhere), n=1, cutoff=0.75):
        return f"did you mean {elsewhere[close[0]]}?"
    return f"known keys here: {', '.join(known)}" if known else ""


def keys(section: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key of the schema with its field, parents before children; list items are written `routes[]`."""
    for name, field in section.model_fields.items():
        path = f"{prefix}{name}"
        yield path, field
        below = inner_model(field)
        if below is not None:
            origin = get_origin(field.annotation)
            yield from keys(below, f"{path}[]." if origin is tuple else f"{path}.NAME." if origin is dict else f"{path}.")


def inner_model(field: FieldInfo) -> type[BaseModel] | None:
    """The section class inside a field: itself, of a list's items or of a dictionary's values."""
    candidates = [field.annotation, *get_args(field.annotation)]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def allowed_at(location: Sequence[str | int]) -> str:
    """What may stand at a location, in words."""
    for end in range(len(location), 0, -1):
        section = _model_at(location[:end - 1])
        field = section.model_fields.get(str(location[end - 1])) if section else None
        if field is not None:
            return allowed(field)
        if section is None and _model_at(location[:end]) is not None:
            return "a section with keys"
    return "sections such as paths:, routes: and intake:"


def _name_words(location: Sequence[str | int]) -> str:
    """What a name among `location`'s neighbours may be, in words."""
    section = _model_at(location[:-2])
    field = section.model_fields.get(str(location[-2])) if section else None
    return _words(get_args(field.annotation)[0]) if field is not None else "another name"


def allowed(field: FieldInfo) -> str:
    """What a field takes, in words; also used for the commented example."""
    return _words(field.annotation, field.metadata)


def _words(kind: Any, metadata: Sequence[Any] = ()) -> str:
    for mark in metadata:
        if isinstance(mark, Allowed):
            return mark.words
    if get_origin(kind) is typing.Annotated:
        base, *marks = get_args(kind)
        return _words(base, marks)
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(_words(a, metadata) for a in get_args(kind) if a is not type(None)) \
            + (", or nothing" if type(None) in get_args(kind) else "")
    if get_origin(kind) is Literal:
        return ", ".join(str(a) for a in get_args(kind))
    if get_origin(kind) is tuple:
        return f"a list of: {_words(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return "names, each with its keys below"
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return f"a section with the keys {', '.join(kind.model_fields)}"
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        return ("a whole number" if kind is int else "a number") + _range(metadata)
    return "text"


def _range(metadata: Sequence[Any]) -> str:
    low = high = step = None
    for mark in (inner for m in metadata for inner in (getattr(m, "metadata", None) or [m])):
        if isinstance(mark, annotated_types.Interval | annotated_types.Ge) and getattr(mark, "ge", None) is not None:
            low = mark.ge
        if isinstance(mark, annotated_types.Interval | annotated_types.Le) and getattr(mark, "le", None) is not None:
            high = mark.le
        if isinstance(mark, annotated_types.MultipleOf):
            step = mark.multiple_of
    text = f" from {low} to {high}" if low is not None and high is not None else f", at least {low}" if low is not None else ""
    return f"{text}, even" if step == 2 else text
