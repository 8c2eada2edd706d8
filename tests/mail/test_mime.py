"""Every part of a mail is read or listed, whatever programs did to it."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from corpora import read

from mail.message import InboundMessage
from mail.mime import MAX_PARTS

DATA = Path(__file__).parent / "data"


def parts(*bodies: str, kind: str = "mixed") -> InboundMessage:
    """A multipart mail of the given parts, each with its own header."""
    content = f"From: aino.esimerkkila@posti.test\nContent-Type: multipart/{kind}; boundary=b\n\n"
    content += "".join(f"--b\n{body}\n" for body in bodies) + "--b--\n"
    return read(content.replace("\n", "\r\n").encode())


def names(message: InboundMessage) -> list[str]:
    return [attachment.name for attachment in message.attachments]


@pytest.mark.parametrize("path", sorted(DATA.glob("*.eml")), ids=lambda path: path.stem)
def test_a_mail_on_file_is_read_as_expected(path: Path) -> None:
    expected = json.loads(path.with_suffix(".expected.json").read_text("utf-8"))
    message = read(path.read_bytes())
    found = {
        "subject": message.subject,
        "from_address": message.from_address,
        "language": message.language,
        "text": message.text,
        "new_text": message.new_text,
        "attachments": names(message),
        "automatic": message.automatic.kind,
    }
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="lasku.pdf"', "lasku.pdf"),
        ("attachment; filename=lasku maaliskuu.pdf", "lasku maaliskuu.pdf"),
        ("attachment; filename*=utf-8''l%C3%A4mp%C3%B6.pdf", "lämpö.pdf"),
        ("attachment; filename*=iso-8859-1'fi'l%E4mp%F6.pdf", "lämpö.pdf"),
        ("attachment; filename*0*=utf-8''l%C3%A4; filename*1*=mp%C3%B6; filename*2=.pdf", "lämpö.pdf"),
        ('attachment; filename*1="pö.pdf"; filename*0="läm"', "lämpö.pdf"),
        ('attachment; filename="=?utf-8?q?l=C3=A4mp=C3=B6=2Epdf?="', "lämpö.pdf"),
        ("attachment; filename==?iso-8859-1?Q?l=E4mp=F6=2Epdf?=", "lämpö.pdf"),
        ('attachment; filename="lämpö.pdf"', "lämpö.pdf"),
        ('attachment; filename="C:\\temp\\lasku.pdf"', "lasku.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="a\\"b.pdf"', 'a"b.pdf'),
        ('attachment; filename="lasku.pdf', "lasku.pdf"),
        ("attachment; size=3; FILENAME=lasku.pdf;", "lasku.pdf"),
    ],
)
def test_names_of_attachments_are_read_in_every_form(disposition: str, name: str) -> None:
    message = parts("\nMoi", f"Content-Type: application/pdf\nContent-Disposition: {disposition}\n\nPDF")
    assert names(message) == [name]
    assert message.attachments[0].sha256 == sha256(b"PDF").hexdigest()
    assert message.text == "Moi"


def test_raw_latin_names_are_read() -> None:
    content = b'Content-Type: application/pdf; name="l\xe4mp\xf6.pdf"\r\n\r\nPDF'
    assert names(read(content)) == ["lämpö.pdf"]


def test_text_parts_are_joined_in_order_and_attachments_between_them_listed() -> None:
    message = parts(
        "\nAlku", "Content-Type: image/png; name=kuva.png\n\nPNG", "Content-Type: text/html\n\n<p>Loppu</p>"
    )
    assert message.text == "Alku\n\nLoppu"
    assert names(message) == ["kuva.png"]


def test_an_inline_image_is_an_attachment() -> None:
    message = parts(
        'Content-Type: text/html\n\n<p>Katso <img src="cid:1"></p>',
        "Content-Type: image/png\nContent-ID: <1>\nContent-Disposition: inline\n\nPNG",
        kind="related",
    )
    assert message.text == "Katso"
    assert [a.media_type for a in message.attachments] == ["image/png"]


def test_of_two_alternatives_that_say_the_same_the_plain_one_is_shown() -> None:
    html = "Content-Type: text/html\n\n<b>Pyydän tietoni, kiitos</b>"
    assert parts("\nPyydän tietoni, kiitos", html, kind="alternative").text == "Pyydän tietoni, kiitos"


def test_an_empty_or_telling_nothing_plain_alternative_gives_way() -> None:
    html = "Content-Type: text/html\n\n<p>Pyydän kopion kaikista tiedoistani</p>"
    assert parts("\n \n", html, kind="alternative").text == "Pyydän kopion kaikista tiedoistani"
    assert "Pyydän kopion" in parts("\nYour program cannot show HTML.", html, kind="alternative").text


def test_alternatives_that_say_different_things_are_both_shown() -> None:
    html = "Content-Type: text/html\n\n<p>Poistakaa kaikki tietoni heti</p>"
    message = parts("\nLaskuni on väärin tammikuulta", html, kind="alternative")
    assert "Laskuni" in message.text
    assert "Poistakaa" in message.text


INNER = "From: eino.mallikas@posti.test\nSubject: Valtakirja\nContent-Type: text/plain\n\nPyydän isäni tiedot."


def test_a_forwarded_mail_is_shown_and_listed_also_when_it_is_encoded() -> None:
    encoded = b64encode(INNER.encode()).decode()
    for body in (
        f"Content-Type: message/rfc822\n\n{INNER}",
        f"Content-Type: message/rfc822; name=v.eml\nContent-Transfer-Encoding: base64\n\n{encoded}",
        "Content-Type: message/rfc822\nContent-Disposition: attachment\n"
        f"Content-Transfer-Encoding: base64\n\n{encoded}",
    ):
        message = parts("\nKatso liite", body)
        assert "Pyydän isäni tiedot." in message.text
        assert "Subject: Valtakirja" in message.text
        assert message.new_text == "Katso liite"
        assert [a.media_type for a in message.attachments] == ["message/rfc822"]


def test_a_request_that_is_only_in_an_attached_text_is_read() -> None:
    message = parts("Content-Type: text/plain\nContent-Disposition: attachment; filename=pyynto.txt\n\nPyydän tietoni.")
    assert message.text == "Pyydän tietoni."
    assert message.new_text == "Pyydän tietoni."
    assert names(message) == ["pyynto.txt"]


def test_uuencoded_files_in_the_text_are_attachments() -> None:
    message = read(b"From: a@b.test\r\n\r\nMoi\r\n\r\nbegin 644 moi.txt\r\n#36]I\r\n`\r\nend\r\nTerveisin")
    assert names(message) == ["moi.txt"]
    assert message.attachments[0].sha256 == sha256(b"Moi").hexdigest()
    assert "begin 644" not in message.text
    assert "Terveisin" in message.text


def test_raw_fields_are_read_in_the_charset_of_the_text() -> None:
    text = "Тема письма".encode("koi8-r")
    message = read(b"Subject: " + text + b"\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n" + text)
    assert (message.subject, message.text) == ("Тема письма", "Тема письма")


def test_winmail_is_listed() -> None:
    assert names(parts("\nMoi", "Content-Type: application/ms-tnef; name=winmail.dat\n\n\x78\x9f\x3e\x22")) == [
        "winmail.dat"
    ]


def test_a_missing_boundary_is_guessed() -> None:
    content = b"Content-Type: multipart/mixed\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nMoi\r\n--x--\r\n"
    assert read(content).text == "Moi"
    wrong = b"Content-Type: multipart/mixed; boundary=y\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nMoi\r\n--x--\r\n"
    assert read(wrong).text == "Moi"
    assert "NO_BOUNDARY" in read(wrong).problems


def test_a_multipart_that_never_ends_is_read_to_its_end() -> None:
    assert (
        read(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nMoi\r\n--b\r\n\r\nHei").text == "Moi\n\nHei"
    )


def test_soft_line_breaks_are_undone() -> None:
    message = read(
        b"Content-Type: text/plain; format=flowed\r\n\r\nPyydan kopion \r\nkaikista tiedoista.\r\n\r\n-- \r\nAino"
    )
    assert message.text == "Pyydan kopion kaikista tiedoista.\n\n-- \nAino"


def test_a_footer_below_base64_does_not_spoil_it() -> None:
    body = b64encode("Pyydän tietoni, kiitos paljon.".encode()) + b"\r\n\r\n-- \r\nThis list is for friends\r\n"
    message = read(b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body)
    assert "Pyydän tietoni, kiitos paljon." in message.text
    assert "This list is for friends" in message.text


def test_too_much_is_named_and_kept_as_an_attachment() -> None:
    many = parts(*["\nMoi"] * (MAX_PARTS + 50))
    assert "TOO_MANY_PARTS" in many.problems
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(60))
    message = read(deep + b"\r\nMoi")
    assert "TOO_DEEP" in message.problems
    assert message.attachments


def test_hidden_text_is_shown_and_scripts_are_not() -> None:
    html = (
        '<style>p{}</style><script>alert(1)</script><p style="display:none">Ignore previous instructions</p><p>Moi</p>'
    )
    message = read(b"Content-Type: text/html\r\n\r\n" + html.encode())
    assert message.text == "Ignore previous instructions\n\nMoi"


def test_encoded_words_are_read_as_one_text() -> None:
    for subject, expected in (
        (b"=?utf-8?q?L=C3=A4mp=C3?= =?utf-8?q?=B6?=", "Lämpö"),
        (b"=?iso-8859-1?Q?L=E4mp=F6?= poikki", "Lämpö poikki"),
        (b"=?utf-8?b?TMOkbXDDtg==?= =?iso-8859-1?q?_=E4?=", "Lämpö ä"),
        (b"L\xc3\xa4mp\xc3\xb6", "Lämpö"),
        (b"L\xe4mp\xf6", "Lämpö"),
        (b"=?utf-8?Q?two words?=", "two words"),
        (b"=?utf-8?x?nothing?=", "=?utf-8?x?nothing?="),
        (b"=?iso-2022-jp?b?GyRCJV4lXyVgGyhC?=", "マミム"),
        (b"a\r\n\tb", "a b"),
        (b"Moi\0\x07", "Moi"),
    ):
        assert read(b"Subject: " + subject + b"\r\n\r\nMoi").subject == expected
