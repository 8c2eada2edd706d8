"""Hostile mails, made rather than kept: some are of many megabytes. Each is named by its threat's row and its trick."""

import gzip
import io
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator

HEAD = b"From: seija@tuntematon.test\r\nSubject: Asia\r\nMIME-Version: 1.0\r\n"
RIGHT = "Pyydän kopion kaikista tiedoistani."
MEBIBYTE = 1024 * 1024


def _mail(content_type: str, body: bytes, more: bytes = b"") -> bytes:
    return HEAD + more + b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body


def _plain(text: str) -> bytes:
    return _mail("text/plain; charset=utf-8", text.encode())


def _html(text: str) -> bytes:
    return _mail("text/html; charset=utf-8", text.encode())


def _nested(depth: int) -> bytes:
    layers = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(depth))
    return HEAD + layers + b"\r\n" + RIGHT.encode()


def _mails_in_mails(depth: int) -> bytes:
    return b"Subject: Asia\r\nContent-Type: message/rfc822\r\n\r\n" * depth + HEAD + b"\r\n" + RIGHT.encode()


def _parts(count: int) -> bytes:
    return _mail("multipart/mixed; boundary=b", b"--b\r\n\r\nmoi\r\n" * count + b"--b--\r\n")


def _zip_bomb() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as bomb:
        for number in range(20):
            bomb.writestr(f"{number}.txt", bytes(50 * MEBIBYTE))
    return _attached("application/zip", "pommi.zip", held.getvalue())


def _attached(media_type: str, name: str, content: bytes) -> bytes:
    part = f"--b\r\nContent-Type: {media_type}; name={name}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
    return _mail("multipart/mixed; boundary=b", b"--b\r\n\r\nmoi\r\n" + part + b64encode(content) + b"\r\n--b--\r\n")


def _image_bomb() -> bytes:
    return _attached(
        "image/png", "kuva.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff\xff\xff\0\xff\xff\xff\x08\x06" + bytes(99)
    )


def _billion_laughs() -> bytes:
    entities = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    return _attached("application/xml", "lasku.xml", f'<!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><x>&a9;</x>'.encode())


def _references(count: int) -> bytes:
    return _with_field(b"References", b" ".join(b"<%d@x.test>" % n for n in range(count)))


def _with_field(name: bytes, value: bytes) -> bytes:
    return _mail("text/plain", RIGHT.encode(), name + b": " + value + b"\r\n")


def _attribution_storm() -> bytes:
    return _plain("On Mon, 1 Jan 2026 at 10:00, Joku <joku@x.test>\n" * 100_000)


def _quote_levels() -> bytes:
    return _plain("\n".join(">" * (n % 2_000) + " sana" for n in range(20_000)) + f"\n{RIGHT}")


