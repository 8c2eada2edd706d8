"""The staff room, from a draft in the store to a press in the chat and back, over real HTTP."""

from datetime import date

import pytest
from sqlmodel import Session

from bot.chat.room import FLOOD
from store import chat, staff
from store.lifecycle import DraftState
from store.models import Draft
from tests.chat.conftest import DORA, EMIL, NEVER, STAFF_CHAT, STRANGER, House, until
from tests.stand_ins.telegram import Fault, error, gateway, hang_up, torn


async def test_a_draft_becomes_a_card_and_is_approved_from_it(house_on_both: House) -> None:
    house = house_on_both
    draft = house.draft()
    await house.room.refresh()
    (card,) = house.cards
    assert "omien tietojen tarkastus" in card.text
    assert "Määräpäivä 2.4.2026, päiviä jäljellä 31" in card.text
    assert list(card.buttons) == ["Avaa", "Hyväksy", "Palauta"]
    number = card.text.partition(":")[0]
    assert card.buttons["Avaa"]["url"] == f"https://desk.lampo.test/cards/{number}"
    async with house.running():
        assert await house.press(card, "Hyväksy", DORA) == (
            "Hyväksytty. Vastaus lähtee 2 minuutin kuluttua. Siihen asti sen voi perua työpöydällä."
        )
        await until(lambda: list(card.buttons) == ["Avaa"])
    assert house.read_draft(draft).state == DraftState.APPROVED
    assert "hyväksytty, lähdössä" in card.text
    assert house.database.read_now(lambda session: chat.card_target(session, number)) == (1, draft)


async def test_a_draft_is_returned_from_its_card(house: House) -> None:
    draft = house.draft()
    await house.room.refresh()
    (card,) = house.cards
    async with house.running():
        assert (await house.press(card, "Palauta", EMIL)).startswith("Palautettu")
        await until(lambda: not card.buttons)
    assert house.read_draft(draft).state == DraftState.RETURNED
    assert "palautettu korjattavaksi" in card.text


async def test_a_draft_with_data_is_approved_only_by_one_who_has_opened_it(house: House) -> None:
    draft = house.draft(holds_data=True)
    await house.room.refresh()
    (card,) = house.cards
    async with house.running():
        assert (await house.press(card, "Hyväksy", DORA)).startswith("Et ole avannut")
        assert house.read_draft(draft).state == DraftState.DRAFT
        await house.approvals.open_draft(house.dora, draft)
        await until(lambda: len(card.history) == 2)
        assert (await house.press(card, "Hyväksy", EMIL)).startswith("Et ole avannut")
        await until(lambda: len(card.history) == 3)
        assert (await house.press(card, "Hyväksy", DORA)).startswith("Hyväksytty")
    assert house.read_draft(draft).state == DraftState.APPROVED
    assert [event["reason"] for event in house.events("chat_act_refused")] == ["not_opened", "not_opened"]


async def test_a_second_press_of_the_same_button_does_nothing(house: House) -> None:
    house.draft()
    await house.room.refresh()
    (card,) = house.cards
    data = card.buttons["Hyväksy"]["callback_data"]
    async with house.running():
        queries = [house.telegram.press_data(card.message_id, data, user) for user in (DORA, DORA, EMIL)]
        answers = [await house.answer(query) for query in queries]
    assert answers[0].startswith("Hyväksytty")
    assert all(answer.startswith("Tämän kortin painike on jo käytetty") for answer in answers[1:])
    assert len(house.events("draft_approved")) == 1


async def test_an_update_led_on_twice_approves_once(house: House) -> None:
    house.draft()
    await house.room.refresh()
    (card,) = house.cards
    data = card.buttons["Hyväksy"]["callback_data"]
    update = {
        "update_id": 9,
        "callback_query": {
            "id": "9",
            "from": {"id": DORA},
            "message": {"message_id": card.message_id, "chat": {"id": STAFF_CHAT}},
            "data": data,
        },
    }
    assert await house.room.handle(update) == "approved"
    assert await house.room.handle(update) == "refused:used_card"
    assert len(house.events("draft_approved")) == 1


