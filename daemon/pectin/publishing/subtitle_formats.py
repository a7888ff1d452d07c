"""Reads the text formats of subtitles, known by what stands in them and not by their names: SubRip, WebVTT, ASS and SSA, SAMI,
MicroDVD, MPL2, SubViewer, TMPlayer. All parsers are patient: what they do not understand they leave out."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator

from pectin.publishing.cues import Cue

# Some leave the fraction out; translating programs put blanks in.
_CLOCK = r"(?:(\d{1,3}) ?: ?(?=\d{1,2} ?:))?(\d{1,2}) ?: ?(\d{1,2})(?: ?[.,:] ?(\d{1,3}))?"
_ARROW = re.compile(rf"^[ \t]*{_CLOCK}[ \t]*--?>[ \t]*{_CLOCK}[^\n]*$", re.MULTILINE)
_NUMBER = re.compile(r"[ \t]*\d+[ \t]*")
# Here and below: bounded or possessive, so that a hostile text costs no more time than it has letters.
_MICRODVD = re.compile(r"^\{(\d{1,9})\}\{(\d{0,9})\}(.*)$", re.MULTILINE)
_MPL2 = re.compile(r"^\[(\d{1,9})\]\[(\d{0,9})\](.*)$", re.MULTILINE)
_SUBVIEWER = re.compile(rf"^{_CLOCK},{_CLOCK}[ \t]*\n(.*?)(?=\n[ \t]*\n|\Z)", re.MULTILINE | re.DOTALL)
_TMPLAYER = re.compile(r"^(\d{1,2}):(\d\d):(\d\d)[:=](.*)$", re.MULTILINE)
_SYNC = re.compile(r"<sync\s+start\s*=\s*[\"']?(-?\d{1,12})[^<>]*>", re.IGNORECASE)
_PARAGRAPH = re.compile(r"<p(?:\s+class\s*=\s*[\"']?([\w-]++)[^<>]*|[^<>]*)>", re.IGNORECASE)
_TAG = re.compile(r"</?([a-zA-Z][\w.-]*+)[^<>]*+>|<\d[\d:.]*+>")
_BLOCK = re.compile(r"\{([^{}]*)\}")
_DEFAULT_RATE = 25.0


def read(text: str, *, frame_rate: float | None = None, plain: bool = False) -> list[Cue]:
    """The lines of a text of any known format, in its own order; none for anything else. `frame_rate` is the film's: MicroDVD
    counts frames. `plain`: of all tags only <i>, <b> and <u> are kept also in SubRip, where ffmpeg has written them."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").lstrip("\ufeff")
    head = text[:4096].lstrip()
    folded = head.casefold()
    if head.startswith("WEBVTT"):
        return list(_webvtt(text))
    if _ARROW.search(text):
        return list(_subrip(text, plain=plain))
    if "[script info]" in folded or "[events]" in folded or head.startswith("Dialogue:"):
        return list(_ass(text))
    if "<sami" in folded or "<sync" in folded:
        return list(_sami(text))
    if _MICRODVD.search(text):
        return list(_microdvd(text, frame_rate))
    return next((found for parse in (_mpl2, _subviewer, _tmplayer) if (found := list(parse(text)))), [])


def _milliseconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> int:
    return (int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)) * 1000 + int((fraction or "").ljust(3, "0"))


