"""What is on its way out: claimed by compare-and-set, committed as `sending` before a byte leaves, ended exactly once.

A row whose sending was cut short (the process died, the relay fell silent after the final dot) becomes `uncertain`: the
program never tries it again, a person decides (INV-9). Nothing here talks to a network.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from store import events
from store.lifecycle import OutboxState, check_outbox_move
from store.models import OutboxRow
from store.rows import add_row

ACKNOWLEDGEMENTS_A_DAY = 3
"""INV-7: so many in 24 hours an address, then one summary, then silence."""


def add(session: Session, row: OutboxRow, *, actor: str) -> OutboxRow:
    """Queue one message with its event."""
    session.add(row)
    session.flush()
    _note_queued(session, row.id, row.model_dump(), actor)
    return row


def queue(session: Session, *, actor: str, **values: Any) -> int:
    """As `add`, by the columns of `OutboxRow` and without an object of it; returns its id."""
    row_id = add_row(session, OutboxRow, **values)
    _note_queued(session, row_id, values, actor)
    return row_id


def _note_queued(session: Session, row_id: int | None, values: dict[str, Any], actor: str) -> None:
    data = {
        "outbox": row_id,
        "kind": values["kind"],
        "channel": values["channel"],
        "message_id_hash": _short(values["message_id"]),
    }
    ticket_id = values["ticket_id"]
    events.append(session, at=values["created_at"], actor=actor, kind="outbox_queued", ticket_id=ticket_id, data=data)


def acknowledgements_since(session: Session, address: str, since: datetime) -> int:
    """How many acknowledgements were queued to an address after `since`, whatever became of them."""
    query = select(func.count(col(OutboxRow.id))).where(
        col(OutboxRow.kind) == "acknowledgement",
        col(OutboxRow.to_address) == address,
        col(OutboxRow.created_at) > since,
    )
    counted: int = session.connection().execute(query).scalar_one()
    return counted


def claim_due(session: Session, now: datetime, limit: int) -> list[OutboxRow]:
    """Move the next due rows from approved to sending, by compare-and-set; the caller sends them after the commit."""
    due = (
        session.execute(
            select(OutboxRow)
            .where(
                col(OutboxRow.state) == OutboxState.APPROVED,
                col(OutboxRow.next_attempt_at) <= now,
                col(OutboxRow.release_at) <= now,
            )
            .order_by(col(OutboxRow.next_attempt_at), col(OutboxRow.id))
            .limit(limit)
        )
        .scalars()
        .all()
    )
    return [row for row in due if move(session, row, OutboxState.SENDING, actor="dispatch", at=now)]


def move(session: Session, row: OutboxRow, new: OutboxState, *, actor: str, at: datetime, **values: Any) -> bool:
    """Compare-and-set of a row's state with its event; `values` are columns that change with it."""
    old = row.state
    check_outbox_move(old, new)
    if new is OutboxState.SENDING:
        values["attempts"] = row.attempts + 1
    result = session.connection().execute(
        update(OutboxRow).where(col(OutboxRow.id) == row.id, col(OutboxRow.state) == old).values(state=new, **values)
    )
    if result.rowcount != 1:
        return False
    session.refresh(row)
    data = {"outbox": row.id, "kind": row.kind, "from": old.value, "to": new.value}
    events.append(session, at=at, actor=actor, kind=f"outbox_{new.value}", ticket_id=row.ticket_id, data=data)
    return True


def interrupted(session: Session) -> list[OutboxRow]:
    """Rows that an earlier process left in `sending`: nobody knows whether they went out."""
    query = select(OutboxRow).where(col(OutboxRow.state) == OutboxState.SENDING)
    return list(session.execute(query).scalars())


def next_due(session: Session) -> datetime | None:
    """When the next approved row may be sent; None when none waits."""
    query = select(func.min(OutboxRow.next_attempt_at)).where(col(OutboxRow.state) == OutboxState.APPROVED)
    found: datetime | None = session.connection().execute(query).scalar_one()
    return found


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: half a minute, doubling, at most half an hour."""
    return timedelta(seconds=min(30 * 2 ** max(attempts - 1, 0), 1800))


def _short(message_id: str) -> str:
    return message_id.strip("<>").partition("@")[0][:16]
