"""An outbound message as RFC 5322 bytes, complete and safe to hand to any relay.

Everything is written in seven bits: encoded words in the header (RFC 2047), quoted-printable or base64 in the body,
RFC 2231 for the names of attachments. So a relay without 8BITMIME and SMTPUTF8 takes it as it is; only a recipient
whose local part is not ASCII needs SMTPUTF8.

The library reads every field that it is given and writes it anew, which costs more than all the rest. So fields whose
look is certain are handed to it as they are to be written, and the sender's own is remembered.

No value can end its header field and begin another (THREATS 46): a control character in any of them is an error that
names the field and never the value.
"""

import re
from binascii import b2a_qp
from collections.abc import Iterable
from datetime import datetime
from email.headerregistry import Address, BaseHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from mail.message import OutboundMessage

REFERENCE_LIMIT: Final = 20
SUBJECT_LIMIT: Final = 68
"""Characters that stand on one line of 78 with the field's name (RFC 5322, 2.1.1)."""
LINE_LIMIT: Final = 900
"""Octets above which a line of the text is broken, well under SMTP's 998."""

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_IN_TEXT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]|\r(?!\n)")
_IDENTIFIER: Final = re.compile(r"<[!-;=?-~]{3,900}>")
_LOCAL: Final = re.compile(r"[^\s()<>\[\]:;@\\,\"]{1,64}")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_CERTAIN_ADDRESS: Final = re.compile(r"[A-Za-z0-9+_-]+(?:\.[A-Za-z0-9+_-]+)*@[A-Za-z0-9.-]+")
_CERTAIN_LINE: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_MEDIA_TYPE: Final = re.compile(r"([a-z0-9]+)/([a-z0-9.+-]+)")


