"""The accounts of mailboxes: every UID that a folder shows is stored, a duplicate, parked, left alone, or waiting.

A message that is committed and then lies in the folder after a crash is found again and counted as a duplicate: the sum
is right always, the two apart but for such.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from store.models import MailboxEntry, MailboxFolder, table_of
from store.rows import add_row

_FOLDER = table_of(MailboxFolder)
_ENTRY = table_of(MailboxEntry)
_CHANGED = ("state", "reason", "noted_at", "retry_at")
_sqlite, _postgresql = sqlite.insert(_ENTRY), postgresql.insert(_ENTRY)
_NOTE = {
    "sqlite": _sqlite.on_conflict_do_update(
        index_elements=["folder_id", "uid"], set_={name: _sqlite.excluded[name] for name in _CHANGED}
    ),
    "postgresql": _postgresql.on_conflict_do_update(
        index_elements=["folder_id", "uid"], set_={name: _postgresql.excluded[name] for name in _CHANGED}
    ),
}
_TOGETHER = 500
"""Rows in one statement; SQLite bounds the number of parameters."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What became of one UID: `state` is `stored`, `duplicate`, `parked` or `left`; times are aware UTC."""

    uid: int
    state: str
    reason: str = ""
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FolderAccount:
    """A folder's account as its reader needs it."""

    id: int
    entries: tuple[NewEntry, ...]


@dataclass(frozen=True, slots=True)
class FolderBalance:
    """How a folder's account stands."""

    mailbox: str
    folder: str
    stored: int
    """Messages that came in by this folder, of all times and under every UIDVALIDITY."""
    duplicate: int
    """Messages that were known already when they were read in this folder, counted likewise."""
    moved: int
    present: int
    """Messages in the folder when it was last looked at."""
    here: int
    """Those among them that are stored or duplicates and have not been moved."""
    parked: tuple[tuple[str, int], ...]
    """Reasons and counts of those that cannot be taken for now."""
    left: int
    """Those that were there before the mailbox was adopted and are not to be taken."""
    looked_at: datetime | None

    @property
    def waiting(self) -> int:
        """Messages in the folder that nobody has accounted for yet."""
        return self.present - self.here - self.parked_count - self.left

    @property
    def parked_count(self) -> int:
        """All that are parked, for whatever reason."""
        return sum(count for _, count in self.parked)


def adopted(session: Session, mailbox: str, folder: str, uid_validity: int) -> tuple[bool, datetime | None]:
    """Whether the folder has an account under this validity, and when it was seen first under any; None for never."""
    rows = session.connection().execute(_accounts_of(mailbox, folder)).all()
    is_known = any(row.uid_validity == uid_validity for row in rows)
    return is_known, min((row.adopted_at for row in rows), default=None)


def open_account(
    session: Session, mailbox: str, folder: str, uid_validity: int, now: datetime, leave: Sequence[int] = ()
) -> FolderAccount:
    """The account of a folder under this validity; entries under its other validities mean nothing any more and go.

    Where there was none it is opened, and the UIDs of `leave` are `left` in it.
    """
    connection = session.connection()
    known = connection.execute(_accounts_of(mailbox, folder)).all()
    others = [row.id for row in known if row.uid_validity != uid_validity]
    if others:
        connection.execute(delete(_ENTRY).where(_ENTRY.c.folder_id.in_(others)))
        old = update(_FOLDER).where(_FOLDER.c.id.in_(others))
        connection.execute(old.values(is_current=False, present=0))
    account_id = next((row.id for row in known if row.uid_validity == uid_validity), None)
    if account_id is None:
        adopted_at = min((row.adopted_at for row in known), default=now)
        account_id = add_row(
            session, MailboxFolder, mailbox=mailbox, folder=folder, uid_validity=uid_validity, adopted_at=adopted_at
        )
        note(session, account_id, [NewEntry(uid, "left") for uid in leave], now)
    connection.execute(update(_FOLDER).where(_FOLDER.c.id == account_id).values(is_current=True))
    entries = connection.execute(select(_ENTRY).where(_ENTRY.c.folder_id == account_id).order_by(_ENTRY.c.uid))
    return FolderAccount(account_id, tuple(NewEntry(one.uid, one.state, one.reason, one.retry_at) for one in entries))


