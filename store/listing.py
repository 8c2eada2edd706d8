"""Tickets as the command line prints them: the stable keys of DESIGN 3, ready for JSON."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from store.lifecycle import TicketState
from store.models import Approval, Customer, Draft, Event, Message, OutboxRow, Request, StaffMember, Ticket

ENDED = frozenset({TicketState.ANSWERED, TicketState.CLOSED})


def list_tickets(session: Session, today: date) -> list[dict[str, Any]]:
    """One object a ticket, the earliest due date first. `today` (local) decides what is overdue."""
    query = select(Ticket, col(Customer.key)).outerjoin(Customer, col(Customer.id) == col(Ticket.customer_id))
    rows = session.execute(query.order_by(col(Ticket.due_on).is_(None), col(Ticket.due_on), col(Ticket.id))).all()
    kinds = _kinds(session, [ticket.id for ticket, _ in rows])
    return [_ticket(ticket, key, kinds.get(ticket.id or 0, []), today) for ticket, key in rows]


def show_ticket(session: Session, ticket_id: int, today: date) -> dict[str, Any] | None:
    """One ticket with its messages, drafts, outbox and events; None when there is none of that number."""
    query = select(Ticket, col(Customer.key)).outerjoin(Customer, col(Customer.id) == col(Ticket.customer_id))
    row = session.execute(query.where(col(Ticket.id) == ticket_id)).first()
    if row is None:
        return None
    ticket, key = row
    shown = _ticket(ticket, key, _kinds(session, [ticket_id]).get(ticket_id, []), today)
    return shown | {
        "subject": ticket.subject,
        "requests": [_request(one) for one in _of(session, Request, ticket_id)],
        "messages": [_message(one) for one in _of(session, Message, ticket_id)],
        "drafts": [_draft(one) for one in _of(session, Draft, ticket_id)],
        "outbox": [_outbox(session, one) for one in _of(session, OutboxRow, ticket_id)],
        "events": [_event(one) for one in _events(session, ticket_id)],
    }


def _ticket(ticket: Ticket, customer: str | None, kinds: Sequence[str], today: date) -> dict[str, Any]:
    late = ticket.due_on is not None and ticket.due_on < today and ticket.state not in ENDED
    return {
        "id": ticket.id,
        "reference": ticket.reference,
        "state": ticket.state.value,
        "resolution": ticket.resolution.value if ticket.resolution else None,
        "kinds": list(kinds),
        "customer": customer,
        "identification": ticket.level.value,
        "channel": ticket.channel,
        "language": ticket.language,
        "received_at": ticket.received_at.isoformat(),
        "due_at": ticket.due_on.isoformat() if ticket.due_on else None,
        "overdue": late,
        "flags": ticket.flags,
    }


def _kinds(session: Session, ids: Sequence[int | None]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    query = select(col(Request.ticket_id), col(Request.kind)).where(col(Request.ticket_id).in_(ids))
    for ticket_id, kind in session.execute(query.order_by(col(Request.id))):
        listed = found.setdefault(ticket_id, [])
        if kind.value not in listed:
            listed.append(kind.value)
    return found


def _of(session: Session, model: Any, ticket_id: int) -> Sequence[Any]:
    return session.execute(select(model).where(model.ticket_id == ticket_id).order_by(model.id)).scalars().all()


def _events(session: Session, ticket_id: int) -> Sequence[Event]:
    return (
        session.execute(select(Event).where(col(Event.ticket_id) == ticket_id).order_by(col(Event.seq))).scalars().all()
    )


def _request(request: Request) -> dict[str, Any]:
    return {
        "type": request.kind.value,
        "confidence": request.confidence,
        "reasons": request.reasons,
        "due_at": request.due_on.isoformat() if request.due_on else None,
        "target_at": request.target_on.isoformat() if request.target_on else None,
        "resolution": request.resolution.value if request.resolution else None,
    }


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "direction": message.direction,
        "channel": message.channel,
        "from": message.from_address or message.from_text,
        "received_at": message.received_at.isoformat(),
        "sha256": message.sha256,
        "joined_by": message.joined_by,
    }


def _draft(draft: Draft) -> dict[str, Any]:
    return {
        "id": draft.id,
        "version": draft.version,
        "state": draft.state.value,
        "template": draft.template,
        "language": draft.language,
        "recipient": {
            "kind": draft.recipient_kind.value,
            "contact_point": draft.contact_point_id,
            "value": draft.recipient,
        },
        "channel": draft.channel,
        "holds_data": draft.holds_data,
        "sha256": draft.sha256,
        "subject": draft.subject,
        "text": draft.text,
    }


def _outbox(session: Session, row: OutboxRow) -> dict[str, Any]:
    approval = session.get(Approval, row.approval_id) if row.approval_id else None
    member = session.get(StaffMember, approval.staff_id) if approval else None
    return {
        "id": row.id,
        "kind": row.kind,
        "to": row.to_address,
        "channel": row.channel,
        "state": row.state.value,
        "message_id": row.message_id,
        "approved_by": member.login if member else None,
        "receipt": row.receipt,
    }


def _event(event: Event) -> dict[str, Any]:
    return {"seq": event.seq, "at": event.at.isoformat(), "actor": event.actor, "kind": event.kind, "data": event.data}
