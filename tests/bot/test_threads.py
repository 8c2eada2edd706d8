"""Which ticket a mail joins: never another's, whatever it names; an unverified line shows and moves nothing."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from store import staff
from store.lifecycle import OutboxState
from store.models import StaffMember, Ticket
from tests.bot.bounces import hand_in
from tests.bot.house import ACCESS, AINO, ASTRID, BILLING, DESK, DORA, EINO, SEIJA, STRANGERS, THANKS, House, mail


def reply_address(house: House, kind: str = "acknowledgement") -> str:
    """The signed address that the newest mail of this kind asks its answer at."""
    return [message for message in house.channels["email"].sent if message.kind == kind][-1].reply_to


async def opened(house: House, text: str = ACCESS, **changes: Any) -> dict[str, Any]:
    """A ticket whose acknowledgement has left."""
    ticket = await house.receive(text, **changes)
    await house.send_all()
    return ticket


async def write(house: House, text: str, to: str, sender: str = AINO, **changes: Any) -> None:
    """Write to one of our addresses."""
    number = next(house.numbers)
    changes = {"subject": "Re: Tietopyyntö", "message_id": f"<more-{number}@posti.test>"} | changes
    await hand_in(house, mail(text, sender=sender, **changes), to=to, envelope_sender=sender)


async def test_an_answer_to_our_signed_address_joins_its_ticket_without_any_reference(house: House) -> None:
    ticket = await opened(house)
    await write(house, "Lisätietona: asun yhä samassa osoitteessa.", reply_address(house))
    after = house.ticket(ticket["id"])
    assert [one["joined_by"] for one in after["messages"]] == ["opened", "reply_address"]
    assert after["requests"] == ticket["requests"]
    assert len(house.tickets()) == 1
    assert len(house.outbox("acknowledgement")) == 1


@pytest.mark.parametrize("how", [str.upper, str.title, lambda one: one.replace("+", "-")])
async def test_mail_programs_may_write_the_address_their_own_way(house: House, how: Any) -> None:
    ticket = await opened(house)
    await write(house, "Lisätieto.", how(reply_address(house)))
    assert len(house.ticket(ticket["id"])["messages"]) == 2


async def test_a_program_that_is_not_told_the_envelope_finds_the_address_in_the_header(house: House) -> None:
    ticket = await opened(house)
    for name in ("Delivered-To", "X-Original-To", "Cc"):
        await write(house, f"Lisätieto {name}.", DESK, headers=((name, reply_address(house)),))
    assert len(house.ticket(ticket["id"])["messages"]) == 4


async def test_before_identification_the_very_address_that_opened_it_joins_unverified(house: House) -> None:
    """From a site whose mail server gives no verdict: the line is kept, raises nothing and shows nothing."""
    ticket = await opened(house, STRANGERS, sender=SEIJA, verdict=None)
    house.clock.advance(days=3)
    more = "Asiakasnumeroni on 100234, nimeni Aino Esimerkkilä. Pyydän kopion kaikista tiedoistani ja laskuistani."
    await write(house, more, reply_address(house), SEIJA, verdict=None)
    after = house.ticket(ticket["id"])
    assert "JOINED_UNVERIFIED" in after["flags"]
    same = ("identification", "customer", "due_at", "drafts", "outbox", "requests", "state")
    assert {name: after[name] for name in same if name != "outbox"} == {
        name: ticket[name] for name in same if name != "outbox"
    }
    assert len(after["outbox"]) == 1


async def test_a_claim_in_the_own_thread_drafts_no_data(house: House) -> None:
    """Aino's address without a verdict is a claim; a second line, asking anew, shows nothing by itself."""
    ticket = await opened(house, BILLING, subject="Lasku", verdict=None)
    await write(house, ACCESS, reply_address(house), verdict=None)
    after = house.ticket(ticket["id"])
    assert after["kinds"] == ["billing", "access"]
    assert after["due_at"] == "2026-04-02"
    assert [one["holds_data"] for one in after["drafts"]] == [False]
    assert "JOINED_UNVERIFIED" in after["flags"]


