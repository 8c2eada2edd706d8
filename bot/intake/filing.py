"""Messages that are filed with a ticket and ask for nothing there: what machines send, and copies of what is there.

All in the transaction in which the message is entered.
"""

from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from bot.rules.verdicts import Assessment
from mail.message import InboundMessage
from store import copies, outbox, returns, tickets
from store.messages import StoredRaw
from store.models import Ticket
from store.models.facts import normalise_email
from store.models.identifiers import mask


def held(session: Session, ticket_id: int | None) -> Ticket | None:
    """The ticket, held until the commit: what others do to it meanwhile must not be lost, nor this message's effect."""
    return session.get(Ticket, ticket_id, with_for_update=True) if ticket_id is not None else None


def file_automatic(
    session: Session, raw: StoredRaw, message: InboundMessage, assessment: Assessment, now: datetime
) -> None:
    """An automatic mail, with the ticket it speaks of. Only a bounce moves anything: the mail that it gives back."""
    ticket = held(session, assessment.joins)
    joined_by = assessment.joined_by if ticket is not None else "none"
    ticket_id = ticket.id if ticket is not None else None
    tickets.add_message(session, at=now, **message_values(raw, message, ticket_id, joined_by))
    give_back(session, message, assessment, now)


def give_back(session: Session, message: InboundMessage, assessment: Assessment, now: datetime) -> None:
    """Record the bounce of the mail that a bounce names, if it names one of ours."""
    row = outbox.went_out(session, assessment.returned) if assessment.returned is not None else None
    if row is None:
        return
    failed = {normalise_email(one) for one in message.automatic.failed_recipients}
    names_it = not failed or normalise_email(row.to_address) in failed
    refusal = returns.Refusal(message.automatic.status, names_it)
    returns.record_bounce(session, row.outbox_id, refusal, actor="intake", at=now)


def file_copy(session: Session, raw: StoredRaw, message: InboundMessage, assessment: Assessment, now: datetime) -> bool:
    """File the same mail once more with its first copy; False when it is none, and has to be led on.

    A copy asks for nothing that the first did not. But nothing may be hidden behind a first copy that was forged or set
    aside, and where only the second is authenticated staff are told: they decide what it proves.
    """
    first = copies.first_copy(session, _content(message), raw.received_at) if message.channel == "email" else None
    verdict = message.authentication.verdict
    if first is None or (first.quarantined and assessment.placement != "quarantine"):
        return False
    if first.verdict == "fail" and verdict != "fail":
        return False
    ticket = held(session, first.ticket_id)
    if ticket is None:
        return False
    tickets.add_message(session, at=now, **message_values(raw, message, first.ticket_id, "copy"))
    if first.verdict == "none" and verdict == "pass":
        tickets.change(session, ticket, flags=list(dict.fromkeys((*ticket.flags, "COPY_AUTHENTICATED"))))
    return True


def without_identity_codes(message: InboundMessage, today: date) -> InboundMessage:
    """The message as it is shown and kept beside its bytes: every henkilötunnus cut short (Tietosuojalaki 29 §)."""
    return replace(
        message,
        subject=mask(message.subject, today),
        from_text=mask(message.from_text, today),
        text=mask(message.text, today),
        new_text=mask(message.new_text, today),
        attachments=tuple(replace(one, name=mask(one.name, today)) for one in message.attachments),
    )


def message_values(raw: StoredRaw, message: InboundMessage, ticket_id: int | None, joined_by: str) -> dict[str, Any]:
    """The columns of `Message` for a message that came in."""
    return {
        "ticket_id": ticket_id,
        "raw_id": raw.id,
        "channel": message.channel,
        "from_text": message.from_text,
        "from_address": message.from_address,
        "subject": message.subject,
        "text": message.text,
        "new_text": message.new_text,
        "language": message.language,
        "message_id": message.message_id,
        "received_at": raw.received_at,
        "sha256": raw.sha256,
        "joined_by": joined_by,
        "automatic": message.automatic.kind,
        "details": {
            "to": list(message.to),
            "cc": list(message.cc),
            "reply_to": list(message.reply_to),
            "date": message.date,
            "attachments": [asdict(attachment) for attachment in message.attachments],
            "authentication": asdict(message.authentication),
            "automatic": asdict(message.automatic),
            "problems": list(message.problems),
        },
    }


def _content(message: InboundMessage) -> copies.Content:
    return copies.Content(
        message_id=message.message_id,
        from_address=message.from_address,
        subject=message.subject,
        text=message.text,
        new_text=message.new_text,
        files=[attachment.sha256 for attachment in message.attachments],
    )
