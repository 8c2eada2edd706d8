"""The parts the desk is built of, and one visit to it: who asks, in which language, with what form."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request

from bot.approval import Approvals
from bot.casework import Casework
from bot.staff import MAY_APPROVE, MAY_WORK
from bot.web.health import Health
from bot.web.pages import Pages
from bot.web.sessions import Sessions, SignedIn
from store.database import Database

LANGUAGES = ("fi", "sv", "en")
LARGEST_ID = 2**31 - 1
"""What a primary key can hold on every database; a larger number names nothing."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything the pages are made with."""

    database: Database
    approvals: Approvals
    casework: Casework
    clock: Callable[[], datetime]
    language: str
    controller_name: str
    zone: ZoneInfo
    secure_cookies: bool
    health: Callable[[], Awaitable[Health]] | None
    metrics: Callable[[], bytes] | None
    sessions: Sessions
    pages: Pages

    def cookie(self, name: str) -> str:
        """A cookie's name; with TLS it carries the prefix that browsers tie to this very host (RFC 6265bis, 4.1.3)."""
        return f"__Host-{name}" if self.secure_cookies else name


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, with what the gate found out about it."""

    request: Request
    language: str
    now: datetime
    today: date
    """Local, in the controller's zone."""
    member: SignedIn | None = None
    csrf: str = ""
    form: dict[str, str] = field(default_factory=dict)

    @property
    def staff_id(self) -> int:
        """Who acts. Only for routes behind the log-in."""
        if self.member is None:
            raise HTTPException(403)
        return self.member.staff_id

    @property
    def may_work(self) -> bool:
        """Whether to offer amend, return, take, close."""
        return self.member is not None and self.member.role in MAY_WORK

    @property
    def may_approve(self) -> bool:
        """Whether to offer approval."""
        return self.member is not None and self.member.role in MAY_APPROVE

    def path_id(self, name: str) -> int:
        """A number from the path; one that no row can have is not found."""
        number: int = self.request.path_params[name]
        if not 0 <= number <= LARGEST_ID:
            raise HTTPException(404)
        return number

    @property
    def here(self) -> str:
        """Own path and query, for links that come back to the same page."""
        return _own(self.request.url.path, self.request.url.query)


def _own(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
