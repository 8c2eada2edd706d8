"""Everything that staff, customers' contacts, relays and crashes may do to one ticket, in any order.

Whatever happens, what reaches a peer is what somebody approved, no draft reaches one twice without a person saying so,
and nothing goes to a contact that had ended.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlmodel import Session, col, select

from bot.staff import Refused
from mail.channel import DeliveryError, DeliveryUncertain
from store import register_contacts
from store.database import Database
from store.lifecycle import OutboxState, Resolution
from store.models import Approval, ContactKind, ContactPoint, ContactStatus, Customer, Draft, OutboxRow, Source, Ticket
from tests.bot.house import ACCESS, BILLING, DORA, EMIL, House
from tests.bot.leaks import assert_nothing_leaks
from tests.conftest import Clock

T = TypeVar("T")
ENDS: dict[str, Exception | None] = {
    "taken": None,
    "put off": DeliveryError("MAIL", 451, permanent=False),
    "refused": DeliveryError("RCPT", 550, permanent=True),
    "unknown": DeliveryUncertain("DATA"),
    "unforeseen": ConnectionResetError(),
    "died": asyncio.CancelledError(),  # type: ignore[dict-item]  # a process that dies takes no notice of `except Exception`
}
staff = st.sampled_from([DORA, EMIL])


class Machine(RuleBasedStateMachine):
    """One ticket of Aino's with two requests, and all that may befall it."""

    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="kirjaamo-")
        shutil.copyfile(self.template, f"{self.folder}/house.sqlite")
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.database = Database(f"sqlite:///{self.folder}/house.sqlite")
        self.database.open()
        self.house = House(self.database, self.clock)
        self.ticket = self.run(self.house.receive(f"{ACCESS}\n\nLisäksi: {BILLING}"))["id"]
        self.allowed_again: dict[int, int] = {}

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(act)

    def attempt(self, act: Coroutine[Any, Any, Any]) -> None:
        """Do what may be refused."""
        try:
            self.run(act)
        except Refused:
            return

    def read(self, model: type[Any]) -> list[Any]:
        return list(self.database.read_now(lambda session: session.exec(select(model).order_by(col(model.id))).all()))

    def drafts(self) -> list[Draft]:
        return self.read(Draft)

    def pick(self, number: int) -> Draft:
        found = self.drafts()
        return found[number % len(found)]

    @rule(who=staff, number=st.integers(0, 9), via=st.sampled_from(["desk", "chat"]), opened=st.booleans())
    def approve(self, who: int, number: int, via: Any, opened: bool) -> None:
        draft = self.pick(number)
        if opened:
            self.run(self.house.approvals.open_draft(who, draft.id or 0))
        self.attempt(self.house.approvals.approve(who, draft.id or 0, draft.sha256, via))

    @rule(number=st.integers(0, 9))
    def approve_what_was_read_before_somebody_amended_it(self, number: int) -> None:
        draft = self.pick(number)
        acts = self.house.approvals

        async def both() -> None:
            await asyncio.gather(
                acts.amend(EMIL, draft.id or 0, draft.sha256, "Vastaus", f"Hei\n\nToisin sanoen {number}.\n"),
                acts.approve(DORA, draft.id or 0, draft.sha256),
                return_exceptions=True,
            )

        self.run(both())

    @rule(who=staff, number=st.integers(0, 9), words=st.sampled_from(["Hei\n", "Osoite on Testikuja 3\n", "100234\n"]))
    def amend(self, who: int, number: int, words: str) -> None:
        draft = self.pick(number)
        self.attempt(self.house.approvals.amend(who, draft.id or 0, draft.sha256, "Vastaus", words))

    @rule(who=staff, number=st.integers(0, 9))
    def send_back(self, who: int, number: int) -> None:
        draft = self.pick(number)
        self.attempt(self.house.approvals.return_draft(who, draft.id or 0, draft.sha256, ""))

    @rule(who=staff, number=st.integers(0, 9))
    def undo(self, who: int, number: int) -> None:
        rows = self.read(OutboxRow)
        self.attempt(self.house.approvals.undo(who, rows[number % len(rows)].id))

    @rule(how=st.sampled_from(["inactive", "active", "replace"]))
    def change_contact(self, how: str) -> None:
        def work(session: Session) -> None:
            aino = session.exec(select(Customer).where(Customer.key == "100234")).one()
            contacts = session.exec(
                select(ContactPoint).where(ContactPoint.customer_id == aino.id, ContactPoint.kind == ContactKind.EMAIL)
            ).all()
            contact = contacts[0]
            if how == "replace" and contact.status is ContactStatus.ACTIVE:
                value = f"uusi{len(contacts)}@posti.test"
                register_contacts.change_contact(
                    session,
                    aino.id or 0,
                    kind=ContactKind.EMAIL,
                    value=value,
                    source=Source.CUSTOMER,
                    now=self.clock(),
                    replaces=contact.id,
                )
            elif contact.status is not ContactStatus.ENDED:
                status = ContactStatus.ACTIVE if how == "active" else ContactStatus.INACTIVE
                register_contacts.set_contact_status(session, contact.id or 0, status, self.clock())

        self.database.write_now(work)

    @rule(end=st.sampled_from(sorted(ENDS)), minutes=st.integers(0, 40))
    def send(self, end: str, minutes: int) -> None:
        self.clock.advance(minutes=minutes)
        channel = self.house.channels["email"]
        channel.script.extend([ENDS[end]] * 3)
        self.run(self.house.send_all())
        channel.script.clear()

    @rule()
    def crash_and_recover(self) -> None:
        self.database.close()
        self.database = Database(self.database.url)
        self.database.open()
        tried = self.house.channels
        self.house = House(self.database, self.clock, numbers=self.house.numbers)
        for name, channel in self.house.channels.items():
            channel.sent, channel.tried = tried[name].sent, tried[name].tried
        self.run(self.house.dispatch.recover())

    @rule(who=staff, number=st.integers(0, 9), verdict=st.sampled_from(["sent", "again", "withdraw"]))
    def decide(self, who: int, number: int, verdict: Any) -> None:
        rows = self.read(OutboxRow)
        row = rows[number % len(rows)]
        try:
            self.run(self.house.casework.decide_uncertain(who, row.id, verdict))
        except Refused:
            return
        if verdict == "again":
            self.allowed_again[row.id] = self.allowed_again.get(row.id, 0) + 1

    @rule(who=staff, reopen=st.booleans())
    def close(self, who: int, reopen: bool) -> None:
        ticket = self.read(Ticket)[0]
        if reopen:
            self.attempt(self.house.casework.reopen(who, self.ticket, ticket.version))
        else:
            self.attempt(self.house.casework.close(who, self.ticket, ticket.version, Resolution.WITHDRAWN))

    @precondition(lambda self: len(self.drafts()) < 8)
    @rule(text=st.sampled_from([ACCESS, BILLING]))
    def write_again(self, text: str) -> None:
        answers = self.read(OutboxRow)[0].message_id
        self.run(self.house.receive(text, answers=answers))

    @invariant()
    def nothing_leaks(self) -> None:
        self.database.read_now(assert_nothing_leaks)

    @invariant()
    def what_reached_a_peer_is_what_was_approved_and_no_more_often_than_a_person_said(self) -> None:
        rows = {row.message_id: row for row in self.read(OutboxRow)}
        drafts = {draft.id: draft for draft in self.drafts()}
        approvals = {approval.id: approval for approval in self.read(Approval)}
        sent = [message for channel in self.house.channels.values() for message in channel.sent]
        for message in sent:
            row = rows[message.message_id]
            assert (message.text, message.subject, message.to) == (row.text, row.subject, row.to_address)
            if row.kind == "reply":
                assert approvals[row.approval_id].sha256 == drafts[row.draft_id].sha256
                assert (message.text, message.to) == (drafts[row.draft_id].text, drafts[row.draft_id].recipient)
        for message_id, row in rows.items():
            reached = sum(message.message_id == message_id for message in sent)
            assert reached <= 1 + self.allowed_again.get(row.id, 0)

    @invariant()
    def no_request_has_two_rows_that_say_sent_for_one_draft(self) -> None:
        sent = [row.draft_id for row in self.read(OutboxRow) if row.state is OutboxState.SENT and row.draft_id]
        assert len(sent) == len(set(sent))

    @invariant()
    def a_closed_ticket_has_nothing_on_its_way(self) -> None:
        ticket = self.read(Ticket)[0]
        if ticket.state.value == "closed":
            waiting = {OutboxState.APPROVED, OutboxState.SENDING, OutboxState.UNCERTAIN, OutboxState.FAILED}
            assert not [row for row in self.read(OutboxRow) if row.kind == "reply" and row.state in waiting]

    def teardown(self) -> None:
        self.database.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        shutil.rmtree(self.folder)


@pytest.mark.parametrize("seed", [1])
def test_whatever_happens_what_leaves_was_approved_and_leaves_once(sqlite_template: Path, seed: int) -> None:
    Machine.template = sqlite_template
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
