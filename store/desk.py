"""What the review desk shows: read models, each a plain function of a session that returns frozen facts.

Nothing here changes anything but `log_view`, which writes down that a staff member saw a customer's data (C-579/21).
Lists never carry a sign of a protected address; the ticket itself does, because whoever works on it must know.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlmodel import Session, col

from store.lifecycle import OutboxState, Resolution, TicketState
from store.models import (
    Customer,
    Level,
    Message,
    OutboxRow,
    Request,
    RequestKind,
    StaffMember,
    Ticket,
    ViewLog,
)

NOT_IN_LISTS = ("TURVAKIELTO", "PROTECTED")
"""Beginnings of flags that tell of a protected address."""

VIEWS = ("open", "awaiting_approval", "awaiting_customer", "answered", "closed", "quarantine", "automatic", "letters")
"""The lists of the desk, in the order in which they are offered."""

_AT_WORK = (
    TicketState.NEW,
    TicketState.OPEN,
    TicketState.AWAITING_APPROVAL,
    TicketState.AWAITING_IDENTITY,
    TicketState.AWAITING_CUSTOMER,
)


@dataclass(frozen=True, slots=True)
class TicketLine:
    """One line of a list of tickets."""

    id: int
    reference: str
    state: TicketState
    resolution: Resolution | None
    subject: str
    who: str
    """The customer's name where one is known, else the sender's address."""
    level: Level
    kinds: tuple[RequestKind, ...]
    channel: str
    language: str
    received_at: datetime
    due_on: date | None
    target_on: date | None
    flags: tuple[str, ...]
    assigned_to: str
    version: int


@dataclass(frozen=True, slots=True)
class SendLine:
    """One outgoing message that needs a person: its outcome is unknown, it failed, it bounced, it awaits the post."""

    id: int
    kind: str
    state: OutboxState
    ticket_id: int | None
    reference: str
    channel: str
    to_address: str
    at: datetime
    receipt: str


@dataclass(frozen=True, slots=True)
class AutomaticLine:
    """One message that opened no ticket: automatic mail."""

    id: int
    from_text: str
    subject: str
    automatic: str
    received_at: datetime
    has_raw: bool


def counts(session: Session) -> dict[str, int]:
    """How many entries each of `VIEWS` holds."""
    found = dict.fromkeys(VIEWS, 0)
    for view in VIEWS[:6]:
        found[view] = session.execute(select(func.count()).select_from(Ticket).where(_of_view(view))).scalar_one()
    found["automatic"] = session.execute(select(func.count()).select_from(Message).where(_automatic())).scalar_one()
    found["letters"] = session.execute(select(func.count()).select_from(OutboxRow).where(_to_post())).scalar_one()
    return found


def ticket_lines(session: Session, view: str, *, limit: int, offset: int = 0) -> tuple[TicketLine, ...]:
    """Tickets of `view`, the earliest due date first, so that what is overdue leads; without a date, by receipt."""
    earliest = func.coalesce(col(Ticket.due_on), col(Ticket.target_on))
    newest_first = view in {"closed", "answered"}
    order: tuple[Any, ...] = (
        (col(Ticket.received_at).desc(),)
        if newest_first
        else (earliest.is_(None), earliest, col(Ticket.received_at), col(Ticket.id))
    )
    rows = session.execute(
        select(Ticket, col(Customer.name), col(StaffMember.name))
        .outerjoin(Customer, col(Customer.id) == col(Ticket.customer_id))
        .outerjoin(StaffMember, col(StaffMember.id) == col(Ticket.assigned_to))
        .where(_of_view(view))
        .order_by(*order)
        .limit(limit)
        .offset(offset),
    ).all()
    kinds = _kinds_of(session, [ticket.id for ticket, _, _ in rows])
    return tuple(_ticket_line(ticket, customer, clerk, kinds.get(ticket.id, ())) for ticket, customer, clerk in rows)


def troubled_sends(session: Session) -> tuple[SendLine, ...]:
    """Outgoing messages that a person must look at: unknown outcome first, then failed, then bounced."""
    troubled = (OutboxState.UNCERTAIN, OutboxState.FAILED, OutboxState.BOUNCED)
    still_open = or_(col(Ticket.id).is_(None), col(Ticket.state) != TicketState.CLOSED)
    # A bounce has been dealt with once its ticket is answered again; of an acknowledgement it is only recorded.
    live = or_(
        col(OutboxRow.state) != OutboxState.BOUNCED,
        and_(
            col(OutboxRow.kind) != "acknowledgement",
            or_(col(Ticket.id).is_(None), col(Ticket.state) != TicketState.ANSWERED),
        ),
    )
    # The canary has alarms of its own.
    found = _sends(session, and_(col(OutboxRow.state).in_(troubled), still_open, live, col(OutboxRow.kind) != "canary"))
    return tuple(sorted(found, key=lambda line: (troubled.index(line.state), line.at)))


def letters_to_post(session: Session) -> tuple[SendLine, ...]:
    """Letters that are printed or spooled and not yet taken to the post, the oldest first."""
    return _sends(session, _to_post())


def automatic_lines(session: Session, *, limit: int, offset: int = 0) -> tuple[AutomaticLine, ...]:
    """Messages that opened no ticket, the newest first."""
    rows = session.execute(
        select(Message).where(_automatic()).order_by(col(Message.id).desc()).limit(limit).offset(offset),
    ).scalars()
    return tuple(
        AutomaticLine(
            row.id or 0,
            row.from_text or row.from_address,
            row.subject,
            row.automatic,
            row.received_at,
            row.raw_id is not None,
        )
        for row in rows
    )


def log_view(
    session: Session, customer_id: int, staff_id: int, ticket_id: int | None, purpose: str, now: datetime
) -> bool:
    """Write down that the customer's data were seen; at most once a ticket, staff member and day (UTC).

    Returns True when a row was written.
    """
    day = datetime.combine(now.astimezone(UTC).date(), time(), tzinfo=UTC)
    seen = session.execute(
        select(col(ViewLog.id)).where(
            col(ViewLog.customer_id) == customer_id,
            col(ViewLog.staff_id) == staff_id,
            col(ViewLog.ticket_id).is_(None) if ticket_id is None else col(ViewLog.ticket_id) == ticket_id,
            col(ViewLog.viewed_at) >= day,
        ),
    ).first()
    if seen is not None:
        return False
    session.add(
        ViewLog(customer_id=customer_id, staff_id=staff_id, ticket_id=ticket_id, purpose=purpose, viewed_at=now)
    )
    return True


def _of_view(view: str) -> ColumnElement[bool]:
    state = col(Ticket.state)
    if view == "quarantine":
        return and_(col(Ticket.quarantined), state != TicketState.CLOSED)
    calm = col(Ticket.quarantined).is_(false())
    if view == "open":
        return and_(calm, state.in_(_AT_WORK))
    if view == "awaiting_customer":
        return and_(calm, state.in_((TicketState.AWAITING_CUSTOMER, TicketState.AWAITING_IDENTITY)))
    if view == "closed":
        return state == TicketState.CLOSED
    return and_(calm, state == TicketState(view))


def _automatic() -> ColumnElement[bool]:
    """Canaries left out: one an hour would bury all else, and what matters of them is told apart."""
    return and_(col(Message.ticket_id).is_(None), col(Message.direction) == "in", col(Message.automatic) != "canary")


def _to_post() -> ColumnElement[bool]:
    return and_(col(OutboxRow.channel) == "letter", col(OutboxRow.state) == OutboxState.SENT)


def _sends(session: Session, condition: ColumnElement[bool]) -> tuple[SendLine, ...]:
    rows = session.execute(
        select(OutboxRow, col(Ticket.reference))
        .outerjoin(Ticket, col(Ticket.id) == col(OutboxRow.ticket_id))
        .where(condition)
        .order_by(col(OutboxRow.id))
        .limit(200),
    ).all()
    return tuple(
        SendLine(
            row.id,
            row.kind,
            row.state,
            row.ticket_id,
            reference or "",
            row.channel,
            row.to_address,
            row.sent_at or row.created_at,
            row.receipt,
        )
        for row, reference in rows
    )


def _kinds_of(session: Session, tickets: Iterable[int | None]) -> dict[int, tuple[RequestKind, ...]]:
    found: dict[int, tuple[RequestKind, ...]] = {}
    for ticket_id, kind in session.execute(
        select(col(Request.ticket_id), col(Request.kind))
        .where(col(Request.ticket_id).in_(list(tickets)))
        .order_by(col(Request.id)),
    ):
        if kind not in found.get(ticket_id, ()):
            found[ticket_id] = (*found.get(ticket_id, ()), kind)
    return found


def _ticket_line(ticket: Ticket, customer: str | None, clerk: str | None, kinds: tuple[RequestKind, ...]) -> TicketLine:
    return TicketLine(
        id=ticket.id or 0,
        reference=ticket.reference,
        state=ticket.state,
        resolution=ticket.resolution,
        subject=ticket.subject,
        who=customer or ticket.sender,
        level=ticket.level,
        kinds=kinds,
        channel=ticket.channel,
        language=ticket.language,
        received_at=ticket.received_at,
        due_on=ticket.due_on,
        target_on=ticket.target_on,
        flags=tuple(flag for flag in ticket.flags if not flag.startswith(NOT_IN_LISTS)),
        assigned_to=clerk or "",
        version=ticket.version,
    )
