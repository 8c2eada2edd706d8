"""The only door through which a draft becomes a reply: what is read is what leaves, once, to somebody on file."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from bot.staff import Refused
from store import register, register_contacts, staff
from store.database import Database
from store.lifecycle import OutboxState, Resolution
from store.models import (
    Approval,
    ContactKind,
    ContactPoint,
    ContactStatus,
    Customer,
    Draft,
    OutboxRow,
    Source,
    Ticket,
)
from tests.bot.house import ACCESS, AINO, AUDITOR, BILLING, DORA, EMIL, FORMER, SEIJA, STRANGERS, House

WORDS = "Hei\n\nTässä vastauksemme.\n\nYstävällisin terveisin\nKalajoen Lämpö Oy\n"


async def refused(act: Any) -> str:
    """The key of the sentence with which an act is refused."""
    with pytest.raises(Refused) as caught:
        await act
    return caught.value.key


def changing(house: House, model: type[Any], row_id: int, **values: Any) -> None:
    """Change a row behind everybody's back."""

    def work(session: Session) -> None:
        row = session.get_one(model, row_id)
        for name, value in values.items():
            setattr(row, name, value)

    house.database.write_now(work)


def contact_of(house: House, key: str, kind: ContactKind = ContactKind.EMAIL) -> ContactPoint:
    query = select(ContactPoint).join(Customer, col(Customer.id) == col(ContactPoint.customer_id))
    return house.database.read_now(
        lambda session: session.exec(query.where(Customer.key == key, ContactPoint.kind == kind)).one()
    )


async def test_an_approved_draft_is_one_row_that_waits_for_its_release(house: House) -> None:
    ticket = await house.receive()
    released = await house.approve(ticket)
    (row,) = house.outbox("reply")
    assert (row.id, row.release_at) == (released.outbox_id, released.release_at)
    assert row.release_at == house.clock() + timedelta(minutes=1)
    assert (row.to_address, row.text, row.holds_data) == (AINO, ticket["drafts"][0]["text"], True)
    assert house.ticket(ticket["id"])["outbox"][-1]["approved_by"] == "dora"


async def test_an_older_version_is_refused_and_the_sentence_says_which_is_new(house: House) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    await house.approvals.amend(DORA, draft["id"], draft["sha256"], "Vastaus", WORDS)
    with pytest.raises(Refused) as caught:
        await house.approvals.approve(EMIL, draft["id"], draft["sha256"])
    assert (caught.value.key, caught.value.facts) == ("stale", {"seen": 1, "version": 2})
    assert house.outbox("reply") == []


@pytest.mark.parametrize("column", ["text", "subject", "recipient", "attachments", "channel"])
async def test_a_draft_that_was_changed_in_the_store_is_not_what_was_read(house: House, column: str) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    other: Any = [{"name": "x.zip", "media_type": "application/zip", "sha256": "0" * 64}]
    changing(house, Draft, draft["id"], **{column: other if column == "attachments" else "jotain muuta"})
    assert await refused(house.approvals.approve(DORA, draft["id"], draft["sha256"])) == "changed"
    assert house.outbox("reply") == []


async def test_a_ticket_bound_to_another_customer_after_the_look_voids_what_was_read(house: House) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    eino = contact_of(house, "100236").customer_id
    changing(house, Ticket, ticket["id"], customer_id=eino)
    assert await refused(house.approvals.approve(DORA, draft["id"], draft["sha256"])) == "changed"


async def test_a_hash_of_somebodys_own_making_approves_nothing(house: House) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    for made in ("", "0" * 64, draft["sha256"].upper(), draft["sha256"][:-1]):
        assert await refused(house.approvals.approve(DORA, draft["id"], made)) == "changed"
    assert await refused(house.approvals.approve(DORA, 999, draft["sha256"])) == "no_such_draft"
    assert house.outbox("reply") == []


