"""Where else must be looked: systems and paper that the register does not hold, asked for each access request."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.models.base import UtcDateTime


class SearchTask(SQLModel, table=True):
    """One place to search for one request. An answer is complete when a member of staff has answered each."""

    __tablename__ = "search_task"
    __table_args__ = (UniqueConstraint("request_id", "place"),)

    id: int | None = Field(default=None, primary_key=True)
    request_id: int = Field(foreign_key="request.id")
    ticket_id: int = Field(foreign_key="ticket.id", index=True)
    place: str
    """Key of the place in the notice."""
    kind: str
    """`system` or `paper`."""
    category: str
    """Category of the notice under which what is found is told."""
    names: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """Its name by language, as the notice had it when the request came."""
    outcome: str | None = None
    """`nothing`, `found` or `not_applicable`; None while it is open."""
    found: str = ""
    """What was found, in full: it goes into the copy."""
    answered_by: int | None = Field(default=None, foreign_key="staff_member.id")
    answered_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
