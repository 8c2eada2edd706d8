"""Messages out of one folder, in this order and no other: fetched, committed, written down, moved (INV-4).

Small ones go together, so that they share a round trip and a commit; a large one goes alone. When something goes wrong
between two steps, the next look finds the messages where they are and begins again: what was committed is then known by
its content.

A message that cannot be had (the server gives none, or breaks off in it again and again) is soon fetched alone, so that
it holds up no other, and parked after so many tries as `PATIENCE` says: it stays in its folder,
is counted, and tried again after `RETRY`.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from mail.channel import TakeIn
from mail.envelope import return_path
from mail.imap.book import Book, Entry, State
from mail.imap.connection import Connection, Facts, Selected, batched
from mail.imap.ends import ConnectionLost, Denied
from mail.message import Envelope, RawMessage

log = logging.getLogger(__name__)

T = TypeVar("T")

LOOKED_UP: Final = 200
"""Messages whose size is asked for at once."""
TOGETHER: Final = 32
"""Small messages fetched at once."""
TOGETHER_OCTETS: Final = 1_048_576
PATIENCE: Final = {"NO_CONTENT": 3, "REFUSED": 3, "GARBLED": 3, "NOT_STORED": 3, "CUT": 10, "SILENT": 10}
"""Tries before a message is parked, by what goes wrong. A connection may be cut for reasons of its own."""
RETRY: Final = timedelta(hours=1)
MOVE_AGAIN: Final = timedelta(minutes=10)
OLDEST: Final = timedelta(days=366)
"""An INTERNALDATE further back is a wrong clock, or mail of old that was brought here; so is one of the future."""
ADOPTION_MARGIN: Final = timedelta(days=1)
"""By how much the server's clock may differ from ours where mail from before the adoption is told apart."""


class NotStored(Exception):
    """The store took nothing of what it was given: it is away, and everything waits."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder that is read."""

    name: str
    junk: bool = False
    done: str = ""
    """Where its messages go when they are taken; empty leaves them where they are."""


