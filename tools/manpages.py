"""Writes the manual pages pectin(1) and pectin.yaml(5) into a folder, from the commands and the schema of the configuration.

`make install` runs it with the Python it has just installed Pectin for, so the pages say what that program does."""

from __future__ import annotations

import os
import re
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer.main
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import pectin.program  # noqa: F401  (it adds `run` to the commands)
from pectin import __version__
from pectin.cli.app import app
from pectin.model.statuses import STATUSES
from pectin.settings.example import as_yaml
from pectin.settings.explain import allowed, inner_model, keys
from pectin.settings.shipped import SHIPPED

_WIDTH = 78  # of the lines of the source, as those like it who read that

_COMMAND_WORDS = """
Pectin watches an inbox, makes every video that comes there play directly on all Jellyfin clients, and files it in a library;
the original is kept. `pectin run` is the daemon, which systemd starts; the other commands speak to it over its socket. Who is
in group `pectin` may use them.
"""
_VARIABLES = (("PECTIN_CONFIG", "The configuration file; no other is looked for then."),
              ("PECTIN_SOCKET", "The daemon's socket, instead of the one that the configuration names."))
_FILES = (("/etc/pectin/pectin.yaml", "The configuration, see pectin.yaml(5)."),
          ("/run/pectin/pectin.sock", "The daemon's socket: HTTP, for `curl --unix-socket` too."),
          ("/var/lib/pectin/pectin.db", "What is known of all jobs. `pectin backup` copies it."),
          ("/srv/pectin/", "The inbox, the library and the folders between them, where nothing else is configured."),
          ("/usr/share/pectin/", "Examples: the configuration with every key, hooks, a Samba share, SFTP."))
_EXAMPLES = (("See what is going on, and what waits for what:", "pectin status"),
             ("Look into a film without doing anything:", "pectin plan film.mkv"),
             ("Find out what is wrong with an installation:", "sudo pectin doctor"),
             ("What was done with the films of today:", "journalctl -u pectin --since today"))
_FILE_WORDS = """
The configuration is YAML. Only what differs from the defaults needs to stand in it; unknown keys are mistakes. `pectin config
check` finds every mistake at once, `pectin reload` puts changes into effect and tells what needs a restart. The first of these
files counts: the one of `--config`, the one of $PECTIN_CONFIG (then no other is looked for), ~/.config/pectin/pectin.yaml,
/etc/pectin/pectin.yaml.
"""
_FILE_EXAMPLE = """routes:
  - name: films
    inbox: /srv/pectin/inbox
    library: /srv/media/films
jellyfin:
  url: http://127.0.0.1:8096
  key_file: /etc/pectin/jellyfin.key"""


def pectin_1() -> str:
    """The page of the program."""
    command: Any = typer.main.get_command(app)
    lines = [*_head("PECTIN", 1, "pectin", "transcodes videos ahead of time for Jellyfin"),
             ".SH SYNOPSIS", r"\fBpectin\fR [\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGUMENTS\fR]",
             ".SH DESCRIPTION", _text(_COMMAND_WORDS), ".SH OPTIONS", *_parameters(command),
             ".SH COMMANDS", *_commands(command, ()),
             ".SH EXIT STATUS", *_list((str(status.value), meaning) for status, meaning in STATUSES.items()),
             ".SH ENVIRONMENT", *_list(_VARIABLES), ".SH FILES", *_list(_FILES), ".SH EXAMPLES"]
    for words, example in _EXAMPLES:
        lines += [_text(words), ".br", *_literal(example), ".sp"]
    return _page(lines, r"\fBpectin.yaml\fR(5), \fBsystemctl\fR(1), \fBjournalctl\fR(1), \fBffmpeg\fR(1)")


