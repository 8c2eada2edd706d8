"""Raw messages: stored before anything is understood, led on in their order, recognised when they come twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlmodel import Session, col

from store.lifecycle import RawState
from store.models import Message, OutboxRow, RawMessageRow, table_of

_TABLE = table_of(RawMessageRow)
_STORE = {
    "sqlite": sqlite.insert(_TABLE).on_conflict_do_nothing(index_elements=["key"]),
    "postgresql": postgresql.insert(_TABLE).on_conflict_do_nothing(index_elements=["key"]),
}


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


def store_raw(
    session: Session,
    *,
    key: str,
    channel: str,
    door: str,
    media_type: str,
    content: bytes,
    sha256: str,
    envelope_sender: str,
    envelope_recipients: Sequence[str],
    peer: str,
    received_at: datetime,
) -> bool:
    """Keep a raw message; False when its key was known already. The caller's commit is what makes it ours (INV-4)."""
    connection = session.connection()
    result: CursorResult[tuple[()]] = connection.execute(
        _STORE[connection.dialect.name],
        {
            "key": key,
            "channel": channel,
            "door": door,
            "media_type": media_type,
            "content": content,
            "sha256": sha256,
            "size": len(content),
            "envelope_sender": envelope_sender,
            "envelope_recipients": list(envelope_recipients),
            "peer": peer,
            "received_at": received_at,
            "state": RawState.NEW,
            "attempts": 0,
        },
    )
    return result.rowcount == 1


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
    return [
        StoredRaw(
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
        )
        for row in rows
    ]


BATCH_BYTES = 32 * 1024 * 1024
"""How many octets of mail are held in memory at once while being understood, one message excepted."""


def finish_raw(session: Session, raw_id: int, state: RawState) -> bool:
    """Compare-and-set: True when this call led the message on, False when another had done so."""
    result = session.connection().execute(
        update(_TABLE).where(_TABLE.c.id == raw_id, _TABLE.c.state == RawState.NEW).values(state=state),
    )
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
