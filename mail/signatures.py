"""Signatures over mails, checked to the letter: DKIM (RFC 6376, 8301, 8463) and the seals of ARC (RFC 8617).

A signature vouches for the header and body that it covers, so what it does not cover must not be able to change what
a person reads. Therefore some that the standard would let pass do not pass here: those with `l=`, below which text can
be appended; those that leave out From or a Subject that is there; any on a mail that gives a field twice which may
stand but once, for the signer may have meant the one and the reader be shown the other; keys in test mode.

Keys of RSA with 1024 to 4096 bits, and Ed25519; SHA-256 alone. Every step is linear in the size of the mail.
"""

import base64
import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mail.addresses import a_label
from mail.fields import Header
from mail.resolver import Resolver, Unanswered
from mail.tags import tag_list, unfolded

ONCE = frozenset(
    (
        *("from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references"),
        *("mime-version", "content-type", "content-transfer-encoding"),
    )
)
"""Fields that may stand but once (RFC 5322, 3.6; RFC 2045) and change what a person reads or whom he answers."""
ALGORITHMS = frozenset({"rsa-sha256", "ed25519-sha256"})
MIN_RSA, MAX_RSA = 1024, 4096
MAX_KEY_TEXT = 1500
MAX_NAMES = 200
"""Most fields that a signature may name: each is sought among all fields of the mail."""
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_NUMBER = re.compile(r"[0-9]{1,12}")
_SELECTOR = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_BLANKS = re.compile(rb"[ \t]+")
_MANY_LINES = b"\r\n" * 4096
_PIECE = 1024 * 1024

Word = Literal["pass", "fail", "none"]
Canon = Literal["simple", "relaxed"]


@dataclass(frozen=True, slots=True)
class Signature:
    """What came of one signature. `none` is one that cannot be judged, because DNS gave no certain answer."""

    domain: str
    word: Word
    reason: str = ""


class Unfit(Exception):
    """A signature that is no pass; the text is the reason's name."""


@dataclass(slots=True)
class SignedMail:
    """A mail as signers see it: each field with its folds, and the body with CRLF line ends."""

    fields: list[tuple[str, bytes]]
    """Name in lower case, and the whole field with name and last CRLF, from the top."""
    text: bytes
    """The whole mail, for a copy of a large body would cost the worker its memory."""
    start: int
    """Where the body begins in it."""
    _hashes: dict[str, bytes] = field(default_factory=dict)

    def body_hash(self, canon: Canon) -> bytes:
        """SHA-256 of the body in canonical form, counted once for all signatures."""
        if canon not in self._hashes:
            count = relaxed_hash if canon == "relaxed" else simple_hash
            self._hashes[canon] = count(self.text, self.start)
        return self._hashes[canon]

    def named(self, name: str) -> list[bytes]:
        """The whole fields of that name, from the top."""
        return [raw for each, raw in self.fields if each == name]


def read_signed(content: bytes, header: Header) -> SignedMail | None:
    """The mail in pieces; None when it is not sure that a signer saw the same fields as `header`'s reader did."""
    plain = content.count(b"\n") == content.count(b"\r\n")
    text = content if plain else re.sub(rb"\r?\n", b"\r\n", content)
    gap = text.find(b"\r\n\r\n")
    block = text[: gap + 2] if gap >= 0 else text
    if not block.endswith(b"\r\n") or b"\0" in block or block.count(b"\r") != block.count(b"\r\n"):
        return None
    fields: list[tuple[str, list[bytes]]] = []
    for line in block.removesuffix(b"\r\n").split(b"\r\n"):
        if line[:1] in {b" ", b"\t"} and fields:
            fields[-1][1].append(line)
        elif match := re.match(rb"([!-9;-~]+)[ \t]*:", line):
            fields.append((match[1].decode("ascii").lower(), [line]))
        elif not line.startswith(b"From ") or fields:
            return None
    if [name for name, _ in fields] != [item.name for item in header.fields]:
        return None
    whole = [(name, b"\r\n".join(lines) + b"\r\n") for name, lines in fields]
    return SignedMail(whole, text, gap + 4 if gap >= 0 else len(text))


def check_dkim(mail: SignedMail, raw: bytes, resolver: Resolver, now: datetime) -> Signature:
    """One `DKIM-Signature` field. `now` is when the mail was received."""
    tags = tag_list(value_of(raw)) or {}
    domain = a_label(tags.get("d", ""))
    try:
        if tags.get("v") != "1":
            raise Unfit("NOT_DKIM")
        check_message_signature(mail, raw, tags, resolver, now)
    except Unfit as unfit:
        return Signature(domain, "fail", str(unfit))
    except Unanswered:
        return Signature(domain, "none", "DNS_UNANSWERED")
    return Signature(domain, "pass")


