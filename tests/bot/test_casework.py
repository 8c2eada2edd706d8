"""What staff do with a ticket besides answering it: each act once, in its turn, by whom it is allowed."""

from typing import Any

import pytest
from sqlmodel import Session, select

from bot.staff import Refused
from mail.channel import DeliveryError, DeliveryUncertain
from store.lifecycle import OutboxState, Resolution, TicketState
from store.models import Approval, Event, Message, Request, Setting, Ticket
from tests.bot.house import AUDITOR, BILLING, DORA, EMIL, FORMER, SEIJA, STRANGERS, House
from tests.bot.leaks import held_in

SECRET = "Asiakas oli kovin huolissaan naapurista"


async def refused(act: Any) -> str:
    """The key of the sentence with which an act is refused."""
    with pytest.raises(Refused) as caught:
        await act
    return caught.value.key


def version(house: House, ticket: dict[str, Any]) -> int:
    """The version that a page shown now would carry."""
    return house.database.read_now(lambda session: session.get_one(Ticket, ticket["id"]).version)


async def stuck(house: House, end: Exception) -> tuple[dict[str, Any], int]:
    """A ticket whose approved reply ended so; and the row of that reply."""
    ticket = await house.receive()
    await house.send_all()
    await house.approve(ticket)
    house.channels["email"].script.append(end)
    house.clock.advance(minutes=2)
    await house.send_all()
    return ticket, house.outbox("reply")[-1].id or 0


async def test_a_ticket_taken_is_ones_own_until_another_takes_it(house: House) -> None:
    ticket = await house.receive()
    for who in (DORA, EMIL):
        await house.casework.take(who, ticket["id"])
        assert house.database.read_now(lambda session: session.get_one(Ticket, ticket["id"]).assigned_to) == who
    assert [one["actor"] for one in house.ticket(ticket["id"])["events"] if one["kind"] == "ticket_taken"] == [
        "staff:1",
        "staff:2",
    ]


async def test_a_note_is_kept_for_staff_and_its_words_stay_out_of_the_trail(house: House) -> None:
    ticket = await house.receive()
    await house.casework.note(DORA, ticket["id"], f"  {SECRET}  ")
    notes = house.database.read_now(
        lambda session: session.exec(select(Message.text).where(Message.direction == "note")).all()
    )
    assert list(notes) == [SECRET]
    assert SECRET not in str(house.ticket(ticket["id"])["events"])
    assert await refused(house.casework.note(DORA, ticket["id"], "   ")) == "empty_text"


@pytest.mark.parametrize(("who", "key"), [(AUDITOR, "not_entitled"), (FORMER, "not_staff"), (99, "not_staff")])
async def test_nobody_works_on_a_ticket_without_the_right_to(house: House, who: int, key: str) -> None:
    ticket, row = await stuck(house, DeliveryUncertain("DATA"))
    acts, at = house.casework, ticket["id"]
    assert await refused(acts.take(who, at)) == key
    assert await refused(acts.note(who, at, "x")) == key
    assert await refused(acts.close(who, at, version(house, ticket), Resolution.SPAM)) == key
    assert await refused(acts.reopen(who, at, version(house, ticket))) == key
    assert await refused(acts.rescue(who, at)) == key
    assert await refused(acts.decide_uncertain(who, row, "again")) == key


async def test_what_does_not_exist_is_said_to_be_missing(house: House) -> None:
    acts = house.casework
    assert await refused(acts.take(DORA, 99)) == "no_such_ticket"
    assert await refused(acts.note(DORA, 99, "x")) == "no_such_ticket"
    assert await refused(acts.close(DORA, 99, 1, Resolution.SPAM)) == "no_such_ticket"
    assert await refused(acts.reopen(DORA, 99, 1)) == "no_such_ticket"
    assert await refused(acts.rescue(DORA, 99)) == "no_such_ticket"
    assert await refused(acts.decide_uncertain(DORA, 99, "sent")) == "no_such_draft"


async def test_closing_ends_the_requests_and_withdraws_the_drafts_that_wait(house: House) -> None:
    ticket = await house.receive(f"{STRANGERS}\n\nLisäksi: {BILLING}", sender=SEIJA)
    returned = ticket["drafts"][0]
    await house.approvals.return_draft(DORA, returned["id"], returned["sha256"], "")
    await house.casework.close(DORA, ticket["id"], version(house, ticket), Resolution.WITHDRAWN, "soitti ja perui")
    closed = house.ticket(ticket["id"])
    assert (closed["state"], closed["resolution"], closed["due_at"]) == ("closed", "withdrawn", None)
    assert {draft["state"] for draft in closed["drafts"]} == {"superseded"}
    assert {request["resolution"] for request in closed["requests"]} == {"withdrawn"}
    assert [one["direction"] for one in closed["messages"]] == ["in", "note"]


