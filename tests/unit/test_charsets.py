"""publishing/charsets.py: real sentences in the encodings in which old subtitles come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.publishing.charsets import decode

SENTENCES = {
    "ger": ("Könnten Sie bitte die Tür schließen? Natürlich, ich möchte nur über die Straße.",
            "cp1252 iso8859-1 iso8859-15 cp850"),
    "fre": ("Où êtes-vous allés hier soir ? Je n'ai rien mangé, ça va être très difficile à présent.", "cp1252 iso8859-15 cp850"),
    "spa": ("¿Qué está pasando? ¡Mañana será otro día, señor! El niño comió aquí.", "cp1252 iso8859-1"),
    "por": ("Não sei o que aconteceu ontem à noite, mas você está em perigo. Atenção, irmão!", "cp1252 iso8859-1"),
    "swe": ("Jag förstår inte vad du säger. Vi måste gå nu, älskling, på en gång.", "cp1252 iso8859-1"),
    "dan": ("Hvad er der sket? Jeg ved ikke, hvor børnene er. Så går vi på øen, kære.", "cp1252 iso8859-1"),
    "pol": ("Proszę, zażółć gęślą jaźń. Chcę się dowiedzieć, co się stało w łazience.", "cp1250 iso8859-2 cp852"),
    "cze": ("Příliš žluťoučký kůň úpěl ďábelské ódy. Nevím, co říkáš, člověče.", "cp1250 iso8859-2"),
    "hun": ("Árvíztűrő tükörfúrógép. Nem értem, miről beszélsz, kérlek segíts.", "cp1250 iso8859-2"),
    "rum": ("Nu ştiu ce s-a întâmplat aseară, vă rog să mă ajutaţi.", "cp1250 iso8859-2"),
    "tur": ("Pijamalı hasta yağız şoföre çabucak güvendi. Değil mi, şimdi ne yapacağız?", "cp1254 iso8859-9"),
    "lit": ("Labas rytas, kaip sekasi? Aš nežinau, kas įvyko vakar vakare. Ačiū.", "cp1257 iso8859-13"),
    "rus": ("Привет, как дела? Я не знаю, что случилось вчера вечером. Пожалуйста, помогите.", "cp1251 koi8-r iso8859-5 cp866"),
    "ukr": ("Привіт, як справи? Я не знаю, що сталося вчора ввечері. Їжа дуже смачна.", "cp1251 koi8-u"),
    "bul": ("Здравей, как си? Не знам какво се случи снощи, моля те помогни.", "cp1251"),
    "gre": ("Καλημέρα, τι κάνεις; Δεν ξέρω τι έγινε χθες το βράδυ. Βοήθησέ με.", "cp1253 iso8859-7"),
    "heb": ("שלום, מה שלומך? אני לא יודע מה קרה אתמול בלילה.", "cp1255 iso8859-8"),
    "ara": ("مرحبا، كيف حالك؟ لا أعرف ماذا حدث الليلة الماضية.", "cp1256 iso8859-6"),
    "tha": ("สวัสดี คุณเป็นอย่างไรบ้าง ฉันไม่รู้ว่าเกิดอะไรขึ้นเมื่อคืนนี้", "cp874"),
    "jpn": ("こんにちは、お元気ですか。昨日の夜、何が起こったのか分かりません。", "shift_jis cp932 euc_jp iso2022_jp"),
    "chi": ("你好，你怎么样？我不知道昨天晚上发生了什么事。请帮帮我。", "gbk gb18030"),
    "zho": ("你好，你怎麼樣？我不知道昨天晚上發生了什麼事。請幫幫我。", "big5"),
    "kor": ("안녕하세요, 어떻게 지내세요? 어젯밤에 무슨 일이 있었는지 모르겠어요.", "euc_kr cp949"),
}
ALWAYS = "utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32"
CASES = [(language, encoding, text) for language, (text, encodings) in SENTENCES.items()
         for encoding in f"{encodings} {ALWAYS}".split()]


@pytest.mark.parametrize("hinted", [True, False], ids=["hinted", "unknown"])
@pytest.mark.parametrize(("language", "encoding", "text"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_a_sentence_is_read_in_whatever_it_was_written(language: str, encoding: str, text: str, hinted: bool) -> None:
    file = f"1\n00:00:01,000 --> 00:00:04,000\n{text}\n\n"
    assert decode(file.encode(encoding), language if hinted else None) == file


def test_typographic_marks_of_windows_say_which_page_it_is() -> None:
    file = "1\n00:00:01,000 --> 00:00:04,000\n“It’s over” – he said… – “isn’t it?”\n"
    assert decode(file.encode("cp1252"), "eng") == decode(file.encode("cp1252")) == file


def test_a_wrong_language_is_not_believed() -> None:
    text = SENTENCES["rus"][0]
    assert decode(text.encode("cp1251"), "jpn") == text


def test_a_wrong_byte_loses_no_line() -> None:
    lines = [f"Größe {number} ist schön" for number in range(20)]
    data = "\n".join(lines).encode().replace(b"Gr\xc3\xb6\xc3\x9fe 7 ", b"Gr\xff\xc3\xb6\xc3\x9fe 7 ")
    found = decode(data).split("\n")
    assert len(found) == 20
    assert found[:7] + found[8:] == lines[:7] + lines[8:]
    assert found[7].endswith("Größe 7 ist schön"[3:])


@given(st.binary(max_size=300), st.sampled_from([None, "eng", "jpn", "chi", "rus", "tha", "??"]))
def test_any_bytes_give_some_text(data: bytes, language: str | None) -> None:
    decode(data, language).encode("utf-8", "surrogatepass")


@given(st.text(max_size=200))
def test_utf_8_is_never_taken_for_anything_else(text: str) -> None:
    wide = "\0" in text or "\x1b$" in text or text.startswith("\ufeff")
    assert wide or decode(text.encode("utf-8", "replace")) == text.encode("utf-8", "replace").decode()
