"""What follows from a reply having left the house: draft, request, thread and ticket, in one transaction.

Two may say that it left: the channel with its receipt, and a person who has looked at the relay's log after an unknown
outcome. Either way the same things are true from then on, so they are written here, once.
"""

from datetime import datetime
from hashlib import sha256

from sqlalchemy import select
from sqlmodel import Session, col

from store import drafts, tickets
from store.lifecycle import DraftState, OutboxState, Resolution, TicketState
from store.models import (
    STATUTORY,
    Approval,
    ContactKind,
    ContactPoint,
    ContactStatus,
    Draft,
    Level,
    Message,
    OutboxRow,
    Request,
    Ticket,
)

ASKING = frozenset({"identity", "mandate", "confirm_request"})
"""Templates that ask for something: sending one does not answer the request."""
COMPLETE = {
    "access": Resolution.ANSWERED,
    "access_legal_person": Resolution.ANSWERED,
    "portability_copy": Resolution.ANSWERED,
    "invoice_copy": Resolution.ANSWERED,
    "balance": Resolution.ANSWERED,
    "consumption": Resolution.ANSWERED,
    "nothing_held": Resolution.NOTHING_HELD,
}
"""Templates that are the whole answer. The other first answers tell what happens next: the request stays open."""
REPLY_BOUNCED = "REPLY_BOUNCED"
"""Flag of a ticket whose reply came back; the next reply that leaves takes it away."""
UNDER_WAY = frozenset({OutboxState.APPROVED, OutboxState.SENDING, OutboxState.UNCERTAIN, OutboxState.FAILED})
"""States in which a reply may still leave, or may have left without anybody knowing."""


def record_sent_reply(session: Session, row: OutboxRow, *, actor: str, at: datetime) -> None:
    """Write everything that follows from a reply having left; does nothing for what is no reply."""
    if row.kind != "reply" or row.draft_id is None:
        return
    draft = session.get_one(Draft, row.draft_id)
    ticket = session.get_one(Ticket, draft.ticket_id)
    if draft.state is DraftState.APPROVED:
        drafts.move(session, draft, DraftState.SENT, actor=actor, at=at)
    session.add(_outbound_row(row, draft, at))
    session.flush()
    resolution = _resolution(session, draft)
    if resolution is not None:
        tickets.end_request(session, draft.request_id, resolution)
    left = tickets.open_requests(session, draft.ticket_id)
    state = _state_after(session, left)
    values = tickets.earliest_dates(left) | {"flags": [flag for flag in ticket.flags if flag != REPLY_BOUNCED]}
    if ticket.state is not state and ticket.state is not TicketState.CLOSED:
        tickets.move(session, ticket, state, actor=actor, at=at, **values)
    else:
        tickets.change(session, ticket, **values)


def _resolution(session: Session, draft: Draft) -> Resolution | None:
    """How a request has ended by this reply; None while it goes on.

    A right is decided, not merely written about, so only the complete answers end it, or a person who closes the
    ticket. An ordinary request ends with what a person wrote; a template's promise to look into it ends nothing.
    """
    if draft.template in ASKING:
        return None
    if draft.template in COMPLETE and not _may_be_held(session, draft):
        return COMPLETE[draft.template]
    request = session.get_one(Request, draft.request_id)
    return Resolution.ANSWERED if draft.edited and request.kind not in STATUTORY else None


def _may_be_held(session: Session, draft: Draft) -> bool:
    """Whether `nothing_held` went to somebody who may be a customer writing from elsewhere.

    The words are the same for all, or they would tell who is a customer; the request of such a one goes on.
    """
    level = session.get_one(Ticket, draft.ticket_id).level
    return draft.template == "nothing_held" and level is not Level.NONE


def record_withdrawn_reply(session: Session, row: OutboxRow, *, actor: str, at: datetime) -> None:
    """Write what follows from an approved reply that will not leave: its approval is void, its draft goes back."""
    if row.draft_id is None or row.approval_id is None:
        return
    session.get_one(Approval, row.approval_id).voided_at = at
    session.flush()
    draft = session.get_one(Draft, row.draft_id)
    if draft.state is DraftState.APPROVED:
        drafts.move(session, draft, DraftState.RETURNED, actor=actor, at=at)
    ticket = session.get_one(Ticket, draft.ticket_id)
    waits = any(drafts.waits(session, tickets.id_of(one.id)) for one in tickets.open_requests(session, draft.ticket_id))
    if ticket.state is TicketState.AWAITING_APPROVAL and not waits:
        tickets.move(session, ticket, TicketState.OPEN, actor=actor, at=at)


def replies_under_way(session: Session, ticket_id: int) -> bool:
    """Whether a reply of the ticket is approved and not known to have left or to have been withdrawn."""
    query = select(col(OutboxRow.id)).where(
        col(OutboxRow.ticket_id) == ticket_id, col(OutboxRow.kind) == "reply", col(OutboxRow.state).in_(UNDER_WAY)
    )
    return session.execute(query.limit(1)).first() is not None


def still_on_file(session: Session, row: OutboxRow) -> bool:
    """Whether the contact that a reply goes to is still active, and still says what the row says (INV-1)."""
    if row.contact_point_id is None:
        return True
    contact = session.get_one(ContactPoint, row.contact_point_id)
    if contact.status is not ContactStatus.ACTIVE:
        return False
    if contact.kind is ContactKind.EMAIL:
        return row.to_address == contact.value
    lines = [line.strip() for line in contact.value.split("\n") if line.strip()]
    return row.to_address.split("\n")[1:] == lines


def _state_after(session: Session, left: list[Request]) -> TicketState:
    """Where a ticket stands once a reply has left and these requests are still open."""
    ids = [tickets.id_of(request.id) for request in left]
    if any(drafts.waits(session, request_id) for request_id in ids):
        return TicketState.AWAITING_APPROVAL
    asked = select(col(Draft.id)).where(
        col(Draft.request_id).in_(ids),
        col(Draft.state) == DraftState.SENT,
        col(Draft.template).in_({*ASKING, "nothing_held"}),
    )
    if ids and session.execute(asked.limit(1)).first() is not None:
        return TicketState.AWAITING_IDENTITY
    return TicketState.OPEN if left else TicketState.ANSWERED


def _outbound_row(row: OutboxRow, draft: Draft, at: datetime) -> Message:
    return Message(
        ticket_id=draft.ticket_id,
        direction="out",
        channel=row.channel,
        subject=row.subject,
        text=row.text,
        new_text=row.text,
        language=row.language,
        message_id=row.message_id,
        received_at=at,
        sha256=sha256(row.text.encode()).hexdigest(),
        joined_by="sent",
    )
