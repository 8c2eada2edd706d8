"""The audit trail: one hash-chained line for every move, written in the same transaction as the move itself.

A line holds ids and keyed hashes, never personal data, so it may be kept when the data are gone. Each line's digest
covers its own content and the digest of the line before: a changed, removed or inserted line breaks the chain at a
place that `first_broken_link` names (GDPR Art. 5(2): accountability). Cutting off the newest lines leaves a chain that
is whole, so the head's number and digest are printed by `kirjaamo audit verify`, to be noted elsewhere.
"""

import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import event, insert, select, text
from sqlmodel import Session

from store.models import Event, Setting, table_of

GENESIS = "0" * 64
_CHAIN_LOCK = 0x6B69726A  # any number of our own: PostgreSQL's advisory lock for the end of the chain
_TABLE = table_of(Event)
_INSERT = insert(_TABLE)
_HEAD, _UNWRITTEN = "chain_head", "chain_lines"
"""What a session remembers of the chain until it commits."""


@dataclass(frozen=True, slots=True)
class ChainState:
    """The end of a whole chain, or the first link that does not hold."""

    lines: int
    head: str
    broken_seq: int | None = None
    reason: str = ""


def append(
    session: Session,
    *,
    at: datetime,
    actor: str,
    kind: str,
    ticket_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Add one line to the trail, in the caller's transaction; all its lines are written together, before its commit."""
    seq, previous = _head(session)
    line = {
        "seq": seq + 1,
        "at": at,
        "actor": actor,
        "kind": kind,
        "ticket_id": ticket_id,
        "data": data or {},
        "previous": previous,
    }
    digest = _digest(line)
    session.info.setdefault(_UNWRITTEN, []).append(line | {"digest": digest})
    session.info[_HEAD] = (seq + 1, digest)


@event.listens_for(Session, "before_commit")
def _write_lines(session: Session) -> None:
    if lines := session.info.pop(_UNWRITTEN, None):
        session.connection().execute(_INSERT, lines)


@event.listens_for(Session, "after_commit")
def _forget_head(session: Session) -> None:
    """Others may write before this session does again."""
    session.info.pop(_HEAD, None)


@event.listens_for(Session, "after_soft_rollback")
def _forget_lines(session: Session, _transaction: object) -> None:
    session.info.pop(_UNWRITTEN, None)
    session.info.pop(_HEAD, None)


def first_broken_link(session: Session) -> ChainState:
    """Walk the whole chain; name the first line that was changed, removed, or put in."""
    seq, previous = 0, GENESIS
    rows = session.connection().execute(select(_TABLE).order_by(_TABLE.c.seq))
    for row in rows.mappings():
        seq += 1
        if row["seq"] != seq:
            return ChainState(seq - 1, previous, seq, f"line {seq} is missing: line {row['seq']} comes next")
        if row["previous"] != previous:
            return ChainState(seq - 1, previous, seq, f"line {seq} does not follow line {seq - 1}")
        if row["digest"] != _digest(dict(row)):
            return ChainState(seq - 1, previous, seq, f"line {seq} has been changed")
        previous = row["digest"]
    return ChainState(seq, previous)


def keyed_hash(session: Session, value: str) -> str:
    """A hash by which a value can be recognised later, but not found by trying: keyed with a secret of our own."""
    setting = session.get(Setting, "event_key")
    if setting is None:
        setting = Setting(key="event_key", value=secrets.token_hex(32))
        session.add(setting)
        session.flush()
    return hmac.new(bytes.fromhex(setting.value), value.encode(), sha256).hexdigest()[:32]


def _head(session: Session) -> tuple[int, str]:
    """Number and digest of the newest line; holds the end of the chain until the transaction ends."""
    known: tuple[int, str] | None = session.info.get(_HEAD)
    if known is not None:
        return known
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    newest = connection.execute(_NEWEST).first()
    return (0, GENESIS) if newest is None else (newest.seq, newest.digest)


_NEWEST = text("SELECT seq, digest FROM event ORDER BY seq DESC LIMIT 1")


def _digest(line: dict[str, Any]) -> str:
    at: datetime = line["at"]
    content = {
        "seq": line["seq"],
        "at": at.astimezone(UTC).isoformat(),
        "actor": line["actor"],
        "kind": line["kind"],
        "ticket_id": line["ticket_id"],
        "data": line["data"],
        "previous": line["previous"],
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()
