"""The canary: a message to ourselves that must come back, and the alarms for when it did not."""

from datetime import datetime

from sqlalchemy import Column, Index, false
from sqlmodel import Field, SQLModel

from store.models.base import UtcDateTime


class Canary(SQLModel, table=True):
    """One message sent to one of our own addresses, and when it came back in."""

    __table_args__ = (Index("ix_canary_address", "address", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    token: str = Field(unique=True)
    """128 random bits in hex, which stand in its text: nobody else can write it."""
    address: str
    outbox_id: int = Field(foreign_key="outbox.id", unique=True)
    sent_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """When it was queued: from here on it is waited for."""
    arrived_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    door: str = ""
    """Configured name of the way it came in by; empty until then."""
    junk: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """True when it came through a junk folder, or with a filter's mark."""


class CanaryAlarm(SQLModel, table=True):
    """A time in which the canary of one address did not come back, or came back as spam."""

    __tablename__ = "canary_alarm"

    id: int | None = Field(default=None, primary_key=True)
    address: str
    kind: str
    """`missing` or `junk`."""
    open_key: str | None = Field(default=None, unique=True)
    """Address and kind while it lasts, so that there is one at a time; None once it is over."""
    began_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    told: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """True when staff were written to: then they are also told of the end."""
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