async def test_a_second_press_finds_the_first_and_names_who_pressed(house: House) -> None:
    ticket = await house.receive()
    await house.approve(ticket)
    (draft,) = ticket["drafts"]
    with pytest.raises(Refused) as caught:
        await house.approvals.approve(EMIL, draft["id"], draft["sha256"])
    assert (caught.value.key, caught.value.facts) == ("already_approved", {"name": "Dora"})
    house.clock.advance(minutes=2)
    await house.send_all()
    assert await refused(house.approvals.approve(DORA, draft["id"], draft["sha256"])) == "already_approved"
    assert len(house.outbox("reply")) == 1


async def test_two_staff_who_press_at_once_make_one_reply(house: House) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    presses = [house.approvals.approve(who, draft["id"], draft["sha256"]) for who in (DORA, EMIL) * 5]
    ends = await asyncio.gather(*presses, return_exceptions=True)
    assert sum(isinstance(end, Refused) for end in ends) == 9
    assert len(house.outbox("reply")) == 1
    assert len(house.database.read_now(lambda session: session.exec(select(Approval)).all())) == 1


async def test_two_processes_that_press_at_once_make_one_reply(house: House, database_url: str, clock: Any) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    second = Database(database_url)
    second.open()
    try:
        other = House(second, clock)
        presses = [
            one.approvals.approve(who, draft["id"], draft["sha256"]) for one in (house, other) for who in (DORA, EMIL)
        ]
        ends = await asyncio.gather(*presses, return_exceptions=True)
    finally:
        second.close()
    assert [type(end).__name__ for end in ends].count("Released") == 1
    assert len(house.outbox("reply")) == 1


async def test_an_amendment_and_an_approval_at_the_same_moment_leave_one_truth(house: House) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    await asyncio.gather(
        house.approvals.amend(EMIL, draft["id"], draft["sha256"], "Vastaus", WORDS),
        house.approvals.approve(DORA, draft["id"], draft["sha256"]),
        return_exceptions=True,
    )
    states = sorted(one["state"] for one in house.ticket(ticket["id"])["drafts"])
    assert states in (["approved"], ["draft", "superseded"])
    assert len(house.outbox("reply")) == (1 if states == ["approved"] else 0)


@pytest.mark.parametrize(("who", "key"), [(AUDITOR, "not_entitled"), (FORMER, "not_staff"), (99, "not_staff")])
async def test_nobody_acts_on_a_draft_without_the_right_to(house: House, who: int, key: str) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    at, acts = (draft["id"], draft["sha256"]), house.approvals
    assert await refused(acts.approve(who, *at)) == key
    assert await refused(acts.amend(who, *at, "Vastaus", WORDS)) == key
    assert await refused(acts.return_draft(who, *at, "ei näin")) == key
    released = await house.approve(ticket)
    assert await refused(acts.undo(who, released.outbox_id)) == key
    if who != AUDITOR:
        assert await refused(acts.open_draft(who, draft["id"])) == key


async def test_a_member_who_is_disabled_between_the_look_and_the_press_is_refused(house: House) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    await house.approvals.open_draft(EMIL, draft["id"])
    house.database.write_now(lambda session: staff.disable_member(session, EMIL, house.clock()))
    assert await refused(house.approvals.approve(EMIL, draft["id"], draft["sha256"])) == "not_staff"


async def test_a_returned_draft_leaves_only_in_new_words(house: House) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    await house.approvals.return_draft(DORA, draft["id"], draft["sha256"], "lisää laskut")
    assert house.ticket(ticket["id"])["state"] == "open"
    assert await refused(house.approvals.approve(EMIL, draft["id"], draft["sha256"])) == "returned"
    assert await refused(house.approvals.return_draft(EMIL, draft["id"], draft["sha256"], "")) == "returned"
    await house.approvals.amend(EMIL, draft["id"], draft["sha256"], "Vastaus", WORDS)
    amended = house.ticket(ticket["id"])
    assert amended["state"] == "awaiting_approval"
    assert [one["state"] for one in amended["drafts"]] == ["superseded", "draft"]
    await house.approve(amended, EMIL)
    assert house.outbox("reply")[0].text == WORDS


