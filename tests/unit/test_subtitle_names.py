"""publishing/subtitle_names.py: the words behind a film's name, as Jellyfin reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.publishing.subtitle_names import language_in, normal


@pytest.mark.parametrize(("suffix", "expected"), [
    ("", ""), (".en", ".en"), (".eng", ".eng"), (".English", ".eng"), (".FRENCH", ".fre"), (".pt-BR", ".pt-BR"),
    (".zh-Hans", ".zh-Hans"), (".Brazilian.Portuguese", ".pt-BR"), (".forced.en", ".en.forced"), (".SDH.English", ".eng.sdh"),
    (".en.hi", ".en.hi"), (".en.cc", ".en.cc"), (".hi", ".hi"), (".en.default", ".en"),
    (".default.en.forced", ".en.default.forced"),
    (".en.2", ".2.en"), (".2.en", ".2.en"), (".Director's words.en", ".Director's words.en"),
    (".English.foreign", ".eng.forced"),
    (".hoh", ".sdh"), (" - Another cut.en", " - Another cut.en"),
])
def test_words_become_what_jellyfin_reads(suffix: str, expected: str) -> None:
    assert normal(suffix) == expected


@pytest.mark.parametrize(("suffix", "language"), [
    ("", None), (".eng.forced", "eng"), (".pt-BR.sdh", "pt"), (".2.ger", "ger"), (".forced", None), (".Signs.ja", "ja"),
    (".cc", None),
])
def test_the_language_is_found(suffix: str, language: str | None) -> None:
    assert language_in(suffix) == language


@given(st.lists(st.sampled_from(["en", "English", "forced", "default", "sdh", "hi", "cc", "2", "Title", "pt-BR", "foreign"]))
       .map(lambda words: "".join(f".{word}" for word in words)))
def test_what_is_normal_stays_so(suffix: str) -> None:
    assert normal(normal(suffix)) == normal(suffix)
    assert ("default" in normal(suffix)) == ("default" in suffix and ("forced" in suffix or "foreign" in suffix))
