"""Undeclared and wrongly declared texts of many languages come out as written; northern ones are never doubted."""

import json
import math
import unicodedata
from pathlib import Path

import pytest

from mail import evidence
from mail.charsets import clean, decode

_ON_FILE = json.loads((Path(__file__).parent / "data" / "texts_in_old_charsets.json").read_text("utf-8"))
TEXTS = [(entry["text"], charset) for entry in _ON_FILE for charset in entry["charsets"]]
NORTHERN = [
    "Päivää", "Åbo", "ÄÖ", "Ö", "ÅÄÖ", "30°C", "€ 5", "½ l maitoa à 2 €", "Äänekoski", "ÄÄNEKOSKI", "Hyvää yötä",
    "hääyöaie", "Tänään 20 °C – ÄLÄ MYÖHÄSTY!",
    "Skåne, Örebro, Älvsjö", "HÖGSKOLAN I GÄVLE", "Ääh öö", "Šokki žargon",
    "Müller & Söhne", "ääääääääääääää öööööööö", "ÄÄÄÄÄÄÄÄ",
    "“Älä” ‘ö’", "õ", "Õun", "Süüäär", "§ 5 ÄKR", "Köln – Düsseldorf", "naïve", "é",
]  # fmt: skip
SHORT = {
    "koi8-r": ["Привет", "Тест", "Счёт за май", "Re: Заказ 12", "Иван Петров", "проверка связи"],
    "cp1251": ["Привет", "Тест", "Счёт за май", "Иван Петров", "проверка связи"],
    "cp932": ["テスト", "会議のお知らせ", "請求書", "ありがとう"],
    "euc_jp": ["テスト", "会議のお知らせ", "請求書", "ありがとう"],
    "gb18030": ["你好", "测试", "会议通知", "发票", "请查收附件"],
    "big5": ["測試", "會議通知", "發票"],
    "cp949": ["안녕", "회의 안내", "테스트", "세금계산서"],
    "cp1255": ["שלום", "תודה רבה", "חשבונית"],
    "cp1253": ["Καλημέρα", "Τιμολόγιο"],
    "cp1250": ["Zażółć gęślą jaźń", "Příliš žluťoučký"],
}
WRONG = ["windows-1252", "shift_jis", "gb2312", "koi8-r"]


def same(text: str, other: str) -> bool:
    return unicodedata.normalize("NFC", text) == unicodedata.normalize("NFC", other)


@pytest.mark.parametrize(("text", "charset"), TEXTS)
def test_an_undeclared_text_is_read_as_it_was_written(text: str, charset: str) -> None:
    data = text.encode(charset)
    for declared in ("", "utf-8", "us-ascii", "x-unknown"):
        assert same(clean(decode(data, declared)[0]), text), declared


@pytest.mark.parametrize(("text", "charset"), TEXTS)
def test_a_true_declaration_is_believed(text: str, charset: str) -> None:
    assert same(clean(decode(text.encode(charset), charset)[0]), text)


@pytest.mark.parametrize("text", NORTHERN)
def test_a_northern_text_is_never_read_as_anything_else(text: str) -> None:
    for data in (text.encode("cp1252"), f"Hei,\n\n{text}\n\nTerveisin Aino\n".encode("cp1252")):
        for declared in ("", "utf-8", "iso-8859-1", "windows-1252", "us-ascii"):
            assert decode(data, declared)[0] == data.decode("cp1252"), declared


@pytest.mark.parametrize(("charset", "text"), [(charset, text) for charset, texts in SHORT.items() for text in texts])
def test_a_word_or_two_are_enough(charset: str, text: str) -> None:
    assert decode(text.encode(charset))[0] == text


@pytest.mark.parametrize("declared", WRONG)
@pytest.mark.parametrize("charset", ["cp1251", "koi8-r", "cp1253", "cp1256", "cp932", "gb18030", "big5"])
def test_a_false_declaration_is_not_believed(declared: str, charset: str) -> None:
    texts = [text for text, own in TEXTS if own == charset and len(text) > 30 and text.count("e") < 3]
    assert texts
    for text in texts:
        assert decode(text.encode(charset), declared)[0] == text


def test_a_western_text_that_says_so_keeps_its_charset_though_it_is_odd() -> None:
    for text in ("½ £ ¥ § ¶ ± µ · × ÷ ¬", "Ñandú ñoño año niño", "ß ß ß ß ß ß"):
        assert decode(text.encode("cp1252"), "windows-1252")[0] == text


def test_the_sample_is_small_and_holds_the_telling_lines() -> None:
    data = b"plain\n" * 1000 + "Päivää\n".encode("cp1252")
    assert evidence.sampled(data) == "Päivää".encode("cp1252")
    assert len(evidence.sampled(b"x" * 90_000 + b"\xe4" * 90_000)) == evidence.SAMPLE


def test_bytes_that_no_text_in_a_charset_can_hold_rule_it_out() -> None:
    assert evidence.weighed(b"\x81", "cp932").score == -math.inf
    assert evidence.weighed("テスト".encode("cp932"), "cp932").score > -math.inf
