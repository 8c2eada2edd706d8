"""What came into the register by file, and what a file may not decide by itself.

An import is applied in many short transactions; its row says how far it has come, so that one that was cut off is
finished and never done twice. A review is a change that a batch proposes and a person decides.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from store.models.base import UtcDateTime, Word, one_of
from store.models.kinds import Source


class ImportState(StrEnum):
    """How far an import has come. `applying` without a process that works on it was cut off."""

    APPLYING = "applying"
    DONE = "done"
    LOST = "lost"
    """Cut off, and its plan is gone: the same file, imported again, finds what is in already and brings the rest."""


class RegisterImport(SQLModel, table=True):
    """One file that was taken in: where from, when, how many rows. No personal data."""

    __tablename__ = "register_import"
    __table_args__ = (one_of("state", ImportState),)

    id: int | None = Field(default=None, primary_key=True)
    file: str
    """Its name, without the folder."""
    sha256: str
    source: Source = Field(sa_column=Column(Word(Source), nullable=False))
    baseline: bool
    state: ImportState = Field(sa_column=Column(Word(ImportState), nullable=False))
    position: str = ""
    """Table and row up to which its plan is applied."""
    counts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """Rows that are new, changed, ended, unchanged, and reviews, for each table."""
    began_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """The moment that its values count as recorded, where they do not say themselves."""
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Decision(StrEnum):
    """What a person decided about a review."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Review(SQLModel, table=True):
    """A change that a batch proposes against a value which it may not overwrite; staff accept or reject it."""

    __table_args__ = (
        one_of("decision", Decision),
        Index("ix_review_same", "customer_id", "digest"),
        Index("ix_review_open", "decided_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    customer_id: int = Field(foreign_key="customer.id")
    subject: str
    """Table of the value: `customer`, `contact_point`, `record` ..."""
    row_id: int
    """The row that stands now."""
    reason: str
    """`CORRECTED`, `RETURNS` (a value that was ended as wrong), `PROTECTION_ENDS` (turvakielto)."""
    proposed: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """The new values by column; empty when the proposal is to end the row."""
    digest: str
    """SHA-256 over row and proposal: the same proposal is raised once, also when it was rejected."""
    source: Source = Field(sa_column=Column(Word(Source), nullable=False))
    import_id: int
    raised_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    decision: Decision | None = Field(default=None, sa_column=Column(Word(Decision)))
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    decided_by: int | None = Field(default=None, foreign_key="staff_member.id")
