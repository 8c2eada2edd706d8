"""What is known of every UID of a folder: the port by which a mailbox's door keeps its accounts in the store.

UIDs mean something under one UIDVALIDITY only (RFC 3501, 2.3.1.1), so an account is opened for a folder and a validity.
Every UID that the folder shows is in one of these states, or waits:

    stored, duplicate    committed, or known to have been; still in the folder because it is not moved (yet)
    parked               cannot be taken now, for a reason that has a name; tried again after a while
    left                 was there before the mailbox was adopted, and the configuration says to leave such mail
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

State = Literal["stored", "duplicate", "parked", "left"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One UID and what became of it."""

    uid: int
    state: State
    reason: str = ""
    """Why it is parked: `TOO_LARGE`, `NO_CONTENT`, `REFUSED`, `GARBLED`, `CUT`, `NOT_STORED`."""
    retry_at: datetime | None = None
    """When a parked one is tried again; aware UTC."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the store knows of a folder under one UIDVALIDITY."""

    id: int
    entries: Mapping[int, Entry]


class Book(Protocol):
    """Keeps the accounts. Every method returns when what it was told is durable; raises what the store raises."""

    async def adopted(self, folder: str, uid_validity: int) -> tuple[bool, datetime | None]:
        """Whether the folder has an account under this validity, and when (UTC) it was seen first under any."""
        ...

    async def open(self, folder: str, uid_validity: int, leave: Sequence[int]) -> Account:
        """The account of a folder; accounts of its other validities are closed by it.

        Where there was none, it is opened with the UIDs of `leave` as `left`, all in one transaction.
        """
        ...

    async def note(self, account: int, entries: Sequence[Entry]) -> None:
        """What became of these UIDs; a later note of the same UID replaces the earlier one."""
        ...

    async def gone(self, account: int, uids: Sequence[int], *, moved: bool) -> None:
        """These are no longer in the folder: we moved them, or somebody else did."""
        ...

    async def looked(self, account: int, present: int) -> None:
        """How many messages the folder showed: those that no entry speaks of wait."""
        ...
