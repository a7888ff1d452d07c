"""Find, read and check the configuration; every problem is found at once, each with its place and a way out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import TypeAdapter, ValidationError

from pectin.settings.crosscheck import cross_check
from pectin.settings.explain import Problem, explain, line_of
from pectin.settings.sections import Settings
from pectin.settings.shipped import merged


class ConfigError(Exception):
    """The configuration cannot be used. `problems` is complete: mending them all makes it usable."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        self.source = source
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{source}: {count}", *(f"  {p.sentence}" for p in problems)]))


@dataclass(frozen=True)
class Loaded:
    """The settings and the file they came from."""

    path: Path
    settings: Settings


def search_order(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where the configuration is looked for when --config is not given; PECTIN_CONFIG alone counts when it is set."""
    if named := environment.get("PECTIN_CONFIG"):
        return (Path(named),)
    home = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "/")) / ".config")
    return (Path(home) / "pectin" / "pectin.yaml", Path("/etc/pectin/pectin.yaml"))


def find(named: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The configuration file to use, which need not be readable. Raises ConfigError when there is none."""
    candidates = (named,) if named is not None else search_order(environment)
    hidden = None
    for candidate in candidates:
        try:
            candidate.stat()
        except PermissionError:  # perhaps it is there; `runuser -u pectin` leaves HOME at root's, so look further first
            hidden = hidden or candidate
        except OSError:
            continue
        else:
            return candidate
    if hidden is not None:
        return hidden
    tried = ", ".join(str(c) for c in candidates)
    raise ConfigError("configuration", (Problem(
        path="", line=None, message=f"no configuration file found (looked for {tried})",
        hint="`pectin config example > pectin.yaml` writes one with every key explained; name it with --config "
             "or PECTIN_CONFIG"),))


def load(path: Path) -> Loaded:
    """Read and check one file. Raises ConfigError with all problems."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(str(path), (Problem(path="", line=None, message=f"cannot be read: {reason}",
                                              hint="check its permissions and its encoding"),)) from error
    return Loaded(path, parse(text, str(path)))


def parse(text: str, source: str) -> Settings:
    """Check the text of a configuration. Raises ConfigError; `source` stands in its message."""
    data, lines, problems = _read_yaml(text, source)
    settings, found = _validate(data)
    problems += dict.fromkeys(explain(error, lines, data) for error in found)  # a union reports once per member
    problems += [Problem(path=p, line=line_of(p, lines), message=m, hint=h) for p, m, h in cross_check(_valid_sections(data))]
    if problems or settings is None:
        raise ConfigError(source, tuple(sorted(problems, key=lambda p: (p.line or 0, p.path))))
    return settings


def _validate(data: Mapping[str, Any]) -> tuple[Settings | None, list[Any]]:
    try:
        return Settings.model_validate(data), []
    except ValidationError as error:
        return None, list(error.errors(include_url=False, include_context=True))


def _valid_sections(data: Mapping[str, Any]) -> dict[str, Any]:
    """The sections that are right by themselves, so that errors between sections show at once with those inside them."""
    valid: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        if name not in data:
            valid[name] = field.get_default()
            continue
        origin, arguments, value = get_origin(field.annotation), get_args(field.annotation), data[name]
        if origin is tuple and isinstance(value, list):
            valid[name] = tuple(_valid_or_none(arguments[0], item) for item in value)
        elif origin is dict and isinstance(value, dict):
            valid[name] = {key: _valid_or_none(arguments[1], item) for key, item in merged(value).items()}
        elif (section := _valid_or_none(field.annotation, value)) is not None:
            valid[name] = section
    return valid


def _valid_or_none(kind: Any, value: object) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return None


def _read_yaml(text: str, source: str) -> tuple[dict[str, Any], dict[str, int], list[Problem]]:
    """The data, the line of every path, and what YAML itself let pass (a key twice)."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        what = getattr(error, "problem", None) or str(error)
        problem = Problem(path="", line=line, message=f"not valid YAML: {what}",
                          hint="check indentation, colons and quotes on this line and the one before")
        raise ConfigError(source, (problem,)) from error
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    if root is not None:
        _walk(root, "", lines, problems)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ConfigError(source, (Problem(path="", line=1, message="the top level must be sections such as `paths:`",
                                           hint="`pectin config example` shows the shape"),))
    return {str(k): v for k, v in data.items()}, lines, problems


def _walk(node: yaml.Node, path: str, lines: dict[str, int], problems: list[Problem]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(getattr(key, "value", "?"))
            below = f"{path}.{name}" if path else name
            if name in seen:
                problems.append(Problem(path=below, line=key.start_mark.line + 1, message="this key stands twice",
                                        hint="keep one of them: only the last would count"))
            seen.add(name)
            lines[below] = key.start_mark.line + 1
            _walk(value, below, lines, problems)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, f"{path}[{index}]", lines, problems)
