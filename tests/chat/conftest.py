"""A house with tickets, two members of staff and a staff room, all real but for the network's own server."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import Session, col

from bot.approval import Approvals
from bot.chat.room import TelegramRoom
from mail.messenger import Messenger
from store import chat, drafts, tickets
from store.database import Database
from store.lifecycle import TicketState
from store.models import (
    ContactKind,
    ContactPoint,
    ContactStatus,
    Customer,
    CustomerKind,
    Draft,
    Event,
    Level,
    RecipientKind,
    RequestKind,
    Source,
    StaffMember,
    StaffRole,
    Ticket,
)
from tests.conftest import Clock
from tests.stand_ins.telegram import SentMessage, Telegram

STAFF_CHAT = -100_200
DORA, EMIL, STRANGER = 501, 502, 599
NEVER = "CANARY"
"""Stands in every field that a customer wrote or the register holds; it must never reach the network."""


@pytest.fixture
def telegram() -> Iterator[Telegram]:
    with Telegram() as running:
        running.chats[STAFF_CHAT] = "group"
        yield running


class House:
    """The store with its rows, and the chat that watches it."""

    def __init__(self, database: Database, telegram: Telegram, clock: Clock) -> None:
        self.database = database
        self.telegram = telegram
        self.clock = clock
        numbers = itertools.count(1)
        self.approvals = Approvals(
            database=database,
            clock=clock,
            new_message_id=lambda: f"<{next(numbers)}@lampo.test>",
            hold=timedelta(minutes=2),
        )
        self.dora = self._member("dora", DORA)
        self.emil = self._member("emil", EMIL)
        self.messengers: list[Messenger] = []
        self.restart()

    async def hang_up(self) -> None:
        """End every connection that any of the processes had."""
        for messenger in self.messengers:
            await messenger.close()

    def _member(self, login: str, telegram_id: int) -> int:
        def work(session: Session) -> int:
            member = StaffMember(
                login=login,
                name=f"{login} {NEVER}",
                role=StaffRole.CLERK,
                password_hash="x",
                telegram_user_id=telegram_id,
                committed_on=date(2026, 1, 2),
                created_at=self.clock(),
            )
            session.add(member)
            session.flush()
            assert member.id is not None
            return member.id

        return self.database.write_now(work)

    def _messenger(self) -> Messenger:
        write, clock = self.database.write, self.clock

        async def keep(number: int, update: dict[str, Any]) -> bool:
            return await write(lambda session: chat.keep_update(session, number, update, clock()))

        async def waiting() -> list[tuple[int, dict[str, Any]]]:
            return await self.database.read(chat.waiting_updates)

        async def handled(number: int, outcome: str) -> None:
            await write(lambda session: chat.mark_handled(session, number, outcome, clock()))

        return Messenger(
            token=self.telegram.token,
            base_url=self.telegram.base_url,
            keep=keep,
            waiting=waiting,
            handled=handled,
            staff_chat=STAFF_CHAT,
            staff=self._to_room,
            customers=False,
            clock=clock,
            poll_seconds=2,
            pause=lambda _: asyncio.sleep(0.01),
        )

    async def _to_room(self, update: dict[str, Any]) -> str:
        return await self.room.handle(update)

    def _room(self, public_url: str) -> TelegramRoom:
        assert self.messenger.bot is not None
        return TelegramRoom(
            database=self.database,
            bot=self.messenger.bot,
            approvals=self.approvals,
            staff_chat=STAFF_CHAT,
            public_url=public_url,
            language="fi",
            clock=self.clock,
        )

    def restart(self, public_url: str = "https://desk.lampo.test") -> None:
        """Another process takes over: nothing is remembered but what the store holds."""
        self.messenger = self._messenger()
        self.messengers.append(self.messenger)
        self.room = self._room(public_url)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async def take_in(_raw: object) -> bool:
            raise AssertionError("customers are not served by this chat")

        await self.messenger.open(take_in)
        try:
            yield
        finally:
            await self.messenger.close()

    def ticket(self, **changes: Any) -> int:
        """A ticket whose every free field holds the canary."""
        customer = changes.pop("customer_id", None)

        def work(session: Session) -> int:
            number = session.execute(select(col(Ticket.id))).all()
            values: dict[str, Any] = {
                "reference": f"{NEVER}-{len(number)}",
                "channel": "email",
                "language": "fi",
                "sender": f"{NEVER}@posti.test".lower(),
                "subject": f"Pyyntö {NEVER}",
                "received_at": self.clock() - timedelta(days=3),
                "level": Level.CLAIMED,
                "flags": ["THIRD_PARTY", f"{NEVER}_FLAG"],
                "identification": {"reasons": [NEVER]},
                "customer_id": customer,
            }
            return tickets.open_ticket(session, Ticket(**values | changes), at=self.clock())

        return self.database.write_now(work)

    def close(self, ticket_id: int) -> None:
        """Staff close a ticket."""

        def work(session: Session) -> bool:
            ticket = session.get_one(Ticket, ticket_id)
            return tickets.move(session, ticket, TicketState.CLOSED, actor="staff:1", at=self.clock())

        assert self.database.write_now(work)

    def customer(self) -> tuple[int, int]:
        """A customer and her e-mail address, long on file."""

        def work(session: Session) -> tuple[int, int]:
            count = len(session.execute(select(col(Customer.id))).all())
            old = datetime(2020, 1, 1, tzinfo=UTC)
            person = Customer(
                key=f"1002{count:02}",
                name_key="aino",
                kind=CustomerKind.PERSON,
                name=f"Aino {NEVER}",
                language="fi",
                source=Source.CONTRACT,
                recorded_at=old,
            )
            session.add(person)
            session.flush()
            contact = ContactPoint(
                customer_id=person.id,
                kind=ContactKind.EMAIL,
                value=f"{NEVER}{count}@posti.test",
                normalised=f"{NEVER}{count}@posti.test".lower(),
                status=ContactStatus.ACTIVE,
                on_file_since=old,
                usable_from=old,
                source=Source.CONTRACT,
            )
            session.add(contact)
            session.flush()
            assert person.id is not None
            assert contact.id is not None
            return person.id, contact.id

        return self.database.write_now(work)

    def draft(
        self, ticket_id: int | None = None, *, holds_data: bool = False, due_on: date | None = date(2026, 4, 2)
    ) -> int:
        """A draft that waits: without data to the sender, with data to the contact on file."""
        owner = self.customer() if holds_data else None
        ticket_id = ticket_id or self.ticket(customer_id=owner[0] if owner else None)
        return self.database.write_now(lambda session: self._write_draft(session, ticket_id, owner, due_on))

    def _write_draft(self, session: Session, ticket_id: int, owner: tuple[int, int] | None, due_on: date | None) -> int:
        ticket = session.get_one(Ticket, ticket_id)
        now = self.clock()
        request = tickets.add_request(
            session,
            ticket_id=ticket_id,
            kind=RequestKind.ACCESS if due_on else RequestKind.BILLING,
            confidence=0.9,
            reasons=[NEVER],
            received_at=now,
            received_on=now.date(),
            due_on=due_on,
            target_on=now.date(),
            at=now,
        )
        contact = session.get_one(ContactPoint, owner[1]) if owner else None
        # An access answer has the copy of the data with it, or it is not complete.
        named = [{"name": "access.pdf", "media_type": "application/pdf", "sha256": "0" * 64}] if owner else []
        draft = drafts.add_draft(
            session,
            ticket_id=ticket_id,
            request_id=request,
            customer_id=ticket.customer_id,
            template="access",
            language="fi",
            recipient_kind=RecipientKind.EMAIL if contact else RecipientKind.SENDER,
            contact_point_id=contact.id if contact else None,
            recipient=contact.value if contact else ticket.sender,
            channel="email",
            subject=f"Vastaus {NEVER}",
            text=f"Hyvä {NEVER}",
            holds_data=owner is not None,
            actor="intake",
            at=now,
            attachments=named,
        )
        assert draft.id is not None
        return draft.id

    def read_draft(self, draft_id: int) -> Draft:
        return self.database.read_now(lambda session: session.get_one(Draft, draft_id))

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Data of all audit lines of one kind."""
        rows = self.database.read_now(
            lambda session: session.execute(select(col(Event.data)).where(col(Event.kind) == kind)).all()
        )
        return [row[0] for row in rows]

    @property
    def cards(self) -> list[SentMessage]:
        return self.telegram.in_chat(STAFF_CHAT)

    def live_buttons(self) -> list[str]:
        """The data of all *Approve* buttons that are shown now."""
        return [card.buttons["Hyväksy"]["callback_data"] for card in self.cards if "Hyväksy" in card.buttons]

    async def press(self, card: SentMessage, button: str, user_id: int) -> str:
        """Press, and wait for the answer on the presser's screen."""
        query = self.telegram.press(card.message_id, button, user_id)
        return await self.answer(query)

    async def answer(self, query: str) -> str:
        await until(lambda: query in self.telegram.answers)
        return self.telegram.answers[query]


@pytest.fixture
async def house(sqlite_database: Database, telegram: Telegram, clock: Clock) -> AsyncIterator[House]:
    built = House(sqlite_database, telegram, clock)
    yield built
    await built.hang_up()


@pytest.fixture
async def house_on_both(database: Database, telegram: Telegram, clock: Clock) -> AsyncIterator[House]:
    """The same on SQLite and on PostgreSQL."""
    built = House(database, telegram, clock)
    yield built
    await built.hang_up()


async def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds; the limit only ends a test that has failed."""
    for _ in range(int(seconds / 0.01)):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("what the test waits for never came")
