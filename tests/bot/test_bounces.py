"""A reply that comes back is seen on its ticket, and the answer that did not arrive counts as none."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import Session, col

from bot.staff import Refused
from mail.channel import DeliveryUncertain
from mail.message import OutboundMessage, Receipt
from store import tickets
from store.lifecycle import OutboxState, Resolution
from store.models import ContactPoint, Message, OutboxRow, Request, Ticket
from tests.bot.bounces import dsn, hand_in
from tests.bot.house import AINO, DESK, DORA, SEIJA, STRANGERS, House, ScriptedChannel, mail

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def sent_reply(house: House) -> OutboundMessage:
    """The newest reply that reached the relay."""
    return [message for message in house.channels["email"].sent if message.kind == "reply"][-1]


def reply(house: House) -> OutboxRow:
    """The newest reply's row."""
    return house.outbox("reply")[-1]


async def answered(house: House) -> dict[str, Any]:
    """Aino's request, answered with her data."""
    return await house.answer(await house.receive())


def flagged_address(house: House) -> list[str]:
    """The addresses on file that mail came back from."""
    query = select(col(ContactPoint.value)).where(col(ContactPoint.bounced_at).is_not(None))
    return house.database.read_now(lambda session: list(session.execute(query).scalars()))


def unmatched(house: House) -> int:
    """How many automatic mails came to no ticket."""
    query = select(Message).where(col(Message.ticket_id).is_(None))
    return len(house.database.read_now(lambda session: list(session.execute(query).scalars())))


@pytest.mark.parametrize("by", ["address", "message_id"])
async def test_a_bounce_takes_back_the_answer_that_it_gives_back(house: House, by: str) -> None:
    before = await house.receive()
    ticket = await house.answer(before)
    sent = sent_reply(house)
    assert (ticket["state"], ticket["due_at"]) == ("answered", None)
    if by == "address":
        await hand_in(house, dsn(sent, with_returned=False), to=sent.envelope_sender)
    else:
        await hand_in(house, dsn(sent), to=DESK)
    after = house.ticket(ticket["id"])
    assert (after["state"], after["due_at"]) == ("open", before["due_at"])
    assert [one["resolution"] for one in after["requests"]] == [None]
    assert "REPLY_BOUNCED" in after["flags"]
    assert [one["joined_by"] for one in after["messages"]] == ["opened", "sent", "bounce"]
    assert [one["state"] for one in after["outbox"]] == ["sent", "bounced"]
    assert reply(house).bounced_at == house.clock()
    assert flagged_address(house) == [AINO]
    assert len(house.tickets()) == 1
    assert house.outbox("acknowledgement")[-1].id == before["outbox"][0]["id"]
    kinds = [one["kind"] for one in after["events"]]
    assert kinds[-5:] == ["bounce_received", "address_bounced", "outbox_bounced", "request_resumed", "ticket_open"]
    assert AINO not in str([one["data"] for one in after["events"]])


async def test_the_next_reply_is_begun_as_ever_and_goes_where_mail_still_arrives(house: House) -> None:
    ticket = await answered(house)
    await hand_in(house, dsn(sent_reply(house)), to=sent_reply(house).envelope_sender)
    request = await _request(house, ticket["id"])
    await house.casework.begin_reply(DORA, request)
    again = house.ticket(ticket["id"])["drafts"][-1]
    assert (again["recipient"]["kind"], again["state"]) == ("postal", "draft")
    final = await house.answer(house.ticket(ticket["id"]))
    assert "REPLY_BOUNCED" not in final["flags"]


async def _request(house: House, ticket_id: int) -> int:
    query = select(col(Request.id)).where(col(Request.ticket_id) == ticket_id)
    return house.database.read_now(lambda session: session.execute(query).scalars().first()) or 0


async def test_a_new_request_from_an_address_that_bounced_is_drafted_to_another(house: House) -> None:
    """Whoever writes from it now may be a stranger to whom the provider gave it anew (THREATS 10)."""
    await answered(house)
    await hand_in(house, dsn(sent_reply(house)), to=sent_reply(house).envelope_sender)
    house.clock.advance(days=40)
    ticket = await house.receive(subject="Uusi pyyntö")
    (draft,) = ticket["drafts"]
    assert draft["recipient"]["kind"] == "postal"
    assert "ADDRESS_BOUNCED" in ticket["flags"]


async def test_staff_alone_decide_that_an_address_is_right_all_the_same(house: House) -> None:
    await answered(house)
    await hand_in(house, dsn(sent_reply(house)), to=sent_reply(house).envelope_sender)
    row = reply(house).id or 0
    await house.casework.trust_address(DORA, row)
    assert flagged_address(house) == []
    with pytest.raises(Refused):
        await house.casework.trust_address(DORA, row)
    with pytest.raises(Refused):
        await house.casework.trust_address(DORA, house.outbox("acknowledgement")[0].id or 0)
    house.clock.advance(days=40)
    (draft,) = (await house.receive(subject="Uusi pyyntö"))["drafts"]
    assert draft["recipient"]["value"] == AINO


