"""What goes out says where its answer and its bounce are to come to, and no more than that."""

from dataclasses import replace

import pytest

from bot.dispatch import Sender
from mail.message import OutboundMessage
from mail.signed_address import OwnAddresses
from store import address_keys
from tests.bot.house import DESK, OWN, SEIJA, STRANGERS, House

SIGNED = OwnAddresses(OWN)


def named(house: House, purpose: str, address: str) -> int | None:
    """The row that one of our signed addresses names."""
    keys = house.database.read_now(address_keys.known)
    (token,) = SIGNED.tokens([address])
    return SIGNED.number_of(keys, purpose, token)  # type: ignore[arg-type]  # a purpose


async def all_sent(house: House) -> dict[str, OutboundMessage]:
    """One message of each kind, sent."""
    house.duty = ("paivystys@lampo.test",)
    house.intake = house.another_intake()
    await house.receive("Lämmöt ovat poikki koko talosta, patterit kylmät!", subject="Vika", sender=SEIJA)
    ticket = await house.receive()
    await house.answer(ticket)
    return {message.kind: message for message in house.channels["email"].sent}


async def test_an_answer_comes_to_its_ticket_and_a_bounce_to_its_row(house: House) -> None:
    sent = await all_sent(house)
    ticket = max(one["id"] for one in house.tickets())
    (row,) = house.outbox("reply")
    assert named(house, "reply", sent["reply"].reply_to) == ticket
    assert named(house, "bounce", sent["reply"].envelope_sender) == row.id
    assert named(house, "reply", sent["reply"].envelope_sender) is None
    assert sent["reply"].from_address == DESK
    assert named(house, "reply", sent["acknowledgement"].reply_to) == ticket
    assert sent["acknowledgement"].envelope_sender == ""
    assert sent["notice"].reply_to == ""
    assert named(house, "bounce", sent["notice"].envelope_sender) == house.outbox("notice")[0].id


async def test_two_acknowledgements_tell_customers_from_strangers_by_no_address(house: House) -> None:
    """INV-7: the signed address looks the same for all, and does not tell how many tickets there are."""
    for sender in (SEIJA, "aino.esimerkkila@posti.test"):
        await house.receive(STRANGERS, sender=sender)
    await house.send_all()
    first, second = (message.reply_to for message in house.channels["email"].sent)
    assert len(first) == len(second)
    assert first[:15] == second[:15] == "asiakaspalvelu+"
    agreeing = sum(one == other for one, other in zip(first[15:47], second[15:47], strict=True))
    assert agreeing < 10


@pytest.mark.parametrize("plain", [True, False])
async def test_where_no_signed_address_is_delivered_none_is_written(small_house: House, plain: bool) -> None:
    small_house.dispatch._sender = Sender("Kalajoen Lämpö Oy", DESK, plain_envelope=plain)
    sent = await all_sent(small_house)
    assert {message.reply_to for message in sent.values()} == {""}
    assert sent["reply"].envelope_sender == DESK
    assert sent["acknowledgement"].envelope_sender == (DESK if plain else "")
    assert small_house.database.read_now(address_keys.known) == ()


async def test_a_relay_that_takes_one_sender_only_gets_that_one_and_answers_are_still_signed(
    small_house: House,
) -> None:
    small_house.dispatch._sender = replace(small_house.dispatch._sender, plain_envelope=True)
    sent = await all_sent(small_house)
    assert {message.envelope_sender for message in sent.values()} == {DESK}
    assert named(small_house, "reply", sent["acknowledgement"].reply_to) is not None
    assert sent["acknowledgement"].automatic
