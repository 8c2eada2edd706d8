"""Fields are read as their writer meant them, whatever the program that wrote them got wrong."""

from base64 import b64encode

import pytest
from corpora import read
from hypothesis import given
from hypothesis import strategies as st

from mail.fields import decode_words, parameters, readable, split_header

SUBJECTS = {
    "=?UTF-8?Q?Moi_?= =?UTF-8?Q?kaikki?=": "Moi kaikki",
    "=?utf-8?b?w6TDtg?=": "äö",
    "=?utf8?q?=C3=A4?=": "ä",
    "=?UTF-8*en?Q?=C3=A4?=": "ä",
    "=?unicode-1-1-utf-7?Q?+AOQ-?=": "ä",
    "=?utf-8?q??=": "",
    "=?utf-8?q??= Moi": "Moi",
    "=?nosuch?q?Moi=E4?=": "Moiä",
    "=?utf-8?Q?P=c3=a4iv=c3=a4?=": "Päivä",
    "=?utf-8?q?L=C3?=\r\n =?utf-8?q?=A4mp=C3=B6?=": "Lämpö",
    "=?utf-8?b?TMM=?=\r\n =?utf-8?b?pG1ww7Y=?=": "Lämpö",
    "a=?utf-8?q?=C3=A4?=b": "aäb",
    "=?utf-8?q?=C3=A4?=\r\n b": "ä b",
    "\r\n =?utf-8?q?=C3=A4?=": "ä",
    '"=?utf-8?q?=C3=A4?="': '"ä"',
    "=?utf-8?Q?a b c?=": "a b c",
    "=?utf-8?Q?a?b?=": "a?b",
    "=?utf-8?Q?Hinta=20=?=": "Hinta =",
    "=?iso-8859-1?Q?=E4?==?iso-8859-1?Q?=F6?=": "äö",
    "=?utf-8?B?w6Q\r\n =?=": "ä",
    "=?utf-8?Q?Tilaus\r\n =C3=A4?=": "Tilaus ä",
    "=?iso-2022-jp?B?GyRCJV4bKEI=?= =?iso-2022-jp?B?GyRCJV8bKEI=?=": "マミ",
    "=?utf-8?Q?=C3=A4?= (=?utf-8?Q?=C3=B6?=)": "ä (ö)",
    "=?UTF-8?Q?foo=0Abar?=": "foo bar",
    "=?utf-8?q?=E4iti?=": "äiti",
    "=?us-ascii?q?=C3=A4iti?=": "äiti",
    "=?iso-8859-1?q?=C3=A4iti?=": "äiti",
    "=?iso-8859-1?Q?=80_100?=": "€ 100",
    "=?utf-8?Q?=ED=A0=BD=ED=B8=80?=": "\U0001f600",
    "=?utf-8?Q?a?=\r\n\tb\r\n =?utf-8?Q?c?=": "a b c",
    "=?big5?Q?=A4=A4=A4=E5?=": "中文",
    "=?UTF-8?B?SGVsbG8=": "=?UTF-8?B?SGVsbG8=",
    "=?koi8-r?B?8NLJ18XU?=": "Привет",
    "=?gb2312?B?" + b64encode("中文字".encode("gbk")).decode() + "?=": "中文字",
    "a\tb": "a b",
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_in_any_form_is_read(subject: str) -> None:
    assert read(b"From: a@b.test\r\nSubject: " + subject.encode() + b"\r\n\r\nMoi").subject == SUBJECTS[subject]


@pytest.mark.parametrize(
    ("subject", "codec", "declared"),
    [
        ("Päivää", "cp1252", ""),
        ("Päivää", "utf-8", ""),
        ("Päivää", "cp1252", "utf-8"),
        ("Päivää", "utf-8", "iso-8859-1"),
        ("Päivää", "utf-8", "koi8-r"),
        ("Привет всем", "koi8-r", "koi8-r"),
        ("Привет всем", "cp1251", "windows-1251"),
        ("你好，世界", "gb18030", "gb2312"),
    ],
)
def test_a_raw_subject_is_read_in_the_charset_of_its_mail(subject: str, codec: str, declared: str) -> None:
    kind = f"Content-Type: text/plain; charset={declared}\r\n".encode() if declared else b""
    assert read(b"Subject: " + subject.encode(codec) + b"\r\n" + kind + b"\r\nMoi").subject == subject


def test_a_raw_subject_of_an_undeclared_mail_is_read_as_its_text_is() -> None:
    text = "Прошу прислать копию моих персональных данных"
    content = b"Subject: " + "ДА".encode("koi8-r") + b"\r\n\r\n" + text.encode("koi8-r")
    assert read(content).subject == "ДА"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfSubject: s\r\n\r\nMoi",
        b"From a@b.test Mon Jan  1 00:00:00 2024\r\nSubject: s\r\n\r\nMoi",
        b">From a@b.test Mon Jan  1 00:00:00 2024\nSubject: s\n\nMoi",
        b"\r\n\r\nSubject: s\r\n\r\nMoi",
        b"Subject: s\r\n \r\nMoi",
        b"Subject: s\rX: y\r\rMoi",
        b"Subject: s\r\nX: y\n\nMoi",
        b" a continuation of nothing\r\nSubject: s\r\n\r\nMoi",
        b"Subject : s\r\n\r\nMoi",
        b"SUBJECT:s\r\nMoi",
    ],
)
def test_a_header_begins_and_ends_where_a_person_sees_it(content: bytes) -> None:
    message = read(content)
    assert (message.subject, message.text) == ("s", "Moi")


def test_a_from_field_below_a_broken_line_is_not_believed() -> None:
    # The relays end the header at such a line, so no check of theirs has seen what stands below.
    message = read(b"Subject: s\r\nthis is no field\r\nFrom: Aino <aino@posti.test>\r\n\r\nMoi")
    assert message.from_address == ""
    assert "aino@posti.test" in message.text


@pytest.mark.parametrize(
    ("value", "kind", "options"),
    [
        (b"text/html charset=utf-8", "text/html", {"charset": "utf-8"}),
        (b"text/html (comment); charset=utf-8", "text/html", {"charset": "utf-8"}),
        (b'TEXT/PLAIN ; Charset = "utf-8" ;', "text/plain", {"charset": "utf-8"}),
        (b"text/plain; name='a b.txt'", "text/plain", {"name": "a b.txt"}),
        (b"multipart/mixed boundary=b", "multipart/mixed", {"boundary": "b"}),
        (b"", "", {}),
        (b";", "", {}),
        (b"text/plain;;;=;a", "text/plain", {}),
    ],
)
def test_parameters_are_read_with_their_mistakes(value: bytes, kind: str, options: dict[str, str]) -> None:
    assert parameters(value) == (kind, options)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_header_of_some_sort(content: bytes) -> None:
    header, at = split_header(content)
    assert 0 <= at <= len(content)
    for field in header.fields:
        parameters(field.value)
        assert "\n" not in readable(field.value)


@given(st.lists(st.sampled_from(["=?", "?=", "utf-8", "?q?", "?b?", "=C3", "=A4", " ", "\t", "ä", "*en", "w6Q="])))
def test_torn_encoded_words_never_raise(pieces: list[str]) -> None:
    assert isinstance(decode_words("".join(pieces)), str)
