"""Files that come with a film: which endings they have, and what stands in their names behind the film's own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType

ROLE = "sidecar"  # the role of a published one among a job's outputs


class SidecarKind(StrEnum):
    SUBTITLE = "subtitle"              # text
    IMAGE_SUBTITLE = "image_subtitle"  # pictures of text, or text in a format of one player
    PICTURE = "picture"
    DETAILS = "details"                # .nfo: title, year, people


# What Jellyfin reads beside a film. Not .svg: it can hold scripts, and no client needs it.
KINDS: Mapping[str, SidecarKind] = MappingProxyType(
    dict.fromkeys(("srt", "ass", "ssa", "vtt", "smi", "sami"), SidecarKind.SUBTITLE)
    | dict.fromkeys(("sub", "idx", "sup", "mks"), SidecarKind.IMAGE_SUBTITLE)
    | dict.fromkeys(("jpg", "jpeg", "png", "webp", "gif", "tbn"), SidecarKind.PICTURE)
    | {"nfo": SidecarKind.DETAILS})

SUBTITLES = frozenset({SidecarKind.SUBTITLE, SidecarKind.IMAGE_SUBTITLE})
SUBTITLE_FOLDERS = frozenset({"subs", "subtitles", "sub"})  # lower case

# A picture of this name says what it shows; the film it belongs to follows from the folder.
PICTURE_NAME = re.compile(
    r"(poster|folder|cover|fanart|backdrop|background|banner|clearlogo|logo|landscape|thumb|clearart|discart|disc)"
    r"([-_ ]?[0-9]{0,2})", re.IGNORECASE)

_SEPARATORS = frozenset(".-_ ")
# Only where both halves make one language: `en-hi` says that it is for the hard of hearing. (Jellyfin would take BR for Breton.)
_REGION = re.compile(r"(?<![a-z0-9])([a-z]{2,3})[-_](br|pt|gb|uk|us|ca|mx|es|tw|hk|cn|419|hans|hant)(?![a-z0-9])", re.IGNORECASE)
_BETWEEN_WORDS = re.compile(r"[\s._\-()\[\]{},+&]+")
# Words that say something about a subtitle track and are no part of a title: codes (ISO 639-1, and the common ones of 639-2),
# names of the languages that subtitles come in, flags.
_WORDS = frozenset(" ".join((
    "af ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk ko la lt lv mk",
    "ml mn mr ms nb ne nl nn no pa pl ps pt ro ru sk sl sq sr sv sw ta te th tl tr uk ur uz vi zh br gb us mx tw hk cn",
    "419 hans hant",
    "ara baq bel ben bos bul cat ces chi cze dan deu dut ell eng est eus fas fil fin fra fre ger gle glg gre heb hin hrv hun",
    "ice ind isl ita jpn kor lav lit mac mal may mkd msa nld nob nor per pob pol por ron rum rus slk slo slv spa sqi srp swe",
    "tam tel tha tur ukr urd vie zho und",
    "arabic bulgarian catalan chinese croatian czech danish dutch english estonian finnish french german greek hebrew hindi",
    "hungarian icelandic indonesian italian japanese korean latvian lithuanian malay norwegian persian polish portuguese",
    "romanian russian serbian slovak slovenian spanish swedish tamil telugu thai turkish ukrainian urdu vietnamese brazilian",
    "castilian cantonese mandarin simplified traditional latin american european deutsch francais español italiano português",
    "forced foreign default sdh cc hi hoh full signs songs commentary hearing impaired subtitle subtitles subs sub")).split())


def kind_of(name: str) -> SidecarKind | None:
    """What a file of this name is; None: no sidecar."""
    stem, dot, extension = name.rpartition(".")
    return KINDS.get(extension.lower()) if stem and dot else None


def fold(text: str) -> str:
    """For comparing what a person takes for the same name: Windows changes the case, a Mac takes letters apart."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def divisions(body: str) -> Iterator[tuple[str, str]]:
    """Every way in which the name of a sidecar (without its extension) may be a film's name and something behind it, the
    longest film's name first: `Film.2.en` gives `Film.2.en`, `Film.2` + `.en`, `Film` + `.2.en`.

    A dot divides always, as it does for Jellyfin. `-`, `_` and a blank are parts of titles too (`Alien` and `Alien 3`): behind
    them there must be words that say something about the track or the picture (`Film_eng`, `Film-poster`)."""
    yield body, ""
    for at in range(len(body) - 1, 0, -1):
        if body[at] == "." or (body[at] in _SEPARATORS and _tells(body[at:])):
            yield body[:at], body[at:]


def behind(stem: str, body: str) -> str | None:
    """What stands behind the film's name in a sidecar's, with its separator (`.en.forced`); None when it is not named after
    that film. The exact name counts first, then one that differs in case or in how its letters are composed."""
    ways = list(divisions(body))
    return next((rest for head, rest in ways if head == stem),
                next((rest for head, rest in ways if fold(head) == fold(stem)), None))


def words(text: str) -> tuple[str, ...]:
    """The words of what stands behind a film's name, without what divides them. `pt_BR` is one word, `pt-BR`."""
    joined = _REGION.sub("\\1\0\\2", text)
    return tuple(word.replace("\0", "-") for word in _BETWEEN_WORDS.split(joined) if word)


def known_words(text: str) -> bool:
    """Whether all of its words are about the track: its language, or a flag."""
    return all(part.casefold() in _WORDS for word in words(text) for part in word.split("-"))


def _tells(rest: str) -> bool:
    return known_words(rest) or PICTURE_NAME.fullmatch(rest.lstrip("-_ .")) is not None
