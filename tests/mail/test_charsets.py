"""Texts survive charsets that lie, lack, or do not exist."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.charsets import clean, decode

TEXT = "Hyvää päivää, lämpö on poikki – hinta 10 €"


@pytest.mark.parametrize(
    ("data", "declared", "expected"),
    [
        (TEXT.encode(), "utf-8", TEXT),
        (TEXT.encode(), "", TEXT),
        (TEXT.encode(), "iso-8859-1", TEXT),
        (TEXT.encode(), "us-ascii", TEXT),
        (TEXT.encode(), "x-no-such-charset", TEXT),
        (TEXT.encode("cp1252"), "iso-8859-1", TEXT),
        (TEXT.encode("cp1252"), "windows-1252", TEXT),
        (TEXT.encode("cp1252"), "utf-8", TEXT),
        (TEXT.encode("cp1252"), "", TEXT),
        (TEXT.encode("cp1252"), "charset=windows-1252", TEXT),
        (TEXT.encode("utf-16"), "", TEXT),
        (TEXT.encode("utf-16-le"), "utf-16", TEXT),
        (b"\xef\xbb\xbf" + TEXT.encode(), "iso-8859-1", TEXT),
        ("まみむめも".encode("iso-2022-jp"), "", "まみむめも"),
        ("まみむめも".encode("iso-2022-jp"), "utf-8", "まみむめも"),
        ("まみむめも".encode("shift_jis"), "shift_jis", "まみむめも"),
        ("한국말".encode("cp949"), "ks_c_5601-1987", "한국말"),
        ("中文字".encode("gbk"), "gb2312", "中文字"),
        ("Прошу копию моих данных".encode("koi8-r"), "koi8-r", "Прошу копию моих данных"),
        (
            "Прошу прислать копию моих персональных данных".encode("cp1251"),
            "",
            "Прошу прислать копию моих персональных данных",
        ),
        (
            "こんにちは、私の個人データのコピーを送ってください。".encode("euc_jp"),
            "",
            "こんにちは、私の個人データのコピーを送ってください。",
        ),
        ("您好，請把我的個人資料副本寄給我。謝謝".encode("big5"), "", "您好，請把我的個人資料副本寄給我。謝謝"),
        ("Prosím o zaslání kopie mých osobních údajů, děkuji".encode("cp1250"), "", None),
        ("õnn ja šokolaad".encode("iso-8859-15"), "iso-8859-15", "õnn ja šokolaad"),
        (b"+AOQ-lypuhelin", "utf-7", "älypuhelin"),
        (b"moi", "base64", "moi"),
        (b"moi", "../../etc/passwd", "moi"),
    ],
)
def test_a_text_comes_out_as_its_writer_saw_it(data: bytes, declared: str, expected: str | None) -> None:
    text, _ = decode(data, declared)
    assert text == (expected or "Prosím o zaslání kopie mých osobních údajů, děkuji")


def test_one_bad_byte_is_mended_alone() -> None:
    data = "ä" * 50
    text, defect = decode(data.encode() + b"\xe4" + data.encode(), "utf-8")
    assert text == "ä" * 101
    assert defect == "BAD_BYTES"


def test_an_unknown_charset_is_named() -> None:
    assert decode(b"moi", "klingon-8")[1] == "UNKNOWN_CHARSET"


def test_nothing_that_is_not_for_reading_survives() -> None:
    assert clean("a\0b\x07c\x9bd\r\ne\rf\tg\ud800h\u2028i\ufeff") == "abcd\ne\nf\tg\ufffdh\ni"
    assert clean("a\u0308") == "ä"


@given(st.binary(max_size=200), st.text(max_size=20))
def test_any_bytes_under_any_name_become_clean_text(data: bytes, declared: str) -> None:
    text = clean(decode(data, declared)[0])
    text.encode("utf-8")
    assert unicodedata.is_normalized("NFC", text)
    assert not any(unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t" for char in text)


@pytest.mark.parametrize(
    ("data", "declared", "expected"),
    [
        (b"plain words", "utf-16", "plain words"),
        (b"plain words", "utf-16-be", "plain words"),
        (TEXT.encode("utf-16-be"), "utf-16", TEXT),
        (TEXT.encode("utf-16-le"), "", TEXT),
        (TEXT.encode(), "gb2312", TEXT),
        (TEXT.encode(), "koi8-r", TEXT),
        (TEXT.encode(), "iso-2022-jp", TEXT),
        (b"Moi \xed\xa0\xbd\xed\xb8\x80 \xc3\xa4\xc3\xa4", "utf-8", "Moi \U0001f600 ää"),
        (b"~{VPND~}", "", "中文"),
        (b"a ~{ b ~} c", "", "a ~{ b ~} c"),
        (b"use ~{x} and ~{y~} here", "", "use ~{x} and ~{y~} here"),
        ("안녕하세요".encode("iso2022_kr"), "", "안녕하세요"),
        ("テスト".encode("iso2022_jp"), "_iso-2022-jp$ESC", "テスト"),
        ("テスト".encode("cp932"), "x-sjis", "テスト"),
        ("テスト①".encode("cp932"), "windows-31j", "テスト①"),
        ("Αβγ".encode("cp1253"), " 'windows-1253' ", "Αβγ"),
        ("ไทย".encode("cp874"), "tis-620", "ไทย"),
        ("Äijä".encode("mac-roman"), "x-mac-roman", "Äijä"),
        ("Äijä".encode("mac-roman"), "macintosh", "Äijä"),
        ("Dzień dobry żółć".encode("mac-latin2"), "x-mac-ce", "Dzień dobry żółć"),
        ("Καλημέρα".encode("mac-greek"), "x-mac-greek", "Καλημέρα"),
        ("Teşekkürler".encode("mac-turkish"), "x-mac-turkish", "Teşekkürler"),
        ("שלום".encode("cp862"), "DOS-862", "שלום"),
        ("שלום".encode("iso8859-8"), "iso-8859-8-i", "שלום"),
        ("10 €".encode("iso8859-15"), "iso-8859-15", "10 €"),
        (b"10 \x80", "iso-8859-1", "10 €"),
        (b"Hyv\xe4\xe4", "x-user-defined", "Hyvää"),
        ("Hyvää".encode(), "utf-8-sig", "Hyvää"),
        ("ÃÂ¤".encode(), "utf-8", "ÃÂ¤"),
    ],
)
def test_names_that_lie_or_are_odd_do_no_harm(data: bytes, declared: str, expected: str) -> None:
    assert decode(data, declared)[0] == expected


def test_lines_of_an_older_charset_among_utf8_are_mended() -> None:
    data = "Hyvää päivää, tässä vastaus.\n".encode() + "> Pyydän tietoni, kiitän\n".encode("cp1252")
    assert decode(data, "utf-8") == ("Hyvää päivää, tässä vastaus.\n> Pyydän tietoni, kiitän\n", "BAD_BYTES")
