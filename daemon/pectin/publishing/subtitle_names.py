"""What stands behind a film's name in a subtitle's, put in the words and in the order that Jellyfin reads:
`[.title][.language][.default][.forced][.sdh|.cc|.hi]`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# As people write them; codes of two or three letters are understood as they are. Source of the codes: ISO 639-2/B.
_NAMES: Mapping[str, str] = MappingProxyType({
    "arabic": "ara", "bulgarian": "bul", "catalan": "cat", "chinese": "chi", "croatian": "hrv", "czech": "cze", "danish": "dan",
    "dutch": "dut", "english": "eng", "estonian": "est", "finnish": "fin", "french": "fre", "german": "ger", "greek": "gre",
    "hebrew": "heb", "hindi": "hin", "hungarian": "hun", "icelandic": "ice", "indonesian": "ind", "italian": "ita",
    "japanese": "jpn", "korean": "kor", "latvian": "lav", "lithuanian": "lit", "malay": "may", "norwegian": "nor",
    "persian": "per", "polish": "pol", "portuguese": "por", "romanian": "rum", "russian": "rus", "serbian": "srp",
    "slovak": "slo", "slovenian": "slv", "spanish": "spa", "swedish": "swe", "tamil": "tam", "telugu": "tel", "thai": "tha",
    "turkish": "tur", "ukrainian": "ukr", "urdu": "urd", "vietnamese": "vie", "deutsch": "ger", "francais": "fre",
    "français": "fre", "español": "spa", "castilian": "spa", "italiano": "ita", "português": "por", "mandarin": "chi",
    "cantonese": "chi",
})
_FORCED = frozenset({"forced", "foreign"})
_IMPAIRED: Mapping[str, str] = MappingProxyType({"sdh": "sdh", "hoh": "sdh", "cc": "cc", "hi": "hi"})


def normal(suffix: str) -> str:
    """`.SDH.English` gives `.eng.sdh`, `.default.en` gives `.en`. `.default` stays only with `.forced`: with it, clients show a
    track to everyone. A word that is none of these is a title, and stands first."""
    tokens = suffix.split(".")
    if tokens[0].strip():  # ` - Another cut.en`: not divided as Jellyfin wants it, so not for us to order
        return suffix
    titles: list[str] = []
    languages: list[str] = []
    flags: set[str] = set()
    for token in (token for token in tokens if token):
        word = token.strip().casefold()
        if word in _FORCED:
            flags.add("forced")
        elif word == "default":
            flags.add("default")
        elif word in _IMPAIRED and not (word == "hi" and not languages and len(tokens) == 2):  # alone, `hi` is Hindi
            flags.add(_IMPAIRED[word])
        elif word in _NAMES:
            languages.append(_NAMES[word])
        elif _is_code(token.strip()):
            languages.append(token.strip())
        else:
            titles.append(token)
    if "brazilian" in {title.casefold() for title in titles} and "por" in languages:
        titles = [title for title in titles if title.casefold() != "brazilian"]
        languages = ["pt-BR" if language == "por" else language for language in languages]
    found = [*titles, *languages, *(["default"] if {"default", "forced"} <= flags else []),
             *(flag for flag in ("forced", "sdh", "cc", "hi") if flag in flags)]
    return "".join(f".{token}" for token in found)


def language_in(suffix: str) -> str | None:
    """The code that a suffix (as `normal` gives it) names its language by, without a region."""
    codes = [token for token in suffix.split(".") if _is_code(token) and token not in _IMPAIRED and not token.isdigit()]
    return codes[-1].partition("-")[0].lower() if codes else None


def _is_code(token: str) -> bool:
    """`en`, `eng`, `pt-BR`, `zh-Hans`."""
    language, dash, region = token.partition("-")
    shape = len(language) in (2, 3) and language.isascii() and language.isalpha()
    return shape and (not dash or (2 <= len(region) <= 4 and region.isalnum()))