def check_message_signature(
    mail: SignedMail, raw: bytes, tags: dict[str, str], resolver: Resolver, now: datetime
) -> None:
    """A signature over header and body: DKIM's, or `ARC-Message-Signature`. Raises `Unfit` and `Unanswered`."""
    if tags.get("a", "").lower() not in ALGORITHMS:
        raise Unfit("MALFORMED_SIGNATURE")
    names = [name.lower() for name in unfolded(tags.get("h", "")).split(":")]
    _refuse_what_covers_too_little(mail, tags, names)
    _refuse_what_is_out_of_date(tags, now)
    for_header, for_body = _canons(tags.get("c", "simple/simple"))
    if mail.body_hash(for_body) != _octets(tags.get("bh", "")):
        raise Unfit("BODY_CHANGED")
    chosen = _chosen(mail, names)
    signed = b"".join(canonical(one, for_header) for one in (*chosen, without_signature(raw)))
    check_key(tags, signed.removesuffix(b"\r\n"), resolver)


def check_key(tags: dict[str, str], signed: bytes, resolver: Resolver) -> None:
    """Whether the key at `s=` of `d=` made `b=` over `signed`. Raises `Unfit` and `Unanswered`."""
    algorithm, signature = tags.get("a", "").lower(), _octets(tags.get("b", ""))
    domain, selector = a_label(tags.get("d", "")), tags.get("s", "").lower()
    if algorithm not in ALGORITHMS or not domain or not _SELECTOR.fullmatch(selector):
        raise Unfit("MALFORMED_SIGNATURE")
    key = _key(resolver.text(f"{selector}._domainkey.{domain}"), algorithm.partition("-")[0], tags, domain)
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, signed, PKCS1v15(), SHA256())
        else:
            key.verify(signature, hashlib.sha256(signed).digest())
    except InvalidSignature:
        raise Unfit("SIGNATURE_WRONG") from None


def value_of(raw: bytes) -> bytes:
    """What stands after the field's name."""
    return raw.partition(b":")[2]


def without_signature(raw: bytes) -> bytes:
    """The field with the value of its `b=` taken out, for that is what was signed."""
    name, _, value = raw.partition(b":")
    pieces = value.removesuffix(b"\r\n").split(b";")
    emptied = [
        piece.partition(b"=")[0] + b"=" if piece.partition(b"=")[0].strip(b" \t\r\n") == b"b" else piece
        for piece in pieces
    ]
    return name + b":" + b";".join(emptied) + b"\r\n"


def canonical(raw: bytes, canon: Canon) -> bytes:
    """A field in canonical form (RFC 6376, 3.4.1 and 3.4.2)."""
    if canon == "simple":
        return raw
    name, _, value = raw.partition(b":")
    return name.strip(b" \t").lower() + b":" + _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" \t") + b"\r\n"


def simple_hash(text: bytes, start: int) -> bytes:
    """RFC 6376, 3.4.3: no empty lines at the end of the body, one CRLF there always."""
    digest = hashlib.sha256(memoryview(text)[start : _end_of_lines(text, start)])
    digest.update(b"\r\n")
    return digest.digest()


def relaxed_hash(text: bytes, start: int) -> bytes:
    """RFC 6376, 3.4.4: runs of blanks are one, none at a line's end, no empty lines at the end of the body."""
    digest, empty_lines, anything = hashlib.sha256(), 0, False
    for piece in _pieces(text, start):
        lines = piece.replace(b"\t", b" ")
        while b"  " in lines:  # each time the runs get half as long: quicker than a pattern on a large body
            lines = lines.replace(b"  ", b" ")
        lines = lines.replace(b" \r\n", b"\r\n").removesuffix(b" ")
        end = _end_of_lines(lines, 0)
        if end:
            digest.update(b"\r\n" * empty_lines + lines[:end])
            empty_lines, anything = 0, True
        empty_lines += (len(lines) - end) // 2
    if anything:
        digest.update(b"\r\n")
    return digest.digest()


def _pieces(text: bytes, start: int) -> Iterator[bytes]:
    """The body in pieces that end at a line's end, so that a large one is never held twice."""
    while start < len(text):
        cut = text.find(b"\r\n", start + _PIECE)
        end = len(text) if cut < 0 else cut + 2
        yield text[start:end]
        start = end


