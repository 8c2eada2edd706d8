"""What a person sees of a mail: its text in one piece, and all that hangs on it, by its true name."""

import json
import struct
import time
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from corpora import read
from hypothesis import given
from hypothesis import strategies as st
from outlook import attribute, file_of, packed, properties, stored_rtf

from mail import mime, wording
from mail import reading as reader

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "forms_of_mail.json").read_text("utf-8"))
HEAD = "From: aino.esimerkkila@posti.test\r\nTo: asiakaspalvelu@lampo.test\r\n"


def content_of(case: dict[str, Any]) -> bytes:
    """The mail of one case; kept as lines it has the line ends of mail."""
    mail = case["mail"]
    text = mail if isinstance(mail, str) else "\r\n".join(mail)
    return text.encode(case.get("charset", "utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_form_of_mail_is_read_as_a_person_would(case: dict[str, Any]) -> None:
    message = read(content_of(case))
    found = {
        "text": message.text,
        "subject": message.subject,
        "names": [one.name for one in message.attachments],
        "attachments": [[one.name, one.media_type, one.size] for one in message.attachments],
    }
    assert {key: found[key] for key in found if key in case} == {key: case[key] for key in found if key in case}


def outlook_mail(stream: bytes, text: str = "") -> bytes:
    parts = f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n" if text else ""
    parts += "--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return (
        f"{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}" + b64encode(stream).decode() + "\r\n--b--"
    ).encode()


def test_what_outlook_packed_is_listed_by_its_true_name_and_bytes() -> None:
    stream = packed(
        file_of("Sopimus ja mittarilukemat, Kesäkatu 5.pdf", b"PDF", "application/pdf"), file_of("b.txt", b"B")
    )
    message = read(outlook_mail(stream, "Liitteenä sopimus"))
    assert message.text == "Liitteenä sopimus"
    assert [(one.name, one.media_type, one.size) for one in message.attachments] == [
        ("winmail.dat", "application/ms-tnef", len(stream)),
        ("Sopimus ja mittarilukemat, Kesäkatu 5.pdf", "application/pdf", 3),
        ("b.txt", "application/octet-stream", 1),
    ]
    assert message.attachments[1].sha256 == sha256(b"PDF").hexdigest()


@pytest.mark.parametrize(
    "body",
    [
        attribute(1, 0x800C, "Pyydän tietoni".encode("cp1252") + b"\0"),
        attribute(1, 0x9003, properties((0x1000, 0x001F, "Pyydän tietoni".encode("utf-16-le") + b"\0\0"))),
        attribute(1, 0x9003, properties((0x1013, 0x0102, "<p>Pyydän tietoni</p>".encode()))),
        attribute(1, 0x9003, properties((0x1009, 0x0102, stored_rtf(rb"{\rtf1\ansi\ansicpg1252 Pyyd\'e4n tietoni}")))),
    ],
)
def test_a_mail_whose_words_are_only_in_winmail_is_read(body: bytes) -> None:
    assert read(outlook_mail(packed(body))).text == "Pyydän tietoni"


def test_words_outside_winmail_are_not_said_twice() -> None:
    stream = packed(attribute(1, 0x800C, b"Pyydan tietoni\0"))
    assert read(outlook_mail(stream, "Pyydän tietoni")).text == "Pyydän tietoni"


def test_a_torn_winmail_is_a_file_like_any_other() -> None:
    stream = packed(file_of("a.pdf", b"PDF" * 100))
    for length in range(0, len(stream), 7):
        assert read(outlook_mail(stream[:length], "Moi")).attachments[0].name == "winmail.dat"


@given(st.binary(max_size=400), st.integers(0, 60))
def test_no_stream_of_any_bytes_breaks_the_reading(noise: bytes, at: int) -> None:
    stream = packed(file_of("a.pdf", b"PDF"))
    part = mime.Part(mime.Header([]), "application/ms-tnef", body=stream[:at] + noise + stream[at:])
    assert reader.read(part, []).attachments


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("lasku\u202efdp.exe", "laskufdp.exe"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("a" * 400 + ".pdf", "a" * 238 + ".pdf"),
        ("a" * 400, "a" * 255),
        ("l%C3%A4mp%C3%B6.pdf", "lämpö.pdf"),
        ("lasku%20maalis.pdf", "lasku maalis.pdf"),
        ("alennus-50%25.pdf", "alennus-50%25.pdf"),
        ("100%E4.pdf", "100%E4.pdf"),
        ("a%0d%0ab.pdf", "a%0d%0ab.pdf"),
        ("%252e%252e%20.pdf", "%252e%252e%20.pdf"),
    ],
)
def test_a_name_is_only_a_name(name: str, shown: str) -> None:
    """THREATS 49 and 47: no folders, no controls, no turned direction."""
    part = mime.Part(mime.Header([]), "application/pdf", name=name, body=b"PDF")
    assert reader.read(part, []).attachments[0].name == shown


