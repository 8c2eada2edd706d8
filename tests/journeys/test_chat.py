"""Staff approve in chat: the service against a stand-in of Telegram's HTTP API, from the mail to the sent reply."""

import asyncio
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser

from store import staff
from store.database import Database
from tests.journeys.conftest import new_code
from tests.journeys.installation import Installation, mail, wait_for
from tests.journeys.test_answers import AINO, arrived, logged_in
from tests.stand_ins.telegram import SentMessage, Telegram

STAFF_CHAT = -100200300
DORA = 5001
APPROVE = "Hyväksy"


@pytest.fixture
def telegram() -> Iterator[Telegram]:
    with Telegram() as there:
        there.chats[STAFF_CHAT] = "group"
        yield there


@pytest.fixture
def with_chat(installation: Installation, telegram: Telegram) -> Installation:
    """A running service whose staff room is the stand-in, with Dora bound to her chat account."""
    (installation.folder / "token").write_text(telegram.token, "utf-8")
    api = telegram.base_url.removesuffix("/bot")
    installation.amend('rehearsal = "chat"', f'token_file = "token"\nstaff_chat = {STAFF_CHAT}\napi = "{api}"')
    database = Database(f"sqlite:///{installation.folder / 'kirjaamo.db'}")
    member = database.read_now(lambda session: staff.find_member(session, "dora"))
    assert member
    assert member.id
    member_id = member.id
    database.write_now(lambda session: staff.bind_telegram(session, member_id, DORA))
    database.close()
    installation.serve()
    return installation


def cards(telegram: Telegram) -> list[SentMessage]:
    """What stands in the staff chat with buttons that approve."""
    return [one for one in telegram.in_chat(STAFF_CHAT) if APPROVE in one.buttons]


async def test_a_template_without_data_is_approved_from_the_card(with_chat: Installation, telegram: Telegram) -> None:
    with_chat.send(mail("Miksi laskuni on niin suuri?", subject="Lasku"))
    card = (await asyncio.to_thread(wait_for, "the card", lambda: cards(telegram), 20))[0]
    for word in ("Aino", "Esimerkkil", "posti.test", "Lasku ", "suuri", "100234"):
        assert word not in str(telegram.everything())
    await asyncio.to_thread(telegram.press, card.message_id, APPROVE, DORA)
    content = await asyncio.to_thread(wait_for, "the reply", lambda: arrived(with_chat, AINO, "laskutusta"), 20)
    assert "Ystävällisin terveisin" in content
    replies = [
        one for t in with_chat.tickets() for one in with_chat.ticket(t["id"])["outbox"] if one["kind"] == "reply"
    ]
    assert [(one["state"], one["approved_by"]) for one in replies] == [("sent", "dora")]


async def test_a_reply_with_data_must_be_opened_on_the_desk_first(
    with_chat: Installation, telegram: Telegram, browser: Browser
) -> None:
    with_chat.send(mail("Pyydän kopion kaikista henkilötiedoistani. Aino Esimerkkilä"))
    card = (await asyncio.to_thread(wait_for, "the card", lambda: cards(telegram), 20))[0]
    await asyncio.to_thread(telegram.press, card.message_id, APPROVE, DORA)
    await asyncio.to_thread(wait_for, "the refusal", lambda: "työpöydällä" in str(telegram.answers), 20)
    assert arrived(with_chat, AINO, "Vahvistamme") is None
    page = await logged_in(browser, f"{with_chat.url}/log-in?code={new_code(with_chat)}")
    link = next(button["url"] for button in card.buttons.values() if "url" in button)
    await page.goto(link)
    assert "/tickets/" in page.url
    assert "Vahvistamme" in await page.inner_text("main")
    card = (await asyncio.to_thread(wait_for, "the card", lambda: cards(telegram), 20))[0]
    await asyncio.to_thread(telegram.press, card.message_id, APPROVE, DORA)
    await asyncio.to_thread(wait_for, "the reply", lambda: arrived(with_chat, AINO, "Vahvistamme"), 20)


async def test_somebody_who_is_not_staff_approves_nothing(with_chat: Installation, telegram: Telegram) -> None:
    with_chat.send(mail("Miksi laskuni on niin suuri?", subject="Lasku"))
    card = (await asyncio.to_thread(wait_for, "the card", lambda: cards(telegram), 20))[0]
    await asyncio.to_thread(telegram.press, card.message_id, APPROVE, 6666)
    await asyncio.to_thread(wait_for, "the refusal", lambda: telegram.answers, 20)
    await asyncio.sleep(1.0)
    assert arrived(with_chat, AINO, "laskutusta") is None
