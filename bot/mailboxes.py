"""The mailboxes of the configuration: their doors with all that these need, and their books kept in the store.

Loaded only when the configuration names a mailbox: the client library costs some MiB.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from bot.access_tokens import tokens_of
from bot.config import ConfigError, Settings, read_secret, resolve
from bot.mail_tables import ImapTable
from mail.imap.access import Access
from mail.imap.book import Account, Entry, State
from mail.imap.door import ImapDoor
from mail.imap.session import Plan
from store import mailboxes
from store.database import Database
from store.mailboxes import NewEntry


class StoredBook:
    """`mail.imap.book.Book` of one mailbox, kept in the store."""

    def __init__(self, database: Database, mailbox: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._mailbox = mailbox
        self._clock = clock

    async def adopted(self, folder: str, uid_validity: int) -> tuple[bool, datetime | None]:
        """Whether the account is open, and when the folder was seen first."""
        return await self._database.read(
            lambda session: mailboxes.adopted(session, self._mailbox, folder, uid_validity)
        )

    async def open(self, folder: str, uid_validity: int, leave: Sequence[int]) -> Account:
        """The account of a folder; a new one begins with the UIDs of `leave` as left."""
        opened = await self._database.write(
            lambda session: mailboxes.open_account(session, self._mailbox, folder, uid_validity, self._clock(), leave)
        )
        entries = (Entry(one.uid, cast("State", one.state), one.reason, one.retry_at) for one in opened.entries)
        return Account(opened.id, {entry.uid: entry for entry in entries})

    async def note(self, account: int, entries: Sequence[Entry]) -> None:
        """What became of these UIDs."""
        new = [NewEntry(one.uid, one.state, one.reason, one.retry_at) for one in entries]
        await self._database.write(lambda session: mailboxes.note(session, account, new, self._clock()))

    async def gone(self, account: int, uids: Sequence[int], *, moved: bool) -> None:
        """These have left the folder."""
        await self._database.write(lambda session: mailboxes.gone(session, account, uids, moved=moved))

    async def looked(self, account: int, present: int) -> None:
        """What the folder showed."""
        await self._database.write(lambda session: mailboxes.looked(session, account, present, self._clock()))


def imap_doors(
    settings: Settings, config_path: Path, database: Database, clock: Callable[[], datetime]
) -> list[ImapDoor]:
    """A door for each `[imap.NAME]`. Raises `ConfigError` for a secret that cannot be read."""
    return [
        ImapDoor(
            name=name,
            access=access_of(name, table, config_path),
            plan=plan_of(table),
            book=StoredBook(database, name, clock),
            clock=clock,
            size_limit=table.size_limit,
            adopt_all=table.adopt == "all",
        )
        for name, table in settings.imap.items()
    ]


def plan_of(table: ImapTable) -> Plan:
    """Which folders are read, and what becomes of what lies in them."""
    return Plan(tuple(table.folders), table.junk, table.done, table.poll_seconds)


def access_of(name: str, table: ImapTable, config_path: Path) -> Access:
    """Where the mailbox is and how to log in. Raises `ConfigError`."""
    place = f"[imap.{name}]"
    try:
        return Access(
            host=table.host,
            port=table.port,
            user=table.user,
            tls=table.tls,
            certificate_file=resolve(config_path, table.certificate_file) if table.certificate_file else None,
            password=read_secret(config_path, table.password, table.password_file, f"{place} password_file"),
            tokens=tokens_of(table, config_path, place),
        )
    except ValueError as error:
        raise ConfigError(f"{config_path}: {place}: {error}") from None