def _accounts_of(mailbox: str, folder: str) -> Select[tuple[int, int, datetime]]:
    mine = (_FOLDER.c.mailbox == mailbox) & (_FOLDER.c.folder == folder)
    return select(_FOLDER.c.id, _FOLDER.c.uid_validity, _FOLDER.c.adopted_at).where(mine)


def note(session: Session, account_id: int, entries: Sequence[NewEntry], now: datetime) -> None:
    """Write down what became of these UIDs; the totals of stored and duplicate ones grow by them."""
    connection = session.connection()
    rows = [
        {
            "folder_id": account_id,
            "uid": one.uid,
            "state": one.state,
            "reason": one.reason,
            "noted_at": now,
            "retry_at": one.retry_at,
        }
        for one in entries
    ]
    if rows:
        connection.execute(_NOTE[connection.dialect.name], rows)
    counted = {state: sum(1 for one in entries if one.state == state) for state in ("stored", "duplicate")}
    connection.execute(
        update(_FOLDER)
        .where(_FOLDER.c.id == account_id)
        .values(
            stored=_FOLDER.c.stored + counted["stored"],
            duplicate=_FOLDER.c.duplicate + counted["duplicate"],
        )
    )


def gone(session: Session, account_id: int, uids: Sequence[int], *, moved: bool) -> None:
    """Forget UIDs that have left the folder; those that we moved are counted."""
    connection = session.connection()
    for some in _runs(uids):
        connection.execute(delete(_ENTRY).where(_ENTRY.c.folder_id == account_id, _ENTRY.c.uid.in_(some)))
    connection.execute(
        update(_FOLDER)
        .where(_FOLDER.c.id == account_id)
        .values(present=_FOLDER.c.present - len(uids), moved=_FOLDER.c.moved + (len(uids) if moved else 0))
    )


def looked(session: Session, account_id: int, present: int, now: datetime) -> None:
    """How many messages the folder showed when it was looked at."""
    session.connection().execute(
        update(_FOLDER).where(_FOLDER.c.id == account_id).values(present=present, looked_at=now)
    )


def balance(session: Session) -> list[FolderBalance]:
    """How the account of every folder stands that was ever read, by mailbox and folder."""
    connection = session.connection()
    entries: dict[int, dict[tuple[str, str], int]] = {}
    counted = select(_ENTRY.c.folder_id, _ENTRY.c.state, _ENTRY.c.reason, func.count()).group_by(
        _ENTRY.c.folder_id, _ENTRY.c.state, _ENTRY.c.reason
    )
    for folder_id, state, reason, count in connection.execute(counted):
        entries.setdefault(folder_id, {})[state, reason] = count
    totals = {
        (row.mailbox, row.folder): row
        for row in connection.execute(
            select(
                _FOLDER.c.mailbox,
                _FOLDER.c.folder,
                func.sum(_FOLDER.c.stored).label("stored"),
                func.sum(_FOLDER.c.duplicate).label("duplicate"),
                func.sum(_FOLDER.c.moved).label("moved"),
            ).group_by(_FOLDER.c.mailbox, _FOLDER.c.folder)
        )
    }
    current = select(_FOLDER).where(_FOLDER.c.is_current.is_(True)).order_by(_FOLDER.c.mailbox, _FOLDER.c.folder)
    found = []
    for row in connection.execute(current):
        here, total = entries.get(row.id, {}), totals[row.mailbox, row.folder]
        found.append(
            FolderBalance(
                mailbox=row.mailbox,
                folder=row.folder,
                stored=int(total.stored),
                duplicate=int(total.duplicate),
                moved=int(total.moved),
                present=row.present,
                here=_sum(here, ("stored", "duplicate")),
                parked=tuple(sorted((reason, n) for (state, reason), n in here.items() if state == "parked")),
                left=_sum(here, ("left",)),
                looked_at=row.looked_at,
            )
        )
    return found


def count_parked(session: Session) -> int:
    """Messages that lie in a mailbox and cannot be taken for now."""
    query = select(func.count()).select_from(_ENTRY).where(_ENTRY.c.state == "parked")
    return int(session.connection().execute(query).scalar_one())


def _sum(counts: dict[tuple[str, str], int], states: Collection[str]) -> int:
    return sum(count for (state, _), count in counts.items() if state in states)


def _runs(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    for at in range(0, len(uids), _TOGETHER):
        yield uids[at : at + _TOGETHER]