class Desk:
    """What the mailbox's thread needs of the rest of the house, and what it remembers from connection to connection."""

    def __init__(
        self,
        *,
        door: str,
        take_in: TakeIn,
        book: Book,
        wait: Callable[[Coroutine[Any, Any, Any]], Any],
        clock: Callable[[], datetime],
        size_limit: int,
        adopt_all: bool,
    ) -> None:
        """`wait` runs a coroutine on the event loop and blocks this thread until it has ended."""
        self.door = door
        self.take_in = take_in
        self.book = book
        self.clock = clock
        self.size_limit = size_limit
        self.adopt_all = adopt_all
        self.tries: Counter[tuple[str, int, int]] = Counter()
        """How often a message went wrong, by folder, UIDVALIDITY and UID."""
        self.cuts: Counter[tuple[str, int, int]] = Counter()
        """How often the connection was cut while a message was fetched together with others."""
        self.taken = 0
        """Messages committed since the start: whether a connection was of any use."""
        self._wait = wait

    def told(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for something that the store does. Raises `NotStored` for whatever keeps it from it."""
        try:
            done: T = self._wait(work)
        except Exception as error:  # noqa: BLE001 - the store's errors are not known here; none may end the thread
            log.warning("mailbox cannot reach the store door=%s error=%s", self.door, type(error).__name__)
            raise NotStored from None
        return done


class Reader:
    """One folder as one connection sees it."""

    def __init__(self, desk: Desk, folder: Folder) -> None:
        self.folder = folder
        self.selected = Selected(-1, 0, 0)
        """What the server said at the last look."""
        self.problems: set[str] = set()
        """`PARKED`, `NOT_MOVED`: what a person should know of."""
        self._desk = desk
        self._account = 0
        self._present: set[int] = set()
        self._entries: dict[int, Entry] = {}
        self._copied: set[int] = set()
        self._move_at = datetime.min.replace(tzinfo=UTC)

    def look(self, connection: Connection) -> None:
        """Take all that is due. Raises `ConnectionLost`, `NotStored`, and `Denied` where there is no such folder."""
        selected = self.select(connection)
        uids = connection.uids(selected.count)
        self._present = set(uids)
        if selected.uid_validity != self.selected.uid_validity:
            self._open(connection, selected.uid_validity, uids)
        self.selected = selected
        self._forget([uid for uid in self._entries if uid not in self._present], moved=False)
        now = self._desk.clock()
        due = [uid for uid in uids if _is_due(self._entries.get(uid), now)]
        try:
            self._count()
            self._move(connection, [uid for uid in uids if self._is_taken(uid)])
            for some in batched(due, LOOKED_UP):
                self._take(connection, some)
        finally:
            self._notice("PARKED", any(entry.state == "parked" for entry in self._entries.values()))

    def select(self, connection: Connection) -> Selected:
        """Select the folder; one that may not be changed is read all the same, and its messages stay."""
        try:
            return connection.select(self.folder.name, to_move=bool(self.folder.done))
        except Denied as denied:
            if denied.code != "READ-ONLY":
                raise
        self._notice("NOT_MOVED", is_there=True)
        self._move_at = self._desk.clock() + MOVE_AGAIN
        return connection.select(self.folder.name, to_move=False)

    # The account

    def _open(self, connection: Connection, validity: int, uids: Sequence[int]) -> None:
        book, name = self._desk.book, self.folder.name
        leave: Sequence[int] = ()
        if not self._desk.adopt_all:
            is_known, since = self._desk.told(book.adopted(name, validity))
            if since is None:
                leave = uids
            elif not is_known:
                leave = self._older(connection, uids, since - ADOPTION_MARGIN)
        if self.selected.uid_validity >= 0:
            log.warning("mailbox folder is numbered anew door=%s", self._desk.door)
        account = self._desk.told(book.open(name, validity, leave))
        self._account, self._entries = account.id, dict(account.entries)
        self._copied.clear()

    def _older(self, connection: Connection, uids: Sequence[int], since: datetime) -> list[int]:
        """The folder was numbered anew: what lay there before it was adopted is told by its date."""
        found: list[int] = []
        for some in batched(uids, LOOKED_UP):
            facts = connection.facts(some)
            found += [uid for uid, one in facts.items() if one.internal_date and one.internal_date < since]
        return found

    def _count(self) -> None:
        self._desk.told(self._desk.book.looked(self._account, len(self._present)))

    def _note(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._desk.told(self._desk.book.note(self._account, entries))
            self._entries.update((entry.uid, entry) for entry in entries)

    def _forget(self, uids: Sequence[int], *, moved: bool) -> None:
        if uids:
            self._desk.told(self._desk.book.gone(self._account, uids, moved=moved))
        for uid in uids:
            self._entries.pop(uid, None)
            self._desk.tries.pop(self._mark(uid), None)
            self._desk.cuts.pop(self._mark(uid), None)
        self._present.difference_update(uids)

    def _is_taken(self, uid: int) -> bool:
        entry = self._entries.get(uid)
        return entry is not None and entry.state in ("stored", "duplicate")

    def _mark(self, uid: int) -> tuple[str, int, int]:
        return self.folder.name, self.selected.uid_validity, uid

    def _notice(self, problem: str, is_there: bool) -> None:
        if is_there and problem not in self.problems:
            log.error("mailbox needs a person door=%s problem=%s", self._desk.door, problem)
        (self.problems.add if is_there else self.problems.discard)(problem)

    # Taking

    def _take(self, connection: Connection, uids: Sequence[int]) -> None:
        facts = connection.facts(uids)
        for uid in uids:
            if uid not in facts:  # expunged by another client since, or the server tells nothing of it
                self._went_wrong(uid, "NO_CONTENT")
        too_large = [uid for uid, one in facts.items() if one.size > self._desk.size_limit]
        self._note([self._parked(uid, "TOO_LARGE") for uid in too_large])
        for uid in too_large:
            facts.pop(uid)
        for together in self._portions(facts):
            self._take_together(connection, together, facts)

    def _portions(self, facts: dict[int, Facts]) -> Iterator[list[int]]:
        """The UIDs as they are fetched: small ones together, large ones and those that went wrong before alone."""
        portion: list[int] = []
        octets = 0
        alone: list[int] = []
        for uid, one in facts.items():
            if self._desk.tries[self._mark(uid)]:
                alone.append(uid)
                continue
            if portion and (octets + one.size > TOGETHER_OCTETS or len(portion) == TOGETHER):
                yield portion
                portion, octets = [], 0
            portion.append(uid)
            octets += one.size
        if portion:
            yield portion
        yield from ([uid] for uid in alone)

    def _take_together(self, connection: Connection, uids: list[int], facts: dict[int, Facts]) -> None:
        try:
            contents = connection.contents(uids)
        except Denied:
            if len(uids) == 1:
                self._went_wrong(uids[0], "REFUSED")
                return
            for uid in uids:  # one of them is at fault
                self._take_together(connection, [uid], facts)
            return
        except ConnectionLost as lost:
            self._suspect(uids, lost.reason)
            raise
        raws: dict[int, RawMessage] = {}
        for uid in uids:
            content = contents.pop(uid, None)
            if content is None or (not content and facts[uid].size):
                self._went_wrong(uid, "NO_CONTENT")
            else:
                raws[uid] = self._raw(content, facts[uid])
        if raws:
            self._commit(raws)
            self._move(connection, list(raws.keys() & self._entries.keys()))

    def _suspect(self, uids: Sequence[int], reason: str) -> None:
        """The connection ended while these were fetched. What is garbled, or is cut a second time, is fetched alone."""
        if reason not in PATIENCE:
            return
        if len(uids) == 1:
            self._went_wrong(uids[0], reason)
            return
        for mark in map(self._mark, uids):
            self._desk.cuts[mark] += 1
            if self._desk.cuts[mark] > 1 or reason == "GARBLED":
                self._desk.tries[mark] = max(1, self._desk.tries[mark])

    def _went_wrong(self, uid: int, reason: str) -> None:
        mark = self._mark(uid)
        self._desk.tries[mark] += 1
        if self._desk.tries[mark] >= PATIENCE[reason]:
            self._note([self._parked(uid, reason)])

    def _parked(self, uid: int, reason: str) -> Entry:
        return Entry(uid, "parked", reason, self._desk.clock() + RETRY)

    def _raw(self, content: bytes, facts: Facts) -> RawMessage:
        return RawMessage(
            channel="email",
            door=self._desk.door,
            content=content,
            media_type="message/rfc822",
            envelope=Envelope(sender=return_path(content) or ""),
            received_at=received_at(facts.internal_date, self._desk.clock()),
            junk=self.folder.junk,
        )

    def _commit(self, raws: dict[int, RawMessage]) -> None:
        """Hand the messages on and write down what became of each. Raises `NotStored` when none could be stored."""
        outcomes = dict(zip(raws, self._desk.told(self._take_in_all(list(raws.values()))), strict=True))
        taken = {uid: new for uid, new in outcomes.items() if isinstance(new, bool)}
        states: dict[int, State] = {uid: "stored" if new else "duplicate" for uid, new in taken.items()}
        self._desk.taken += len(taken)
        self._note([Entry(uid, state) for uid, state in states.items()])
        for uid, error in outcomes.items():
            if isinstance(error, BaseException):
                log.error("mail not stored door=%s error=%s", self._desk.door, type(error).__name__)
                self._went_wrong(uid, "NOT_STORED")
        if not taken:
            raise NotStored

    async def _take_in_all(self, raws: Sequence[RawMessage]) -> list[bool | BaseException]:
        return await asyncio.gather(*(self._desk.take_in(raw) for raw in raws), return_exceptions=True)

    def _move(self, connection: Connection, uids: Sequence[int]) -> None:
        """What is committed and written down goes to the folder of the done; where it cannot, it stays and is known."""
        if not uids or not self.folder.done or self._desk.clock() < self._move_at:
            return
        for some in batched(uids, LOOKED_UP):
            try:
                if connection.move(some, self.folder.done, self._copied):
                    self._forget(some, moved=True)
            except Denied:
                self._move_at = self._desk.clock() + MOVE_AGAIN
                self._notice("NOT_MOVED", is_there=True)
                return
        self._notice("NOT_MOVED", is_there=False)


def received_at(internal_date: datetime | None, now: datetime) -> datetime:
    """The earlier of our clock and the server's (INV-4), unless the server's date is one that cannot be meant."""
    now = now.astimezone(UTC)
    if internal_date is None or not now - OLDEST < internal_date < now:
        return now
    return internal_date


def _is_due(entry: Entry | None, now: datetime) -> bool:
    return entry is None or (entry.retry_at is not None and entry.retry_at <= now)