def _timed(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end, and all that stands before the next times."""
    found = list(_ARROW.finditer(text))
    for number, times in enumerate(found):
        until = found[number + 1].start() if number + 1 < len(found) else len(text)
        groups = times.groups()
        yield _milliseconds(*groups[:4]), _milliseconds(*groups[4:]), text[times.end():until].strip("\n")


def _subrip(text: str, *, plain: bool) -> Iterator[Cue]:
    """A blank line does not end a cue: many files have them in the middle. The number before the next times is no text."""
    first = _ARROW.search(text)
    numbered = first is not None and _NUMBER.fullmatch(text[:first.start()].strip().rpartition("\n")[2]) is not None
    timed = list(_timed(text))
    for number, (start, end, body) in enumerate(timed, 1):
        lines = body.rstrip().split("\n")
        if numbered and number < len(timed) and _NUMBER.fullmatch(lines[-1]):
            lines.pop()
        said = "\n".join(lines)
        yield Cue(start, end, _plain(_without_blocks(said)) if plain else said)


def _webvtt(text: str) -> Iterator[Cue]:
    """A blank line ends a cue: behind it stand notes, styles, the next one's name."""
    for start, end, body in _timed(text):
        yield Cue(start, end, html.unescape(_plain(body.partition("\n\n")[0])))


def _ass(text: str) -> Iterator[Cue]:
    """Dialogue only: its text without positions, fonts, colours and drawings. The format line says where the text stands."""
    order = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
    slanted: set[str] = set()
    styles: list[str] = []
    section = "[events]"
    for line in text.split("\n"):
        key, _, value = line.strip().partition(":")
        word = key.strip().casefold()
        if word.startswith("[") and word.endswith("]"):
            section = word
        elif word == "format":
            names = [name.strip().casefold() for name in value.split(",")]
            if section == "[events]" and "text" in names:
                order = names
            elif "styles" in section:
                styles = names
        elif word == "style" and "italic" in styles:
            fields = [part.strip() for part in value.split(",")]
            if len(fields) > styles.index("italic") and fields[styles.index("italic")] not in ("0", ""):
                slanted.add(fields[0].lstrip("*"))
        elif word == "dialogue":
            fields = value.split(",", len(order) - 1)
            if len(fields) == len(order):
                said = dict(zip(order, fields, strict=True))
                times = [re.fullmatch(_CLOCK, said.get(name, "").strip()) for name in ("start", "end")]
                if times[0] and times[1]:
                    yield Cue(_milliseconds(*times[0].groups()), _milliseconds(*times[1].groups()),
                              _of_ass(said["text"], slanted=said.get("style", "").strip().lstrip("*") in slanted))


def _of_ass(text: str, *, slanted: bool = False) -> str:
    """Italic and bold stay, whatever else an override says goes; what is drawn is no text."""
    out: list[str] = []
    open_tags: list[str] = []
    drawing = False

    def switch(tag: str, on: bool) -> None:
        if on and tag not in open_tags:
            open_tags.append(tag)
            out.append(f"<{tag}>")
        elif not on and tag in open_tags:
            again = open_tags[open_tags.index(tag) + 1:]
            out.extend(f"</{name}>" for name in reversed(open_tags[open_tags.index(tag):]))
            out.extend(f"<{name}>" for name in again)
            open_tags.remove(tag)

    switch("i", slanted)
    for number, part in enumerate(_BLOCK.split(text)):
        if number % 2 == 0:
            if not drawing:
                out.append(part.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " "))
            continue
        for command in re.finditer(r"\\(p|i|b|u|r)(-?\d{0,4})(?![a-zA-Z\d])", part):
            name, value = command[1], command[2]
            if name == "p":
                drawing = value not in ("", "0")
            elif name == "r":
                for tag in ("u", "b"):
                    switch(tag, False)
                switch("i", slanted)
            else:
                switch(name, value == "1" or (name == "b" and value.isdigit() and int(value) >= 600))
    out.extend(f"</{tag}>" for tag in reversed(open_tags))
    said = "".join(out).replace("{", "").replace("}", "")
    for tag in ("u", "b", "i", "u", "b"):  # tags around nothing
        said = said.replace(f"<{tag}></{tag}>", "")
    return said