class _FinishedHeader(BaseHeader):
    """A field whose value is written as it stands."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, keywords: dict[str, Any]) -> None:
        """Take the value as it is (called by the constructor)."""
        keywords.update(decoded=value, parse_tree=None)

    def fold(self, *, policy: Policy) -> str:
        """The field with its name, as lines."""
        return f"{self.name}: {self}{policy.linesep}"


class _IdentifierHeader(_FinishedHeader):
    """Message-ID, In-Reply-To, References: one identifier a line. The library would encode a long one as a word."""

    def fold(self, *, policy: Policy) -> str:
        """The field with its name, as lines."""
        return f"{self.name}: " + f"{policy.linesep} ".join(str(self).split()) + policy.linesep


_SEVEN_BITS: Final = SMTP.clone(cte_type="7bit")
_UTF8: Final = SMTP.clone(cte_type="7bit", utf8=True)


def mailbox(text: str, field: str) -> str:
    """A bare address with its domain in ASCII (RFC 5891). Raises ValueError, which names `field`, when it is none."""
    _refuse_control(text, field)
    local, _, domain = text.rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        domain = ""  # the cause would quote the address
    if not (_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise ValueError(f"{field}: not an address")
    return f"{local}@{domain}"


def _address(name: str, bare: str) -> Address:
    local, _, domain = bare.rpartition("@")
    return Address(name, local, domain)


def compose(message: OutboundMessage, now: datetime) -> bytes:
    """The message with CRLF line ends. `now` is aware and becomes the Date field.

    The same message gives the same bytes: not even the boundary is random. Raises ValueError, which names the field,
    when a value cannot be sent.
    """
    to = mailbox(message.to, "to")
    composed = EmailMessage(policy=_SEVEN_BITS if to.isascii() else _UTF8)
    for field, value in (("subject", message.subject), ("from_name", message.from_name)):
        _refuse_control(value, field)
    composed["Date"] = _FinishedHeader("Date", format_datetime(now))
    composed["Message-ID"] = _IdentifierHeader("Message-ID", _identifier(message.message_id, "message_id"))
    composed["From"] = _FinishedHeader(
        "From", _sender(message.from_name, mailbox(message.from_address, "from_address"))
    )
    if message.reply_to:
        composed["Reply-To"] = _FinishedHeader("Reply-To", mailbox(message.reply_to, "reply_to"))
    composed["To"] = _FinishedHeader("To", to) if _CERTAIN_ADDRESS.fullmatch(to) else _address("", to)
    composed["Subject"] = _subject(message.subject)
    _add_thread(composed, message)
    if message.automatic:
        composed["Auto-Submitted"] = _FinishedHeader("Auto-Submitted", "auto-replied")  # RFC 3834, 5
    if _CONTROL_IN_TEXT.search(message.text):
        raise ValueError("text: control character")
    _set_text(composed, message.text)
    for attachment in message.attachments:
        _attach(composed, attachment.name, attachment.media_type, attachment.content)
    # After the content: setting that takes all fields of its kind away.
    if message.language != "other":
        composed["Content-Language"] = _FinishedHeader("Content-Language", message.language)
    if composed.is_multipart():
        composed.set_boundary("=_" + sha256(message.message_id.encode()).hexdigest()[:40])
    return composed.as_bytes()


@lru_cache(maxsize=8)
def _sender(name: str, bare: str) -> str:
    """The value of From, folded."""
    field: str = _SEVEN_BITS.fold("From", _SEVEN_BITS.header_factory("From", _address(name, bare)))
    return field.partition(": ")[2].rstrip("\r\n")


def _subject(text: str) -> str:
    """The subject; finished when no word of it needs to be encoded and no line folded."""
    is_certain = len(text) <= SUBJECT_LIMIT and "=?" not in text and _CERTAIN_LINE.fullmatch(text)
    return _FinishedHeader("Subject", text) if is_certain else text


def _set_text(composed: EmailMessage, text: str) -> None:
    """The text as the body. Any of the line ends becomes CRLF."""
    lines = text.encode().splitlines()
    body = b"".join(line + b"\r\n" for line in lines)
    is_plain = text.isascii() and all(len(line) <= LINE_LIMIT for line in lines)
    composed["Content-Type"] = _FinishedHeader("Content-Type", 'text/plain; charset="utf-8"')
    composed["Content-Transfer-Encoding"] = _FinishedHeader(
        "Content-Transfer-Encoding", "7bit" if is_plain else "quoted-printable"
    )
    composed["MIME-Version"] = _FinishedHeader("MIME-Version", "1.0")
    composed.set_payload((body if is_plain else b2a_qp(body, istext=True)).decode("ascii"))


def _add_thread(composed: EmailMessage, message: OutboundMessage) -> None:
    for field, values in (("in_reply_to", (message.in_reply_to,)), ("references", message.references)):
        for value in values:
            _refuse_control(value, field)
    if replied := _identifiers([message.in_reply_to]):
        composed["In-Reply-To"] = _IdentifierHeader("In-Reply-To", replied[0])
    references = _identifiers(message.references)
    if len(references) > REFERENCE_LIMIT:
        references = [references[0], *references[1 - REFERENCE_LIMIT :]]
    if references:
        composed["References"] = _IdentifierHeader("References", " ".join(references))


def _attach(composed: EmailMessage, name: str, media_type: str, content: bytes) -> None:
    _refuse_control(name, "attachment name")
    kind = _MEDIA_TYPE.fullmatch(media_type)
    if kind is None or kind[1] in ("multipart", "message"):
        raise ValueError("attachment media_type: not one of a single file")
    composed.add_attachment(content, maintype=kind[1], subtype=kind[2], filename=name, cte="base64")


def _identifiers(values: Iterable[str]) -> list[str]:
    """Those that are well formed. What strangers call their messages must not keep our answer from them."""
    return [value for value in values if _IDENTIFIER.fullmatch(value)]


def _identifier(value: str, field: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError(f"{field}: not a message identifier")
    return value


def _refuse_control(value: str, field: str) -> None:
    if _CONTROL.search(value):
        raise ValueError(f"{field}: control character")