async def test_a_page_that_is_out_of_date_closes_nothing(house: House) -> None:
    ticket = await house.receive()
    seen = version(house, ticket)
    await house.casework.take(EMIL, ticket["id"])
    assert await refused(house.casework.close(DORA, ticket["id"], seen, Resolution.SPAM)) == "out_of_turn"
    assert house.ticket(ticket["id"])["state"] == "awaiting_approval"
    await house.casework.close(DORA, ticket["id"], version(house, ticket), Resolution.SPAM)
    assert (
        await refused(house.casework.close(DORA, ticket["id"], version(house, ticket), Resolution.SPAM))
        == "out_of_turn"
    )


async def test_a_ticket_is_not_closed_over_a_reply_that_is_on_its_way(house: House) -> None:
    ticket = await house.receive()
    released = await house.approve(ticket)
    close = house.casework.close
    assert await refused(close(DORA, ticket["id"], version(house, ticket), Resolution.WITHDRAWN)) == "reply_under_way"
    await house.approvals.undo(DORA, released.outbox_id)
    await close(DORA, ticket["id"], version(house, ticket), Resolution.WITHDRAWN)
    house.clock.advance(hours=1)
    await house.send_all()
    assert [message.kind for message in house.channels["email"].sent] == ["acknowledgement"]


@pytest.mark.parametrize("end", [DeliveryUncertain("DATA"), DeliveryError("RCPT", 550, permanent=True)])
async def test_a_ticket_is_not_closed_before_a_stuck_reply_is_decided_on(house: House, end: Exception) -> None:
    ticket, row = await stuck(house, end)
    close = house.casework.close
    assert await refused(close(DORA, ticket["id"], version(house, ticket), Resolution.ANSWERED)) == "reply_under_way"
    await house.casework.decide_uncertain(DORA, row, "withdraw")
    await close(DORA, ticket["id"], version(house, ticket), Resolution.WITHDRAWN)
    assert house.ticket(ticket["id"])["state"] == "closed"


async def test_a_person_who_says_that_it_left_answers_the_ticket_as_a_receipt_would(house: House) -> None:
    ticket, row = await stuck(house, DeliveryUncertain("DATA"))
    await house.casework.decide_uncertain(EMIL, row, "sent")
    after = house.ticket(ticket["id"])
    assert (after["state"], after["due_at"]) == ("answered", None)
    assert after["drafts"][0]["state"] == "sent"
    assert [one["resolution"] for one in after["requests"]] == ["answered"]
    assert [one["direction"] for one in after["messages"]] == ["in", "out"]
    assert house.outbox("reply")[0].state is OutboxState.SENT
    assert await refused(house.casework.decide_uncertain(EMIL, row, "sent")) == "out_of_turn"


async def test_a_person_who_says_again_sends_it_once_more_under_the_same_message_id(house: House) -> None:
    ticket, row = await stuck(house, DeliveryUncertain("DATA"))
    await house.casework.decide_uncertain(EMIL, row, "again")
    assert await refused(house.casework.decide_uncertain(DORA, row, "again")) == "out_of_turn"
    await house.send_all()
    tried = [message.message_id for message in house.channels["email"].tried if message.kind == "reply"]
    assert len(tried) == 2
    assert len(set(tried)) == 1
    assert house.ticket(ticket["id"])["state"] == "answered"


async def test_a_person_who_withdraws_it_voids_the_approval_and_gets_the_draft_back(house: House) -> None:
    ticket, row = await stuck(house, DeliveryError("RCPT", 550, permanent=True))
    assert await refused(house.casework.decide_uncertain(EMIL, row, "sent")) == "out_of_turn"
    await house.casework.decide_uncertain(EMIL, row, "withdraw")
    after = house.ticket(ticket["id"])
    assert (after["state"], after["drafts"][0]["state"]) == ("open", "returned")
    approval = house.database.read_now(lambda session: session.exec(select(Approval)).one())
    assert approval.voided_at == house.clock()
    house.clock.advance(days=1)
    await house.send_all()
    assert len([message for message in house.channels["email"].tried if message.kind == "reply"]) == 1
    draft = after["drafts"][0]
    await house.approvals.amend(DORA, draft["id"], draft["sha256"], "Vastaus", "Hei\n\nUudestaan.\n")
    assert (await house.answer(house.ticket(ticket["id"])))["drafts"][-1]["state"] == "sent"


