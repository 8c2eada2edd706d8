"""A desk with Dora and Emil at it, a small register, and tickets put straight into the store."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

import httpx
import pytest
from sqlmodel import Session
from starlette.applications import Starlette

from bot.approval import Approvals
from bot.casework import Casework
from bot.web.app import desk
from replies.draft import Words
from store import drafts, staff
from store.database import Database
from store.lifecycle import TicketState
from store.models import (
    AttachmentFile,
    ContactKind,
    ContactPoint,
    ContactStatus,
    Customer,
    CustomerKind,
    Level,
    Message,
    OutboxRow,
    RawMessageRow,
    RecipientKind,
    Request,
    RequestKind,
    Source,
    StaffMember,
    StaffRole,
    Ticket,
)

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ACCESS_TEXT = """Hei

Pyydän kopion kaikista minua koskevista tiedoista, joita yhtiöllänne on.

Terveisin
Aino Esimerkkilä"""
REPLY_TEXT = """Hyvä Aino Esimerkkilä

Olette pyytänyt jäljennöksen tiedoistanne. Ohessa on kaikki, mitä teistä on asiakasrekisterissämme.

Yhteystiedot
  Sähköposti: aino.esimerkkila@posti.test

Ystävällisin terveisin
Kalajoen Lämpö Oy
"""


@cache
def _password_hash() -> str:
    """One hash for all: making one takes its time on purpose."""
    return staff.hash_password("oikea hevonen akku niitti")


@dataclass(frozen=True, slots=True)
class Arranged:
    """Where a ticket that was put into the store lies."""

    ticket: int
    request: int
    draft: int
    sha256: str
    message: int
    reference: str


class Arrange:
    """Puts rows straight into the store, as intake would leave them."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.database = database
        self.now = now
        self._numbers = count(1)
        database.write_now(self._people)

    def _people(self, session: Session) -> None:
        def member(number: int, login: str, name: str, role: StaffRole) -> StaffMember:
            return StaffMember(
                id=number,
                login=login,
                name=name,
                role=role,
                password_hash=_password_hash(),
                committed_on=date(2026, 1, 7),
                created_at=LONG_AGO,
            )

        session.add(member(1, "dora", "Dora", StaffRole.CLERK))
        session.add(member(2, "emil", "Emil", StaffRole.APPROVER))
        session.add(member(3, "tarkastaja", "Tarkastaja", StaffRole.AUDITOR))
        session.add(
            Customer(
                id=1,
                key="100234",
                kind=CustomerKind.PERSON,
                name="Aino Esimerkkilä",
                name_key="aino esimerkkila",
                source=Source.MIGRATION,
                recorded_at=LONG_AGO,
            ),
        )
        session.flush()
        session.add(
            ContactPoint(
                id=1,
                customer_id=1,
                kind=ContactKind.EMAIL,
                value="aino.esimerkkila@posti.test",
                normalised="aino.esimerkkila@posti.test",
                status=ContactStatus.ACTIVE,
                source=Source.MIGRATION,
                on_file_since=LONG_AGO,
                usable_from=LONG_AGO,
            ),
        )

    def ticket(
        self,
        *,
        subject: str = "Tietopyyntö",
        text: str = ACCESS_TEXT,
        kind: RequestKind = RequestKind.ACCESS,
        due_on: date | None = None,
        state: TicketState = TicketState.AWAITING_APPROVAL,
        known: bool = True,
        quarantined: bool = False,
        flags: Sequence[str] = (),
        attachments: Sequence[dict[str, Any]] = (),
        from_text: str = "Aino Esimerkkilä <aino.esimerkkila@posti.test>",
        channel: str = "email",
        files: Sequence[tuple[str, bytes]] = (),
        reply: str = REPLY_TEXT,
    ) -> Arranged:
        """A ticket with one request, its message and a draft that waits."""
        number = next(self._numbers)
        reference = f"KJ-7Q{number:02}-MX4P"

        def work(session: Session) -> Arranged:
            raw = RawMessageRow(
                key=f"key-{number}",
                channel=channel,
                door="smtp",
                media_type="message/rfc822",
                content=f"Subject: {subject}\r\n\r\n{text}".encode(),
                sha256="0" * 64,
                size=10,
                envelope_sender="",
                envelope_recipients=[],
                peer="",
                received_at=self.now,
            )
            ticket = Ticket(
                reference=reference,
                state=state,
                customer_id=1 if known else None,
                level=Level.CONFIRMED_CHANNEL if known else Level.NONE,
                channel=channel,
                language="fi",
                sender="aino.esimerkkila@posti.test" if known else "seija@tuntematon.test",
                subject=subject,
                received_at=self.now,
                due_on=due_on or date(2026, 4, 2),
                quarantined=quarantined,
                flags=list(flags),
                identification={
                    "level": "confirmed_channel",
                    "customer": "100234",
                    "candidates": ["100234"],
                    "reasons": ["ADDRESS", "NAME"],
                },
            )
            session.add(raw)
            session.add(ticket)
            session.flush()
            message = Message(
                ticket_id=ticket.id,
                raw_id=raw.id,
                direction="in",
                channel=channel,
                from_text=from_text,
                from_address=ticket.sender,
                subject=subject,
                text=text + "\n\n> aiempi viesti",
                new_text=text,
                language="fi",
                received_at=self.now,
                sha256="0" * 64,
                details={
                    "to": ["tietosuoja@lampo.test"],
                    "attachments": list(attachments),
                    "authentication": {"verdict": "pass", "domain": "posti.test", "reasons": ["DMARC_PASS"]},
                },
            )
            request = Request(
                ticket_id=ticket.id,
                kind=kind,
                confidence=0.95,
                reasons=["STEM:kopio"],
                received_at=self.now,
                due_on=ticket.due_on,
                target_on=date(2026, 3, 16),
            )
            session.add(message)
            session.add(request)
            session.flush()
            named = []
            # An access answer has the copy of the data with it, or it is not complete.
            for name, content in files or ([("access.pdf", b"%PDF-1.7 copy")] if known else []):
                digest = f"{number:064x}"
                session.merge(AttachmentFile(sha256=digest, content=content))
                named.append({"name": name, "media_type": "application/zip", "sha256": digest})
            draft = drafts.add_draft(
                session,
                ticket_id=ticket.id,
                request_id=request.id,
                customer_id=ticket.customer_id,
                template="access",
                language="fi",
                recipient_kind=RecipientKind.EMAIL if known else RecipientKind.SENDER,
                contact_point_id=1 if known else None,
                recipient=ticket.sender,
                channel="email",
                subject="Vastaus tietopyyntöönne",
                text=reply,
                holds_data=known,
                actor="intake",
                at=self.now,
                attachments=named,
            )
            return Arranged(ticket.id, request.id, draft.id, draft.sha256, message.id, reference)

        return self.database.write_now(work)

    def send(self, ticket: int | None, state: str, **values: Any) -> int:
        """One row of the outbox."""
        number = next(self._numbers)

        def work(session: Session) -> int:
            row = OutboxRow(
                **{
                    "kind": "reply",
                    "state": state,
                    "ticket_id": ticket,
                    "channel": "email",
                    "to_address": "aino.esimerkkila@posti.test",
                    "language": "fi",
                    "subject": "Vastaus",
                    "text": "Vastaus",
                    "message_id": f"<{number}@lampo.test>",
                    "created_at": self.now,
                    "release_at": self.now,
                    "next_attempt_at": self.now,
                }
                | values,
            )
            session.add(row)
            session.flush()
            return row.id or 0

        return self.database.write_now(work)

    def code(self, staff_id: int = 1) -> str:
        """A one-time log-in code."""
        return self.database.write_now(lambda session: staff.new_log_in_code(session, staff_id, self.now))


