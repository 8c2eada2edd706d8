"""A whole house without its doors: real stages over a real store, with channels that end as the test's script says."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from itertools import count
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from bot.approval import Approvals, Released
from bot.casework import Casework
from bot.copies import make_copy
from bot.dispatch import Dispatch, Sender
from bot.intake import Intake, Understand
from bot.intake.enter import Entering
from bot.intake.prepare import Preparing
from bot.packing import Packing
from bot.rules.verdicts import Policy
from bot.settled import copy_order
from bot.understanding import raw_of
from mail.channel import TakeIn
from mail.message import ChannelName, Envelope, InboundMessage, OutboundMessage, RawMessage, Receipt
from mail.signed_address import OwnAddresses
from mail.understand import Trust, understand
from replies.draft import Words
from replies.notice import NOTICE_OF_THE_DEMO, load_notice
from replies.package import PackedFile
from store import listing
from store.database import Database
from store.draft_files import FilesOrder
from store.messages import StoredRaw
from store.models import Message, OutboxRow

ON_CALL = "08 000 0000"
DESK = "asiakaspalvelu@lampo.test"
OWN = (DESK, "tietosuoja@lampo.test")
TRUST = Trust(authserv_id="demo.lampo.test", own_addresses=OWN, own_domains=("lampo.test",))
POLICY = Policy(own_addresses=OWN)
NOTICE = load_notice(NOTICE_OF_THE_DEMO)
HOLD = timedelta(minutes=1)
FIRST_WORDS = Words("Vastaus asiaanne", "Hei\n\nYstävällisin terveisin\nKalajoen Lämpö Oy\n")
DORA, EMIL, AUDITOR, FORMER = 1, 2, 3, 4
AINO, ASTRID, EINO = "aino.esimerkkila@posti.test", "astrid.pahitt@post.test", "eino.mallikas@posti.test"
SEIJA = "seija@tuntematon.test"
ACCESS = "Hei, pyydän kopion kaikista minua koskevista tiedoista, joita teillä on. T. Aino Esimerkkilä"
STRANGERS = "Hei, pyydän kopion kaikista minua koskevista tiedoista, joita teillä on. T. Seija Koekäyttäjä"
BILLING = "Hei, laskuni on mielestäni liian suuri. Voitteko tarkistaa laskun summan?"
THANKS = "Kiitos vastauksesta!"


def mail(
    text: str = ACCESS,
    *,
    sender: str = AINO,
    subject: str = "Tietopyyntö",
    verdict: str | None = "pass",
    message_id: str | None = None,
    answers: str = "",
    envelope_sender: str | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A mail as the site's MTA hands it over, with its verdict on top unless `verdict` is None."""
    made = EmailMessage(policy=SMTP)
    if verdict is not None:
        made["Authentication-Results"] = f"demo.lampo.test; dmarc={verdict} header.from={sender.rpartition('@')[2]}"
    made["From"] = sender
    made["To"] = DESK
    made["Subject"] = subject
    if message_id is not None:
        made["Message-ID"] = message_id
    if answers:
        made["In-Reply-To"] = answers
    for name, value in headers:
        made[name] = value
    made.set_content(text)
    return made.as_bytes()


class ScriptedChannel:
    """A channel that ends each sending as the script says: None gives a receipt, an exception is raised.

    An `asyncio.Event` keeps the peer silent until it is set.
    """

    def __init__(self, name: ChannelName, clock: Callable[[], Any]) -> None:
        self._name = name
        self._clock = clock
        self.script: deque[Exception | asyncio.Event | None] = deque()
        self.sent: list[OutboundMessage] = []
        """What reached the peer: taken with a receipt, or with its outcome unknown."""
        self.tried: list[OutboundMessage] = []

    @property
    def name(self) -> ChannelName:
        return self._name

    async def open(self, take_in: TakeIn) -> None:
        """Nothing comes in here: tests hand their mail to intake."""

    async def close(self) -> None:
        """Nothing is open."""

    async def send(self, message: OutboundMessage) -> Receipt:
        self.tried.append(message)
        end = self.script.popleft() if self.script else None
        if isinstance(end, asyncio.Event):
            await end.wait()
        elif end is not None:
            raise end
        self.sent.append(message)
        return Receipt("250 2.0.0 taken", self._clock())


async def in_this_process(stored: Sequence[StoredRaw]) -> list[InboundMessage]:
    """The real reader, without a process of its own."""
    return [understand(raw_of(one), TRUST) for one in stored]