def _deactivated(house: House) -> None:
    house.database.write_now(
        lambda session: register_contacts.set_contact_status(
            session, contact_of(house, "100234").id or 0, ContactStatus.INACTIVE, house.clock()
        )
    )


def _replaced(house: House) -> None:
    old = contact_of(house, "100234")
    house.database.write_now(
        lambda session: register_contacts.change_contact(
            session,
            old.customer_id,
            kind=ContactKind.EMAIL,
            value="uusi@posti.test",
            source=Source.CUSTOMER,
            now=house.clock(),
            replaces=old.id,
        )
    )


def _rewritten(house: House) -> None:
    changing(house, ContactPoint, contact_of(house, "100234").id or 0, value="toinen@posti.test")


def _younger_than_the_request(house: House) -> None:
    changing(house, ContactPoint, contact_of(house, "100234").id or 0, on_file_since=house.clock())


def _still_waiting(house: House) -> None:
    changing(house, ContactPoint, contact_of(house, "100234").id or 0, usable_from=house.clock() + timedelta(days=1))


def _handed_to_another(house: House) -> None:
    eino = contact_of(house, "100236").customer_id
    changing(house, ContactPoint, contact_of(house, "100234").id or 0, customer_id=eino)


def _protected(house: House) -> None:
    changing(house, Customer, contact_of(house, "100234").customer_id, turvakielto=True)


@pytest.mark.parametrize(
    "change",
    [_deactivated, _replaced, _rewritten, _younger_than_the_request, _still_waiting, _handed_to_another, _protected],
)
async def test_a_contact_that_changed_between_the_look_and_the_press_receives_nothing(
    house: House, change: Callable[[House], None]
) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    await house.approvals.open_draft(DORA, draft["id"])
    change(house)
    assert await refused(house.approvals.approve(DORA, draft["id"], draft["sha256"])) == "recipient_changed"
    assert house.outbox("reply") == []
    assert house.ticket(ticket["id"])["drafts"][0]["state"] == "draft"


async def test_a_letter_goes_to_the_lines_on_file_however_they_are_spaced(house: House) -> None:
    postal = contact_of(house, "100234", ContactKind.POSTAL)
    changing(house, ContactPoint, postal.id or 0, value="Testikuja 3 \n\n 85100 Kalajoki")
    changing(house, ContactPoint, contact_of(house, "100234").id or 0, status=ContactStatus.INACTIVE)
    ticket = await house.receive(f"{ACCESS}\nAino Esimerkkilä, asiakasnumero 100234, Testikuja 3", sender=AINO)
    data = [draft for draft in ticket["drafts"] if draft["holds_data"]]
    assert data[0]["recipient"]["value"] == "Aino Esimerkkilä\nTestikuja 3\n85100 Kalajoki"
    await house.approve(ticket)
    assert house.outbox("reply")[0].channel == "letter"


async def test_a_card_lets_out_data_only_for_whoever_has_opened_that_version(house: House) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    at = (draft["id"], draft["sha256"])
    assert await refused(house.approvals.approve(DORA, *at, via="chat")) == "not_opened"
    await house.approvals.open_draft(EMIL, draft["id"])
    assert await refused(house.approvals.approve(DORA, *at, via="chat")) == "not_opened"
    new = await house.approvals.amend(EMIL, *at, "Vastaus", WORDS)
    sha256 = house.ticket(ticket["id"])["drafts"][-1]["sha256"]
    assert await refused(house.approvals.approve(EMIL, new, sha256, via="chat")) == "not_opened"
    await house.approvals.open_draft(EMIL, new)
    await house.approvals.approve(EMIL, new, sha256, via="chat")
    approval = house.database.read_now(lambda session: session.exec(select(Approval)).one())
    assert (approval.via, approval.staff_id) == ("chat", EMIL)


async def test_a_template_without_data_may_leave_from_the_card_until_somebody_edits_it(house: House) -> None:
    tickets = [await house.receive(f"{STRANGERS} {number}", sender=SEIJA) for number in range(2)]
    plain, edited = (ticket["drafts"][0] for ticket in tickets)
    await house.approvals.approve(DORA, plain["id"], plain["sha256"], via="chat")
    new = await house.approvals.amend(EMIL, edited["id"], edited["sha256"], "Vastaus", WORDS)
    sha256 = house.ticket(tickets[1]["id"])["drafts"][-1]["sha256"]
    assert await refused(house.approvals.approve(DORA, new, sha256, via="chat")) == "not_opened"