@pytest.fixture
def arrange(sqlite_database: Database, clock: Callable[[], datetime]) -> Arrange:
    """Rows at will in an SQLite store."""
    return Arrange(sqlite_database, clock())


@pytest.fixture
def arrange_both(database: Database, clock: Callable[[], datetime]) -> Arrange:
    """Rows at will, once in SQLite and once in PostgreSQL."""
    return Arrange(database, clock())


@pytest.fixture
def app(sqlite_database: Database, clock: Callable[[], datetime]) -> Starlette:
    """The desk over the real acts."""
    numbers = count(1)
    return desk(
        database=sqlite_database,
        approvals=Approvals(
            database=sqlite_database,
            clock=clock,
            new_message_id=lambda: f"<reply-{next(numbers)}@lampo.test>",
            hold=timedelta(minutes=5),
        ),
        casework=Casework(
            database=sqlite_database, clock=clock, first_words=lambda _ticket, _request: Words("Asia", "Hei,\n")
        ),
        clock=clock,
        language="fi",
        controller_name="Kalajoen Lämpö Oy",
        time_zone="Europe/Helsinki",
        secure_cookies=False,
    )


class Visitor(httpx.AsyncClient):
    """A browser without a screen: keeps cookies, and sends forms with the token of the page it last saw."""

    token = ""

    async def see(self, path: str) -> httpx.Response:
        """Get a page and remember its form token."""
        response = await self.get(path)
        found = re.search(r'name="csrf" value="([^"]*)"', response.text)
        self.token = found.group(1) if found else ""
        return response

    async def send_form(self, path: str, **fields: str) -> httpx.Response:
        """Post a form as our own page would."""
        return await self.post(path, data={"csrf": self.token, **fields}, headers={"Origin": str(self.base_url)})

    async def log_in(self, code: str) -> "Visitor":
        """Log in by a one-time code; then the token of the session is known."""
        await self.see(f"/log-in?code={code}")
        answer = await self.send_form("/log-in", code=code)
        assert answer.status_code == 303, answer.text
        await self.see("/")
        return self


@pytest.fixture
async def stranger(app: Starlette) -> AsyncIterator[Visitor]:
    """Somebody who is not logged in."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with Visitor(transport=transport, base_url="http://desk.test") as visitor:
        yield visitor


@pytest.fixture
async def dora(app: Starlette, arrange: Arrange) -> AsyncIterator[Visitor]:
    """Dora, a clerk, logged in."""
    async with Visitor(transport=httpx.ASGITransport(app=app), base_url="http://desk.test") as visitor:
        yield await visitor.log_in(arrange.code(1))


@pytest.fixture
async def auditor(app: Starlette, arrange: Arrange) -> AsyncIterator[Visitor]:
    """An auditor, logged in: reads, changes nothing."""
    async with Visitor(transport=httpx.ASGITransport(app=app), base_url="http://desk.test") as visitor:
        yield await visitor.log_in(arrange.code(3))
