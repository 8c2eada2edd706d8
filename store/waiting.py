"""How much waits, in numbers without names: for the daily message, the metrics and the health page."""

from datetime import date

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col

from store.lifecycle import DraftState, OutboxState, TicketState
from store.models import Draft, OutboxRow, Setting, Ticket, table_of

_OPEN = [state for state in TicketState if state not in {TicketState.ANSWERED, TicketState.CLOSED}]
_DAY = "reminded_on"
_SETTING = table_of(Setting)
_FIRST = {
    "sqlite": sqlite.insert(_SETTING).on_conflict_do_nothing(index_elements=["key"]),
    "postgresql": postgresql.insert(_SETTING).on_conflict_do_nothing(index_elements=["key"]),
}


def counts(session: Session, today: date, until: date) -> dict[str, int]:
    """`overdue`, `soon`, `drafts`, `stuck`, `bounced`, `quarantined`: due dates are local and inclusive.

    `bounced` are replies that came back and whose ticket waits again.
    """
    state, due = col(Ticket.state), col(Ticket.due_on)
    stuck = [OutboxState.UNCERTAIN, OutboxState.FAILED]
    at_work = col(OutboxRow.ticket_id).in_(select(col(Ticket.id)).where(state.in_(_OPEN)))
    came_back = (col(OutboxRow.state) == OutboxState.BOUNCED, col(OutboxRow.kind) == "reply", at_work)
    return {
        "overdue": _count(session, col(Ticket.id), state.in_(_OPEN), due < today),
        "soon": _count(session, col(Ticket.id), state.in_(_OPEN), due >= today, due <= until),
        "drafts": _count(session, col(Draft.id), col(Draft.state) == DraftState.DRAFT),
        "stuck": _count(session, col(OutboxRow.id), col(OutboxRow.state).in_(stuck), col(OutboxRow.kind) != "canary"),
        "bounced": _count(session, col(OutboxRow.id), *came_back),
        "quarantined": _count(session, col(Ticket.id), col(Ticket.quarantined).is_(True), state != TicketState.CLOSED),
    }


def claim_day(session: Session, day: date) -> bool:
    """True for the first who asks for this day's message, by compare-and-set on the last one's date.

    One statement compares and sets, so that of two processes that ask at the same moment one waits and finds it done.
    """
    connection = session.connection()
    connection.execute(_FIRST[connection.dialect.name], {"key": _DAY, "value": ""})
    earlier = update(_SETTING).where(_SETTING.c.key == _DAY, _SETTING.c.value < day.isoformat())
    return connection.execute(earlier.values(value=day.isoformat())).rowcount == 1


def _count(session: Session, column: Mapped[int | None], *conditions: ColumnElement[bool]) -> int:
    query = select(func.count(column)).where(*conditions)
    return int(session.connection().execute(query).scalar_one())
