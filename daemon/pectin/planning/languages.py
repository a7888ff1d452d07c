"""One spelling for every language: the three letters of ISO 639-2/B, as Jellyfin, MP4 and file names need them."""

from __future__ import annotations

import re

_TWO_LETTERS = {
    "af": "afr", "ar": "ara", "az": "aze", "be": "bel", "bg": "bul", "bn": "ben", "bs": "bos", "ca": "cat", "cs": "cze",
    "cy": "wel", "da": "dan", "de": "ger", "el": "gre", "en": "eng", "eo": "epo", "es": "spa", "et": "est", "eu": "baq",
    "fa": "per", "fi": "fin", "fr": "fre", "ga": "gle", "gl": "glg", "gu": "guj", "he": "heb", "hi": "hin", "hr": "hrv",
    "hu": "hun", "hy": "arm", "id": "ind", "is": "ice", "it": "ita", "ja": "jpn", "ka": "geo", "kk": "kaz", "km": "khm",
    "kn": "kan", "ko": "kor", "la": "lat", "lo": "lao", "lt": "lit", "lv": "lav", "mk": "mac", "ml": "mal", "mn": "mon",
    "mr": "mar", "ms": "may", "my": "bur", "nb": "nob", "ne": "nep", "nl": "dut", "nn": "nno", "no": "nor", "pa": "pan",
    "pl": "pol", "ps": "pus", "pt": "por", "ro": "rum", "ru": "rus", "si": "sin", "sk": "slo", "sl": "slv", "sq": "alb",
    "sr": "srp", "sv": "swe", "sw": "swa", "ta": "tam", "te": "tel", "th": "tha", "tl": "tgl", "tr": "tur", "uk": "ukr",
    "ur": "urd", "uz": "uzb", "vi": "vie", "yi": "yid", "zh": "chi", "iw": "heb", "in": "ind",
}

# The twenty languages whose terminology code (639-2/T) differs from the bibliographic one.
_TERMINOLOGY = {
    "sqi": "alb", "hye": "arm", "eus": "baq", "bod": "tib", "mya": "bur", "ces": "cze", "zho": "chi", "cym": "wel", "deu": "ger",
    "nld": "dut", "ell": "gre", "fas": "per", "fra": "fre", "kat": "geo", "isl": "ice", "mkd": "mac", "mri": "mao", "msa": "may",
    "ron": "rum", "slk": "slo",
}

# Undetermined, uncoded, several, no speech at all, and ffmpeg's own word for "not said": none of them names a language.
_NONE = frozenset({"und", "mis", "mul", "zxx", "unk", "xxx"})

_CODE = re.compile(r"([a-z]{2,3})(?:[-_].*)?", re.DOTALL)


def normalise(text: str | None) -> str | None:
    """The three-letter code for what a file or a person wrote (`de`, `deu`, `pt-BR`), or None when it names no language."""
    found = _CODE.fullmatch((text or "").strip().lower())
    if found is None:
        return None
    code = found[1]
    code = _TWO_LETTERS.get(code, "") if len(code) == 2 else _TERMINOLOGY.get(code, code)
    return code if code and code not in _NONE else None
