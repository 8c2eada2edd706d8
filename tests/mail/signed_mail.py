"""Mails with real signatures, made by another program, and what is published about them."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from random import Random

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from name_server import NameServer

from mail.addresses import strict_from
from mail.fields import split_header
from mail.message import Authentication, Envelope, RawMessage
from mail.understand import Trust, origin

Made = Callable[[], bytes]
NOW = datetime.now(UTC)
AINO = "aino.esimerkkila@posti.test"
BORDER = "Received: from mail.posti.test (mail.posti.test [192.0.2.7]) by mx.lampo.test (Postfix); Mon, 2 Mar 2026\r\n"
LETTER = (
    b"From: Aino Esimerkkil\xc3\xa4 <aino.esimerkkila@posti.test>\r\n"
    b"To: asiakaspalvelu@lampo.test\r\n"
    b"Subject: Tietopyynt\xc3\xb6,\r\n  asiakas 100234\r\n"
    b"Date: Mon, 2 Mar 2026 08:59:00 +0200\r\n"
    b"Message-ID: <p1@posti.test>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    b"\r\n"
    b"Hei,  \r\n\r\nmit\xc3\xa4 tietoja \t teill\xc3\xa4 on minusta?\r\n\r\nAino\r\n\r\n\r\n"
)


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def private_pem(bits: int) -> bytes:
    return rsa_key(bits).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def key_record(bits: int = 2048, extra: str = "") -> str:
    public = rsa_key(bits).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; {extra}p={base64.b64encode(public).decode()}"


def signed(
    letter: bytes = LETTER, domain: str = "posti.test", *, bits: int = 2048, canon: str = "relaxed", **more: object
) -> bytes:
    both = (canon.encode(), canon.encode())
    made: bytes = dkim.sign(letter, b"k1", domain.encode(), private_pem(bits), canonicalize=both, **more)  # type: ignore[arg-type]  # as the case has it
    return made + letter


def judge(content: bytes, names: NameServer, sender: str = AINO, now: datetime = NOW, **more: object) -> Authentication:
    trust = Trust(verify=True, nameservers=(names.address,), own_hosts=("mx.lampo.test",))
    raw = RawMessage("email", "smtp", content, "message/rfc822", Envelope(sender), now)
    header, _ = split_header(content)
    address, _ = strict_from(header.all("from"))
    return origin(raw, header, address, replace(trust, **more))  # type: ignore[arg-type]  # fields of Trust


def publish(names: NameServer, *, policy: str = "v=DMARC1; p=reject", record: str | None = None) -> None:
    names.text("k1._domainkey.posti.test", key_record() if record is None else record)
    if policy:
        names.text("_dmarc.posti.test", policy)


@cache
def weak_key(bits: int) -> tuple[bytes, str]:
    """A private key in PEM and its record, shorter than any library makes one; from the same seed each time."""
    dice = Random(bits)
    half = bits // 2

    def prime() -> int:
        while True:
            number = dice.getrandbits(half) | 3 << (half - 2) | 1
            if number % 65537 != 1 and all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7)):
                return number

    one, two = prime(), prime()
    private = pow(65537, -1, (one - 1) * (two - 1))
    parts = [0, one * two, 65537, private, one, two, private % (one - 1), private % (two - 1), pow(two, -1, one)]
    made = der(*parts)
    pem = b"-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(made) + b"-----END RSA PRIVATE KEY-----\n"
    return pem, "v=DKIM1; p=" + base64.b64encode(der(one * two, 65537)).decode()


def der(*numbers: int) -> bytes:
    """A sequence of integers in DER."""
    inner = b"".join(tagged(2, number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in numbers)
    return tagged(0x30, inner)


def tagged(tag: int, content: bytes) -> bytes:
    """One value in DER, its length as short as can be."""
    size = len(content)
    length = [size] if size < 128 else [0x81, size] if size < 256 else [0x82, size >> 8, size & 255]
    return bytes([tag, *length]) + content


def hand_signed(extra: bytes) -> bytes:
    """A signature with tags that the other program cannot write."""
    body = LETTER.partition(b"\r\n\r\n")[2]
    assert body.endswith(b"Aino\r\n\r\n\r\n")
    bh = base64.b64encode(sha256(body.rstrip(b"\r\n") + b"\r\n").digest())
    field = b"DKIM-Signature: v=1; a=rsa-sha256; d=posti.test; s=k1; " + extra + b"h=subject:from; bh=" + bh + b"; b="
    parts = dict(part.split(b":", 1) for part in re.sub(rb"\r\n[ ]", b"\0 ", LETTER).split(b"\r\n")[:6])
    covered = b"".join(name + b":" + parts[name].replace(b"\0", b"\r\n") + b"\r\n" for name in (b"Subject", b"From"))
    made = rsa_key(2048).sign(covered + field, PKCS1v15(), SHA256())
    return field + base64.b64encode(made) + b"\r\n"
