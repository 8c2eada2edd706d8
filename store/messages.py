"""Raw messages: stored before anything is understood, led on in their order, recognised when they come twice."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import RowMapping, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from store.lifecycle import RawState
from store.models import Message, OutboxRow, RawMessageRow, table_of

_TABLE = table_of(RawMessageRow)
_STORE = {
    "sqlite": sqlite.insert(_TABLE).on_conflict_do_nothing(index_elements=["key"]).returning(_TABLE.c.key),
    "postgresql": postgresql.insert(_TABLE).on_conflict_do_nothing(index_elements=["key"]).returning(_TABLE.c.key),
}
_FINISH = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("raw_id"), _TABLE.c.state == RawState.NEW)
    .values(state=bindparam("new_state"))
)
ALONE_BYTES = 256 * 1024
"""Octets above which a raw message is stored by a statement of its own."""


@dataclass(frozen=True, slots=True)
class NewRaw:
    """A raw message to be kept. `received_at` is aware UTC; `sha256` is of the content alone."""

    key: str
    channel: str
    door: str
    media_type: str
    content: bytes
    sha256: str
    envelope_sender: str
    envelope_recipients: list[str]
    peer: str
    received_at: datetime
    junk: bool = False


@dataclass(frozen=True, slots=True)
class StoredRaw:
    """A raw message as it came back from the store, ready to be understood."""

    id: int
    channel: str
    door: str
    media_type: str
    content: bytes
    sha256: str
    envelope_sender: str
    envelope_recipients: tuple[str, ...]
    peer: str
    received_at: datetime
    junk: bool = False


def store_raws(session: Session, raws: Sequence[NewRaw]) -> list[bool]:
    """Keep raw messages; False for one whose key was known already. The caller's commit makes them ours (INV-4)."""
    connection = session.connection()
    statement = _STORE[connection.dialect.name]
    kept: Counter[str] = Counter()
    for together in _bounded(raws):
        kept.update(connection.execute(statement, [_new_row(raw) for raw in together]).scalars())
    stored: list[bool] = []
    for raw in raws:
        stored.append(kept[raw.key] > 0)
        kept[raw.key] = 0  # the same twice among them is new once
    return stored


def _new_row(raw: NewRaw) -> dict[str, object]:
    given: dict[str, object] = {field.name: getattr(raw, field.name) for field in fields(raw)}
    return given | {"size": len(raw.content), "state": RawState.NEW, "attempts": 0}


def _bounded(raws: Sequence[NewRaw]) -> Iterator[Sequence[NewRaw]]:
    """Small ones share a statement; the driver copies what it is handed, so a large one goes alone."""
    small = [raw for raw in raws if len(raw.content) <= ALONE_BYTES]
    if small:
        yield small
    yield from ([raw] for raw in raws if len(raw.content) > ALONE_BYTES)


def waiting(session: Session, limit: int, *, letters: bool) -> list[StoredRaw]:
    """The oldest raw letters, or messages of the other channels, that nobody has led on yet.

    Small enough a batch not to fill the memory. Letters go apart: reading a scan may take minutes (INV-8).
    """
    lane = _TABLE.c.channel == "letter" if letters else _TABLE.c.channel != "letter"
    sizes = session.connection().execute(
        select(_TABLE.c.id, _TABLE.c.size)
        .where(_TABLE.c.state == RawState.NEW, lane)
        .order_by(_TABLE.c.id)
        .limit(limit),
    )
    chosen: list[int] = []
    total = 0
    for raw_id, size in sizes:
        if chosen and total + size > BATCH_BYTES:
            break
        chosen.append(raw_id)
        total += size
    rows = session.connection().execute(select(_TABLE).where(_TABLE.c.id.in_(chosen)).order_by(_TABLE.c.id)).mappings()
    return [_stored(row) for row in rows]


def newest_raws(session: Session, door: str, limit: int) -> list[StoredRaw]:
    """The newest raw messages that came by one door and are not erased, the newest first, within `BATCH_BYTES`."""
    sizes = session.connection().execute(
        select(_TABLE.c.id, _TABLE.c.size)
        .where(_TABLE.c.door == door, _TABLE.c.content.is_not(None))
        .order_by(_TABLE.c.id.desc())
        .limit(limit),
    )
    chosen: list[int] = []
    left = BATCH_BYTES
    for raw_id, size in sizes:
        left -= size
        if not chosen or left >= 0:
            chosen.append(raw_id)
    newest = select(_TABLE).where(_TABLE.c.id.in_(chosen)).order_by(_TABLE.c.id.desc())
    return [_stored(row) for row in session.connection().execute(newest).mappings()]


def _stored(row: RowMapping) -> StoredRaw:
    return StoredRaw(
        id=row["id"],
        channel=row["channel"],
        door=row["door"],
        media_type=row["media_type"],
        content=row["content"] or b"",
        sha256=row["sha256"],
        envelope_sender=row["envelope_sender"],
        envelope_recipients=tuple(row["envelope_recipients"]),
        peer=row["peer"],
        received_at=row["received_at"],
        junk=row["junk"],
    )


BATCH_BYTES = 32 * 1024 * 1024
"""How many octets of mail are held in memory at once while being understood, one message excepted."""


def finish_raw(session: Session, raw_id: int, state: RawState) -> bool:
    """Compare-and-set: True when this call led the message on, False when another had done so."""
    result = session.connection().execute(_FINISH, {"raw_id": raw_id, "new_state": state})
    return result.rowcount == 1


def count_waiting(session: Session) -> int:
    """How many raw messages are stored and not yet led on."""
    counted: int = (
        session.connection()
        .execute(select(func.count()).select_from(_TABLE).where(_TABLE.c.state == RawState.NEW))
        .scalar_one()
    )
    return counted


def ticket_of_message_ids(session: Session, message_ids: Sequence[str]) -> int | None:
    """The ticket that one of these Message-IDs belongs to, ours or the customer's, the last named first."""
    if not message_ids:
        return None
    ids = list(message_ids)[-50:]
    found: dict[str, int] = {}
    for model in (Message, OutboxRow):
        rows = session.connection().execute(
            select(col(model.message_id), col(model.ticket_id)).where(
                col(model.message_id).in_(ids), col(model.ticket_id).is_not(None)
            )
        )
        found |= {row.message_id: row.ticket_id for row in rows}
    return next((found[message_id] for message_id in reversed(ids) if message_id in found), None)
