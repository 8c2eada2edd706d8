"""Staff as the stages see them: who may do what, the refusal that says why not, and the port of a staff room.

A `StaffRoom` is any chat in which staff are told of drafts and may press *Open*, *Approve*, *Return*. What it shows is
a `CardFacts`: an allow-list of values none of which is personal data (INV-6); a room cannot leak what it never gets.
"""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from store.models import StaffMember, StaffRole

MAY_WORK = frozenset({StaffRole.CLERK, StaffRole.APPROVER, StaffRole.PRIVACY_OFFICER, StaffRole.ADMIN})
"""Who may amend, return, take and close."""
MAY_APPROVE = frozenset({StaffRole.CLERK, StaffRole.APPROVER, StaffRole.PRIVACY_OFFICER, StaffRole.ADMIN})
"""Who may let a draft out. A clerk may: there may be one clerk (four eyes come by policy, where it matters)."""


class Refused(Exception):
    """An act of staff that was not done. `key` names the sentence in `bot/words/refusal.toml`; `facts` fill it in."""

    def __init__(self, key: str, **facts: object) -> None:
        super().__init__(key)
        self.key = key
        self.facts = facts


def is_active(member: StaffMember | None) -> bool:
    """Whether the account may act: it exists, is not disabled, and a confidentiality commitment is recorded."""
    return member is not None and member.disabled_at is None and member.committed_on is not None


def entitled(member: StaffMember | None, roles: frozenset[StaffRole]) -> StaffMember:
    """The member, if active and in one of `roles`. Raises `Refused`: every act of staff begins here."""
    if member is None or not is_active(member):
        raise Refused("not_staff")
    if member.role not in roles:
        raise Refused("not_entitled")
    return member


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All that a card may show (INV-6). There is no field for anything a customer wrote or the register holds."""

    number: str
    kinds: tuple[str, ...]
    language: str
    channel: str
    due_on: date | None
    days_left: int | None
    state: str
    """State of the draft, or of the ticket where there is no draft."""
    level: str
    flags: tuple[str, ...]
    """Only those of `NEUTRAL_FLAGS`."""
    urgent: bool = False
    """A suspected fault: shown at once, whatever the hour."""


NEUTRAL_FLAGS = frozenset(
    {"POSSIBLE_FAULT", "CONTACT_CHANGE", "THIRD_PARTY", "SEVERAL_REQUESTS", "OTHER_LANGUAGE", "UNREADABLE_SCAN"},
)
"""Flags that say nothing about a person; never a sign of turvakielto."""


class StaffRoom(Protocol):
    """A chat of the staff. Contract: `refresh` may be called at any time and brings the room up to date."""

    async def open(self) -> None:
        """Begin to listen."""
        ...

    async def close(self) -> None:
        """Stop listening. Idempotent."""
        ...

    async def refresh(self) -> None:
        """Show a card for every draft that waits and mend every card whose matter has moved."""
        ...
