"""A clerk pastes from the wrong window: numbers and addresses of somebody else must leave to nobody."""

from typing import Any

import pytest

from bot.staff import Refused
from tests.bot.house import DORA, EMIL, SEIJA, STRANGERS, House

MANAGER = "toimisto@isannointikoe.test"
EINOS = [
    "Asiakasnumero on 100236.",
    "Soittakaa 040 000 0013 tai kirjoittakaa.",
    "Numero on +358400000013.",
    "Osoite on Eino.Mallikas@posti.test.",
]


async def outcome(house: House, ticket: dict[str, Any], words: str) -> str:
    """What becomes of the ticket's first draft when a clerk adds these words and another wants it out."""
    draft = ticket["drafts"][0]
    text = f"{draft['text']}\n{words}\n"
    new = await house.approvals.amend(EMIL, draft["id"], draft["sha256"], draft["subject"], text)
    amended = next(one for one in house.ticket(ticket["id"])["drafts"] if one["id"] == new)
    try:
        await house.approvals.approve(DORA, new, amended["sha256"])
    except Refused as refused:
        return refused.key
    return "approved"


@pytest.mark.parametrize("words", EINOS)
async def test_another_customers_number_does_not_leave_to_a_stranger(house: House, words: str) -> None:
    assert await outcome(house, await house.receive(STRANGERS, sender=SEIJA), words) == "holds_register_data"


@pytest.mark.parametrize("words", EINOS)
async def test_another_customers_number_does_not_leave_to_a_customer(house: House, words: str) -> None:
    assert await outcome(house, await house.receive(), words) == "other_customer"


@pytest.mark.parametrize(
    "words",
    [
        "Asiakasnumeronne on 100234 ja puhelinnumeronne 040 000 0011.",
        "Vastaamme 5.3.2026 mennessä. Summa oli 1 148,11 euroa.",
        "Soittakaa vikapäivystykseen 08 000 0000 tai 112.",
    ],
)
async def test_the_customers_own_numbers_and_everybodys_leave(house: House, words: str) -> None:
    assert await outcome(house, await house.receive(), words) == "approved"


async def test_a_manager_is_told_of_the_housing_company_that_it_acts_for(house: House) -> None:
    text = "As Oy Malliranta, asiakasnumero 200010: pyydämme kopion tiedoista."
    ticket = await house.receive(text, sender=MANAGER)
    assert ticket["customer"] == "200010"
    reply = await house.casework.begin_reply(EMIL, ticket["requests"][0]["id"]) if not ticket["drafts"] else None
    if reply is not None:
        ticket = house.ticket(ticket["id"])
    draft = ticket["drafts"][0]
    expected = "holds_register_data" if draft["recipient"]["kind"] == "sender" else "approved"
    assert await outcome(house, ticket, "Asiakasnumero on 200010, isännöitsijän 200020.") == expected