async def test_a_stuck_acknowledgement_is_decided_on_too(house: House) -> None:
    await house.receive()
    house.channels["email"].script.append(DeliveryUncertain("DATA"))
    await house.send_all()
    row = house.outbox()[0]
    assert row.state is OutboxState.UNCERTAIN
    await house.casework.decide_uncertain(DORA, row.id or 0, "sent")
    assert house.outbox()[0].state is OutboxState.SENT


async def test_what_has_ended_is_opened_again_and_starts_no_clock(house: House) -> None:
    ticket = await house.receive()
    assert await refused(house.casework.reopen(DORA, ticket["id"], version(house, ticket))) == "out_of_turn"
    await house.casework.close(DORA, ticket["id"], version(house, ticket), Resolution.REFUSED)
    assert await refused(house.casework.reopen(DORA, ticket["id"], 1)) == "out_of_turn"
    await house.casework.reopen(DORA, ticket["id"], version(house, ticket))
    opened = house.ticket(ticket["id"])
    assert (opened["state"], opened["resolution"], opened["due_at"]) == ("open", None, None)


async def test_quarantined_mail_is_silent_until_a_person_takes_it_out(house: House) -> None:
    spam = "Congratulations! You have won a prize. Click https://prize.test/claim to verify your account now!"
    ticket = await house.receive(spam, sender="winner@lottery.test", subject="You have won")
    quarantined = house.database.read_now(lambda session: session.get_one(Ticket, ticket["id"]).quarantined)
    assert (ticket["state"], quarantined, ticket["outbox"]) == ("new", True, [])
    await house.casework.rescue(DORA, ticket["id"])
    rescued = house.database.read_now(lambda session: session.get_one(Ticket, ticket["id"]))
    assert (rescued.state, rescued.quarantined) == (TicketState.OPEN, False)
    requests = house.ticket(ticket["id"])["requests"]
    assert [one["type"] for one in requests] == ["other"]
    assert rescued.due_on is not None
    assert rescued.due_on.isoformat() == requests[0]["due_at"]
    assert await refused(house.casework.rescue(DORA, ticket["id"])) == "out_of_turn"


async def test_after_a_whole_story_the_trail_knows_no_person_and_no_word(house: House) -> None:
    ticket, row = await stuck(house, DeliveryUncertain("DATA"))
    await house.casework.note(DORA, ticket["id"], SECRET)
    await house.casework.decide_uncertain(DORA, row, "sent")
    other = await house.receive(STRANGERS, sender=SEIJA)
    draft = other["drafts"][0]
    await house.approvals.return_draft(EMIL, draft["id"], draft["sha256"], SECRET)
    await house.approvals.amend(EMIL, draft["id"], draft["sha256"], "Vastaus Seijalle", "Hei Seija Koekäyttäjä\n")
    await house.answer(house.ticket(other["id"]))
    await house.casework.close(DORA, other["id"], version(house, other), Resolution.ANSWERED, SECRET)

    def trail(session: Session) -> str:
        lines = session.exec(select(Event)).all()
        assert len(lines) > 30
        text = "\n".join(str(line.model_dump(exclude={"digest", "previous"})) for line in lines)
        assert held_in(session, text) == []
        assert [setting.key for setting in session.exec(select(Setting))] == ["address_keys"]
        return text

    text = house.database.read_now(trail)
    for word in (SECRET, "Seija", "Aino", "@", "posti.test", "Tietopyyntö", "kopion", "Vastaus"):
        assert word not in text


async def test_staff_begin_a_reply_where_none_waits_and_only_one_at_a_time(house: House) -> None:
    ticket = await house.receive()
    request = house.database.read_now(
        lambda session: session.exec(select(Request).where(Request.ticket_id == ticket["id"])).one()
    )
    assert request.id is not None
    assert await refused(house.casework.begin_reply(DORA, request.id)) == "draft_waits"
    await house.approve(ticket)
    assert await refused(house.casework.begin_reply(DORA, request.id)) == "draft_waits"
    house.clock.advance(minutes=2)
    await house.send_all()
    draft_id = await house.casework.begin_reply(EMIL, request.id)
    shown = house.ticket(ticket["id"])
    newest = next(one for one in shown["drafts"] if one["id"] == draft_id)
    assert shown["state"] == "awaiting_approval"
    assert (newest["state"], newest["template"], newest["recipient"]["kind"]) == ("draft", "other", "email")
    assert newest["holds_data"]
    assert await refused(house.casework.begin_reply(AUDITOR, request.id)) == "not_entitled"
    assert await refused(house.casework.begin_reply(DORA, 4711)) == "no_such_ticket"