@pytest.mark.parametrize(
    ("user", "chat_id", "reason"),
    [
        (STRANGER, STAFF_CHAT, "unbound"),
        (DORA, -999, "other_chat"),
        (DORA, DORA, "other_chat"),
        (STRANGER, -999, "other_chat"),
    ],
)
async def test_a_press_by_a_stranger_or_elsewhere_is_refused_told_and_recorded(
    house: House, user: int, chat_id: int, reason: str
) -> None:
    draft = house.draft()
    await house.room.refresh()
    (card,) = house.cards
    async with house.running():
        query = house.telegram.press(card.message_id, "Hyväksy", user, chat_id)
        assert "itään ei tehty" in await house.answer(query)
        await until(lambda: house.events("chat_act_refused"))
    assert [event["reason"] for event in house.events("chat_act_refused")] == [reason]
    assert house.read_draft(draft).state == DraftState.DRAFT
    assert len(house.live_buttons()) == 1


async def test_a_copy_of_a_card_under_another_message_is_refused(house: House) -> None:
    house.draft()
    other = house.draft()
    await house.room.refresh()
    first, second = house.cards
    data = second.buttons["Hyväksy"]["callback_data"]
    async with house.running():
        query = house.telegram.press_data(first.message_id, data, DORA)
        assert (await house.answer(query)).startswith("Tämä on kortin kopio")
    assert house.read_draft(other).state == DraftState.DRAFT


@pytest.mark.parametrize("data", ["a:guess", "", "a", ":", "x:" + "y" * 60, "a:" + "ä" * 20, "r:"])
async def test_a_guessed_token_is_refused(house: House, data: str) -> None:
    draft = house.draft()
    await house.room.refresh()
    (card,) = house.cards
    async with house.running():
        query = house.telegram.press_data(card.message_id, data, DORA)
        assert (await house.answer(query)).startswith("Tämän kortin painike")
    assert house.read_draft(draft).state == DraftState.DRAFT
    assert list(card.buttons) == ["Avaa", "Hyväksy", "Palauta"]


async def test_a_member_disabled_while_the_card_hangs_can_no_longer_press(house: House) -> None:
    draft = house.draft()
    await house.room.refresh()
    (card,) = house.cards
    house.database.write_now(lambda session: staff.disable_member(session, house.dora, house.clock()))
    async with house.running():
        assert "ei ole liitetty" in await house.press(card, "Hyväksy", DORA)
    assert house.read_draft(draft).state == DraftState.DRAFT


async def test_a_new_version_takes_the_buttons_from_the_old_card(house: House) -> None:
    draft = house.draft()
    await house.room.refresh()
    old_data = house.live_buttons()[0]
    row = house.read_draft(draft)
    newer = await house.approvals.amend(house.emil, draft, row.sha256, "Aihe", "Uusi teksti")
    await house.room.refresh()
    old, new = house.cards
    assert "korvattu uudella versiolla" in old.text
    assert old.buttons == {}
    assert list(new.buttons) == ["Avaa", "Hyväksy", "Palauta"]
    async with house.running():
        query = house.telegram.press_data(old.message_id, old_data, DORA)
        assert (await house.answer(query)).startswith("Tämän kortin painike")
    assert house.read_draft(newer).state == DraftState.DRAFT


async def test_a_press_on_a_version_replaced_a_moment_ago_is_refused_with_what_changed(house: House) -> None:
    draft = house.draft()
    await house.room.refresh()
    (card,) = house.cards
    row = house.read_draft(draft)
    await house.approvals.amend(house.emil, draft, row.sha256, "Aihe", "Uusi teksti")
    async with house.running():
        answer = await house.press(card, "Hyväksy", DORA)
    assert answer.startswith("Luonnos on muuttunut: näit version 1, uusin on 2.")
    assert card.buttons == {}