def _sami(text: str) -> Iterator[Cue]:
    """One paragraph at each time; of several languages the one with the most to say. An empty one ends what stands."""
    times = list(_SYNC.finditer(text))
    said: list[tuple[int, str, str]] = []
    for number, sync in enumerate(times):
        body = text[sync.end():times[number + 1].start() if number + 1 < len(times) else len(text)]
        body = re.split(r"</body|</sami", body, maxsplit=1, flags=re.IGNORECASE)[0]
        pieces = _PARAGRAPH.split(body)
        paragraphs = [("", pieces[0]), *zip((name or "" for name in pieces[1::2]), pieces[2::2], strict=True)]
        for name, paragraph in paragraphs:
            if paragraph.strip():
                lines = re.sub(r"<br\s*/?>", "\n", re.sub(r"\s+", " ", paragraph), flags=re.IGNORECASE)
                said.append((int(sync[1]), name.casefold(), html.unescape(_plain(lines)).replace("\xa0", " ").strip()))
    counted = Counter(name for _, name, line in said if line)
    chosen = counted.most_common(1)[0][0] if counted else ""
    mine = sorted((line for line in said if line[1] == chosen), key=lambda line: line[0])
    for number, (start, _, line) in enumerate(mine):
        if line:
            yield Cue(start, mine[number + 1][0] if number + 1 < len(mine) else None, "\n".join(map(str.strip, line.split("\n"))))


def _microdvd(text: str, frame_rate: float | None) -> Iterator[Cue]:
    """Times are frames. The first line often says how many there are in a second; it counts more than the film, which may be
    another release."""
    rate = frame_rate or _DEFAULT_RATE
    for number, found in enumerate(_MICRODVD.finditer(text)):
        start, end, body = int(found[1]), found[2], found[3]
        if number == 0 and start <= 1:
            try:
                said = float(body.strip().replace(",", "."))
            except ValueError:
                pass
            else:
                rate = said if 1 <= said <= 240 else rate
                continue
        yield Cue(_at(start / rate), _at(int(end) / rate) if end else None,
                  "\n".join(_styled(line) for line in body.split("|")))


def _at(seconds: float) -> int:
    return round(min(seconds, 1e9) * 1000)


def _styled(line: str) -> str:
    """`{y:i}` is italic; other codes say colours and places."""
    tags = {letter for code in re.findall(r"\{[yY]:([ibuIBU,]+)\}", line) for letter in code.lower() if letter in "ibu"}
    said = _without_blocks(line)
    slanted = said.startswith("/")
    said, tags = (said[1:], tags | {"i"}) if slanted else (said, tags)
    for tag in sorted(tags):
        said = f"<{tag}>{said}</{tag}>" if said.strip() else said
    return said


def _mpl2(text: str) -> Iterator[Cue]:
    """Times are tenths of a second."""
    for found in _MPL2.finditer(text):
        yield Cue(int(found[1]) * 100, int(found[2]) * 100 if found[2] else None,
                  "\n".join(_styled(line) for line in found[3].split("|")))


def _subviewer(text: str) -> Iterator[Cue]:
    for found in _SUBVIEWER.finditer(text):
        groups = found.groups()
        yield Cue(_milliseconds(*groups[:4]), _milliseconds(*groups[4:8]),
                  _plain(re.sub(r"\[br\]", "\n", groups[8], flags=re.IGNORECASE)))


def _tmplayer(text: str) -> Iterator[Cue]:
    for found in _TMPLAYER.finditer(text):
        yield Cue(_milliseconds(found[1], found[2], found[3], "0"), None, found[4].replace("|", "\n"))


def _plain(text: str) -> str:
    """Of the tags only those that every client understands. `<00:01.000>` and `<v Name>` go too."""
    def kept(tag: re.Match[str]) -> str:
        name = (tag[1] or "").lower().partition(".")[0]
        slash = "/" if tag[0].startswith("</") else ""
        return f"<{slash}{name}>" if name in ("i", "b", "u") else ""
    return _TAG.sub(kept, text)


def _without_blocks(text: str) -> str:
    return re.sub(r"\{[^{}\n]*\}", "", text)