def _end_of_lines(text: bytes, start: int) -> int:
    """Where the last line that is not empty ends, its CRLF left out."""
    end = len(text)
    for lines in (_MANY_LINES, b"\r\n"):
        while text.endswith(lines, start, end):
            end -= len(lines)
    return end


def _refuse_what_covers_too_little(mail: SignedMail, tags: dict[str, str], names: Sequence[str]) -> None:
    if "l" in tags:
        raise Unfit("LENGTH_TAG")
    given = Counter(name for name, _ in mail.fields)
    if any(given[name] > 1 for name in ONCE):
        raise Unfit("FIELD_TWICE")
    if len(names) > MAX_NAMES:
        raise Unfit("MALFORMED_SIGNATURE")
    if "from" not in names or ("subject" in given and "subject" not in names):
        raise Unfit("NOT_COVERED")
    if "dns/txt" not in unfolded(tags.get("q", "dns/txt")).lower().split(":"):
        raise Unfit("MALFORMED_SIGNATURE")


def _refuse_what_is_out_of_date(tags: dict[str, str], now: datetime) -> None:
    if "x" in tags:
        made = tags.get("t", "0")
        if not _NUMBER.fullmatch(tags["x"]) or not _NUMBER.fullmatch(made):
            raise Unfit("MALFORMED_SIGNATURE")
        if int(tags["x"]) < max(now.timestamp(), int(made)):
            raise Unfit("EXPIRED")


def _canons(value: str) -> tuple[Canon, Canon]:
    header, _, body = value.lower().partition("/")
    known: dict[str, Canon] = {"simple": "simple", "relaxed": "relaxed"}
    try:
        return known[header], known[body or "simple"]
    except KeyError:
        raise Unfit("MALFORMED_SIGNATURE") from None


def _chosen(mail: SignedMail, names: Sequence[str]) -> list[bytes]:
    """The signed fields, each name's from the bottom up; one that is not there counts as nothing."""
    left: dict[str, list[bytes]] = {}
    for name in names:
        if name not in left:
            left[name] = mail.named(name)
    return [left[name].pop() for name in names if left[name]]


def _octets(text: str) -> bytes:
    plain = unfolded(text)
    if not _BASE64.fullmatch(plain):
        raise Unfit("MALFORMED_SIGNATURE")
    try:
        return base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("MALFORMED_SIGNATURE") from None


def _key(records: Sequence[bytes], kind: str, tags: dict[str, str], domain: str) -> RSAPublicKey | Ed25519PublicKey:
    """The one public key at a selector (RFC 6376, 3.6.1), or `Unfit`."""
    if len(records) != 1:
        raise Unfit("NO_KEY" if not records else "SEVERAL_KEYS")
    key = tag_list(records[0])
    if key is None or key.get("v", "DKIM1") != "DKIM1" or "p" not in key or key.get("k", "rsa").lower() != kind:
        raise Unfit("NO_KEY")
    flags = unfolded(key.get("t", "")).lower().split(":")
    services = unfolded(key.get("s", "*")).lower().split(":")
    hashes = unfolded(key.get("h", "sha256")).lower().split(":")
    if not key["p"]:
        raise Unfit("KEY_REVOKED")
    if "y" in flags:
        raise Unfit("KEY_IN_TEST")
    if not {"*", "email"} & set(services) or "sha256" not in hashes:
        raise Unfit("KEY_FOR_OTHER_USE")
    identity = a_label(tags.get("i", f"@{domain}").rpartition("@")[2])
    if identity != domain and ("s" in flags or not identity.endswith(f".{domain}")):
        raise Unfit("OTHER_IDENTITY")
    return _loaded(key["p"], kind)


def _loaded(text: str, kind: str) -> RSAPublicKey | Ed25519PublicKey:
    if len(text) > MAX_KEY_TEXT:
        raise Unfit("KEY_TOO_LARGE")
    octets = _octets(text)
    try:
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(octets)
        key = load_der_public_key(octets)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Unfit("KEY_UNREADABLE") from None
    if not isinstance(key, RSAPublicKey):
        raise Unfit("KEY_UNREADABLE")
    if not MIN_RSA <= key.key_size <= MAX_RSA:
        raise Unfit("KEY_TOO_WEAK" if key.key_size < MIN_RSA else "KEY_TOO_LARGE")
    return key