async def test_what_was_approved_on_the_desk_is_refused_without_naming_the_colleague(house: House) -> None:
    draft = house.draft()
    await house.room.refresh()
    (card,) = house.cards
    await house.approvals.approve(house.emil, draft, house.read_draft(draft).sha256)
    async with house.running():
        answer = await house.press(card, "Hyväksy", DORA)
    assert answer == "Luonnos on jo hyväksytty. Toista lähetystä ei tehty."
    assert NEVER not in house.telegram.everything()


async def test_a_draft_whose_content_changed_under_the_card_is_not_approved(house: House) -> None:
    draft = house.draft()
    await house.room.refresh()
    (card,) = house.cards

    def tamper(session: Session) -> None:
        row = session.get_one(Draft, draft)
        row.text, row.sha256 = "aivan muuta", "f" * 64
        session.add(row)

    house.database.write_now(tamper)
    async with house.running():
        assert (await house.press(card, "Hyväksy", DORA)).startswith("Luonnoksen sisältö ei ole se")
    assert house.read_draft(draft).state == DraftState.DRAFT


async def test_an_approval_taken_back_gives_the_card_its_buttons_again(house: House) -> None:
    draft = house.draft()
    await house.room.refresh()
    (card,) = house.cards
    released = await house.approvals.approve(house.emil, draft, house.read_draft(draft).sha256)
    await house.room.refresh()
    assert list(card.buttons) == ["Avaa"]
    await house.approvals.undo(house.emil, released.outbox_id)
    await house.room.refresh()
    assert list(card.buttons) == ["Avaa", "Hyväksy", "Palauta"]
    assert len(house.live_buttons()) == 1


async def test_a_refresh_that_finds_nothing_new_says_nothing(house: House) -> None:
    house.draft()
    await house.room.refresh()
    said = len(house.telegram.calls)
    await house.room.refresh()
    house.restart()
    await house.room.refresh()
    assert len(house.telegram.calls) == said


async def test_a_new_day_is_seen_on_the_card_and_its_buttons_still_work(house: House) -> None:
    house.draft()
    await house.room.refresh()
    (card,) = house.cards
    for days, line in ((30, "päiviä jäljellä 1"), (1, "on tänään"), (1, "MYÖHÄSSÄ")):
        house.clock.advance(days=days)
        await house.room.refresh()
        assert line in card.text
    assert len(house.live_buttons()) == 1
    async with house.running():
        assert (await house.press(card, "Hyväksy", DORA)).startswith("Hyväksytty")


async def test_a_suspected_fault_comes_first_and_urgently(house: House) -> None:
    house.draft()
    ticket = house.ticket(flags=["POSSIBLE_FAULT"])
    await house.room.refresh()
    urgent, ordinary = house.cards
    assert urgent.text.startswith("KIIREELLINEN K-")
    assert list(urgent.buttons) == ["Avaa"]
    assert not ordinary.text.startswith("KIIREELLINEN")
    house.close(ticket)
    await house.room.refresh()
    assert urgent.buttons == {}
    assert "suljettu" in urgent.text
    await house.room.refresh()
    assert len(house.cards) == 2


async def test_a_rush_of_drafts_is_one_digest_and_cards_again_when_it_is_over(house: House) -> None:
    ids = [house.draft() for _ in range(FLOOD + 3)]
    await house.room.refresh()
    await house.room.refresh()
    (digest,) = house.cards
    assert digest.text.startswith(f"Luonnoksia odottaa {FLOOD + 3}.")
    for draft in ids[3:]:
        row = house.read_draft(draft)
        await house.approvals.approve(house.emil, draft, row.sha256)
    house.restart()
    await house.room.refresh()
    assert digest.text.startswith("Ruuhka on purettu")
    assert len(house.cards) == 4
    assert len(house.live_buttons()) == 3


async def test_an_outage_morning_is_a_few_urgent_cards_and_their_number(house: House) -> None:
    faults = [house.ticket(flags=["POSSIBLE_FAULT"]) for _ in range(FLOOD + 5)]
    await house.room.refresh()
    await house.room.refresh()
    assert len(house.cards) == FLOOD + 1
    assert house.cards[-1].text == f"KIIREELLISTÄ: mahdollisia vikoja odottaa {FLOOD + 5}. Ne ovat työpöydällä."
    for fault in faults:
        house.close(fault)
    await house.room.refresh()
    assert house.cards[-1].text == "Mahdollisten vikojen ruuhka on purettu."
    assert len(house.cards) == FLOOD + 1


