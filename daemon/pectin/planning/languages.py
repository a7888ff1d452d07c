"""One spelling for every language: the three letters of ISO 639-2/B, as Jellyfin, MP4 and file names need them."""

from __future__ import annotations

import re
import unicodedata

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

# Some files write it out, in English or in the language itself.
_NAMES = {
    "arabic": "ara", "العربية": "ara", "basque": "baq", "euskara": "baq", "bengali": "ben", "bulgarian": "bul",
    "български": "bul", "catalan": "cat", "català": "cat", "chinese": "chi", "mandarin": "chi", "cantonese": "chi", "中文": "chi",
    "croatian": "hrv", "hrvatski": "hrv", "czech": "cze", "čeština": "cze", "česky": "cze", "danish": "dan", "dansk": "dan",
    "dutch": "dut", "nederlands": "dut", "flemish": "dut", "english": "eng", "estonian": "est", "eesti": "est",
    "finnish": "fin", "suomi": "fin", "french": "fre", "français": "fre", "francais": "fre", "galician": "glg",
    "georgian": "geo", "german": "ger", "deutsch": "ger", "greek": "gre", "ελληνικά": "gre", "hebrew": "heb", "עברית": "heb",
    "hindi": "hin", "हिन्दी": "hin", "hungarian": "hun", "magyar": "hun", "icelandic": "ice", "íslenska": "ice",
    "indonesian": "ind", "bahasa indonesia": "ind", "irish": "gle", "italian": "ita", "italiano": "ita", "japanese": "jpn",
    "日本語": "jpn", "korean": "kor", "한국어": "kor", "latin": "lat", "latvian": "lav", "latviešu": "lav", "lithuanian": "lit",
    "lietuvių": "lit", "macedonian": "mac", "malay": "may", "malayalam": "mal", "marathi": "mar", "norwegian": "nor",
    "norsk": "nor", "persian": "per", "farsi": "per", "فارسی": "per", "polish": "pol", "polski": "pol", "portuguese": "por",
    "português": "por", "brazilian": "por", "punjabi": "pan", "romanian": "rum", "română": "rum", "russian": "rus",
    "русский": "rus", "serbian": "srp", "српски": "srp", "slovak": "slo", "slovenčina": "slo", "slovenian": "slv",
    "slovenščina": "slv", "spanish": "spa", "español": "spa", "espanol": "spa", "castellano": "spa", "castilian": "spa",
    "swedish": "swe", "svenska": "swe", "tagalog": "tgl", "filipino": "tgl", "tamil": "tam", "telugu": "tel", "thai": "tha",
    "ไทย": "tha", "turkish": "tur", "türkçe": "tur", "ukrainian": "ukr", "українська": "ukr", "urdu": "urd",
    "vietnamese": "vie", "tiếng việt": "vie", "welsh": "wel", "cymraeg": "wel",
}

# Undetermined, uncoded, several, no speech at all, and ffmpeg's own word for "not said": none of them names a language.
_NONE = frozenset({"und", "mis", "mul", "zxx", "unk", "xxx"})

_CODE = re.compile(r"([a-z]{2,3})(?:[-_].*)?", re.DOTALL)
_NAME = re.compile(r"([^(\[,/;]+?)(?: *[(\[,/;-].*)?", re.DOTALL)  # what stands behind says where it is spoken: `English (UK)`


def normalise(text: str | None) -> str | None:
    """The three-letter code for what a file or a person wrote (`de`, `deu`, `pt-BR`, `zh-Hant`, `Deutsch`), or None when it names
    no language."""
    written = unicodedata.normalize("NFC", (text or "").strip()).lower()
    named = _NAME.fullmatch(written)
    if named is not None and named[1] in _NAMES:
        return _NAMES[named[1]]
    found = _CODE.fullmatch(written)
    if found is None:
        return None
    code = found[1]
    code = _TWO_LETTERS.get(code, "") if len(code) == 2 else _TERMINOLOGY.get(code, code)
    return code if code and code not in _NONE else None


def tag(code: str) -> str:
    """The shortest code of BCP 47 for one of our three letters (`ger`: `de`), as web players want it. What already is shorter or
    has a region (`pt-BR`) stays."""
    return _SHORTEST.get(code.lower(), code)


def english(code: str) -> str:
    """What people call it; the code itself where we do not know."""
    language, _, region = code.partition("-")
    name = _ENGLISH.get(normalise(language) or language, language)
    return f"{name} ({region})" if region else name


_SHORTEST = {**{code: old for old, code in _TERMINOLOGY.items()}, **{code: two for two, code in reversed(_TWO_LETTERS.items())}}
# In the table the English name stands first.
_ENGLISH = {code: name.capitalize() for name, code in reversed(_NAMES.items())}
