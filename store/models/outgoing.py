"""What goes out: drafts and their files, who has opened and approved which, and the outbox."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.lifecycle import DraftState, OutboxState
from store.models.base import UtcDateTime, Word, one_of
from store.models.kinds import RecipientKind


class Draft(SQLModel, table=True):
    """One version of the words of a reply. `sha256` binds text, attachments, recipient and channel (INV-2)."""

    __table_args__ = (
        one_of("state", DraftState),
        one_of("recipient_kind", RecipientKind),
        UniqueConstraint("ticket_id", "version"),
    )

    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(foreign_key="ticket.id", index=True)
    request_id: int = Field(foreign_key="request.id", index=True)
    version: int
    """Counts up over all drafts of the ticket, from 1."""
    state: DraftState = Field(default=DraftState.DRAFT, sa_column=Column(Word(DraftState), nullable=False))
    template: str
    language: str
    recipient_kind: RecipientKind = Field(sa_column=Column(Word(RecipientKind), nullable=False))
    contact_point_id: int | None = Field(default=None, foreign_key="contact_point.id")
    """The row a reply with data goes to; None only for `sender`."""
    recipient: str
    """Where it goes, spelled out: an address, postal lines, a chat id. Copied from a row, never typed."""
    channel: str
    subject: str
    text: str
    attachments: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """`{"name", "media_type", "sha256"}` each; the bytes are `Attachment` rows."""
    holds_data: bool
    edited: bool = False
    """True once a person changed the words that the template gave."""
    sha256: str
    author_id: int | None = Field(default=None, foreign_key="staff_member.id")
    """None while it is the template's own text."""
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class AttachmentFile(SQLModel, table=True):
    """The bytes of a file that a reply carries, stored once by hash."""

    __tablename__ = "attachment_file"

    sha256: str = Field(primary_key=True)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class DraftView(SQLModel, table=True):
    """That a staff member has opened this version on the desk: a card's approval counts only then."""

    __tablename__ = "draft_view"
    __table_args__ = (UniqueConstraint("draft_id", "staff_id"),)

    id: int | None = Field(default=None, primary_key=True)
    draft_id: int = Field(foreign_key="draft.id")
    staff_id: int = Field(foreign_key="staff_member.id")
    viewed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Approval(SQLModel, table=True):
    """That a staff member approved exactly this hash."""

    id: int | None = Field(default=None, primary_key=True)
    draft_id: int = Field(foreign_key="draft.id", index=True)
    staff_id: int = Field(foreign_key="staff_member.id")
    sha256: str
    via: str
    """`desk` or `chat`."""
    approved_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    voided_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class OutboxRow(SQLModel, table=True):
    """One message on its way out. At most one live row a draft; a reply holding data leaves at most once (INV-9)."""

    __tablename__ = "outbox"
    __table_args__ = (
        one_of("state", OutboxState),
        Index("ix_outbox_due", "state", "next_attempt_at"),
        Index("ix_outbox_to", "kind", "to_address", "created_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    """`acknowledgement`, `reply`, `notice` (to staff, without personal data) or `canary` (to ourselves)."""
    state: OutboxState = Field(default=OutboxState.APPROVED, sa_column=Column(Word(OutboxState), nullable=False))
    ticket_id: int | None = Field(default=None, foreign_key="ticket.id", index=True)
    draft_id: int | None = Field(default=None, foreign_key="draft.id", index=True)
    approval_id: int | None = Field(default=None, foreign_key="approval.id", unique=True)
    contact_point_id: int | None = Field(default=None, foreign_key="contact_point.id")
    channel: str
    to_address: str
    """One e-mail address, a chat id, or postal lines separated by `\\n`, name first."""
    language: str
    subject: str
    text: str
    attachments: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    message_id: str = Field(unique=True)
    in_reply_to: str = ""
    automatic: bool = False
    holds_data: bool = False
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    release_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """Until then an approval can be taken back."""
    next_attempt_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    attempts: int = 0
    sent_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    bounced_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When a bounce gave it back; it may do so before the end of the sending itself is recorded."""
    receipt: str = ""
    """What the channel said when it took the message, or the stage and code of its refusal."""
