"""Tickets, their requests and their messages: opened, joined, moved, each with its event in the same transaction."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update
from sqlmodel import Session, col

from store import events
from store.lifecycle import Resolution, TicketState, check_ticket_move
from store.models import ClockSegment, Customer, Message, Request, RequestKind, StaffMember, Ticket
from store.rows import add_row

_REFERENCE_LETTERS = "23456789BCDFGHJKMNPQRSTVWXYZ"
"""No vowels (no words by accident), nothing that reads like another sign."""
_ACTIVE = (col(StaffMember.disabled_at).is_(None), col(StaffMember.committed_on).is_not(None))
_THREAD = (
    col(Ticket.id),
    col(Customer.key),
    col(Ticket.sender),
    col(Ticket.reference),
    col(Ticket.quarantined),
    col(StaffMember.email),
)


@dataclass(frozen=True, slots=True)
class ThreadFacts:
    """What decides whether a message may join: whose ticket it is and who opened it."""

    ticket_id: int
    customer_key: str | None
    sender: str
    reference: str
    staff_address: str = ""
    """Normalised address on file of the active staff member whose ticket it is; empty without one."""
    quarantined: bool = False


def new_reference(choose: Callable[[str], str] = secrets.choice) -> str:
    """A public reference such as `7F3K-92QX`: 38 random bits, so that it can be neither guessed nor counted."""
    letters = [choose(_REFERENCE_LETTERS) for _ in range(8)]
    return "".join(letters[:4]) + "-" + "".join(letters[4:])


def open_ticket(session: Session, ticket: Ticket, *, at: datetime, actor: str = "intake") -> int:
    """Add a new ticket with its event; returns its id."""
    session.add(ticket)
    session.flush()
    data = {"level": ticket.level.value, "channel": ticket.channel, "flags": ticket.flags}
    events.append(session, at=at, actor=actor, kind="ticket_opened", ticket_id=id_of(ticket.id), data=data)
    return id_of(ticket.id)


def open_as(session: Session, state: TicketState, *, at: datetime, **values: Any) -> int:
    """Add a new ticket that intake leads to `state` within this very transaction; returns its id.

    The event of opening is written here, that of the move by `note_first_move` when all is there that led to it.
    """
    ticket_id = add_row(session, Ticket, state=state, **values)
    data = {"level": values["level"].value, "channel": values["channel"], "flags": values["flags"]}
    events.append(session, at=at, actor="intake", kind="ticket_opened", ticket_id=ticket_id, data=data)
    return ticket_id


def note_first_move(session: Session, ticket_id: int, state: TicketState, *, at: datetime) -> None:
    """Write the event of a new ticket's first move; nothing when it stays new."""
    if state is TicketState.NEW:
        return
    check_ticket_move(TicketState.NEW, state)
    data = {"from": TicketState.NEW.value, "to": state.value}
    events.append(session, at=at, actor="intake", kind=f"ticket_{state.value}", ticket_id=ticket_id, data=data)


def add_message(session: Session, *, at: datetime, **values: Any) -> int:
    """Add a message that came in, by the columns of `Message`, with its event; returns its id."""
    message_id = add_row(session, Message, direction="in", **values)
    data = {
        "message": message_id,
        "raw": values["raw_id"],
        "sha256": values["sha256"],
        "joined_by": values["joined_by"],
        "received_at": values["received_at"].isoformat(),
    }
    events.append(session, at=at, actor="intake", kind="message_recorded", ticket_id=values["ticket_id"], data=data)
    return message_id


def add_request(
    session: Session,
    *,
    ticket_id: int,
    kind: RequestKind,
    confidence: float,
    reasons: Sequence[str],
    received_at: datetime,
    received_on: date,
    due_on: date | None,
    target_on: date,
    at: datetime,
) -> int:
    """Add one request with the first segment of its clock; returns its id."""
    request_id = add_row(
        session,
        Request,
        ticket_id=ticket_id,
        kind=kind,
        confidence=confidence,
        reasons=list(reasons),
        received_at=received_at,
        due_on=due_on,
        target_on=target_on,
    )
    add_row(
        session,
        ClockSegment,
        request_id=request_id,
        kind="running",
        from_on=received_on,
        to_on=due_on or target_on,
        reason="GDPR_12_3" if due_on else "SERVICE_TARGET",
        actor="law" if due_on else "intake",
    )
    data = {
        "request": request_id,
        "kind": kind.value,
        "due_on": due_on.isoformat() if due_on else None,
        "target_on": target_on.isoformat(),
    }
    events.append(session, at=at, actor="intake", kind="request_added", ticket_id=ticket_id, data=data)
    return request_id


