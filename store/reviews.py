"""Changes that a batch proposed and may not make: listed for staff, accepted or rejected by them, each once.

A batch never overwrites what was put right at a customer's demand, never brings back what was ended as wrong, and never
lifts a turvakielto. What it would have done stands here until a person has decided; the same proposal is not raised
again, whatever was decided (`digest`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, Date, Table, insert, select, update
from sqlmodel import Session

from store import events
from store.models import ContactKind, Customer, Decision, Review, Source, table_of
from store.models.base import UtcDateTime
from store.register_changes import TABLES, change, end
from store.register_contacts import change_contact

CORRECTED, RETURNS, PROTECTION_ENDS = "CORRECTED", "RETURNS", "PROTECTION_ENDS"
_REVIEW, _CUSTOMER = table_of(Review), table_of(Customer)
_BROUGHT = frozenset({"source", "recorded_at", "import_id", "on_file_since", "usable_from", "external_id"})


@dataclass(frozen=True, slots=True)
class OpenReview:
    """A proposal that waits for a decision."""

    id: int
    customer_key: str
    subject: str
    reason: str
    current: Mapping[str, Any]
    """The columns that the proposal would change, as they stand now."""
    proposed: Mapping[str, Any]
    source: Source
    raised_at: datetime


class AlreadyDecided(LookupError):
    """There is no such review, or somebody was first."""


def digest(subject: str, row_id: int, proposed: Mapping[str, Any]) -> str:
    """What makes two proposals the same one."""
    said = {name: value for name, value in proposed.items() if name not in _BROUGHT}
    text = json.dumps([subject, row_id, said], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def list_open(session: Session, *, most: int = 200) -> tuple[OpenReview, ...]:
    """The oldest proposals that wait, with what stands in the register now."""
    query = (
        select(_REVIEW, _CUSTOMER.c.key.label("customer_key"))
        .join(_CUSTOMER, _CUSTOMER.c.id == _REVIEW.c.customer_id)
        .where(_REVIEW.c.decided_at.is_(None))
        .order_by(_REVIEW.c.id)
        .limit(most)
    )
    return tuple(
        OpenReview(
            id=row.id,
            customer_key=row.customer_key,
            subject=row.subject,
            reason=row.reason,
            current=_current(session, row),
            proposed={name: value for name, value in row.proposed.items() if name not in _BROUGHT},
            source=row.source,
            raised_at=row.raised_at,
        )
        for row in session.connection().execute(query)
    )


def accept(session: Session, review_id: int, staff_id: int, now: datetime) -> None:
    """Make the change that was proposed. Raises `AlreadyDecided`."""
    row = _decide(session, review_id, Decision.ACCEPTED, staff_id, now)
    values = _typed(TABLES[row.subject], row.proposed)
    if not values:
        end(session, row.subject, row.row_id, now=now)
    elif row.subject == "contact_point":
        change_contact(
            session,
            row.customer_id,
            kind=ContactKind(values["kind"]),
            value=values["value"],
            source=row.source,
            now=now,
            replaces=row.row_id if row.reason == CORRECTED else None,
        )
    elif row.reason == RETURNS:
        table = TABLES[row.subject]
        whole = values | {"customer_id": row.customer_id, "import_id": row.import_id}
        if "recorded_at" in table.c:
            whole["recorded_at"] = now
        session.connection().execute(insert(table).values(whole))
    else:
        brought = {name: value for name, value in values.items() if name not in _BROUGHT}
        change(session, row.subject, row.row_id, brought, source=row.source, now=now)


def reject(session: Session, review_id: int, staff_id: int, now: datetime) -> None:
    """Leave the register as it is. Raises `AlreadyDecided`."""
    _decide(session, review_id, Decision.REJECTED, staff_id, now)


def _decide(session: Session, review_id: int, decision: Decision, staff_id: int, now: datetime) -> Any:
    connection = session.connection()
    decided = connection.execute(
        update(_REVIEW)
        .where(_REVIEW.c.id == review_id, _REVIEW.c.decided_at.is_(None))
        .values(decision=decision, decided_at=now, decided_by=staff_id)
    )
    if decided.rowcount != 1:
        raise AlreadyDecided(f"review {review_id} is not open")
    data = {"review": review_id, "decision": decision.value}
    events.append(session, at=now, actor=f"staff:{staff_id}", kind="review_decided", data=data)
    return connection.execute(select(_REVIEW).where(_REVIEW.c.id == review_id)).one()


def _current(session: Session, review: Any) -> dict[str, Any]:
    table = TABLES[review.subject]
    row = session.connection().execute(select(table).where(table.c.id == review.row_id)).mappings().one()
    names = [name for name in (review.proposed or row) if name in row and name not in _BROUGHT]
    return {name: row[name] for name in names}


def _typed(table: Table, proposed: Mapping[str, Any]) -> dict[str, Any]:
    """What was kept as text, as the columns take it."""
    return {name: typed(table, name, value) for name, value in proposed.items() if name in table.c}


def typed(table: Table, name: str, value: Any) -> Any:
    """A staged value as its column takes it."""
    kind = table.c[name].type
    if value is None or not isinstance(value, str | int):
        return value
    if isinstance(kind, Boolean):
        return bool(value)
    if isinstance(kind, Date):
        return date.fromisoformat(str(value))
    if isinstance(kind, UtcDateTime):
        return datetime.fromisoformat(f"{value}+00:00")
    if name == "fields":
        return json.loads(str(value))
    return value
