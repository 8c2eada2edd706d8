"""From the bytes of one message to what a person would read and what may be believed of it.

The front door of all reading, for whatever channel the bytes came by. It is called in a worker (`mail.worker`), again
and again for the same bytes if need be, and gives the same answer each time: it knows no clock, no store and no
network, unless the door wants the sender verified here (`mail.verification`), which asks DNS.

Whatever the bytes are, a mail ends as an `InboundMessage`: what cannot be understood is still shown, with its defects
named in `problems`, for nothing that a person sent may be lost because a program could not read it (INV-4).
"""

import logging
from dataclasses import dataclass, replace
from typing import Literal

from mail import charsets, mime
from mail.addresses import address_list, strict_from
from mail.authentication import UNKNOWN, authenticate
from mail.automatic import classify
from mail.dates import iso_date
from mail.delivered import delivered_to
from mail.facts import Facts
from mail.fields import Header
from mail.language import detect
from mail.message import Attachment, Authentication, Automatic, InboundMessage, RawMessage
from mail.quotes import new_text
from mail.reading import read
from mail.received import accepted_at
from mail.references import in_reply_to, message_id, references
from mail.suspicion import suspected

UNREADABLE = "UNREADABLE"
NO_MESSAGE_ID = "NO_MESSAGE_ID"
EMPTY = "EMPTY"
NOT_VERIFIED = "NOT_VERIFIED"
_LAST_RESORT_TEXT = 100_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose word on a message's origin counts at the door it came by, and which addresses are our own."""

    authserv_id: str = ""
    """The name in `Authentication-Results` (RFC 8601, 2.5) of the site's own MTA; empty trusts nothing."""
    own_hosts: tuple[str, ...] = ()
    """Host names that the site's MTAs write into `Received: ... by`."""
    results_position: Literal["above", "below"] = "above"
    """Where the border MTA writes its results: above or below the Received field that it adds itself."""
    verify: bool = False
    """Whether SPF, DKIM and DMARC are checked here, by DNS, where no trusted field says anything."""
    nameservers: tuple[tuple[str, int], ...] = ()
    """Address and port of those asked then; the system's when empty."""
    arc_sealers: tuple[str, ...] = ()
    """Domains of forwarders whose sealed results count (RFC 8617)."""
    own_addresses: tuple[str, ...] = ()
    own_domains: tuple[str, ...] = ()


def understand(raw: RawMessage, trust: Trust) -> InboundMessage:
    """What a person would read in `raw`, whatever its channel.

    For a mail it never raises, whatever the bytes, but for `MemoryError` where the process has a limit.
    """
    if raw.channel == "letter":
        from mail.letters import read_letter  # noqa: PLC0415  # loads OCR, which no mail needs

        return _with_language(read_letter(raw))
    if raw.channel == "chat":
        from mail.updates import read_update  # noqa: PLC0415  # the chat's own reader

        return _with_language(read_update(raw))
    try:
        return _mail(raw, trust)
    except MemoryError:
        raise  # perhaps of the mails before this one: whoever set the limit may try again with a fresh worker
    except Exception as error:  # noqa: BLE001  # INV-4: whatever goes wrong, the message becomes visible
        _log.warning("mail unreadable", extra={"sha256": raw.sha256, "error": type(error).__name__})
        return unread(raw, UNREADABLE)


def understand_pair(pair: tuple[RawMessage, Trust]) -> InboundMessage:
    """`understand` for one message and its door, as a worker maps it: here, so that it loads this package alone."""
    return understand(*pair)


def unread(raw: RawMessage, problem: str) -> InboundMessage:
    """What is shown of a message whose reading failed or was stopped: its bytes as text, and no claim about it.

    Cheap and safe on any bytes, so a caller may use it after a worker had to be killed.
    """
    text = charsets.clean(charsets.decode(raw.content[:_LAST_RESORT_TEXT])[0]) if raw.channel == "email" else ""
    name = "message.eml" if raw.channel == "email" else ""
    return InboundMessage(
        channel=raw.channel,
        text=text,
        new_text=text,
        attachments=(Attachment(name, raw.media_type, len(raw.content), raw.sha256),),
        automatic=Automatic(may_acknowledge=False, reasons=(problem,)),
        authentication=Authentication(reasons=(problem,)),
        problems=(problem,),
    )


def _with_language(message: InboundMessage) -> InboundMessage:
    return replace(message, language=detect(message.new_text or message.text))


def _mail(raw: RawMessage, trust: Trust) -> InboundMessage:
    root, problems = mime.parse(raw.content)
    header = root.header
    reading = read(root, problems)
    address, doubts = strict_from(header.all("from"))
    for doubt in doubts:
        reading.problem(doubt)
    own_id = message_id(header.all("message-id"))
    if not own_id:
        reading.problem(NO_MESSAGE_ID)
    if not raw.content.strip():
        reading.problem(EMPTY)
    subject = header.text("subject")
    written = new_text(reading.own_text, reading.html or None) or reading.text
    to, cc = address_list(header.all("to")), address_list(header.all("cc"))
    return InboundMessage(
        channel="email",
        subject=subject,
        from_text=header.text("from"),
        from_address=address,
        to=to,
        cc=cc,
        reply_to=address_list(header.all("reply-to")),
        delivered_to=delivered_to(header, raw.envelope.recipients, to, cc),
        date=iso_date(header.text("date")),
        accepted_at=accepted_at(header, trust.own_hosts),
        message_id=own_id,
        in_reply_to=in_reply_to(header.all("in-reply-to")),
        references=references(header.all("references")),
        language=detect(written if len(written.split()) > 2 else f"{subject}\n{written}"),
        text=reading.text,
        new_text=written,
        attachments=tuple(reading.attachments),
        automatic=classify(
            Facts(
                root=root,
                envelope_sender=raw.envelope.sender,
                from_address=address,
                subject=subject,
                text=reading.text,
                own_text=reading.own_text,
                new_text=written,
                own_addresses=trust.own_addresses,
                own_domains=trust.own_domains,
                door_has_envelope=raw.door in {"smtp", "lmtp"} or bool(raw.envelope.recipients),
            )
        ),
        authentication=origin(raw, header, address, trust),
        suspected=suspected(header, junk=raw.junk, own_hosts=trust.own_hosts),
        problems=tuple(reading.problems),
    )


def origin(raw: RawMessage, header: Header, from_address: str, trust: Trust) -> Authentication:
    """What may be believed of the one From address: by the site's MTA or, where it says nothing, checked here."""
    found = authenticate(
        header,
        from_address,
        authserv_id=trust.authserv_id,
        own_hosts=trust.own_hosts,
        position=trust.results_position,
        arc_sealers=trust.arc_sealers,
    )
    if not trust.verify or not set(found.reasons) & set(UNKNOWN):
        return found
    from mail.resolver import Resolver  # noqa: PLC0415  # loads DNS and cryptography, which most sites never need
    from mail.verification import verify  # noqa: PLC0415  # the same

    try:
        return verify(
            raw.content,
            header,
            from_address,
            sender=raw.envelope.sender,
            received_at=raw.received_at,
            own_hosts=trust.own_hosts,
            arc_sealers=trust.arc_sealers,
            resolver=Resolver(trust.nameservers),
        )
    except Exception as error:  # noqa: BLE001  # what cannot be checked, out of memory or not, is still to be read
        _log.warning("mail not verified", extra={"sha256": raw.sha256, "error": type(error).__name__})
        return Authentication("none", found.domain, (NOT_VERIFIED,))
