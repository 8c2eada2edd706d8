"""The one way in which a value of the register changes: the old one gets its end, the new one stands beside it.

What others point at (customers) or what comes by the million (readings) keeps its row, and the former values go into a
table of their own. A change that the customer demanded is marked on both (`corrected_at`), so that no batch undoes it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, literal, select, update
from sqlmodel import Session

from store.models import (
    ContactPoint,
    ContactStatus,
    Customer,
    Disclosure,
    FormerCustomer,
    FormerReading,
    Identifier,
    Reading,
    Record,
    Role,
    Source,
    name_key,
    table_of,
)

_FORMER = {"customer": table_of(FormerCustomer), "reading": table_of(FormerReading)}
TABLES: dict[str, Table] = {
    table_of(model).name: table_of(model)
    for model in (Customer, ContactPoint, Identifier, Role, Record, Reading, Disclosure)
}
"""The tables whose values change so, by name."""


def change(
    session: Session,
    subject: str,
    row_id: int,
    values: Mapping[str, Any],
    *,
    source: Source,
    now: datetime,
    corrected: bool = False,
) -> int:
    """Give a value its successor and return the successor's row id (a customer's and a reading's stays the same).

    `subject` is the table's name, `values` the columns that change; `corrected` says that the customer demanded it.
    Contacts go by `store.register_contacts`, for they may have to wait. Raises `LookupError` when there is no such live
    row.
    """
    table = TABLES[subject]
    connection = session.connection()
    old = connection.execute(select(table).where(table.c.id == row_id)).mappings().first()
    if old is None or old.get("ended_at") is not None:
        raise LookupError(f"no live row {row_id} in {subject}")
    if "name" in values:
        values = {**values, "name_key": name_key(values["name"])}
    fresh = {**dict(values), "source": source, "import_id": None}
    if corrected:
        fresh["corrected_at"] = now
    if "recorded_at" in table.c:
        fresh["recorded_at"] = now
    if subject in _FORMER:
        supersede(connection, table, [fresh | {"id": row_id}], now)
        return row_id
    end_rows(connection, table, [row_id], now, corrected=corrected)
    kept = {name: value for name, value in old.items() if name not in {"id", "ended_at", "corrected_at"}}
    inserted = connection.execute(insert(table).values(kept | fresh).returning(table.c.id))
    key: int = inserted.scalar_one()
    return key


def end(session: Session, subject: str, row_id: int, *, now: datetime, corrected: bool = False) -> None:
    """End a value without a successor; the row stays. A customer does not end so (`ended_on`), nor does a reading."""
    end_rows(session.connection(), TABLES[subject], [row_id], now, corrected=corrected)


def supersede(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Lay the former values of these rows aside and write the new ones; each row has its `id` and the same columns."""
    former = _FORMER[table.name]
    names = [column.name for column in former.c if column.name in table.c and column.name != "id"]
    if table.name == "customer":
        names = [name for name in names if name != "customer_id"]
    owner = [table.c.id.label("customer_id")] if table.name == "customer" else []
    laid = select(*owner, *(table.c[name] for name in names), literal(now, former.c.superseded_at.type)).where(
        table.c.id.in_([row["id"] for row in rows])
    )
    into = [*(["customer_id"] if owner else []), *names, "superseded_at"]
    connection.execute(insert(former).from_select(into, laid))
    columns = [name for name in rows[0] if name != "id"]
    changed = update(table).where(table.c.id == bindparam("row_id"))
    connection.execute(
        changed.values({name: bindparam(f"new_{name}") for name in columns}),
        [{"row_id": row["id"]} | {f"new_{name}": row[name] for name in columns} for row in rows],
    )


def end_rows(
    connection: Connection, table: Table, ids: Sequence[int], now: datetime, *, corrected: bool = False
) -> None:
    """End these rows at `now`; those that had ended stay as they are."""
    values: dict[str, Any] = {"ended_at": now}
    if corrected:
        values["corrected_at"] = now
    if table.name == "contact_point":
        values["status"] = ContactStatus.ENDED
    connection.execute(update(table).where(table.c.id.in_(list(ids)), table.c.ended_at.is_(None)).values(values))
