"""The few rows that tests of tickets, drafts and the outbox stand on, written as intake writes them."""

from datetime import UTC, date, datetime
from typing import Any

from sqlmodel import Session

from store import drafts, tickets
from store.lifecycle import TicketState
from store.models import (
    Customer,
    CustomerKind,
    Draft,
    Level,
    OutboxRow,
    RecipientKind,
    RequestKind,
    Source,
    StaffMember,
    StaffRole,
)

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def add_customer(session: Session, key: str = "100234", **changes: Any) -> int:
    """Aino, or somebody else."""
    values = {
        "key": key,
        "kind": CustomerKind.PERSON,
        "name": "Aino Esimerkkilä",
        "name_key": "aino esimerkkilä",
        "source": Source.MIGRATION,
        "recorded_at": NOW,
    }
    customer = Customer(**values | changes)
    session.add(customer)
    session.flush()
    return customer.id or 0


def add_dora(session: Session) -> int:
    """A clerk."""
    dora = StaffMember(login="dora", name="Dora", role=StaffRole.CLERK, password_hash="-", created_at=NOW)
    session.add(dora)
    session.flush()
    return dora.id or 0


def add_ticket(session: Session, state: TicketState = TicketState.OPEN, **changes: Any) -> int:
    """A ticket of a stranger."""
    values = {
        "reference": tickets.new_reference(),
        "level": Level.NONE,
        "channel": "email",
        "language": "fi",
        "sender": "seija@tuntematon.test",
        "received_at": NOW,
        "flags": [],
        "identification": {},
    }
    return tickets.open_as(session, state, at=NOW, **values | changes)


def add_request(session: Session, ticket_id: int, **changes: Any) -> int:
    """An access request."""
    values = {
        "ticket_id": ticket_id,
        "kind": RequestKind.ACCESS,
        "confidence": 0.9,
        "reasons": ["STEM:kopio"],
        "received_at": NOW,
        "received_on": NOW.date(),
        "due_on": date(2026, 4, 2),
        "target_on": date(2026, 3, 16),
        "at": NOW,
    }
    return tickets.add_request(session, **values | changes)


def add_draft(session: Session, ticket_id: int, request_id: int, **changes: Any) -> Draft:
    """A reply to the sender without data."""
    values = {
        "ticket_id": ticket_id,
        "request_id": request_id,
        "customer_id": None,
        "template": "nothing_held",
        "language": "fi",
        "recipient_kind": RecipientKind.SENDER,
        "contact_point_id": None,
        "recipient": "seija@tuntematon.test",
        "channel": "email",
        "subject": "Vastaus",
        "text": "Hei\n",
        "holds_data": False,
        "actor": "intake",
        "at": NOW,
    }
    return drafts.add_draft(session, **values | changes)


def notice(number: int, **changes: Any) -> OutboxRow:
    """A message to staff."""
    values = {
        "kind": "notice",
        "channel": "email",
        "to_address": "tiimi@lampo.test",
        "language": "fi",
        "subject": "Päivän tilanne",
        "text": "3 odottaa\n",
        "message_id": f"<{number}@lampo.test>",
        "created_at": NOW,
        "release_at": NOW,
        "next_attempt_at": NOW,
    }
    return OutboxRow(**values | changes)