EXHAUSTION: dict[str, Callable[[], bytes]] = {
    "ten thousand multiparts in one another": lambda: _nested(10_000),
    "ten thousand mails in one another": lambda: _mails_in_mails(10_000),
    "a hundred thousand parts": lambda: _parts(100_000),
    "a boundary that is a beginning of itself": lambda: _mail(
        f"multipart/mixed; boundary={'-' * 70}", b"-" * 10 * MEBIBYTE
    ),
    "a million header fields": lambda: HEAD + b"X: y\r\n" * 1_000_000 + b"\r\n" + RIGHT.encode(),
    "a header field of twenty megabytes": lambda: _with_field(b"X-Long", b"a" * 20 * MEBIBYTE),
    "a subject folded a million times": lambda: HEAD + b"Subject: a" + b"\r\n " * 1_000_000 + b"b\r\n\r\nmoi",
    "a hundred thousand encoded words": lambda: _with_field(b"Subject", b"=?utf-8?q?=C3=A4?= " * 100_000),
    "encoded words that never end": lambda: _with_field(b"Subject", b"=?utf-8?q?" * 100_000),
    "a From field of nested comments": lambda: HEAD.replace(b"seija@tuntematon.test", b"(" * 100_000) + b"\r\nmoi",
    "a To field of two hundred thousand boxes": lambda: _with_field(b"To", b"a@b.test, " * 200_000),
    "a To field of quotes": lambda: _with_field(b"To", b'"\\' * 200_000),
    "a hundred thousand references": lambda: _references(100_000),
    "results without end": lambda: _with_field(
        b"Authentication-Results", b"demo.lampo.test; " + b"dmarc=pass " * 100_000
    ),
    "results of comments": lambda: _with_field(b"Authentication-Results", b"demo.lampo.test; " + b"(" * 500_000),
    "a thousand Received fields": lambda: b"Received: from a by b; x\r\n" * 10_000 + _plain(RIGHT),
    "parameters in a hundred thousand pieces": lambda: _mail(
        "application/pdf" + "".join(f"; name*{n}=a" for n in range(100_000)), b"x"
    ),
    "fifty megabytes on one line": lambda: _mail("text/plain", b"a" * 50 * MEBIBYTE),
    "twenty megabytes of blanks": lambda: _mail("text/plain", b" " * 20 * MEBIBYTE),
    "twenty megabytes of line ends": lambda: _mail("text/plain", b"\n" * 20 * MEBIBYTE),
    "twenty megabytes of one byte a line, encoded": lambda: _mail(
        "text/plain", b"=\r\n" * 6 * MEBIBYTE, b"Content-Transfer-Encoding: quoted-printable\r\n"
    ),
    "tags in tags, a hundred thousand deep": lambda: _html("<div>" * 100_000 + RIGHT),
    "tables in tables, ten thousand deep": lambda: _html("<table><tr><td>" * 10_000 + RIGHT),
    "quotations in quotations": lambda: _html("<blockquote>" * 100_000 + RIGHT),
    "a million open angle brackets": lambda: _html("<" * 1_000_000 + RIGHT),
    "a million attributes": lambda: _html("<p " + "a=b " * 1_000_000 + ">" + RIGHT),
    "a million entities": lambda: _html("&amp" * 1_000_000 + RIGHT),
    "a hundred thousand attributions": _attribution_storm,
    "quotation marks by the thousand": _quote_levels,
    "a million lines of a quotation": lambda: _plain("> sana\n" * 1_000_000 + RIGHT),
    "a hundred thousand header blocks": lambda: _plain("From: a\nSent: b\nTo: c\nSubject: d\n\n" * 100_000 + RIGHT),
    "ten megabytes of underscores": lambda: _plain("_" * 10 * MEBIBYTE),
    "ten megabytes of digits": lambda: _plain("1" * 10 * MEBIBYTE),
    "ten megabytes of at signs": lambda: _plain("a@" * 5 * MEBIBYTE),
    "ten megabytes of words": lambda: _plain("haluan tietoni kopion lasku " * 370_000),
    "a letter with a million accents": lambda: _plain("a" + "\u0301" * 1_000_000),
    "uuencoded blocks that never end": lambda: _plain("begin 644 a.bin\n" * 200_000),
    "a bounce of a hundred thousand recipients": lambda: _mail(
        "multipart/report; report-type=delivery-status; boundary=b",
        b"--b\r\n\r\nmoi\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        + b"Final-Recipient: rfc822; a@b.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" * 100_000
        + b"--b--\r\n",
    ),
    "a bounce in words without end": lambda: _plain("<a@b.test>: 550 5.1.1 user unknown\n" * 200_000),
    "winmail.dat of nothing but lengths": lambda: _attached(
        "application/ms-tnef",
        "winmail.dat",
        b"\x78\x9f\x3e\x22\0\0" + b"\x02\x0f\x80\x06\x00\xff\xff\xff\x7f" * 100_000,
    ),
}
"""Row 25: what tires a reader out."""

BOMBS: dict[str, Callable[[], bytes]] = {
    "a gigabyte in a zip": _zip_bomb,
    "a gigabyte in a gzip": lambda: _attached("application/gzip", "a.gz", gzip.compress(bytes(200 * MEBIBYTE))),
    "a picture of sixteen million pixels each way": _image_bomb,
    "entities that multiply": _billion_laughs,
    "a body that claims to be packed": lambda: _mail("text/plain", b"moi", b"Content-Encoding: gzip\r\n"),
}
"""Row 50: what is small here and large unpacked."""


def hostile() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Every one of them, with its name."""
    yield from (EXHAUSTION | BOMBS).items()
