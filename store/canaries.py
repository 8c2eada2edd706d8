"""What the canary's flights leave behind: sent, arrived, missing since when; each alarm once.

Everything here is a compare-and-set, so that two processes send one canary, one arrival counts once, and an alarm
begins and ends once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from store import events
from store.models import Canary, CanaryAlarm, OutboxRow, Setting, table_of

_SETTING, _ALARM, _CANARY = table_of(Setting), table_of(CanaryAlarm), table_of(Canary)
_FIRST = {
    "sqlite": sqlite.insert(_SETTING).on_conflict_do_nothing(index_elements=["key"]),
    "postgresql": postgresql.insert(_SETTING).on_conflict_do_nothing(index_elements=["key"]),
}
_BEGIN = {
    "sqlite": sqlite.insert(_ALARM).on_conflict_do_nothing(index_elements=["open_key"]).returning(_ALARM.c.id),
    "postgresql": postgresql.insert(_ALARM).on_conflict_do_nothing(index_elements=["open_key"]).returning(_ALARM.c.id),
}


@dataclass(frozen=True, slots=True)
class Flight:
    """How the canary of one address does. Times are aware UTC; None where there is none yet."""

    address: str
    sent_at: datetime | None
    """When the newest was sent."""
    missing_since: datetime | None
    """When the oldest was sent that nothing sent later has overtaken."""
    arrived_at: datetime | None
    """When the newest of those that arrived came in."""
    arrived_sent_at: datetime | None
    """When that one was sent."""
    door: str
    junk: bool
    """Whether that one came as spam."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that lasts. `kind` is `missing` or `junk`."""

    id: int
    address: str
    kind: str
    began_at: datetime
    told: bool


@dataclass(frozen=True, slots=True)
class Expected:
    """A canary that has not come back: what it says, to the letter."""

    id: int
    subject: str
    text: str


def claim_slot(session: Session, address: str, slot: datetime) -> bool:
    """True for the first who asks to send this hour's canary: one statement compares and sets."""
    key, value = f"canary:{address}", slot.isoformat()
    connection = session.connection()
    connection.execute(_FIRST[connection.dialect.name], {"key": key, "value": ""})
    earlier = update(_SETTING).where(_SETTING.c.key == key, _SETTING.c.value < value)
    return connection.execute(earlier.values(value=value)).rowcount == 1


def unsent(session: Session, address: str) -> list[OutboxRow]:
    """Earlier canaries to the address that no relay has taken yet: they have missed their hour."""
    query = select(OutboxRow).where(
        col(OutboxRow.kind) == "canary", col(OutboxRow.to_address) == address, col(OutboxRow.state) == "approved"
    )
    return list(session.execute(query).scalars())


def note_sent(session: Session, *, outbox_id: int, token: str, address: str, at: datetime) -> None:
    """From now on the canary with this token is waited for."""
    session.add(Canary(outbox_id=outbox_id, token=token, address=address, sent_at=at))
    session.flush()


def expected(session: Session, token: str) -> Expected | None:
    """The canary with this token, when it has not come back yet."""
    query = (
        select(_CANARY.c.id, col(OutboxRow.subject), col(OutboxRow.text))
        .join(OutboxRow, col(OutboxRow.id) == col(Canary.outbox_id))
        .where(col(Canary.token) == token, col(Canary.arrived_at).is_(None))
    )
    row = session.connection().execute(query).first()
    return Expected(row[0], row[1], row[2]) if row else None


def note_arrival(session: Session, canary_id: int, *, at: datetime, door: str, junk: bool) -> bool:
    """Compare-and-set: True for the arrival that counts."""
    still = update(_CANARY).where(_CANARY.c.id == canary_id, _CANARY.c.arrived_at.is_(None))
    arrived: int = session.connection().execute(still.values(arrived_at=at, door=door, junk=junk)).rowcount
    return arrived == 1


def flights(session: Session, addresses: Sequence[str]) -> tuple[Flight, ...]:
    """How the canary of each address does."""
    return tuple(_flight(session, address) for address in addresses)


def _flight(session: Session, address: str) -> Flight:
    connection = session.connection()
    ours = select(_CANARY).where(_CANARY.c.address == address)
    newest = connection.execute(ours.order_by(_CANARY.c.id.desc()).limit(1)).first()
    back = connection.execute(
        ours.where(_CANARY.c.arrived_at.is_not(None)).order_by(_CANARY.c.id.desc()).limit(1)
    ).first()
    after = 0 if back is None else back.id
    missing = connection.execute(
        select(func.min(_CANARY.c.id)).where(_CANARY.c.address == address, _CANARY.c.id > after)
    ).scalar_one()
    first = connection.execute(select(_CANARY.c.sent_at).where(_CANARY.c.id == missing)).scalar() if missing else None
    return Flight(
        address=address,
        sent_at=newest.sent_at if newest else None,
        missing_since=first,
        arrived_at=back.arrived_at if back else None,
        arrived_sent_at=back.sent_at if back else None,
        door=back.door if back else "",
        junk=bool(back and back.junk),
    )


def addresses(session: Session) -> tuple[str, ...]:
    """Every address that a canary was ever sent to, in order."""
    return tuple(session.connection().execute(select(_CANARY.c.address).distinct().order_by("address")).scalars())


def open_alarms(session: Session) -> tuple[Alarm, ...]:
    """Alarms that last, the oldest first."""
    query = select(CanaryAlarm).where(col(CanaryAlarm.ended_at).is_(None)).order_by(col(CanaryAlarm.id))
    return tuple(
        Alarm(row.id or 0, row.address, row.kind, row.began_at, row.told) for row in session.execute(query).scalars()
    )


def begin_alarm(session: Session, address: str, kind: str, *, at: datetime, quiet: timedelta) -> bool | None:
    """Begin an alarm unless it lasts already (then None). True when staff are to be written to: they were not within
    `quiet` for the same address and kind, so that a canary that comes and goes does not fill their mailbox.
    """
    lately = select(func.count(_ALARM.c.id)).where(
        _ALARM.c.address == address, _ALARM.c.kind == kind, _ALARM.c.told, _ALARM.c.began_at > at - quiet
    )
    connection = session.connection()
    tell = connection.execute(lately).scalar_one() == 0
    values = {"address": address, "kind": kind, "open_key": f"{kind} {address}", "began_at": at, "told": tell}
    begun = connection.execute(_BEGIN[connection.dialect.name], values).first()
    if begun is None:
        return None
    events.append(
        session,
        at=at,
        actor="canary",
        kind="canary_alarm_began",
        ticket_id=None,
        data={"alarm": begun[0], "kind": kind},
    )
    return tell


def end_alarm(session: Session, alarm: Alarm, *, at: datetime) -> bool:
    """Compare-and-set: True for the one who ended it."""
    lasting = update(_ALARM).where(_ALARM.c.id == alarm.id, _ALARM.c.ended_at.is_(None))
    ended: int = session.connection().execute(lasting.values(ended_at=at, open_key=None)).rowcount
    if ended:
        data = {"alarm": alarm.id, "kind": alarm.kind}
        events.append(session, at=at, actor="canary", kind="canary_alarm_ended", ticket_id=None, data=data)
    return ended == 1