@pytest.mark.parametrize(
    "trouble",
    [hang_up(taken=True), hang_up(taken=False), gateway(504, taken=True), torn(taken=True), error(500)],
    ids=["lost-after", "lost-before", "gateway-after", "torn", "error"],
)
async def test_a_card_that_nobody_can_vouch_for_is_replaced_and_its_button_is_dead(
    house: House, trouble: Fault
) -> None:
    draft = house.draft()
    house.telegram.fault("sendMessage", trouble)
    await house.room.refresh()
    house.restart()
    await house.room.refresh()
    *orphans, card = house.cards
    async with house.running():
        for orphan in orphans:
            answer = await house.press(orphan, "Hyväksy", DORA)
            assert answer.startswith("Tämän kortin painike")
            await until(lambda orphan=orphan: not orphan.buttons)
        assert house.read_draft(draft).state == DraftState.DRAFT
        assert (await house.press(card, "Hyväksy", DORA)).startswith("Hyväksytty")


async def test_the_networks_wish_for_patience_is_obeyed_without_losing_a_card(house: House) -> None:
    house.draft()
    house.telegram.fault("sendMessage", error(429, "Too Many Requests: retry after 3600", retry_after=3600))
    await house.room.refresh()
    await house.room.refresh()
    assert len(house.telegram.called("sendMessage")) == 1
    house.restart()
    await house.room.refresh()
    assert len(house.live_buttons()) == 1


async def test_a_chat_that_threw_us_out_does_not_stop_the_house(house: House) -> None:
    house.draft()
    house.telegram.thrown_out.add(STAFF_CHAT)
    await house.room.refresh()
    assert house.cards == []
    house.telegram.thrown_out.clear()
    house.restart()
    await house.room.refresh()
    assert len(house.live_buttons()) == 1


async def test_a_chat_that_became_a_bigger_one_is_followed(house: House) -> None:
    house.draft()
    await house.room.refresh()
    house.telegram.chats[-777] = "supergroup"
    house.telegram.migrated[STAFF_CHAT] = -777
    house.draft()
    await house.room.refresh()
    await house.room.refresh()
    moved = house.telegram.in_chat(-777)
    assert len(moved) == 2
    async with house.running():
        query = house.telegram.press(moved[0].message_id, "Hyväksy", DORA)
        assert (await house.answer(query)).startswith("Hyväksytty")


async def test_an_address_that_the_network_refuses_costs_only_its_button(house: House) -> None:
    house.restart(public_url="http://localhost:8080")
    house.draft()
    await house.room.refresh()
    (card,) = house.cards
    assert list(card.buttons) == ["Hyväksy", "Palauta"]
    async with house.running():
        assert (await house.press(card, "Hyväksy", DORA)).startswith("Hyväksytty")
        await until(lambda: not card.buttons)


async def test_a_card_deleted_in_the_chat_is_shown_again(house: House) -> None:
    house.draft()
    await house.room.refresh()
    del house.telegram.messages[house.cards[0].message_id]
    house.clock.advance(days=1)
    await house.room.refresh()
    assert len(house.live_buttons()) == 1


async def test_a_press_answered_too_late_is_told_in_the_chat(house: House) -> None:
    house.draft()
    await house.room.refresh()
    (card,) = house.cards
    query = house.telegram.press(card.message_id, "Hyväksy", DORA)
    house.telegram.too_old(query)
    async with house.running():
        await until(lambda: len(house.cards) == 2)
    assert "painalluksesi käsiteltiin vasta nyt.\nHyväksytty." in house.cards[1].text


