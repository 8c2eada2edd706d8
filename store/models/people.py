"""Staff and what the desk and the chat remember of them; the chat's own updates and cards; the audit trail."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from store.models.base import UtcDateTime, Word, one_of
from store.models.kinds import StaffRole


class StaffMember(SQLModel, table=True):
    """Who may read and approve. Active only with a recorded confidentiality commitment (the notice, section 9)."""

    __tablename__ = "staff_member"
    __table_args__ = (one_of("role", StaffRole),)

    id: int | None = Field(default=None, primary_key=True)
    login: str = Field(unique=True)
    name: str
    email: str | None = Field(default=None, unique=True)
    """Normalised; where it is known, the member may write to a ticket of theirs by mail."""
    role: StaffRole = Field(sa_column=Column(Word(StaffRole), nullable=False))
    password_hash: str
    """argon2id, as `argon2-cffi` writes it."""
    telegram_user_id: int | None = Field(default=None, sa_column=Column(BigInteger, unique=True))
    committed_on: date | None = None
    """Date of the signed confidentiality commitment; None keeps the account shut."""
    disabled_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    failed_log_ins: int = 0
    locked_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class StaffSession(SQLModel, table=True):
    """A log-in of the desk. Only the hash of the cookie's token is kept."""

    __tablename__ = "staff_session"

    token_hash: str = Field(primary_key=True)
    staff_id: int = Field(foreign_key="staff_member.id", index=True)
    csrf_token: str
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class OneTimeCode(SQLModel, table=True):
    """A single-use secret: a first log-in, or the *Open* link of a card. Only its hash is kept."""

    __tablename__ = "one_time_code"

    code_hash: str = Field(primary_key=True)
    purpose: str
    """`log_in`."""
    staff_id: int = Field(foreign_key="staff_member.id")
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class ChatUpdate(SQLModel, table=True):
    """One update of the chat network, stored before the network is told that we have it (INV-4)."""

    __tablename__ = "chat_update"
    __table_args__ = (Index("ix_chat_update_waiting", "handled_at", "update_id"),)

    update_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    stored_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    handled_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    outcome: str = ""


class Card(SQLModel, table=True):
    """A draft shown in a staff room. Its number is its own, its buttons carry the token of one version."""

    __table_args__ = (Index("ix_card_draft", "draft_id"),)

    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(unique=True)
    """Random and meaningless: it tells a chat network nothing about tickets or their count."""
    room: str
    """`telegram`; later others."""
    draft_id: int | None = Field(default=None, foreign_key="draft.id")
    ticket_id: int = Field(foreign_key="ticket.id", index=True)
    token_hash: str = Field(unique=True)
    """Hash of the 128-bit single-use token in the buttons' data."""
    chat_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    chat_message_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    shown: str = ""
    """Hash of what the card last showed, so that only changes are sent."""
    live: bool = True
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Event(SQLModel, table=True):
    """One line of the audit trail (GDPR Art. 5(2)): ids and keyed hashes, never personal data."""

    __table_args__ = (Index("ix_event_ticket", "ticket_id"),)

    seq: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    actor: str
    """`intake`, `dispatch`, `staff:ID`, `channel:NAME`, `cli`."""
    kind: str
    """What happened, in the past tense: `message_stored`, `ticket_opened`, `draft_approved`."""
    ticket_id: int | None = Field(default=None)
    data: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    previous: str
    """`digest` of the line before; 64 zeros in the first."""
    digest: str
    """SHA-256 over the line's own canonical JSON and `previous`."""


class Setting(SQLModel, table=True):
    """A value the house keeps for itself: the key of keyed hashes, the notice's version in force."""

    key: str = Field(primary_key=True)
    value: str
