"""The way out: claimed, committed, sent, recorded; at most once, and no sending holds up another."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from bot import dispatch as sending
from bot.dispatch import Dispatch, Sender
from mail.channel import DeliveryError, DeliveryUncertain
from mail.message import OutboundMessage, Receipt
from store import register_contacts
from store.database import Database
from store.lifecycle import OutboxState
from store.models import ContactKind, ContactPoint, ContactStatus, Draft, Message, OutboxRow, Ticket
from tests.bot.house import ACCESS, AINO, BILLING, DESK, DORA, EMIL, SEIJA, STRANGERS, House, ScriptedChannel

ELSEWHERE = f"{ACCESS}\nVastaus: uusi.osoite@muualla.test"
"""A known customer, and a doubt: the data shall go to an address that is not on file."""
LOST = "connection reset by aino.esimerkkila@posti.test"


async def approved(house: House, ticket: dict[str, Any] | None = None) -> dict[str, Any]:
    """A ticket whose reply is approved and past its hold; the acknowledgement has left."""
    ticket = ticket or await house.receive()
    await house.send_all()
    await house.approve(ticket)
    house.clock.advance(minutes=2)
    return ticket


def reply(house: House) -> OutboxRow:
    """The newest reply's row."""
    return house.outbox("reply")[-1]


async def test_a_reply_that_is_taken_answers_its_ticket(house: House) -> None:
    ticket = await approved(house)
    await house.send_all()
    row, after = reply(house), house.ticket(ticket["id"])
    assert (row.state, row.receipt, row.sent_at) == (OutboxState.SENT, "250 2.0.0 taken", house.clock())
    assert (after["state"], after["due_at"]) == ("answered", None)
    assert [one["resolution"] for one in after["requests"]] == ["answered"]
    assert [one["direction"] for one in after["messages"]] == ["in", "out"]
    assert after["drafts"][0]["state"] == "sent"


async def test_nothing_leaves_before_its_release(house: House) -> None:
    ticket = await house.receive()
    await house.approve(ticket)
    await house.send_all()
    assert [message.kind for message in house.channels["email"].sent] == ["acknowledgement"]
    house.clock.advance(seconds=59)
    assert await house.dispatch.send_next() == 0
    house.clock.advance(seconds=1)
    assert await house.dispatch.send_next() == 1
    await house.dispatch.settle()


async def test_a_message_put_off_is_tried_again_later_each_time_with_the_same_message_id(house: House) -> None:
    await approved(house)
    house.channels["email"].script.extend(DeliveryError("RCPT", 451, permanent=False) for _ in range(9))
    waits = []
    for _ in range(9):
        await house.send_all()
        row = reply(house)
        assert row.state is OutboxState.APPROVED
        waits.append(row.next_attempt_at - house.clock())
        assert await house.dispatch.send_next() == 0
        house.clock.set(row.next_attempt_at)
    assert [int(wait.total_seconds()) for wait in waits] == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]
    await house.send_all()
    assert (reply(house).state, reply(house).attempts) == (OutboxState.SENT, 10)
    assert len({message.message_id for message in house.channels["email"].tried if message.kind == "reply"}) == 1
    assert sum(message.kind == "reply" for message in house.channels["email"].sent) == 1


