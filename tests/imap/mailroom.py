"""A mailbox's door over a real store: what the tests of reading mailboxes share."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

from bot.mailboxes import StoredBook
from mail.imap.access import Access, Tls
from mail.imap.door import ImapDoor, Pauses
from mail.imap.session import Plan
from mail.message import RawMessage
from mail.tokens import TokenSource
from store import mailboxes
from store.database import Database
from store.mailboxes import FolderBalance
from store.models import RawMessageRow, table_of
from tests.bot.house import House
from tests.conftest import Clock

PASSWORD = "secret-1"
QUICK = Pauses(first=0.02, longest=0.2, refused_first=0.3, refused_longest=0.6)
SECONDS = 30.0
_RAW = table_of(RawMessageRow)


@dataclass(frozen=True)
class Kept:
    """What the store has of one message."""

    sha256: str
    door: str
    sender: str
    junk: bool
    received_at: Any


class Mailroom:
    """Intake and store, and the doors that a test opens on them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock
        self.intake = House(database, clock).intake
        self.attempts: list[RawMessage] = []
        """What was handed in, also twice."""
        self.trouble: Callable[[RawMessage], Exception | None] = lambda _raw: None
        """Makes the store fail."""
        self.doors: list[ImapDoor] = []

    async def take_in(self, raw: RawMessage) -> bool:
        """The real way in, with the test's trouble before it."""
        self.attempts.append(raw)
        if (error := self.trouble(raw)) is not None:
            raise error
        return await self.intake.take_in(raw)

    async def open(
        self,
        port: int,
        *,
        name: str = "office",
        user: str = "",
        host: str = "127.0.0.1",
        tls: Tls = "none",
        password: str = PASSWORD,
        tokens: TokenSource | None = None,
        authority: Path | None = None,
        plan: Plan | None = None,
        size_limit: int = 60 * 1024 * 1024,
        adopt_all: bool = True,
        pauses: Pauses = QUICK,
        seed: int = 1,
    ) -> ImapDoor:
        """Open a door on a mailbox."""
        door = ImapDoor(
            name=name,
            access=Access(host, port, user or name, tls, authority, "" if tokens else password, tokens),
            plan=plan or Plan(poll_seconds=0.1),
            book=StoredBook(self.database, name, self.clock),
            clock=self.clock,
            size_limit=size_limit,
            adopt_all=adopt_all,
            pauses=pauses,
            chance=Random(seed),
        )
        self.doors.append(door)
        await door.open(self.take_in)
        return door

    async def close(self) -> None:
        """Close every door."""
        for door in self.doors:
            await door.close()

    def kept(self) -> list[Kept]:
        """All that the store has, in its order."""
        query = select(_RAW).order_by(_RAW.c.id)
        rows = self.database.read_now(lambda session: session.connection().execute(query).mappings().all())
        return [
            Kept(one["sha256"], one["door"], one["envelope_sender"], one["junk"], one["received_at"]) for one in rows
        ]

    def balance(self, folder: str = "INBOX", mailbox: str = "office") -> FolderBalance:
        """The account of a folder."""
        found = self.database.read_now(mailboxes.balance)
        return next(one for one in found if (one.mailbox, one.folder) == (mailbox, folder))

    async def until(self, what: str, look: Callable[[], object], seconds: float = SECONDS) -> None:
        """Wait until `look` finds something."""
        ends = time.monotonic() + seconds
        while not await asyncio.to_thread(look):
            assert time.monotonic() < ends, (
                f"not within {seconds:.0f} s: {what}; {[one.problems for one in self.doors]}"
            )
            await asyncio.sleep(0.02)

    async def until_kept(self, mails: Sequence[bytes]) -> None:
        """Wait until the store has exactly these mails, each once."""
        wanted = sorted(map(digest, mails))
        await self.until(f"{len(wanted)} mails stored", lambda: len(self.kept()) >= len(wanted))
        assert sorted(one.sha256 for one in self.kept()) == wanted

    async def until_balanced(self, folder: str = "INBOX", mailbox: str = "office", **figures: int) -> FolderBalance:
        """Wait until the account of a folder shows these figures, and balances."""

        def shows() -> bool:
            try:
                balance = self.balance(folder, mailbox)
            except StopIteration:
                return False
            return all(getattr(balance, name) == figure for name, figure in figures.items())

        await self.until(f"{folder} {figures}", shows)
        return self.balance(folder, mailbox)


def digest(content: bytes) -> str:
    """What a mail is compared by."""
    return sha256(content).hexdigest()


def mail(number: int = 1, *, sender: str = "aino.esimerkkila@posti.test", size: int = 0) -> bytes:
    """A mail as it lies in a mailbox; each number another one."""
    text = f"Hei, pyydän kopion tiedoistani. Viesti {number}.\r\n".encode()
    filling = (b"x" * 74 + b"\r\n") * (max(0, size - len(text)) // 76)
    head = f"Return-Path: <{sender}>\r\nFrom: {sender}\r\nTo: asiakaspalvelu@lampo.test\r\n"
    more = f"Message-ID: <{number}@posti.test>\r\nSubject: Asia {number}\r\n"
    more += "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    return (head + more).encode() + text + filling
