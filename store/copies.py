"""The same mail a second time: one copy for each recipient, or one in each of two mailboxes.

Another envelope or another trace makes it another raw message, so its bytes are kept like all that comes in. But it is
the same mail when its writer gave it the same Message-ID and everything that a person reads in it is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from store.models import Message, Ticket

WITHIN = timedelta(days=7)
"""How far apart the two copies may have been received: longer than any mail server keeps trying (RFC 5321, 4.5.4.1)."""


@dataclass(frozen=True, slots=True)
class Content:
    """What makes a mail the same mail."""

    message_id: str
    from_address: str
    subject: str
    text: str
    new_text: str
    files: Sequence[str]
    """SHA-256 of each attachment, in order."""


@dataclass(frozen=True, slots=True)
class Copy:
    """The first copy of a mail, on its ticket."""

    ticket_id: int
    verdict: str
    """What was believed of its origin: `pass`, `fail` or `none`."""
    quarantined: bool


def first_copy(session: Session, content: Content, received_at: datetime) -> Copy | None:
    """The copy of this mail that came to a ticket first; None when it is the first, or cannot be told apart."""
    if not content.message_id or not content.from_address:
        return None
    rows = session.connection().execute(
        select(
            col(Message.ticket_id),
            col(Message.text),
            col(Message.new_text),
            col(Message.details),
            col(Ticket.quarantined),
        )
        .join(Ticket, col(Ticket.id) == col(Message.ticket_id))
        .where(
            col(Message.message_id) == content.message_id,
            col(Message.from_address) == content.from_address,
            col(Message.subject) == content.subject,
            col(Message.direction) == "in",
            col(Message.automatic) == "none",
            col(Message.received_at).between(received_at - WITHIN, received_at + WITHIN),
        )
        .order_by(col(Message.id))
        .limit(20)
    )
    for row in rows:
        files = [file["sha256"] for file in row.details.get("attachments", ())]
        if (row.text, row.new_text, files) == (content.text, content.new_text, list(content.files)):
            verdict = row.details.get("authentication", {}).get("verdict", "none")
            return Copy(row.ticket_id, verdict, row.quarantined)
    return None
