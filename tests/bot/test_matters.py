"""Ordinary requests end to end: whose data a draft holds, where it goes, and what a stranger gets instead."""

import re
from typing import Any

import pytest

from tests.bot.house import AINO, ASTRID, DORA, SEIJA

COPY = "Hei, voisitteko lähettää kopion viimeisimmästä laskusta? T. Aino Esimerkkilä"
ASKED = {
    "invoice_copy": COPY,
    "balance": "Hei, paljonko minulla on avoimia laskuja ja mikä on eräpäivä? T. Aino Esimerkkilä",
    "consumption": "Hei, paljonko lämmönkulutukseni oli viime vuonna kuukausittain? T. Aino Esimerkkilä",
    "meter_reading": "Hei, mittarilukema 1.3.2026 oli 123,45 MWh. T. Aino Esimerkkilä",
    "owner_change": "Myimme talon ja omistaja vaihtuu 1.4. Tarvitsemme loppulaskun. T. Aino Esimerkkilä",
    "contact_change": "Laskutusosoite vaihtuu, uusi laskutusosoite on Koepolku 3. T. Aino Esimerkkilä",
    "fault_follow_up": "Ilmoitin viasta viime viikolla, milloin se korjataan? T. Aino Esimerkkilä",
    "outage": "Hei, milloin lämpökatko loppuu? T. Aino Esimerkkilä",
    "connection_offer": "Haluaisimme tarjouksen kaukolämpöliittymästä uuteen omakotitaloon. T. Aino Esimerkkilä",
}
WITHOUT_DATA = {"outage", "connection_offer"}
PLAIN = {"moving", "billing", "fault", "contract", "other"}


def drafted(ticket: dict[str, Any]) -> dict[str, Any]:
    found = [one for one in ticket["drafts"] if one["state"] == "draft"]
    assert len(found) == 1, [one["template"] for one in found]
    return found[0]


@pytest.mark.parametrize("topic", sorted(ASKED))
async def test_a_customer_gets_the_answer_to_what_was_asked(small_house, topic: str) -> None:
    draft = drafted(await small_house.receive(ASKED[topic], subject="Asiaa"))
    assert draft["template"] == topic
    assert draft["recipient"]["value"] == AINO
    assert draft["holds_data"] is (topic not in WITHOUT_DATA)


@pytest.mark.parametrize("topic", sorted(ASKED))
async def test_an_unknown_address_gets_what_strangers_get_whatever_it_knows(small_house, topic: str) -> None:
    """Name and number of a customer change nothing of what goes back (THREATS 32)."""
    knowing = drafted(await small_house.receive(f"{ASKED[topic]}\nAsiakasnumero 100234", sender=SEIJA, subject="Asiaa"))
    stranger = ASKED[topic].replace("Aino Esimerkkilä", "Seija Koekäyttäjä")
    other = drafted(await small_house.receive(stranger, sender="toinen@tuntematon.test", subject="Asiaa"))
    assert knowing["template"] == other["template"]
    assert knowing["template"] in PLAIN | WITHOUT_DATA
    assert (knowing["recipient"]["value"], other["recipient"]["value"]) == (SEIJA, "toinen@tuntematon.test")
    assert bare(knowing) == bare(other)
    assert not knowing["holds_data"]


def bare(draft: dict[str, Any]) -> str:
    """The words without the reference of the ticket."""
    return re.sub(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", "*", draft["text"])


async def test_what_is_only_claimed_from_the_address_on_file_is_drafted_to_it(small_house) -> None:
    draft = drafted(await small_house.receive(COPY, verdict=None, subject="Lasku"))
    assert (draft["template"], draft["recipient"]["value"]) == ("invoice_copy", AINO)


async def test_what_looks_forged_is_not_answered(small_house) -> None:
    ticket = await small_house.receive(COPY, verdict="fail", subject="Lasku")
    assert [one for one in ticket["drafts"] if one["holds_data"]] == []


async def test_an_invoice_copy_holds_that_invoice_and_nothing_else(small_house) -> None:
    """The golden draft of a narrow question (THREATS 55): one invoice, no payment, no other number, no address."""
    text = drafted(await small_house.receive(COPY, subject="Lasku"))["text"]
    body = text.split("laskutusrekisterissämme:\n\n")[1].split("\n\nJos tarkoititte")[0]
    labels = [line.split(":")[0].strip() for line in body.splitlines() if line.strip()]
    assert labels == ["Numero", "Viite", "Laskun päivä", "Eräpäivä", "Yhteensä", "Laskutustapa"]
    assert "20261002341" in body
    assert "Testikuja" not in text
    assert "LS-100234" not in text
    assert "LM00100234" not in text
    assert AINO not in text


async def test_the_invoice_that_is_named_is_the_one_that_comes(small_house) -> None:
    named = await small_house.receive(
        "Voisitteko lähettää kopion laskusta 20251002342? T. Aino Esimerkkilä", subject="x"
    )
    text = drafted(named)["text"]
    assert "20251002342" in text
    assert "20261002341" not in text


async def test_an_invoice_that_never_was_is_not_found(small_house) -> None:
    asked = "Voisitteko lähettää kopion laskusta 999999? T. Aino Esimerkkilä"
    text = drafted(await small_house.receive(asked, subject="x"))["text"]
    assert "Emme löydä laskuistanne" in text
    assert "Yhteensä" not in text


async def test_who_names_the_invoice_of_another_gets_no_data(small_house) -> None:
    """Eino's invoice in Aino's mail: two may be meant, so a person decides."""
    asked = "Voisitteko lähettää kopion laskusta 20261002361? T. Aino Esimerkkilä"
    draft = drafted(await small_house.receive(asked, subject="x"))
    assert (draft["template"], draft["holds_data"]) == ("billing", False)


async def test_a_reading_sent_in_changes_nothing_in_the_register(small_house) -> None:
    """INV-3: it is the customer's statement, for staff to check."""
    ticket = await small_house.receive(ASKED["meter_reading"], subject="Lukema")
    text = drafted(ticket)["text"]
    assert "kirjattu teidän ilmoituksenanne" in text
    assert "123,45" not in text
    assert "1.3.2026 00:00" in text, "the newest of the register"


async def test_a_change_of_contact_is_confirmed_to_the_old_one(small_house) -> None:
    draft = drafted(await small_house.receive(ASKED["contact_change"], subject="Osoite"))
    assert draft["recipient"]["value"] == AINO
    assert "Testikuja 3" in draft["text"]
    assert "Koepolku" not in draft["text"]


async def test_the_answer_is_in_the_language_of_the_question(small_house) -> None:
    swedish = "Hej, kan ni skicka en kopia av den senaste fakturan? Med vänlig hälsning Astrid Påhitt"
    draft = drafted(await small_house.receive(swedish, sender=ASTRID, subject="Faktura"))
    assert (draft["template"], draft["language"]) == ("invoice_copy", "sv")
    assert "Här är fakturans uppgifter" in draft["text"]


async def test_an_answer_with_data_leaves_after_approval_and_to_the_address_on_file(small_house) -> None:
    answered = await small_house.answer(await small_house.receive(COPY, subject="Lasku"), by=DORA)
    assert answered["state"] == "answered"
    sent = small_house.channels["email"].sent[-1]
    assert sent.to == AINO