@pytest.mark.parametrize(
    ("status", "failed", "flagged"),
    [("5.1.1", "", True), ("5.2.2", "", False), ("5.7.1", "", False), ("5.1.1", "toinen@muu.test", False)],
)
async def test_a_full_mailbox_or_another_address_says_nothing_against_the_one_on_file(
    house: House, status: str, failed: str, flagged: bool
) -> None:
    ticket = await answered(house)
    await hand_in(house, dsn(sent_reply(house), status=status, failed=failed), to=sent_reply(house).envelope_sender)
    assert bool(flagged_address(house)) is flagged
    assert house.ticket(ticket["id"])["state"] == "open"
    assert reply(house).state is OutboxState.BOUNCED


async def test_a_bounce_that_comes_again_moves_nothing_again(house: House) -> None:
    ticket = await answered(house)
    sent = sent_reply(house)
    await hand_in(house, dsn(sent), to=sent.envelope_sender)
    await house.casework.begin_reply(DORA, await _request(house, ticket["id"]))
    await house.answer(house.ticket(ticket["id"]))
    stands = house.ticket(ticket["id"])
    await hand_in(house, dsn(sent, status="5.1.2"), to=sent.envelope_sender)
    after = house.ticket(ticket["id"])
    assert (after["state"], after["due_at"], after["requests"]) == (
        stands["state"],
        stands["due_at"],
        stands["requests"],
    )
    assert [one["joined_by"] for one in after["messages"]].count("bounce") == 2


async def test_a_late_bounce_of_an_earlier_reply_undoes_no_later_answer(house: House) -> None:
    """The question about identity comes back after the answer has left."""
    first = await house.answer(await house.receive(STRANGERS, sender=SEIJA))
    question = sent_reply(house)
    request = await _request(house, first["id"])
    if first["state"] == "answered":
        house.database.write_now(lambda session: _resume(session, request))
    await house.casework.begin_reply(DORA, request)
    later = await house.answer(house.ticket(first["id"]))
    resolutions = [one["resolution"] for one in later["requests"]]
    await hand_in(house, dsn(question), to=question.envelope_sender)
    after = house.ticket(first["id"])
    assert [one["resolution"] for one in after["requests"]] == resolutions
    assert after["state"] == later["state"]
    assert [one["state"] for one in after["outbox"] if one["kind"] == "reply"] == ["bounced", "sent"]


def _resume(session: Session, request: int) -> None:
    tickets.resume_request(session, request, actor="cli", at=NOW)


@pytest.mark.parametrize(
    ("resolution", "state"),
    [(Resolution.ANSWERED, "open"), (Resolution.SPAM, "closed"), (Resolution.WITHDRAWN, "closed")],
)
async def test_a_closed_ticket_comes_back_when_its_end_rested_on_the_answer(
    house: House, resolution: Resolution, state: str
) -> None:
    ticket = await answered(house)
    version = house.database.read_now(lambda session: session.get_one(Ticket, ticket["id"]).version)
    await house.casework.close(DORA, ticket["id"], version, resolution)
    await hand_in(house, dsn(sent_reply(house)), to=sent_reply(house).envelope_sender)
    after = house.ticket(ticket["id"])
    assert after["state"] == state
    assert "REPLY_BOUNCED" in after["flags"]


async def test_a_bounce_proves_that_a_reply_of_unknown_end_did_leave(house: House) -> None:
    ticket = await house.receive()
    await house.send_all()
    await house.approve(ticket)
    house.clock.advance(minutes=2)
    house.channels["email"].script.append(DeliveryUncertain("final"))
    await house.send_all()
    tried = house.channels["email"].tried[-1]
    assert reply(house).state is OutboxState.UNCERTAIN
    await hand_in(house, dsn(tried), to=tried.envelope_sender)
    after = house.ticket(ticket["id"])
    assert (reply(house).state, after["state"], after["due_at"]) == (OutboxState.BOUNCED, "open", ticket["due_at"])
    assert after["drafts"][-1]["state"] == "sent"
    house.clock.advance(days=2)
    await house.send_all()
    assert sum(message.kind == "reply" for message in house.channels["email"].tried) == 1


