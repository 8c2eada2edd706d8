"""What follows from a sent mail having come back as undeliverable, in the transaction that files the bounce.

A bounce is no proof: anybody may write one who was given the mail's signed address or its Message-ID, which are its
recipient's alone. So it causes nothing to be sent, and nothing to be sent elsewhere (THREATS 33). It takes an answer
back that did not arrive: the request is open again, with the due date that it always had (INV-3), and staff see why.

    sent        > bounced
    uncertain   > sent > bounced     it did leave: else nobody could have refused it
    sending     stays, and is noted: the end of the sending follows, and `catch_up` with it
    all others  stay: the bounce is filed, nothing moves twice
"""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session, col

from store import departures, events, outbox, tickets
from store.lifecycle import OutboxState, Resolution, TicketState
from store.models import ContactPoint, Draft, OutboxRow, Request, Ticket

FLAGS = {
    "reply": departures.REPLY_BOUNCED,
    "acknowledgement": "ACKNOWLEDGEMENT_BOUNCED",
    "notice": "NOTICE_BOUNCED",
}
"""What the ticket shows, by the kind of mail that came back."""
RESTS_ON_AN_ANSWER = frozenset(
    {Resolution.ANSWERED, Resolution.NOTHING_HELD, Resolution.REFUSED, Resolution.NOT_IDENTIFIED}
)
"""Ends that a customer must have been told of."""
_WAITS_FOR_THEM = frozenset({TicketState.ANSWERED, TicketState.AWAITING_IDENTITY, TicketState.AWAITING_CUSTOMER})
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_NOT_THE_ADDRESS = ("4.", "5.2.2", "5.2.3", "5.3.", "5.6.", "5.7.")
"""Enhanced status codes (RFC 3463) that speak of a full mailbox, a large mail, a policy: the address may be right."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a bounce says of the address that it speaks of."""

    status: str = ""
    """Enhanced status code; empty without one."""
    names_recipient: bool = True
    """False when it speaks of another address than the one we wrote to: the mail was passed on, and failed there."""


def record_bounce(session: Session, outbox_id: int, refusal: Refusal, *, actor: str, at: datetime) -> None:
    """Write what follows from the bounce of this mail. Its ticket, where it has one, is held by the caller."""
    row = session.get(OutboxRow, outbox_id, with_for_update=True)
    if row is None:
        return
    status = refusal.status if _STATUS.fullmatch(refusal.status) else ""
    data = {"outbox": outbox_id, "status": status, "state": row.state.value}
    events.append(session, at=at, actor=actor, kind="bounce_received", ticket_id=row.ticket_id, data=data)
    if row.bounced_at is None:
        row.bounced_at = at
        session.flush()
        if refusal.names_recipient and not status.startswith(_NOT_THE_ADDRESS):
            _flag_address(session, row, actor, at)
    ticket = session.get(Ticket, row.ticket_id) if row.ticket_id is not None else None
    if not catch_up(session, row, actor=actor, at=at) and ticket is not None:
        tickets.change(session, ticket, flags=_flagged(ticket, row))


def catch_up(session: Session, row: OutboxRow, *, actor: str, at: datetime) -> bool:
    """Move a mail that has bounced to where it belongs, once the end of its sending is known; False when it stays."""
    if row.bounced_at is None or row.state not in {OutboxState.SENT, OutboxState.UNCERTAIN}:
        return False
    if row.state is OutboxState.UNCERTAIN:
        outbox.move(session, row, OutboxState.SENT, actor=actor, at=at, sent_at=at)
        departures.record_sent_reply(session, row, actor=actor, at=at)
    if not outbox.move(session, row, OutboxState.BOUNCED, actor=actor, at=at):
        return False
    ticket = session.get(Ticket, row.ticket_id) if row.ticket_id is not None else None
    if ticket is not None:
        _take_back(session, row, ticket, actor, at)
    return True


def trust_address(session: Session, row: OutboxRow, *, actor: str, at: datetime) -> bool:
    """Take the mark of a bounce off the contact that a mail went to, as a person decided; False when it has none."""
    marked = (col(ContactPoint.id) == row.contact_point_id, col(ContactPoint.bounced_at).is_not(None))
    if session.connection().execute(update(ContactPoint).where(*marked).values(bounced_at=None)).rowcount != 1:
        return False
    data = {"contact_point": row.contact_point_id, "outbox": row.id}
    events.append(session, at=at, actor=actor, kind="address_trusted", ticket_id=row.ticket_id, data=data)
    return True


def _take_back(session: Session, row: OutboxRow, ticket: Ticket, actor: str, at: datetime) -> None:
    """Flag the ticket; where it rested on the mail that came back, open it and the request that was answered."""
    values: dict[str, object] = {"flags": _flagged(ticket, row)}
    request = _answered_by(session, row)
    by_choice = ticket.state is TicketState.CLOSED and ticket.resolution not in RESTS_ON_AN_ANSWER
    if request is None or by_choice or _answered_again(session, row, request):
        tickets.change(session, ticket, **values)
        return
    if request.resolution in RESTS_ON_AN_ANSWER:
        tickets.resume_request(session, tickets.id_of(request.id), actor=actor, at=at)
    values |= tickets.earliest_dates(tickets.open_requests(session, tickets.id_of(ticket.id)))
    if ticket.state in _WAITS_FOR_THEM or ticket.state is TicketState.CLOSED:
        tickets.move(session, ticket, TicketState.OPEN, actor=actor, at=at, resolution=None, **values)
    else:
        tickets.change(session, ticket, **values)


def _flagged(ticket: Ticket, row: OutboxRow) -> list[str]:
    more = [FLAGS[row.kind]] if row.kind in FLAGS else []
    return list(dict.fromkeys((*ticket.flags, *more)))


def _answered_by(session: Session, row: OutboxRow) -> Request | None:
    """The request that a reply was to answer; None for what is no reply."""
    if row.kind != "reply" or row.draft_id is None:
        return None
    return session.get_one(Request, session.get_one(Draft, row.draft_id).request_id)


def _answered_again(session: Session, row: OutboxRow, request: Request) -> bool:
    """Whether a later reply to the same request has left and not come back: then a late bounce undoes nothing."""
    later = (
        select(col(OutboxRow.id))
        .join(Draft, col(Draft.id) == col(OutboxRow.draft_id))
        .where(
            col(Draft.request_id) == request.id,
            col(OutboxRow.kind) == "reply",
            col(OutboxRow.id) > row.id,
            col(OutboxRow.state).in_({OutboxState.SENT, OutboxState.POSTED}),
        )
    )
    return session.execute(later.limit(1)).first() is not None


def _flag_address(session: Session, row: OutboxRow, actor: str, at: datetime) -> None:
    """Note on the contact that mail to it came back; whether it is still right, staff decide (THREATS 10)."""
    if row.contact_point_id is None:
        return
    session.connection().execute(
        update(ContactPoint).where(col(ContactPoint.id) == row.contact_point_id).values(bounced_at=at)
    )
    data = {"contact_point": row.contact_point_id, "outbox": row.id}
    events.append(session, at=at, actor=actor, kind="address_bounced", ticket_id=row.ticket_id, data=data)