async def test_a_reply_that_was_put_off_can_still_be_taken_back(house: House) -> None:
    ticket = await approved(house)
    house.channels["email"].script.append(DeliveryError("MAIL", 421, permanent=False))
    await house.send_all()
    await house.approvals.undo(EMIL, reply(house).id or 0)
    house.clock.advance(hours=2)
    await house.send_all()
    assert reply(house).state is OutboxState.WITHDRAWN
    assert house.ticket(ticket["id"])["drafts"][0]["state"] == "draft"


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (DeliveryError("RCPT", 550, permanent=True), OutboxState.FAILED),
        (DeliveryUncertain("DATA"), OutboxState.UNCERTAIN),
        (ConnectionResetError(LOST), OutboxState.UNCERTAIN),
        (ValueError(LOST), OutboxState.UNCERTAIN),
    ],
)
async def test_what_failed_or_is_unknown_is_never_tried_again_by_the_program(
    house: House, end: Exception, state: OutboxState, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = await approved(house)
    house.channels["email"].script.append(end)
    await house.send_all()
    for _ in range(5):
        house.clock.advance(hours=10)
        await house.send_all()
    assert reply(house).state is state
    assert sum(message.kind == "reply" for message in house.channels["email"].tried) == 1
    assert house.ticket(ticket["id"])["state"] == "awaiting_approval"
    assert AINO not in caplog.text + reply(house).receipt


async def test_a_channel_that_is_silent_holds_up_its_own_message_alone(house: House) -> None:
    silence, heard = asyncio.Event(), asyncio.Event()

    class Silent(ScriptedChannel):
        async def send(self, message: OutboundMessage) -> Receipt:
            if message.to == SEIJA:
                await silence.wait()
            heard.set()
            return await super().send(message)

    house.channels["email"] = Silent("email", house.clock)
    house.dispatch._channels = house.channels
    await house.receive(STRANGERS, sender=SEIJA)
    await house.receive()
    assert await house.dispatch.send_next() == 2
    await heard.wait()
    assert [message.to for message in house.channels["email"].sent] == [AINO]
    assert await house.dispatch.send_next() == 0
    silence.set()
    await house.dispatch.settle()
    assert [row.state for row in house.outbox()] == [OutboxState.SENT] * 2


async def test_no_more_messages_are_under_way_than_there_is_room_for(house: House) -> None:
    silence = asyncio.Event()

    class Silent(ScriptedChannel):
        async def send(self, message: OutboundMessage) -> Receipt:
            await silence.wait()
            return await super().send(message)

    dispatch = Dispatch(
        database=house.database,
        channels={"email": Silent("email", house.clock)},
        sender=Sender("Kalajoen Lämpö Oy", DESK),
        clock=house.clock,
        at_once=2,
    )
    for number in range(3):
        await house.receive(f"{ACCESS} {number}")
    assert [await dispatch.send_next() for _ in range(2)] == [2, 0]
    silence.set()
    await dispatch.settle()
    assert await dispatch.send_next() == 1
    await dispatch.settle()


async def test_two_dispatchers_send_each_message_once(house: House, database_url: str, clock: Any) -> None:
    for number in range(6):
        await house.receive(f"{ACCESS} {number}", sender=f"asiakas{number}@tuntematon.test")
    second = Database(database_url)
    second.open()
    try:
        other = House(second, clock)
        await asyncio.gather(*(one.send_all() for one in (house, other)), return_exceptions=True)
        await other.send_all()
    finally:
        second.close()
    await house.send_all()
    sent = [message.message_id for one in (house, other) for message in one.channels["email"].sent]
    assert len(sent) == len(set(sent)) == 6


async def test_a_sending_that_was_cut_short_is_uncertain_after_the_restart(house: House) -> None:
    await approved(house)

    class Dying(ScriptedChannel):
        async def send(self, message: OutboundMessage) -> Receipt:
            self.tried.append(message)
            raise asyncio.CancelledError

    dying = Dispatch(
        database=house.database,
        channels={"email": Dying("email", house.clock)},
        sender=Sender("Kalajoen Lämpö Oy", DESK),
        clock=house.clock,
    )
    await dying.send_next()
    await dying.settle()
    assert reply(house).state is OutboxState.SENDING
    assert await house.dispatch.recover() == 1
    assert (reply(house).state, reply(house).receipt) == (OutboxState.UNCERTAIN, "INTERRUPTED")
    assert await house.dispatch.recover() == 0
    house.clock.advance(days=1)
    await house.send_all()
    assert [message.kind for message in house.channels["email"].tried] == ["acknowledgement"]


async def test_a_stage_that_is_stopped_right_after_its_claim_has_begun_what_it_claimed(house: House) -> None:
    await approved(house)
    step = asyncio.create_task(house.dispatch.send_next())
    await asyncio.sleep(0)
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    await house.dispatch.settle()
    assert reply(house).state is OutboxState.SENT
    assert await house.dispatch.recover() == 0


class Fragile(Database):
    """The same store, away for the next few writes once it is told so."""

    away = 0

    async def write(self, work: Callable[[Session], Any]) -> Any:
        if self.away:
            self.away -= 1
            raise OperationalError("UPDATE", {}, sqlite3.OperationalError("disk full"))
        return await super().write(work)


@pytest.mark.parametrize("end", [None, DeliveryError("RCPT", 550, permanent=True)])
async def test_how_a_sending_ended_is_written_when_the_store_comes_back(
    house: House, database_url: str, monkeypatch: pytest.MonkeyPatch, end: Exception | None
) -> None:
    monkeypatch.setattr(sending, "PAUSE_SECONDS", 0.01)
    await approved(house)
    fragile = Fragile(database_url)
    fragile.open()

    class Breaking(ScriptedChannel):
        async def send(self, message: OutboundMessage) -> Receipt:
            fragile.away = 3
            return await super().send(message)

    channel = Breaking("email", house.clock)
    channel.script.append(end)
    try:
        dispatch = Dispatch(
            database=fragile, channels={"email": channel}, sender=Sender("Lämpö", DESK), clock=house.clock
        )
        assert await dispatch.send_next() == 1
        await dispatch.settle()
    finally:
        fragile.close()
    assert reply(house).state is (OutboxState.SENT if end is None else OutboxState.FAILED)
    assert len(channel.tried) == 1


async def test_a_row_that_cannot_be_sent_has_failed_and_holds_up_no_other(house: House) -> None:
    await house.receive()
    missing = [{"name": "tiedot.zip", "media_type": "application/zip", "sha256": "0" * 64}]
    first = house.outbox()[0].id

    def without_its_file(session: Session, files: Any = missing) -> None:
        session.get_one(OutboxRow, first).attachments = files

    house.database.write_now(without_its_file)
    await house.receive(STRANGERS, sender=SEIJA)
    await house.send_all()
    assert [row.state for row in house.outbox()] == [OutboxState.FAILED, OutboxState.SENT]
    house.database.write_now(lambda session: without_its_file(session, []))


async def test_a_channel_that_is_not_there_is_a_failure_and_no_doubt(house: House) -> None:
    await house.receive()
    del house.channels["email"]
    await house.send_all()
    assert [(row.state, row.receipt) for row in house.outbox()] == [(OutboxState.FAILED, "NO_CHANNEL")]


@pytest.mark.parametrize("how", ["inactive", "replaced"])
async def test_a_contact_that_changes_after_the_approval_receives_nothing(house: House, how: str) -> None:
    await approved(house)
    contact = reply(house).contact_point_id or 0

    def change(session: Session) -> None:
        if how == "inactive":
            register_contacts.set_contact_status(session, contact, ContactStatus.INACTIVE, house.clock())
        else:
            session.get_one(ContactPoint, contact).value = "toinen@posti.test"

    house.database.write_now(change)
    await house.send_all()
    assert (reply(house).state, reply(house).receipt) == (OutboxState.FAILED, "RECIPIENT_CHANGED")
    assert sum(message.kind == "reply" for message in house.channels["email"].tried) == 0
    if how == "replaced":
        house.database.write_now(lambda session: setattr(session.get_one(ContactPoint, contact), "value", AINO))


async def test_acknowledgements_go_out_with_a_null_sender_and_replies_with_our_own(house: House) -> None:
    ticket = await house.receive(message_id="<asked@posti.test>")
    await house.answer(ticket)
    acknowledgement, answer = house.channels["email"].sent
    assert (acknowledgement.envelope_sender, acknowledgement.automatic) == ("", True)
    assert (acknowledgement.in_reply_to, acknowledgement.references) == ("", ())
    assert (answer.automatic, answer.from_address) == (False, DESK)
    assert answer.envelope_sender.startswith("asiakaspalvelu+")
    assert (answer.in_reply_to, answer.references) == ("<asked@posti.test>", ("<asked@posti.test>",))
    assert answer.reference == ticket["reference"]


async def test_a_letter_gets_its_address_lines_and_no_address(house: House) -> None:
    def by_post_only(session: Session) -> None:
        for contact in session.exec(select(ContactPoint).where(ContactPoint.kind == ContactKind.EMAIL)).all():
            if contact.value == AINO:
                contact.status = ContactStatus.INACTIVE

    house.database.write_now(by_post_only)
    ticket = await house.receive(f"{ACCESS}\nAino Esimerkkilä, asiakasnumero 100234, Testikuja 3")
    assert [draft["channel"] for draft in ticket["drafts"]] == ["letter"]
    await house.answer(ticket)
    (letter,) = house.channels["letter"].sent
    assert letter.address_lines == ("Aino Esimerkkilä", "Testikuja 3", "85100 Kalajoki")
    assert (letter.to, letter.channel, letter.in_reply_to) == ("", "letter", "")


async def test_a_ticket_of_two_requests_is_answered_only_when_both_are(house: House) -> None:
    ticket = await house.receive(f"{ACCESS}\n\nLisäksi: {BILLING}")
    assert ticket["kinds"] == ["access", "billing"]
    access, billing = ticket["drafts"]
    await house.approvals.approve(DORA, access["id"], access["sha256"])
    house.clock.advance(minutes=2)
    await house.send_all()
    partly = house.ticket(ticket["id"])
    assert (partly["state"], partly["due_at"]) == ("awaiting_approval", None)
    assert [one["resolution"] for one in partly["requests"]] == ["answered", None]
    await house.approvals.amend(EMIL, billing["id"], billing["sha256"], "Laskunne", "Hei\n\nLasku on tarkistettu.\n")
    assert (await house.answer(house.ticket(ticket["id"])))["state"] == "answered"


async def test_asking_who_somebody_is_answers_nothing(house: House) -> None:
    ticket = await house.receive(ELSEWHERE)
    assert [draft["template"] for draft in ticket["drafts"]] == ["identity"]
    asked = await house.answer(ticket)
    assert (asked["state"], asked["due_at"]) == ("awaiting_identity", ticket["due_at"])
    assert [one["resolution"] for one in asked["requests"]] == [None]


async def test_a_question_of_identity_beside_an_answer_keeps_the_ticket_waiting_for_identity(house: House) -> None:
    ticket = await house.receive(f"{ELSEWHERE}\n\nLisäksi: {BILLING}")
    templates = [draft["template"] for draft in ticket["drafts"]]
    assert sorted(templates) == ["billing", "identity"]
    for draft in sorted(ticket["drafts"], key=lambda one: one["template"], reverse=True):
        await house.approvals.approve(DORA, draft["id"], draft["sha256"])
    house.clock.advance(minutes=2)
    await house.send_all()
    after = house.ticket(ticket["id"])
    assert (after["state"], after["due_at"]) == ("awaiting_identity", ticket["due_at"])


async def test_nothing_held_is_an_end_of_its_own(house: House) -> None:
    answered = await house.answer(await house.receive(STRANGERS, sender=SEIJA))
    assert [one["resolution"] for one in answered["requests"]] == ["nothing_held"]


async def test_the_answer_joins_the_thread_so_that_the_customer_can_write_back(house: House) -> None:
    ticket = await house.answer(await house.receive())
    back = await house.receive(BILLING, answers=reply(house).message_id)
    assert back["id"] == ticket["id"]
    assert back["state"] == "awaiting_approval"


async def test_a_wrong_time_of_the_channel_moves_no_deadline(house: House) -> None:
    ticket = await approved(house)
    before = house.database.read_now(lambda session: session.get_one(Ticket, ticket["id"]).received_at)
    await house.send_all()
    assert house.database.read_now(lambda session: session.get_one(Ticket, ticket["id"]).received_at) == before
    drafts = house.database.read_now(lambda session: session.exec(select(Draft.state)).all())
    outgoing = house.database.read_now(lambda session: session.exec(select(Message.direction)).all())
    assert (list(drafts), list(outgoing)) == (["sent"], ["in", "out"])
    assert reply(house).created_at + timedelta(minutes=2) == house.clock()


async def test_a_relay_that_is_silent_does_not_keep_the_service_from_stopping(house: House) -> None:
    ticket = await house.receive()
    await house.send_all()
    await house.approve(ticket)
    house.clock.advance(minutes=2)
    silent = asyncio.Event()
    house.channels["email"].script.append(silent)
    await house.dispatch.send_next()
    await house.dispatch.settle(0.2)
    assert house.outbox("reply")[-1].state is OutboxState.SENDING
    assert await house.dispatch.recover() == 1
    assert house.outbox("reply")[-1].state is OutboxState.UNCERTAIN