async def test_an_approval_taken_back_in_time_sends_nothing_and_may_be_given_anew(house: House) -> None:
    ticket = await house.receive()
    released = await house.approve(ticket)
    await house.approvals.undo(EMIL, released.outbox_id)
    house.clock.advance(hours=1)
    await house.send_all()
    assert [message for message in house.channels["email"].sent if message.kind == "reply"] == []
    back = house.ticket(ticket["id"])
    assert (back["state"], back["drafts"][0]["state"]) == ("awaiting_approval", "draft")
    approvals = house.database.read_now(lambda session: session.exec(select(Approval)).all())
    assert approvals[0].voided_at is not None
    assert await refused(house.approvals.undo(EMIL, released.outbox_id)) == "already_sent"
    answered = await house.answer(back)
    assert answered["state"] == "answered"
    assert [row.state for row in house.outbox("reply")] == [OutboxState.WITHDRAWN, OutboxState.SENT]


async def test_an_approval_taken_back_too_late_says_so(house: House) -> None:
    ticket = await house.receive()
    released = await house.approve(ticket)
    house.clock.advance(minutes=2)
    await house.send_all()
    assert await refused(house.approvals.undo(DORA, released.outbox_id)) == "already_sent"
    acknowledgement = house.outbox("acknowledgement")[0].id or 0
    assert await refused(house.approvals.undo(DORA, acknowledgement)) == "no_such_draft"
    assert await refused(house.approvals.undo(DORA, 999)) == "no_such_draft"


async def test_undo_and_sending_at_the_same_moment_end_in_one_of_the_two(house: House) -> None:
    ticket = await house.receive()
    released = await house.approve(ticket)
    house.clock.advance(minutes=2)
    ends = await asyncio.gather(
        house.dispatch.send_next(), house.approvals.undo(DORA, released.outbox_id), return_exceptions=True
    )
    await house.send_all()
    undone = not isinstance(ends[1], Refused)
    replies = [message for message in house.channels["email"].sent if message.kind == "reply"]
    assert len(replies) == (0 if undone else 1)


@pytest.mark.parametrize(
    "typed",
    [
        "Asiakasnumeronne on 100234.",
        "Osoitteenne on Testikuja 3.",
        "Puhelimenne on 040 000 0011.",
        "Puhelimenne on +358 40 000 0011.",
        "Sopimuksenne on LS-100234.",
        "Sopimuksenne on l s - 1 0 0 2 3 4.",
        "Sopimuksenne on LS\u200b-100\u00ad234.",
    ],
)
async def test_words_to_a_sender_hold_no_register_value_however_it_is_written(house: House, typed: str) -> None:
    claim = "Hei, laskuni on liian suuri.\nAino Esimerkkilä, asiakasnumero 100234"
    ticket = await house.receive(claim, sender=SEIJA)
    draft = next(one for one in ticket["drafts"] if one["recipient"]["kind"] == "sender")
    new = await house.approvals.amend(DORA, draft["id"], draft["sha256"], "Vastaus", f"Hei\n\n{typed}\n")
    sha256 = house.ticket(ticket["id"])["drafts"][-1]["sha256"]
    assert await refused(house.approvals.approve(DORA, new, sha256)) == "holds_register_data"
    assert house.outbox("reply") == []
    again = await house.approvals.amend(DORA, new, sha256, "Vastaus", WORDS)
    sha256 = house.ticket(ticket["id"])["drafts"][-1]["sha256"]
    await house.approvals.approve(DORA, again, sha256)


