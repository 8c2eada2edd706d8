"""What is on its way out: claimed by compare-and-set, committed as `sending` before a byte leaves, ended exactly once.

A row whose sending was cut short (the process died, the relay fell silent after the final dot) becomes `uncertain`: the
program never tries it again, a person decides (INV-9). Nothing here talks to a network.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Update, bindparam, func, or_, select, update
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col

from store import events
from store.lifecycle import OutboxState, check_outbox_move
from store.models import OutboxRow, table_of
from store.rows import add_row

ACKNOWLEDGEMENTS_A_DAY = 3
"""INV-7: so many in 24 hours an address, then one summary, then silence."""

_LIKE = re.compile(r"[\\%_]")
"""Signs that mean something in SQL's `LIKE`."""

MOST_IDS = 50
"""Message-IDs of one mail that are looked up."""


@dataclass(frozen=True, slots=True)
class WentOut:
    """A mail that has left, or may have: what a bounce or an automatic answer can speak of."""

    outbox_id: int
    kind: str
    ticket_id: int | None
    to_address: str


# Statements are built once: to build them anew would cost more than the database takes to answer them.
_TABLE = table_of(OutboxRow)
_ACKNOWLEDGED = select(func.count(_TABLE.c.id)).where(
    _TABLE.c.kind == "acknowledgement",
    _TABLE.c.to_address == bindparam("address"),
    _TABLE.c.created_at > bindparam("since"),
)
_ACKNOWLEDGED_BOX = select(func.count(_TABLE.c.id)).where(
    _TABLE.c.kind == "acknowledgement",
    or_(_TABLE.c.to_address == bindparam("box"), _TABLE.c.to_address.like(bindparam("details"), escape="\\")),
    _TABLE.c.created_at > bindparam("since"),
)
_DUE = (
    select(_TABLE.c.id)
    .where(
        _TABLE.c.state == OutboxState.APPROVED,
        _TABLE.c.next_attempt_at <= bindparam("now"),
        _TABLE.c.release_at <= bindparam("now"),
    )
    .order_by(_TABLE.c.next_attempt_at, _TABLE.c.id)
    .limit(bindparam("most"))
)
_CLAIM = (
    update(OutboxRow)
    .where(col(OutboxRow.id).in_(_DUE.scalar_subquery()), col(OutboxRow.state) == OutboxState.APPROVED)
    .values(state=OutboxState.SENDING, attempts=col(OutboxRow.attempts) + 1)
    .returning(OutboxRow)
    .execution_options(synchronize_session=False, populate_existing=True)
)


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
    """How many acknowledgements were queued to an address after `since`, whatever became of them.

    An address with a detail (`aino+lampo@`, RFC 5233) counts with the mailbox before the sign and all its other
    details: they cost nothing to invent, and one person reads them all.
    """
    local, _, domain = address.rpartition("@")
    box, detail, _ = local.partition("+")
    if box and detail:
        at_domain = f"@{domain}"
        details = "%".join(_LIKE.sub(r"\\\g<0>", part) for part in (f"{box}+", at_domain))
        found = session.connection().execute(
            _ACKNOWLEDGED_BOX, {"box": box + at_domain, "details": details, "since": since}
        )
    else:
        found = session.connection().execute(_ACKNOWLEDGED, {"address": address, "since": since})
    counted: int = found.scalar_one()
    return counted


def is_due(session: Session, now: datetime) -> bool:
    """Whether anything waits to be claimed: to look is cheap, to claim takes the writer."""
    return session.connection().execute(_DUE, {"now": now, "most": 1}).first() is not None


def claim_due(session: Session, now: datetime, limit: int) -> list[OutboxRow]:
    """Move the next due rows from approved to sending, by compare-and-set; the caller sends them after the commit."""
    check_outbox_move(OutboxState.APPROVED, OutboxState.SENDING)
    claimed = list(session.execute(_CLAIM, {"now": now, "most": limit}).scalars())
    claimed.sort(key=lambda row: (row.next_attempt_at, row.id))
    for row in claimed:
        _note_moved(session, row, OutboxState.APPROVED, actor="dispatch", at=now)
    return claimed


def rows_of(session: Session, row_ids: Sequence[int]) -> list[OutboxRow]:
    """Rows by their ids, in one statement: as long as they are held, `session.get` asks for none of them again."""
    return list(session.execute(select(OutboxRow).where(col(OutboxRow.id).in_(row_ids))).scalars())


def move(session: Session, row: OutboxRow, new: OutboxState, *, actor: str, at: datetime, **values: Any) -> bool:
    """Compare-and-set of a row's state with its event; `values` are columns that change with it."""
    old = row.state
    check_outbox_move(old, new)
    if new is OutboxState.SENDING:
        values["attempts"] = row.attempts + 1
    values["state"] = new
    result = session.connection().execute(_move(tuple(values)), {"row_id": row.id, "old": old, **values})
    if result.rowcount != 1:
        return False
    for name, value in values.items():
        set_committed_value(row, name, value)
    _note_moved(session, row, old, actor=actor, at=at)
    return True


@cache
def _move(columns: tuple[str, ...]) -> Update:
    """Compare-and-set of `columns` on a row."""
    same = (_TABLE.c.id == bindparam("row_id"), _TABLE.c.state == bindparam("old"))
    return update(_TABLE).where(*same).values({name: bindparam(name) for name in columns})


def _note_moved(session: Session, row: OutboxRow, old: OutboxState, *, actor: str, at: datetime) -> None:
    data = {"outbox": row.id, "kind": row.kind, "from": old.value, "to": row.state.value}
    events.append(session, at=at, actor=actor, kind=f"outbox_{row.state.value}", ticket_id=row.ticket_id, data=data)


def went_out(session: Session, outbox_id: int) -> WentOut | None:
    """The mail of this row; None when there is none, or no byte of it ever left."""
    return next(iter(_went_out(session, _TABLE.c.id == outbox_id).values()), None)


def went_out_as(session: Session, message_ids: Sequence[str]) -> WentOut | None:
    """The mail that left under the first of these Message-IDs that is one of ours; at most fifty are looked at."""
    named = list(message_ids)[:MOST_IDS]
    found = _went_out(session, _TABLE.c.message_id.in_(named)) if named else {}
    return next((found[message_id] for message_id in named if message_id in found), None)


def _went_out(session: Session, condition: ColumnElement[bool]) -> dict[str, WentOut]:
    columns = (_TABLE.c.message_id, _TABLE.c.id, _TABLE.c.kind, _TABLE.c.ticket_id, _TABLE.c.to_address)
    left = (_TABLE.c.channel == "email", _TABLE.c.attempts > 0)
    rows = session.connection().execute(select(*columns).where(condition, *left))
    return {row.message_id: WentOut(row.id, row.kind, row.ticket_id, row.to_address) for row in rows}


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