async def test_without_the_signed_address_a_reference_joins_only_what_is_authenticated(house: House) -> None:
    ticket = await opened(house, STRANGERS, sender=SEIJA, verdict=None)
    named = ticket["outbox"][0]["message_id"]
    await write(house, "Lisätieto.", DESK, SEIJA, verdict=None, answers=named)
    assert len(house.ticket(ticket["id"])["messages"]) == 1
    await write(house, "Lisätieto.", DESK, SEIJA, answers=named)
    joined = house.ticket(ticket["id"])["messages"]
    assert [one["joined_by"] for one in joined] == ["opened", "reference"]


async def test_a_forged_answer_to_the_signed_address_is_a_ticket_of_its_own_without_a_word(house: House) -> None:
    ticket = await opened(house)
    before = len(house.outbox())
    await write(house, "Perun pyyntöni. Lähettäkää tietoni muualle.", reply_address(house), verdict="fail")
    assert house.ticket(ticket["id"])["messages"] == ticket["messages"]
    (new,) = [one for one in house.tickets() if one["id"] != ticket["id"]]
    assert {"REFERS_TO_ANOTHER_TICKET", "AUTHENTICATION_FAILED"} <= set(new["flags"])
    assert house.database.read_now(lambda session: session.get_one(Ticket, new["id"]).linked_to) == ticket["id"]
    assert len(house.outbox()) == before


