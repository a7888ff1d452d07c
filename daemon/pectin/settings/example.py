"""The commented example and the editor schema, made from the one schema; config/ holds them and a test compares."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pectin.settings.explain import allowed, inner_model
from pectin.settings.quantities import format_duration, format_size
from pectin.settings.sections import Settings
from pectin.settings.shipped import SHIPPED

_WIDTH = 110

# What stands, commented out, where a list is empty by default: keys that have no default need an example.
_SAMPLES: Mapping[str, Any] = {
    "webhooks.name": "chat", "webhooks.url": "https://chat.example.org/hooks/pectin",
    "webhooks.secret_file": "/etc/pectin/webhook.secret",
    "hooks.name": "film-log", "hooks.run": "/usr/share/pectin/hooks/film-log",
    "jellyfin.map.ours": "/srv/pectin/library", "jellyfin.map.theirs": "/media/films",
    "jellyfin.url": "http://127.0.0.1:8096", "jellyfin.key_file": "/etc/pectin/jellyfin.key",
    "publish.group": "jellyfin", "publish.owner": "jellyfin", "socket.group": "pectin",
    "profiles.loudness": -16, "profiles.quality.floor": 0.96,
}

_HEADER = """\
# Pectin's configuration. Every key stands here with its default; keep only what you change.
# `pectin config check` finds every mistake at once; `pectin reload` puts changes into effect.
# Looked for in: --config FILE, $PECTIN_CONFIG, ~/.config/pectin/pectin.yaml, /etc/pectin/pectin.yaml.
"""


def schema_text() -> str:
    """The JSON Schema that editors use for completion."""
    return json.dumps(Settings.model_json_schema(), indent=2, sort_keys=True) + "\n"


def example_text() -> str:
    """The annotated default configuration. It is itself a valid configuration that means the defaults."""
    lines = [_HEADER]
    for name, field in Settings.model_fields.items():
        section = inner_model(field)
        lines.append("")
        lines += _comment(field.description or (section.__doc__ if section else None) or "", 0)
        lines += _entry(name, field, name, 0)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _entry(name: str, field: FieldInfo, path: str, indent: int) -> Iterator[str]:
    """One key with everything below it."""
    pad = " " * indent
    section, default, origin = inner_model(field), field.get_default(), get_origin(field.annotation)
    if section is None:
        yield from _scalar(name, field, path, pad)
    elif origin is tuple and not default:
        yield f"{pad}{name}: []"
        body = [line for key, inner in section.model_fields.items()
                for line in _entry_with_comment(key, inner, f"{path}.{key}", 4)]
        first = next(i for i, line in enumerate(body) if not line.lstrip().startswith("#"))
        body[first] = "  - " + body[first].lstrip()
        yield f"{pad}#{name}:"
        yield from (f"{pad}#{line}" for line in body)
    elif origin is tuple:
        yield f"{pad}{name}:"
        for item in default:
            dash = "- "
            for key, inner in section.model_fields.items():
                yield from _comment_of(inner, indent + 4)
                yield f"{pad}  {dash}{key}: {as_yaml(getattr(item, key), inner)}"
                dash = "  "
    elif origin is dict:
        yield f"{pad}{name}:"
        for key, value in default.items():
            if key == next(iter(default)):  # the first shows every key, the others only what they have of their own
                yield from _comment(SHIPPED[key][0], indent + 2)
                yield f"{pad}  {key}:"
                yield from _section(value, path, indent + 4)
            else:
                yield ""
                yield from _comment(SHIPPED[key][0], indent + 2)
                yield f"{pad}  {key}:"
                yield from (f"{pad}    {name}: {as_yaml(getattr(value, name), type(value).model_fields[name])}"
                            for name in SHIPPED[key][1])
    else:
        yield f"{pad}{name}:"
        yield from _section(default, path, indent + 2)


def _section(section: BaseModel, path: str, indent: int) -> Iterator[str]:
    for key, field in type(section).model_fields.items():
        yield from _entry_with_comment(key, field, f"{path}.{key}", indent)


def _entry_with_comment(key: str, field: FieldInfo, path: str, indent: int) -> Iterator[str]:
    yield from _comment_of(field, indent)
    yield from _entry(key, field, path, indent)


def _scalar(name: str, field: FieldInfo, path: str, pad: str) -> Iterator[str]:
    default = field.get_default()
    if default is PydanticUndefined:
        yield f"{pad}{name}: {_SAMPLES[path]}"
    elif default is None:
        yield f"{pad}#{name}: {_SAMPLES[path]}"
    else:
        yield f"{pad}{name}: {as_yaml(default, field)}"


def _comment_of(field: FieldInfo, indent: int) -> list[str]:
    section = inner_model(field)
    text = field.description or (section.__doc__ if section else "") or ""
    return _comment(text if section else f"{text} [{allowed(field)}]", indent)


def _comment(text: str, indent: int) -> list[str]:
    pad = " " * indent
    return textwrap.wrap(" ".join(text.split()), _WIDTH, initial_indent=f"{pad}# ", subsequent_indent=f"{pad}# ")


def as_yaml(value: Any, field: FieldInfo) -> str:
    """A default as a person would write it: the unit is known by the field's type."""
    text = f"{field.annotation} {field.metadata}"
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and "duration" in text:
        return format_duration(value)
    if isinstance(value, int) and "a size" in text:
        return format_size(value)
    if isinstance(value, int) and "bit rate" in text:
        return f"{value // 1_000_000}M" if value % 1_000_000 == 0 else f"{value // 1000}k"
    if isinstance(value, int) and "file mode" in text:
        return f'"{value:04o}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(as_yaml(item, field) for item in value) + "]"
    if isinstance(value, Path | str):
        return str(value)
    return f"{value:g}" if isinstance(value, float) else f"{value}"