async def test_a_press_made_while_we_were_away_is_applied_or_told(house: House) -> None:
    draft = house.draft()
    await house.room.refresh()
    (card,) = house.cards
    house.telegram.press(card.message_id, "Hyväksy", DORA)
    house.restart()
    async with house.running():
        await until(lambda: house.read_draft(draft).state == DraftState.APPROVED)


async def test_the_list_and_what_is_due_are_told_to_members_only(house: House) -> None:
    house.draft(due_on=date(2026, 3, 5))
    house.draft(due_on=date(2026, 5, 5))
    house.draft(due_on=None)
    await house.room.refresh()
    async with house.running():
        house.telegram.message_from(DORA, "/list@kirjaamo_test_bot", chat_id=STAFF_CHAT)
        await until(lambda: len(house.cards) == 4)
        listed = house.cards[3].text.split("\n")
        assert listed[0] == "Odottavia kortteja: 3"
        assert [line.rpartition(", ")[2] for line in listed[1:3]] == ["5.3.2026", "5.5.2026"]
        house.telegram.message_from(EMIL, "/due", chat_id=STAFF_CHAT)
        await until(lambda: len(house.cards) == 5)
        assert len(house.cards[4].text.split("\n")) == 2
        house.telegram.message_from(DORA, "/help", chat_id=STAFF_CHAT)
        await until(lambda: len(house.cards) == 6)
        house.telegram.message_from(STRANGER, "/list", chat_id=STAFF_CHAT)
        house.telegram.message_from(DORA, f"puhetta {NEVER}", chat_id=STAFF_CHAT)
        await until(lambda: house.events("chat_act_refused") and not house.telegram.unconfirmed)
    assert len(house.cards) == 6


async def test_nothing_that_a_customer_wrote_or_the_register_holds_ever_reaches_the_network(house: House) -> None:
    house.draft(holds_data=True)
    house.ticket(flags=["POSSIBLE_FAULT", f"{NEVER}_FLAG"], language=NEVER, channel=NEVER)
    amended = house.draft()
    await house.room.refresh()
    await house.approvals.amend(house.emil, amended, house.read_draft(amended).sha256, NEVER, NEVER)
    await house.room.refresh()
    async with house.running():
        for card in [card for card in house.cards if "Hyväksy" in card.buttons]:
            for user in (STRANGER, DORA):
                await house.press(card, "Hyväksy", user)
        house.telegram.message_from(DORA, "/list", chat_id=STAFF_CHAT)
        await until(lambda: "Odottavia" in house.cards[-1].text)
    told = house.telegram.everything()
    assert "omien tietojen tarkastus" in told
    for trace in (NEVER, "Aino", "posti.test", "desk.lampo.test/tickets"):
        assert trace.lower() not in told.lower()


async def test_twenty_presses_in_any_order_over_restarts_leave_one_end_each(house: House) -> None:
    ids = [house.draft() for _ in range(8)]
    await house.room.refresh()
    for card in house.cards:
        data = card.buttons["Hyväksy"]["callback_data"]
        house.telegram.press_data(card.message_id, data, DORA)
        house.telegram.press_data(card.message_id, data.replace("a:", "r:"), EMIL)
    for _ in range(4):
        async with house.running():
            await until(lambda: len(house.telegram.answers) % 5 == 4 or len(house.telegram.answers) >= 16)
        house.restart()
    async with house.running():
        await until(lambda: not house.telegram.unconfirmed)
        await until(lambda: all(house.read_draft(draft).state == DraftState.APPROVED for draft in ids))
    assert len(house.events("draft_approved")) == 8
    assert house.live_buttons() == []


def test_a_card_is_opened_once_a_draft_whoever_asks(house: House) -> None:
    house.draft()

    def twice(session: Session) -> list[int | None]:
        (matter,) = chat.drafts_without_card(session, "telegram")
        return [
            chat.open_card(
                session,
                matter,
                room="telegram",
                number=f"K-AAAA{n}",
                token_hash=str(n),
                chat_id=STAFF_CHAT,
                now=house.clock(),
            )
            for n in (2, 3)
        ]

    first, second = house.database.write_now(twice)
    assert first is not None
    assert second is None