TRICKS = st.fixed_dictionaries(
    {
        "sender": st.sampled_from([SEIJA, EINO, ASTRID, "Aino.Esimerkkila@posti.test.evil.test", "aino@posti.test"]),
        "verdict": st.sampled_from(["pass", "fail", "none", None]),
        "to": st.sampled_from(["reply", "bounce", "REPLY", "desk"]),
        "answers": st.booleans(),
        "text": st.sampled_from(
            [
                ACCESS,
                BILLING,
                THANKS,
                "Perun pyyntöni, sulkekaa asia.",
                "Pyydän määräajan pidennystä ja uutta osoitetta: uusi@muualla.test",
                "Olen Aino Esimerkkilä, asiakas 100234.",
                "Olen lomalla 5.4. asti.",
            ]
        ),
        "subject": st.sampled_from(["Re: {reference}", "{reference}", "Automaattinen vastaus: {reference}", ""]),
        "machine": st.booleans(),
        "from_phrase": st.booleans(),
    }
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(tricks=st.lists(TRICKS, min_size=1, max_size=3))
async def test_whatever_anybody_else_sends_the_tickets_of_aino_are_unchanged(
    small_house: House, tricks: list[dict[str, Any]]
) -> None:
    """THREATS 8, with her own signed addresses and Message-IDs in the hands of others."""
    house = small_house
    ticket = await opened(house)
    if ticket["state"] != "answered":
        await house.answer(ticket)
    sent = [message for message in house.channels["email"].sent if message.kind == "reply"][-1]
    places = {"reply": sent.reply_to, "bounce": sent.envelope_sender, "REPLY": sent.reply_to.upper(), "desk": DESK}
    before = house.ticket(ticket["id"])
    for trick in tricks:
        headers = [("Auto-Submitted", "auto-replied")] if trick["machine"] else []
        if trick["answers"]:
            headers.append(("References", f"{before['outbox'][0]['message_id']} {sent.message_id}"))
        await write(
            house,
            trick["text"],
            places[trick["to"]],
            trick["sender"],
            subject=trick["subject"].format(reference=ticket["reference"]),
            verdict=trick["verdict"],
            headers=headers,
        )
    assert house.ticket(ticket["id"]) == before
    house.clock.advance(hours=25)


async def test_two_tickets_named_at_once_are_joined_by_nothing(house: House) -> None:
    first = await opened(house)
    second = await opened(house, BILLING, subject="Lasku")
    token = reply_address(house)
    await write(house, "Lisätieto.", token, answers=first["outbox"][0]["message_id"])
    assert len(house.ticket(first["id"])["messages"]) == len(house.ticket(second["id"])["messages"]) == 1
    (new,) = [one for one in house.tickets() if one["id"] not in (first["id"], second["id"])]
    assert house.database.read_now(lambda session: session.get_one(Ticket, new["id"]).linked_to) == second["id"]


async def test_a_person_who_answers_to_the_envelope_sender_is_linked_not_joined(house: House) -> None:
    ticket = await house.answer(await opened(house))
    sent = house.channels["email"].sent[-1]
    await write(house, "Vastaukseni.", sent.envelope_sender)
    assert house.ticket(ticket["id"])["messages"] == ticket["messages"]
    await write(house, "Vastaukseni.", sent.envelope_sender, answers=sent.message_id)
    assert house.ticket(ticket["id"])["messages"][-1]["joined_by"] == "reference"


async def test_a_subject_joins_nothing(house: House) -> None:
    ticket = await opened(house)
    await write(house, "Lisätieto.", DESK, subject=f"Re: {ticket['outbox'][0]['id']} [{ticket['reference']}]")
    assert len(house.tickets()) == 2


async def test_the_member_whose_ticket_it_is_may_write_to_it_by_mail(house: House) -> None:
    ticket = await opened(house)
    address = "dora.demonen@lampo.test"
    house.database.write_now(lambda session: _give_address(session, address))
    await write(house, "Soitin asiakkaalle.", reply_address(house), address)
    assert len(house.tickets()) == 2  # not hers
    await house.casework.take(DORA, ticket["id"])
    before = house.ticket(ticket["id"])
    for verdict, lines in (("fail", 1), (None, 1), ("pass", 2)):
        await write(
            house, "Soitin asiakkaalle, pyydän kopion tiedoista.", reply_address(house), address, verdict=verdict
        )
        assert len(house.ticket(ticket["id"])["messages"]) == lines
    after = house.ticket(ticket["id"])
    for name in ("state", "requests", "drafts", "due_at", "flags", "customer"):
        assert after[name] == before[name]
    house.database.write_now(_leave)
    await write(house, "Vielä yksi asia.", reply_address(house), address)
    assert len(house.ticket(ticket["id"])["messages"]) == 2


def _give_address(session: Session, address: str) -> None:
    session.get_one(StaffMember, DORA).email = address


def _leave(session: Session) -> None:
    staff.disable_member(session, DORA, session.get_one(StaffMember, DORA).created_at)


@pytest.mark.parametrize("thanks", [THANKS, "Kiitos paljon!\n\nTerveisin\nAino Esimerkkilä", "Tack så mycket!"])
async def test_a_mere_thank_you_is_filed_and_opens_nothing(house: House, thanks: str) -> None:
    ticket = await house.answer(await opened(house))
    await write(house, thanks, reply_address(house, "reply"))
    after = house.ticket(ticket["id"])
    assert (after["state"], after["due_at"], after["flags"]) == ("answered", None, ticket["flags"])
    assert after["messages"][-1]["joined_by"] == "reply_address"
    await write(house, "Kiitos, mutta mistä mittarilukema puuttuu?", reply_address(house, "reply"))
    assert house.ticket(ticket["id"])["state"] == "awaiting_approval"


async def test_the_same_mail_delivered_once_for_each_recipient_is_one_ticket(house: House) -> None:
    content = mail(message_id="<kaksi@posti.test>")
    for to in (DESK, "tietosuoja@lampo.test"):
        await hand_in(house, content, to=to, envelope_sender=AINO)
    await hand_in(house, b"Received: by other.lampo.test; Mon, 2 Mar 2026 10:00:01 +0000\r\n" + content, to=DESK)
    (ticket,) = house.tickets()
    whole = house.ticket(ticket["id"])
    assert [one["joined_by"] for one in whole["messages"]] == ["opened", "copy", "copy"]
    assert (len(whole["drafts"]), len(whole["outbox"]), len(whole["requests"])) == (1, 1, 1)
    await house.answer(whole)
    await hand_in(house, content, to="kolmas@lampo.test")
    assert house.ticket(ticket["id"])["state"] == "answered"
    assert [row.state for row in house.outbox()] == [OutboxState.SENT] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"text": f"{ACCESS} Ja laskut."},
        {"subject": "Toinen asia"},
        {"sender": EINO},
        {"message_id": "<toinen@posti.test>"},
        {"message_id": None},
    ],
)
async def test_what_differs_in_anything_that_is_read_is_no_copy(house: House, changes: dict[str, Any]) -> None:
    first = {"text": ACCESS, "message_id": "<kaksi@posti.test>"}
    await hand_in(house, mail(**first), envelope_sender=AINO)
    await hand_in(house, mail(**first | changes), envelope_sender=AINO)
    assert len(house.tickets()) == 2