async def test_a_figure_of_the_register_written_as_people_write_it_is_known(house: House) -> None:
    ticket = await house.receive(
        "Hei, laskuni on liian suuri.\nAino Esimerkkilä, asiakasnumero 100234", sender=SEIJA, subject="Lasku"
    )
    amounts = house.database.read_now(
        lambda session: [
            item
            for held in register.dossier(session, contact_of(house, "100234").customer_id, house.clock()).categories
            for one in held.items
            for key, item in one.fields
            if key == "total"
        ]
    )
    euros = amounts[0].replace(".", ",")
    draft = ticket["drafts"][0]
    new = await house.approvals.amend(DORA, draft["id"], draft["sha256"], "Vastaus", f"Laskunne on {euros} euroa.")
    sha256 = house.ticket(ticket["id"])["drafts"][-1]["sha256"]
    assert await refused(house.approvals.approve(DORA, new, sha256)) == "holds_register_data"


@pytest.mark.parametrize(("subject", "text"), [("", WORDS), ("  ", WORDS), ("Vastaus", ""), ("Vastaus", " \n\t ")])
async def test_an_empty_reply_is_no_reply(house: House, subject: str, text: str) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    assert await refused(house.approvals.amend(DORA, draft["id"], draft["sha256"], subject, text)) == "empty_text"


async def test_a_subject_of_many_lines_becomes_one(house: House) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    await house.approvals.amend(DORA, draft["id"], draft["sha256"], "Vastaus\r\nBcc: x@other.test", WORDS)
    assert house.ticket(ticket["id"])["drafts"][-1]["subject"] == "Vastaus Bcc: x@other.test"


async def test_nothing_is_answered_on_a_closed_ticket(house: House) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    version = house.database.read_now(lambda session: session.get_one(Ticket, ticket["id"]).version)
    await house.casework.close(DORA, ticket["id"], version, Resolution.WITHDRAWN)
    at = (draft["id"], draft["sha256"])
    assert await refused(house.approvals.approve(DORA, *at)) == "ticket_closed"
    assert await refused(house.approvals.amend(DORA, *at, "Vastaus", WORDS)) == "ticket_closed"
    assert await refused(house.approvals.return_draft(DORA, *at, "")) == "ticket_closed"


async def test_a_reply_to_a_second_address_of_a_joined_message_goes_where_it_came_from(house: House) -> None:
    def second_address(session: Session) -> None:
        old = session.exec(select(ContactPoint).where(ContactPoint.value == AINO)).one()
        values = old.model_dump(exclude={"id"}) | {"value": "aino@toinen.test", "normalised": "aino@toinen.test"}
        session.add(ContactPoint(**values))

    house.database.write_now(second_address)
    first = await house.receive()
    joined = await house.receive(BILLING, sender="aino@toinen.test", answers=first["outbox"][0]["message_id"])
    assert joined["id"] == first["id"]
    assert joined["drafts"][-1]["recipient"]["value"] == "aino@toinen.test"
    await house.approve(joined)
    assert [row.to_address for row in house.outbox("reply")] == ["aino@toinen.test"]


async def test_a_view_is_written_once_for_each_reader_and_version(house: House) -> None:
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    for who in (DORA, DORA, EMIL, AUDITOR):
        await house.approvals.open_draft(who, draft["id"])
    opened = [one["actor"] for one in house.ticket(ticket["id"])["events"] if one["kind"] == "draft_opened"]
    assert opened == ["staff:1", "staff:2", "staff:3"]


async def test_no_reply_is_queued_when_its_event_cannot_be_written(house: House) -> None:
    """State and trail stand or fall together."""
    ticket = await house.receive()
    (draft,) = ticket["drafts"]
    house.approvals._new_message_id = lambda: house.outbox()[0].message_id  # a Message-ID that is taken
    with pytest.raises(Exception, match=r"(?i)unique"):
        await house.approvals.approve(DORA, draft["id"], draft["sha256"])
    after = house.ticket(ticket["id"])
    assert after["drafts"][0]["state"] == "draft"
    assert not any(one["kind"] == "draft_approved" for one in after["events"])
    assert house.database.read_now(lambda session: session.exec(select(Approval)).all()) == []
    assert house.database.read_now(lambda session: session.exec(select(OutboxRow.kind)).all()) == ["acknowledgement"]
