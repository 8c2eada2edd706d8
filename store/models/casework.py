"""What came in and what is being done about it: raw messages, messages, tickets, requests and their clocks."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, false
from sqlmodel import Field, SQLModel

from store.lifecycle import RawState, Resolution, TicketState
from store.models.base import UtcDateTime, Word, one_of
from store.models.kinds import Level, RequestKind


class RawMessageRow(SQLModel, table=True):
    """The bytes as they came, committed before the sender was told so (INV-4). Erasable alone; the hash stays."""

    __tablename__ = "raw_message"
    __table_args__ = (one_of("state", RawState), Index("ix_raw_message_waiting", "state", "id"))

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    """`mail.message.RawMessage.key`: the same delivery tried again is the same row."""
    channel: str
    door: str
    media_type: str
    content: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    """None once erased: then `erased_*` say when, by whom and why."""
    sha256: str
    size: int
    envelope_sender: str
    envelope_recipients: list[str] = Field(sa_column=Column(JSON, nullable=False))
    peer: str
    junk: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """True when the mailbox's own filter had put it into its junk folder."""
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    state: RawState = Field(default=RawState.NEW, sa_column=Column(Word(RawState), nullable=False))
    attempts: int = 0
    """How often understanding it was begun; a message that kills its worker is not tried for ever."""
    erased_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    erased_by: int | None = None
    erased_reason: str | None = None


class Ticket(SQLModel, table=True):
    """One matter and all that belongs to it. `reference` is what customers quote; it cannot be guessed or counted."""

    __table_args__ = (
        one_of("state", TicketState),
        one_of("resolution", Resolution),
        Index("ix_ticket_queue", "state", "due_on"),
    )

    id: int | None = Field(default=None, primary_key=True)
    reference: str = Field(unique=True)
    state: TicketState = Field(default=TicketState.NEW, sa_column=Column(Word(TicketState), nullable=False))
    resolution: Resolution | None = Field(default=None, sa_column=Column(Word(Resolution)))
    customer_id: int | None = Field(default=None, foreign_key="customer.id", index=True)
    level: Level = Field(default=Level.NONE, sa_column=Column(Word(Level), nullable=False))
    channel: str
    language: str
    sender: str = ""
    """The strict From address, or the chat's id: where a reply without register data may go back to."""
    subject: str = ""
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    due_on: date | None = None
    """Earliest statutory due date of its open requests, local; None without one."""
    target_on: date | None = None
    """Earliest service target of its ordinary requests, local."""
    quarantined: bool = False
    flags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Named signs for staff (`POSSIBLE_FAULT`, `CONTACT_CHANGE`, `THIRD_PARTY` ...)."""
    identification: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """The verdict with its candidates and reasons, as `explain` prints it."""
    assigned_to: int | None = Field(default=None, foreign_key="staff_member.id")
    linked_to: int | None = Field(default=None, foreign_key="ticket.id")
    """Another ticket that this one's first message referred to without being entitled to join it."""
    version: int = 1
    """Counts changes; a compare-and-set names the version it saw."""


class Message(SQLModel, table=True):
    """One mail, letter or chat line of a ticket's thread, in or out."""

    __table_args__ = (Index("ix_message_message_id", "message_id"),)

    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int | None = Field(default=None, foreign_key="ticket.id", index=True)
    """None for a message that opens no ticket: automatic mail and the canary, which the desk lists."""
    raw_id: int | None = Field(default=None, foreign_key="raw_message.id", unique=True)
    direction: str
    """`in` or `out`."""
    channel: str
    from_text: str = ""
    from_address: str = ""
    subject: str = ""
    text: str = ""
    new_text: str = ""
    language: str = "other"
    message_id: str = ""
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    sha256: str
    joined_by: str = "opened"
    """How it came to its ticket: `opened`, `reference`, `reply_address`, `copy`, `bounce`, `automatic`, `staff` or
    `sent`; `none` for one that came to no ticket."""
    automatic: str = "none"
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """To, Cc, Reply-To, attachments, authentication, automatic reasons, problems: all that staff may want to see."""


class Request(SQLModel, table=True):
    """One thing the customer wants, with its own clock, draft and end."""

    __table_args__ = (one_of("kind", RequestKind), one_of("resolution", Resolution))

    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(foreign_key="ticket.id", index=True)
    kind: RequestKind = Field(sa_column=Column(Word(RequestKind), nullable=False))
    confidence: float
    reasons: list[str] = Field(sa_column=Column(JSON, nullable=False))
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    due_on: date | None = None
    target_on: date | None = None
    resolution: Resolution | None = Field(default=None, sa_column=Column(Word(Resolution)))


class ClockSegment(SQLModel, table=True):
    """One stretch of a request's clock: who started, paused or extended it, when and why (GDPR Art. 12(3), 12(6))."""

    __tablename__ = "clock_segment"

    id: int | None = Field(default=None, primary_key=True)
    request_id: int = Field(foreign_key="request.id", index=True)
    kind: str
    """`running`, `paused` or `extended`."""
    from_on: date
    to_on: date | None = None
    reason: str
    actor: str
    """`law`, `intake` or `staff:ID`."""
