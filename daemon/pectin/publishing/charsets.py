"""In which encoding an old text is written: from its bytes, and from the language where that is known. Never loses a line.

UTF-8 and what carries a mark of its own are certain. All else is weighed: each likely code page is tried, and the one whose
letters look most like a written language counts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_SAMPLE = 16_000     # bytes that are weighed, of lines that are not all ASCII: as many say all there is to say
_SURE = 0.7          # of 1: letters this good are taken without asking further
_NEAR = 0.12         # scores this near to each other are not told apart by letters alone
_REPLACED = "\ufffd"
# Marks that stand between words in any language.
_TYPOGRAPHY = frozenset("“”„‟‘’‚‛«»‹›…–—―¿¡°•·´`¨♪♫♬©®™€£¥§№½¼¾²³×¹ªº†‡\u00a0\u3000\u200b\u200e\u200f\u200c\u200d\u00ad")
_WIDE = frozenset("、。「」『』（）！？：；，．・〜～ー…―“”‘’《》〈〉【】〔〕♪％＆＋－＝／")

_HAN_COMMON = frozenset(
    "的一是不了人我在有他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成"
    "事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知吗什吧谁呢请谢再问爱让走给把很真快等话现在吃她它"
    "這來個國說們為時會過學對裡後麼沒於還發當無開見經頭動兩長嗎誰請謝問愛讓給話現點著從樣間應該")
_HAN_JAPANESE = frozenset("日人一大年出本中見行言私何事時今分気間者手前思生先来会上下子彼君僕俺男女話待知")


@dataclass(frozen=True, slots=True)
class _Script:
    """How a group of languages is written: its code pages, the likeliest first, and each language's letters that are not ASCII.
    `common`: those that any text is full of, where the letters alone are too many to say much. `latin`: they stand among
    ASCII."""

    pages: tuple[str, ...]
    alphabets: tuple[frozenset[str], ...]
    common: frozenset[str] | None = None
    latin: bool = False


def _latin(pages: str, *alphabets: str) -> _Script:
    return _Script(tuple(pages.split()), tuple(frozenset(letters + letters.upper()) | ({"ß"} if "ß" in letters else set())
                                               for letters in alphabets), latin=True)


def _range(first: int, last: int) -> frozenset[str]:
    return frozenset(map(chr, range(first, last + 1)))


_SCRIPTS: Mapping[str, _Script] = MappingProxyType({
    "western": _latin("cp1252 iso8859-15 cp850", "éèêëàâçîïôûùüœæ", "äöüßé", "áéíóúüñ", "áéíóúâêôãõàçü", "àèéìòùî", "åäöéü",
                      "åæøéòô", "áéíóúýðþæö", "ëïéèóöüá", "àèéíòóúçïü"),
    "central": _latin("cp1250 iso8859-2 cp852", "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž",
                      "ăâîșțşţ", "äöüß"),
    "turkish": _Script(("cp1254", "iso8859-9", "cp857"), (frozenset("çÇğĞıİöÖşŞüÜâÂîÎûÛ"),), latin=True),
    "baltic": _latin("cp1257 iso8859-13 iso8859-4", "ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž"),
    "greek": _Script(("cp1253", "iso8859-7"), (_range(0x386, 0x3CE),), frozenset("αειοτνσςρπμκλυάέίόήύώη")),
    "hebrew": _Script(("cp1255", "iso8859-8"), (_range(0x5B0, 0x5EA),)),
    "arabic": _Script(("cp1256", "iso8859-6"), (_range(0x621, 0x652) | frozenset("پچژگکیۀ،؛؟ـ"),),
                      frozenset("اليمنوتربةعدسفهككی")),
    "cyrillic": _Script(("cp1251", "koi8-u", "iso8859-5", "cp866"), (_range(0x400, 0x45F) | frozenset("ґҐ"),),
                        frozenset("оеаинтсрвлкмдпуяызбгіјщъ")),
    "vietnamese": _Script(("cp1258",), (_range(0x300, 0x323) | frozenset("ăâđêôơưĂÂĐÊÔƠƯáàéèíìóòúùÁÀ"),), latin=True),
    "thai": _Script(("cp874",), (_range(0xE01, 0xE5B),), frozenset("านรอกเงวมยลตดทสบคพปหจแไใ่้ัิีืุู็์ะำ")),
    "japanese": _Script(("cp932", "euc_jp"), (_range(0x3041, 0x30FE) | _range(0x4E00, 0x9FFF) | _WIDE,),
                        _range(0x3041, 0x3093) | _range(0x30A1, 0x30F6) | _HAN_JAPANESE),
    "chinese": _Script(("gb18030", "big5hkscs"), (_range(0x4E00, 0x9FFF) | _WIDE,), _HAN_COMMON),
    "korean": _Script(("cp949",), (_range(0xAC00, 0xD7A3) | _WIDE,),
                      frozenset("이다는을에의가고하지사그나도은로기어리를자한들아시대있스인서정장요세게네까안녕무없않거면니일라해과만보마제내")),
})
_LANGUAGES: Mapping[str, str] = MappingProxyType({
    code: script for script, codes in {
        "western": "ger deu fre fra spa ita por dut nld swe dan nor nob nno fin ice isl baq eus cat glg gle eng "
                   "en de fr es it pt nl sv da no nb fi",
        "central": "pol cze ces slo slk hun slv hrv bos rum ron pl cs sk hu sl hr bs ro",
        "turkish": "tur aze tr", "baltic": "lit lav est lt lv et", "greek": "gre ell el", "hebrew": "heb yid he",
        "arabic": "ara per fas urd ar fa", "cyrillic": "rus ukr bul srp mac mkd bel kaz mon ru uk bg sr mk be",
        "vietnamese": "vie vi", "thai": "tha th", "japanese": "jpn ja", "chinese": "chi zho yue zh", "korean": "kor ko",
    }.items() for code in codes.split()})
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\0\0", "utf-32-le"), (b"\0\0\xfe\xff", "utf-32-be"),
          (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\x84\x31\x95\x33", "gb18030"))
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_MULTIBYTE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{1,3}")


def decode(data: bytes, language: str | None = None) -> str:
    """The text of a file. `language` is a code of two or three letters, where one is known. Bytes that mean nothing become
    U+FFFD; none of the others is lost."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark):].decode(encoding, "replace")
    wide = _without_mark(data)
    if wide is not None:
        return data.decode(wide, "replace")
    if b"\x1b$" in data:
        return data.decode("iso2022_jp_2", "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    if _mostly_utf8(data):
        return "".join(_line(line) for line in data.splitlines(keepends=True))
    return unicodedata.normalize("NFC", data.decode(_best(data, language), "replace"))


def _without_mark(data: bytes) -> str | None:
    """UTF-16 without its mark: every second byte of what is ASCII (line ends, digits) is zero."""
    pairs = min(len(data), _SAMPLE) // 2
    if pairs < 4:
        return None
    ends = data[0:2 * pairs:2].count(0), data[1:2 * pairs:2].count(0)
    if max(ends) < pairs * 0.2 or min(ends) > max(ends) * 0.1:
        return None
    return "utf-16-be" if ends[0] > ends[1] else "utf-16-le"


def _mostly_utf8(data: bytes) -> bool:
    """A text in UTF-8 with a few bytes that are wrong: cut off, or one line from somewhere else."""
    good = sum(len(found) for found in _MULTIBYTE.findall(data))
    bad = sum(byte >= 0x80 for byte in data) - good
    return good > 4 * bad


def _line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("utf-8" if _MULTIBYTE.search(line) else "cp1252", "replace")


def _best(data: bytes, language: str | None) -> str:
    """The likeliest code page. A known language is asked first; only if its pages give no sense is it not believed."""
    sample = b"\n".join(line for line in data.split(b"\n") if not line.isascii())[:_SAMPLE]
    own = _LANGUAGES.get((language or "").lower().partition("-")[0])
    if own is not None:
        score, page = max(_scores(sample, own))
        if score >= _SURE:
            return page
    ranked = sorted(((*max(_scores(sample, name)), script.latin) for name, script in _SCRIPTS.items()),
                    key=lambda found: -found[0])  # of equals the first: it is the commoner one
    best, page, latin = ranked[0]
    near = [other for score, other, also in ranked if latin and also and score >= best - _NEAR]
    if len(near) > 1:
        # French and Czech have letters in common: how often these follow each other tells them apart.
        from charset_normalizer import from_bytes  # noqa: PLC0415  (4 MB that a daemon at rest does without)
        found = from_bytes(sample, cp_isolation=near).best()
        return found.encoding if found is not None else page
    return page


def _scores(sample: bytes, name: str) -> Iterator[tuple[float, str]]:
    script = _SCRIPTS[name]
    for place, page in enumerate(script.pages):
        # Of two pages that read alike, the first: it is the commoner one.
        yield _weigh(sample.decode(page, "replace"), script) - place * 0.002, page


def _weigh(text: str, script: _Script) -> float:
    """How much the letters look like the script's: 1 is perfect, below 0 is noise. Only what is not ASCII counts."""
    letters: Counter[str] = Counter()
    value, weight = 0.0, 0.0
    for found in _FOREIGN.finditer(text):
        character = found[0]
        before, after = text[found.start() - 1:found.start()], text[found.end():found.end() + 1]
        place = _place(character, before, after, script)
        if place is None:
            letters[character] += 1
        else:
            value += place
            weight += abs(place)
    values = [sum(count * _value(letter, script, alphabet) for letter, count in letters.items()) for alphabet in script.alphabets]
    weight += letters.total()
    return (max(values) + value) / weight if weight else 0.0


def _place(character: str, before: str, after: str, script: _Script) -> float | None:
    """What speaks for or against a character where it stands; None for a letter, which has still to be judged."""
    if character in _TYPOGRAPHY:
        # An old DOS page read as a Windows one: quotation marks in the middle of words.
        if before.isalpha() and after.isalpha() and character not in "’´`-\u00ad\u200c\u200d·…":
            return -1.0
        return 1.0 if character in "“”‘’…–—" and before.isascii() and after.isascii() else 0.0
    if character == _REPLACED or unicodedata.category(character) in ("Cc", "Co", "Cn"):
        return -3.0
    if character.isupper() and before.islower():  # KOI8-R read as Windows-1251: words in the wrong case
        return -1.0
    if not script.latin and ((before.isascii() and before.isalpha()) or (after.isascii() and after.isalpha())):
        return -1.0  # a Hebrew letter within a French word
    return None


def _value(letter: str, script: _Script, alphabet: frozenset[str]) -> float:
    if letter not in alphabet:
        return -1.0
    return 1.0 if script.common is None or letter.lower() in script.common else 0.4