@dataclass
class House:
    """The stages, wired as the app wires them."""

    database: Database
    clock: Any
    understand: Understand = in_this_process
    duty: tuple[str, ...] = ()
    numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.channels = {name: ScriptedChannel(name, self.clock) for name in ("email", "letter", "chat")}
        self.preparing = Preparing(policy=POLICY, notice=NOTICE, on_call=ON_CALL, addresses=OwnAddresses(OWN))
        self.intake = self.another_intake()
        self.packing = Packing(database=self.database, make=self.make_files, clock=self.clock)
        self.approvals = Approvals(
            database=self.database,
            clock=self.clock,
            new_message_id=self.new_message_id,
            hold=HOLD,
            complete=self.packing.complete,
        )
        self.casework = Casework(database=self.database, clock=self.clock, first_words=lambda *_: FIRST_WORDS)
        self.dispatch = Dispatch(
            database=self.database,
            channels=self.channels,
            sender=Sender("Kalajoen Lämpö Oy", DESK, signing=OwnAddresses(OWN)),
            clock=self.clock,
        )

    def new_message_id(self) -> str:
        return f"<{id(self) % 2**64:016x}{next(self.numbers):016x}@lampo.test>"

    async def make_files(self, order: FilesOrder) -> tuple[PackedFile, ...]:
        """The real files, made without a process of their own."""
        return make_copy(self.database.url, copy_order(order, "fi", POLICY.time_zone), NOTICE)

    def entering(self) -> Entering:
        return Entering(
            notice=NOTICE,
            on_call=ON_CALL,
            time_zone="Europe/Helsinki",
            language="fi",
            duty_addresses=self.duty,
            desk_url="http://desk.test",
            new_message_id=self.new_message_id,
            own_addresses=OWN,
        )

    def another_intake(self, **parts: Any) -> Intake:
        """An intake on the same store, as another process would have; `parts` replace the usual ones."""
        return Intake(
            **{
                "database": self.database,
                "understand": self.understand,
                "preparing": self.preparing,
                "entering": self.entering(),
                "clock": self.clock,
            }
            | parts
        )

    def raw(self, content: bytes, *, envelope_sender: str = AINO, **changes: Any) -> RawMessage:
        """The bytes as the SMTP door hands them in."""
        values = {
            "channel": "email",
            "door": "smtp",
            "content": content,
            "media_type": "message/rfc822",
            "envelope": Envelope(envelope_sender, (DESK,), "127.0.0.1"),
            "received_at": self.clock(),
        }
        return RawMessage(**values | changes)

    async def take(self, text: str = ACCESS, *, sender: str = AINO, **changes: Any) -> bool:
        """Take one mail in; leads it nowhere."""
        number = next(self.numbers)
        changes = {"message_id": f"<mail-{number}@posti.test>"} | changes
        envelope_sender = changes.pop("envelope_sender", None)
        content = mail(text, sender=sender, **changes)
        return await self.intake.take_in(
            self.raw(content, envelope_sender=sender if envelope_sender is None else envelope_sender)
        )

    async def work(self) -> None:
        """Lead on all that waits, then give drafts their files."""
        while await self.intake.work_on() + await self.intake.work_on_letters():
            pass
        while await self.packing.complete_next():
            pass

    async def receive(self, text: str = ACCESS, *, sender: str = AINO, **changes: Any) -> dict[str, Any]:
        """Take one mail in, lead it on, and give the ticket that was touched last."""
        await self.take(text, sender=sender, **changes)
        await self.work()
        newest = self.database.read_now(_newest_message)
        return self.ticket(newest)

    def tickets(self) -> list[dict[str, Any]]:
        today = self.clock().date()
        return self.database.read_now(lambda session: listing.list_tickets(session, today))

    def ticket(self, ticket_id: int) -> dict[str, Any]:
        today = self.clock().date()
        found = self.database.read_now(lambda session: listing.show_ticket(session, ticket_id, today))
        assert found is not None
        return found

    def outbox(self, kind: str | None = None) -> list[OutboxRow]:
        rows = self.database.read_now(_outbox)
        return [row for row in rows if kind in (None, row.kind)]

    async def approve(self, ticket: dict[str, Any], by: int = DORA, which: int = -1) -> Released:
        """Read a draft on the desk and approve it as it stands."""
        draft = ticket["drafts"][which]
        await self.approvals.open_draft(by, draft["id"])
        return await self.approvals.approve(by, draft["id"], draft["sha256"])

    async def send_all(self) -> None:
        """Send whatever is due now."""
        while await self.dispatch.send_next():
            await self.dispatch.settle()
        await self.dispatch.settle()

    async def answer(self, ticket: dict[str, Any], by: int = DORA) -> dict[str, Any]:
        """Approve the ticket's newest draft, let its hold pass, send."""
        await self.approve(ticket, by)
        self.clock.advance(minutes=2)
        await self.send_all()
        return self.ticket(ticket["id"])


def _newest_message(session: Session) -> int:
    newest = select(func.max(col(Message.id)))
    found: int = session.execute(select(col(Message.ticket_id)).where(col(Message.id).in_(newest))).scalar_one()
    return found


def _outbox(session: Session) -> list[OutboxRow]:
    return list(session.execute(select(OutboxRow).order_by(col(OutboxRow.id))).scalars())