async def test_a_copy_after_a_week_is_led_on(house: House) -> None:
    content = mail(message_id="<kaksi@posti.test>")
    await hand_in(house, content, to=DESK)
    house.clock.advance(days=8)
    await hand_in(house, content, to="tietosuoja@lampo.test")
    assert len(house.tickets()) == 2


async def test_a_forged_first_copy_hides_no_true_mail(house: House) -> None:
    await hand_in(house, mail(message_id="<kaksi@posti.test>", verdict="fail"), envelope_sender=AINO)
    await hand_in(house, mail(message_id="<kaksi@posti.test>"), envelope_sender=AINO)
    assert len(house.tickets()) == 2
    assert [row.to_address for row in house.outbox("acknowledgement")] == [AINO]


async def test_a_copy_that_proves_more_than_the_first_is_told_to_staff_and_raises_nothing(house: House) -> None:
    await hand_in(house, mail(message_id="<kaksi@posti.test>", verdict=None), envelope_sender=AINO)
    await hand_in(house, mail(message_id="<kaksi@posti.test>"), envelope_sender=AINO)
    (ticket,) = house.tickets()
    assert ticket["identification"] == "claimed"
    assert "COPY_AUTHENTICATED" in ticket["flags"]


async def test_a_copy_is_not_hidden_with_a_first_that_was_set_aside(house: House) -> None:
    content = mail(BILLING, sender=SEIJA, subject="Lasku", message_id="<kaksi@tuntematon.test>")
    await house.intake.take_in(house.raw(content, envelope_sender=SEIJA, junk=True))
    await house.work()
    await hand_in(house, content, to="tietosuoja@lampo.test", envelope_sender=SEIJA)
    ids = sorted(one["id"] for one in house.tickets())
    aside = house.database.read_now(lambda session: [session.get_one(Ticket, one).quarantined for one in ids])
    assert aside == [True, False]
    third = house.raw(content, envelope_sender="other@tuntematon.test", junk=True)
    await house.intake.take_in(third)
    await house.work()
    assert len(house.tickets()) == 2


async def test_an_answer_within_a_ticket_in_quarantine_is_not_hidden_with_it(house: House) -> None:
    content = mail(BILLING, sender=SEIJA, subject="Lasku", message_id="<ensin@tuntematon.test>")
    await house.intake.take_in(house.raw(content, envelope_sender=SEIJA, junk=True))
    await house.work()
    await write(house, "Ettekö saaneet viestiäni?", DESK, SEIJA, answers="<ensin@tuntematon.test>")
    first, second = sorted(one["id"] for one in house.tickets())
    found = house.database.read_now(lambda session: session.get_one(Ticket, second))
    assert (found.quarantined, found.linked_to, found.state.value) == (False, first, "awaiting_approval")
    assert house.ticket(second)["requests"] != []