_BITS = [
    b"\r\n",
    b"--b",
    b"\0",
    b"\xff",
    b"=?utf-8?b?",
    b"Content-Type: ",
    b"boundary=",
    b"base64",
    b"message/rfc822",
    b";",
    b'"',
]


@given(st.data())
def test_no_mutation_of_a_mail_is_unreadable(data: st.DataObject) -> None:
    content = bytearray(content_of(data.draw(st.sampled_from(CASES))))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 20))] = data.draw(st.sampled_from(_BITS) | st.binary(max_size=8))
    root, problems = mime.parse(bytes(content))
    message = reader.read(root, problems)
    message.text.encode("utf-8")
    assert all(one.size >= 0 and "/" not in one.name for one in message.attachments)


def test_a_promise_of_four_gigabytes_is_not_believed() -> None:
    stream = b"\x78\x9f\x3e\x22\0\0" + struct.pack("<BHHI", 2, 0x9002, 6, 0xFFFFFFFF) + b"x"
    assert [one.name for one in read(outlook_mail(stream, "Moi")).attachments] == ["winmail.dat"]


HOSTILE = {
    "a million attributes in winmail": HEAD.encode()
    + b"Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: binary\r\n\r\n\x78\x9f\x3e\x22\0\0"
    + (struct.pack("<BHHI", 2, 0x9002, 0, 0) + b"\0\0") * 1_000_000,
    "a header that only bare CRs divide": b"Subject: s\r" + b" x\r" * 2_000_000 + b"\rMoi",
    "blanks before line ends": HEAD.encode()
    + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    + (b"=" + b" " * 1000) * 10_000,
    "yEnc without end": HEAD.encode() + b"\r\n" + b"=ybegin line=128 size=3 name=a\r\n" * 100_000,
    "boundaries that are none": HEAD.encode()
    + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"--bx\r\n" * 300_000,
    "one line of 50 megabytes": HEAD.encode() + b"\r\n" + b"\xe4" * (50 * 1024 * 1024),
    "commands that never close": HEAD.encode() + b"Content-Type: text/enriched\r\n\r\n" + b"<param>" * 1_000_000,
    "mails in mails in base64": b"",
    "a zip bomb": HEAD.encode()
    + b"Content-Type: application/zip; name=a.zip\r\n\r\nPK\x03\x04"
    + bytes(10 * 1024 * 1024),
    "blanks before a comment": HEAD.encode() + b"Content-Type: text/plain; charset=" + b" " * 60_000 + b")\r\n\r\nx",
    "a date of brackets": HEAD.encode() + b"Date: " + b"(" * 60_000 + b"\r\n\r\nx",
    "recipients without commas": b"To: " + b"<a@b.test>" * 6_000 + b"\r\n\r\nx",
    "identifiers of quotations": b"References: " + (b"<" + b'"\\a (' * 240 + b">") * 50 + b"\r\n\r\nx",
    "names of a megabyte": HEAD.encode()
    + b"Content-Type: application/pdf; name*=utf-8''"
    + b"%C3%A4" * 200_000
    + b"\r\n\r\nx",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_should_exhaust_the_reader_is_read_in_time(name: str) -> None:
    """THREATS 25 and 50: within the 10 seconds of INV-8, and nothing is unpacked."""
    content = HOSTILE[name]
    if not content:
        content = HEAD.encode() + b"\r\nMoi"
        for _ in range(30):
            kind = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            content = HEAD.encode() + kind + b64encode(content)
    began = time.monotonic()
    root, problems = mime.parse(content)
    message = reader.read(root, problems)
    assert time.monotonic() - began < 10
    assert len(message.text) <= wording.MAX_TEXT
    assert all(len(one.name) <= 255 for one in message.attachments)
