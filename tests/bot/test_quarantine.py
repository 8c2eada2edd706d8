"""Suspected mail in the whole house: nothing lost, nobody told, and its clock as if nobody had suspected it."""

from pathlib import Path

from bot.rules.deadlines import due_on
from store import waiting
from tests.bot.house import DORA, SEIJA, STRANGERS, House, mail
from tests.bot.test_explain import explaining, written

OFFER = "Hei, teemme edullisia kattoremontteja koko maakunnassa. Tervetuloa tutustumaan!"
FAULT = "Hei, meillä on vuoto lämmönjakohuoneessa, vettä tulee lattialle! Tulkaa heti."
MARKED = (("X-Spam-Flag", "YES"),)


async def test_a_mail_of_the_junk_folder_is_kept_and_nobody_is_told(house: House) -> None:
    house.duty = ("paivystys@lampo.test",)
    house.intake = house.another_intake()
    for text in (OFFER, FAULT):
        await house.intake.take_in(
            house.raw(mail(text, sender=SEIJA, subject="Asiaa"), envelope_sender=SEIJA, junk=True)
        )
    await house.work()
    tickets = house.tickets()
    assert [(one["state"], one["due_at"]) for one in tickets] == [("new", None)] * 2
    assert all("JUNK_FOLDER" in one["flags"] for one in tickets)
    assert all(house.ticket(one["id"])["drafts"] == [] for one in tickets)
    assert house.outbox() == []
    day = house.clock().date()
    assert house.database.read_now(lambda session: waiting.counts(session, day, day))["quarantined"] == 2


async def test_a_rescued_ticket_has_the_due_date_that_it_would_have_had(house: House) -> None:
    ticket = await house.receive(OFFER, sender=SEIJA, subject="Tarjous", headers=MARKED)
    received = house.clock()
    house.clock.advance(days=9)
    await house.casework.rescue(DORA, ticket["id"])
    rescued = house.ticket(ticket["id"])
    assert rescued["state"] == "open"
    assert rescued["due_at"] == due_on(received.date()).isoformat()
    assert rescued["received_at"] == received.isoformat()


async def test_words_of_a_right_lead_it_on_at_once_and_are_not_acknowledged(house: House) -> None:
    ticket = await house.receive(STRANGERS, sender=SEIJA, headers=MARKED)
    plain = await house.receive(STRANGERS + " Kiitos.", sender="toinen@tuntematon.test")
    assert ticket["state"] == plain["state"] == "awaiting_approval"
    assert ticket["due_at"] == plain["due_at"]
    assert {"SPAM_FLAG", "RESCUED_BY_WORDS"} <= set(ticket["flags"])
    assert [row.to_address for row in house.outbox("acknowledgement")] == ["toinen@tuntematon.test"]


async def test_a_known_customer_in_the_junk_folder_is_led_on(house: House) -> None:
    ticket = await house.receive("Milloin palvelutiskinne on auki?", subject="Kysymys", headers=MARKED)
    assert (ticket["customer"], ticket["state"]) == ("100234", "awaiting_approval")
    assert "RESCUED_BY_SENDER" in ticket["flags"]
    assert house.outbox("acknowledgement") == []


async def test_a_flood_of_suspected_mail_is_one_number_a_day(house: House) -> None:
    for number in range(40):
        await house.take(f"{OFFER} {number}", sender=SEIJA, subject="Tarjous", headers=MARKED)
    await house.work()
    assert len(house.tickets()) == 40
    assert house.outbox() == []


async def test_explain_says_quarantine_and_why(house: House, tmp_path: Path) -> None:
    path = written(tmp_path, "mainos.eml", mail(OFFER, sender=SEIJA, subject="Tarjous", headers=MARKED))
    async with explaining(house) as explain:
        (found,) = await explain(path)
    assert (found["ticket"], found["draft"], found["acknowledgement"]["to"]) == ("quarantine", None, None)
    assert "SPAM_FLAG" in found["flags"]
