"""The accounts of mailboxes that are read over IMAP: which folder, and what became of each UID that it shows."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.models.base import UtcDateTime


class MailboxFolder(SQLModel, table=True):
    """One folder under one UIDVALIDITY (RFC 3501, 2.3.1.1): a change of it begins a new row."""

    __tablename__ = "mailbox_folder"
    __table_args__ = (UniqueConstraint("mailbox", "folder", "uid_validity"),)

    id: int | None = Field(default=None, primary_key=True)
    mailbox: str
    """The configuration's name for it."""
    folder: str
    uid_validity: int = Field(sa_column=Column(BigInteger, nullable=False))
    adopted_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """When this folder was seen for the first time, under whatever validity."""
    is_current: bool = True
    """False once the server showed the folder under another validity."""
    stored: int = 0
    """UIDs whose message was new, of all that this folder ever showed under this validity."""
    duplicate: int = 0
    """UIDs whose message was known already."""
    moved: int = 0
    """UIDs that were moved to the folder of the done."""
    present: int = 0
    """Messages that the folder showed when it was last looked at, without those that have left it since."""
    looked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class MailboxEntry(SQLModel, table=True):
    """One UID that lies in a folder and is accounted for. It goes when the message leaves the folder."""

    __tablename__ = "mailbox_entry"

    folder_id: int = Field(sa_column=Column(Integer, ForeignKey("mailbox_folder.id"), primary_key=True))
    uid: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    state: str
    """`stored`, `duplicate`, `parked` or `left`."""
    reason: str = ""
    """Why it is parked."""
    noted_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    retry_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