def pectin_yaml_5() -> str:
    """The page of the configuration file: every key of the schema, as `section.key`."""
    lines = [*_head("PECTIN.YAML", 5, "pectin.yaml", "the configuration of Pectin"),
             ".SH DESCRIPTION", _text(_FILE_WORDS), ".SH EXAMPLE", *_literal(_FILE_EXAMPLE), ".SH KEYS",
             _text("Each with its default, where it has one. `[]` stands for each item of a list, `NAME` for a name of yours.")]
    for path, field in keys():
        section = inner_model(field)
        if section is not None and "." not in path:
            lines += [f".SS {_plain(path)}", _text(field.description or section.__doc__ or "")]
        elif section is not None:
            lines += [".TP", rf"\fB{_plain(path)}\fR", _text(field.description or section.__doc__ or "")]
        else:
            lines += [".TP", rf"\fB{_plain(path)}\fR{_default(field)}",
                      _text(f"{field.description or ''} Allowed: {allowed(field)}.")]
    lines += [".SH PROFILES", _text("These are there by themselves:"), *_list((name, SHIPPED[name][0]) for name in SHIPPED)]
    return _page(lines, r"\fBpectin\fR(1)")


PAGES: Mapping[str, Any] = {"man1/pectin.1": pectin_1, "man5/pectin.yaml.5": pectin_yaml_5}


def _head(title: str, section: int, name: str, what: str) -> Iterator[str]:
    # A package that is built twice from the same sources must be the same twice: its builder names the day.
    day = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    yield r'.\" Made by tools/manpages.py from the program itself.'
    yield f'.TH {title} {section} "{day}" "Pectin {__version__}" "Pectin"'
    yield from (".SH NAME", rf"{_plain(name)} \- {_plain(what)}")


def _commands(group: Any, above: tuple[str, ...]) -> Iterator[str]:
    for name, command in group.commands.items():
        if getattr(command, "hidden", False):
            continue
        path = (*above, name)
        if hasattr(command, "commands"):
            yield from _commands(command, path)
            continue
        wanted = [_argument(one) for one in command.params if one.param_type_name == "argument"]
        yield f".SS {_plain(' '.join(('pectin', *path, *wanted)))}"
        yield _text(command.help or "")
        yield from _parameters(command)


def _argument(parameter: Any) -> str:
    name = str(parameter.name).upper().replace("_", "-")
    return name if parameter.required else f"[{name}]"


def _parameters(command: Any) -> Iterator[str]:
    for one in command.params:
        if getattr(one, "hidden", False) or not (words := getattr(one, "help", None)):
            continue
        if one.param_type_name == "argument":
            yield from (".TP", rf"\fI{_plain(_argument(one))}\fR", _text(words))
        else:
            value = "" if one.is_flag else rf" \fI{_plain(str(one.name).upper().removeprefix('AS_').replace('_', '-'))}\fR"
            yield from (".TP", ", ".join(rf"\fB{_plain(word)}\fR" for word in one.opts) + value, _text(words))


def _default(field: FieldInfo) -> str:
    default = field.get_default()
    return "" if default is PydanticUndefined or default in (None, ()) else rf": {_plain(as_yaml(default, field))}"


def _list(pairs: Any) -> Iterator[str]:
    for term, words in pairs:
        yield from (".TP", rf"\fB{_plain(term)}\fR", _text(words))


def _literal(text: str) -> tuple[str, ...]:
    return (".in +4n", ".nf", *(_plain(line) for line in text.splitlines()), ".fi", ".in")


def _text(words: str) -> str:
    """A paragraph: what stands between backquotes is bold, and each sentence begins a line, as roff likes it."""
    parts = re.split(r"`([^`]*)`", " ".join(words.split()))
    text = "".join(rf"\fB{_signs(part)}\fR" if number % 2 else _signs(part) for number, part in enumerate(parts))
    sentences = re.sub(r"(?<=[^.][.?]) (?=[A-Z\\])", "\n", text).splitlines()
    return "\n".join(_safe(line) for sentence in sentences
                     for line in textwrap.wrap(sentence, _WIDTH, break_long_words=False, break_on_hyphens=False))


def _plain(text: str) -> str:
    """Text that means itself to roff, also where a line begins with it."""
    return _safe(_signs(text))


def _signs(text: str) -> str:
    """A hyphen is a minus: what is copied out of the page must be what one types."""
    return "".join(_SIGNS.get(sign, sign if sign.isascii() else rf"\[u{ord(sign):04X}]") for sign in text)


_SIGNS = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}


def _safe(line: str) -> str:
    """A line that begins with a dot would be a command to roff."""
    return rf"\&{line}" if line.startswith(".") else line


def _page(lines: list[str], also: str) -> str:
    return "\n".join([*lines, ".SH SEE ALSO", also]) + "\n"


def main(folder: Path) -> None:
    for name, make in PAGES.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(make(), encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