def move(session: Session, ticket: Ticket, new: TicketState, *, actor: str, at: datetime, **values: Any) -> bool:
    """Compare-and-set of a ticket's state with its event; False when someone changed the ticket first."""
    old = ticket.state
    check_ticket_move(old, new)
    changed = change(session, ticket, state=new, **values)
    if changed:
        data = {"from": old.value, "to": new.value}
        resolution = values.get("resolution")
        if isinstance(resolution, Resolution):
            data["resolution"] = resolution.value
        events.append(session, at=at, actor=actor, kind=f"ticket_{new.value}", ticket_id=ticket.id, data=data)
    return changed


def change(session: Session, ticket: Ticket, **values: Any) -> bool:
    """Compare-and-set of any columns on the version that the caller saw; the caller writes the event."""
    result = session.connection().execute(
        update(Ticket)
        .where(col(Ticket.id) == ticket.id, col(Ticket.version) == ticket.version)
        .values(version=ticket.version + 1, **values)
    )
    if result.rowcount != 1:
        return False
    session.refresh(ticket)
    return True


def open_requests(session: Session, ticket_id: int) -> list[Request]:
    """The requests of a ticket that have not ended, in their order."""
    query = select(Request).where(col(Request.ticket_id) == ticket_id, col(Request.resolution).is_(None))
    return list(session.execute(query.order_by(col(Request.id))).scalars())


def end_request(session: Session, request_id: int, resolution: Resolution) -> bool:
    """Give a request its end, once."""
    result = session.connection().execute(
        update(Request)
        .where(col(Request.id) == request_id, col(Request.resolution).is_(None))
        .values(resolution=resolution)
    )
    return bool(result.rowcount == 1)


def resume_request(session: Session, request_id: int, *, actor: str, at: datetime) -> bool:
    """Take a request's end back, because what ended it did not arrive. Its due date is what it was (INV-3)."""
    result = session.connection().execute(
        update(Request)
        .where(col(Request.id) == request_id, col(Request.resolution).is_not(None))
        .values(resolution=None)
    )
    if result.rowcount != 1:
        return False
    request = session.get_one(Request, request_id)
    session.refresh(request)
    ticket_id = request.ticket_id
    events.append(
        session, at=at, actor=actor, kind="request_resumed", ticket_id=ticket_id, data={"request": request_id}
    )
    return True


def earliest_dates(requests: Sequence[Request]) -> dict[str, date | None]:
    """The `due_on` and `target_on` that a ticket shows: the earliest of its open requests."""
    due = [request.due_on for request in requests if request.due_on]
    target = [request.target_on for request in requests if request.target_on]
    return {"due_on": min(due, default=None), "target_on": min(target, default=None)}


def references_of(session: Session, ticket_ids: Iterable[int]) -> dict[int, str]:
    """The public reference of each of these tickets."""
    query = select(col(Ticket.id), col(Ticket.reference)).where(col(Ticket.id).in_(set(ticket_ids)))
    return {row.id: row.reference for row in session.connection().execute(query)}


def thread_facts(session: Session, ticket_id: int) -> ThreadFacts | None:
    """Whose ticket this is and who opened it."""
    row = (
        session.connection()
        .execute(
            select(*_THREAD)
            .outerjoin(Customer, col(Customer.id) == col(Ticket.customer_id))
            .outerjoin(StaffMember, and_(col(StaffMember.id) == col(Ticket.assigned_to), *_ACTIVE))
            .where(col(Ticket.id) == ticket_id)
        )
        .first()
    )
    if row is None:
        return None
    return ThreadFacts(row.id, row.key, row.sender, row.reference, row.email or "", row.quarantined)


def senders(session: Session, ticket_id: int) -> set[str]:
    """The strict From addresses of the messages that people sent to a ticket; a machine's is nobody to write to."""
    query = select(col(Message.from_address)).where(*_from_people(ticket_id))
    return {address for address in session.execute(query).scalars() if address}


def newest_message_id(session: Session, ticket_id: int) -> str:
    """Message-ID of the newest message that a person sent, for a reply's In-Reply-To; empty without one."""
    query = select(col(Message.message_id)).where(*_from_people(ticket_id), col(Message.message_id) != "")
    found = session.execute(query.order_by(col(Message.id).desc()).limit(1)).scalar_one_or_none()
    return found or ""


def _from_people(ticket_id: int) -> tuple[ColumnElement[bool], ...]:
    return (col(Message.ticket_id) == ticket_id, col(Message.direction) == "in", col(Message.automatic) == "none")


def id_of(value: int | None) -> int:
    """The key of a row that has been flushed; a row without one is a mistake of the program."""
    if value is None:
        raise RuntimeError("a row was used before it was flushed")
    return value