async def test_a_bounce_that_is_quicker_than_our_own_record_waits_for_it(house: House) -> None:
    ticket = await house.receive()
    await house.send_all()
    await house.approve(ticket)
    house.clock.advance(minutes=2)
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Slow(ScriptedChannel):
        async def send(self, message: OutboundMessage) -> Receipt:
            begun.set()
            await go_on.wait()
            return await super().send(message)

    slow = Slow("email", house.clock)
    house.dispatch._channels = {"email": slow}
    await house.dispatch.send_next()
    await begun.wait()
    key = house.database.read_now(lambda session: session.get_one(OutboxRow, reply(house).id).message_id)
    early = OutboundMessage("reply", "email", "fi", "", "", "", key, to=AINO, from_address=DESK)
    await hand_in(house, dsn(early), to=DESK)
    assert reply(house).state is OutboxState.SENDING
    assert "REPLY_BOUNCED" in house.ticket(ticket["id"])["flags"]
    go_on.set()
    await house.dispatch.settle()
    after = house.ticket(ticket["id"])
    assert (reply(house).state, after["state"], after["due_at"]) == (OutboxState.BOUNCED, "open", ticket["due_at"])
    assert "REPLY_BOUNCED" in after["flags"]


async def test_an_acknowledgement_that_comes_back_is_recorded_and_moves_nothing(house: House) -> None:
    ticket = await house.receive()
    await house.send_all()
    (sent,) = house.channels["email"].sent
    await hand_in(house, dsn(sent))
    after = house.ticket(ticket["id"])
    assert (after["state"], after["due_at"]) == (ticket["state"], ticket["due_at"])
    assert "ACKNOWLEDGEMENT_BOUNCED" in after["flags"]
    assert after["outbox"][0]["state"] == "bounced"
    assert flagged_address(house) == []


async def test_a_notice_of_delay_and_a_read_receipt_are_shown_and_move_nothing(house: House) -> None:
    ticket = await answered(house)
    sent = sent_reply(house)
    await hand_in(house, dsn(sent, status="4.4.1", action="delayed"), to=sent.envelope_sender)
    receipt = mail(
        "Viestisi on luettu",
        subject="Luettu: vastaus",
        headers=(("Auto-Submitted", "auto-replied"), ("X-MS-Exchange-Inbox-Rules-Loop", AINO)),
        answers=sent.message_id,
    )
    await hand_in(house, receipt, to=sent.reply_to, envelope_sender=AINO)
    after = house.ticket(ticket["id"])
    assert (after["state"], after["flags"], reply(house).state) == (ticket["state"], ticket["flags"], OutboxState.SENT)
    assert [one["joined_by"] for one in after["messages"]][2:] == ["automatic", "automatic"]


@pytest.mark.parametrize(("sender", "joined"), [(AINO, True), (SEIJA, False)])
async def test_an_out_of_office_answer_is_shown_where_it_belongs_when_it_comes_from_there(
    house: House, sender: str, joined: bool
) -> None:
    ticket = await answered(house)
    sent = sent_reply(house)
    away = mail(
        "Olen lomalla 5.4. asti.",
        sender=sender,
        subject="Automaattinen vastaus: Tietopyyntö",
        headers=(("Auto-Submitted", "auto-replied"),),
        answers=sent.message_id,
    )
    await hand_in(house, away, to=sent.envelope_sender)
    after = house.ticket(ticket["id"])
    assert after["state"] == "answered"
    assert ("automatic" in [one["joined_by"] for one in after["messages"]]) is joined
    assert unmatched(house) == (0 if joined else 1)


async def test_a_forged_bounce_needs_what_only_the_recipient_has(house: House) -> None:
    ticket = await answered(house)
    sent = sent_reply(house)
    other = sent.envelope_sender.replace(sent.envelope_sender[20:24], "aaaa")
    forged = OutboundMessage("reply", "email", "fi", "", "", "", "<guessed@lampo.test>", to=AINO, from_address=DESK)
    for to in (DESK, other, sent.envelope_sender[:30] + "@lampo.test", sent.reply_to):
        await hand_in(house, dsn(forged, status="5.1.1", failed=AINO), to=to)
    after = house.ticket(ticket["id"])
    assert (after["state"], after["flags"], reply(house).state) == ("answered", ticket["flags"], OutboxState.SENT)
    assert after["messages"] == ticket["messages"]
    assert flagged_address(house) == []


async def test_even_a_true_bounce_sends_nothing_anywhere(house: House) -> None:
    await answered(house)
    sent = sent_reply(house)
    before = len(house.outbox())
    await hand_in(house, dsn(sent, failed="hyokkaaja@muualla.test"), to=sent.envelope_sender.upper())
    house.clock.advance(days=3)
    await house.send_all()
    assert len(house.outbox()) == before
    assert reply(house).state is OutboxState.BOUNCED
    assert reply(house).to_address == AINO


async def test_a_letter_never_bounces(house: House) -> None:
    ticket = await house.receive("Hei, minulla on turvakielto. Pyydän kopion tiedoistani. T. Aino Esimerkkilä")
    final = await house.answer(ticket)
    row = reply(house)
    assert row.channel == "letter"
    forged = OutboundMessage("reply", "email", "fi", "", "", "", row.message_id, to=AINO, from_address=DESK)
    await hand_in(house, dsn(forged))
    assert reply(house).state is OutboxState.SENT
    assert house.ticket(ticket["id"])["messages"] == final["messages"]
