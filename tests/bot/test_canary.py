"""The canary: sent each hour, known when it comes home, missed when it does not, and never taken for a customer."""

import asyncio
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.canary import Canary
from mail.channel import DeliveryError
from mail.message import OutboundMessage, RawMessage
from store import canaries, desk, waiting
from store.canaries import Flight
from store.database import Database
from store.lifecycle import OutboxState
from store.models import Message
from tests.bot.canary import canary_of, returned
from tests.bot.house import DESK, OWN, SEIJA, House


async def sent(house: House, canary: Canary) -> OutboundMessage:
    """Let the canary fly; what the relay took."""
    await canary.watch()
    await house.send_all()
    return house.channels["email"].sent[-1]


async def home(house: House, raw: RawMessage) -> str:
    """Take a message in and lead it on; how it is listed."""
    await house.intake.take_in(raw)
    await house.intake.work_on()

    def newest(session: Session) -> str:
        return session.exec(select(Message).order_by(Message.id.desc())).first().automatic  # type: ignore[union-attr]

    return house.database.read_now(newest)


async def minutes(house: House, canary: Canary, count: int) -> None:
    """Time goes on, and the canary is looked after every five minutes."""
    for _ in range(count // 5):
        house.clock.advance(minutes=5)
        await canary.watch()


def flight(house: House, address: str = DESK) -> Flight:
    return house.database.read_now(lambda session: canaries.flights(session, [address]))[0]


def wrong(canary: Canary) -> list[str]:
    return list(canary.troubles)


def notices(house: House) -> list[Any]:
    return house.outbox("notice")


async def test_one_an_hour_leaves_by_the_relay_like_any_answer(house: House) -> None:
    canary = canary_of(house, DESK)
    message = await sent(house, canary)
    assert (message.kind, message.to, message.from_address, message.automatic) == ("canary", DESK, DESK, False)
    assert [await canary.watch() for _ in range(3)] == [0, 0, 0]
    house.clock.advance(minutes=60)
    assert await canary.watch() == 1
    assert len(house.outbox("canary")) == 2


async def test_it_comes_home_and_is_no_ticket_and_no_customers_message(house: House) -> None:
    canary = canary_of(house, DESK)
    message = await sent(house, canary)
    house.clock.advance(minutes=2)
    assert await home(house, returned(message, house, door="imap.palvelu")) == "canary"
    found = flight(house)
    assert (found.door, found.junk, found.arrived_at, found.missing_since) == (
        "imap.palvelu",
        False,
        house.clock(),
        None,
    )
    assert house.tickets() == []
    assert house.database.read_now(lambda session: desk.automatic_lines(session, limit=10)) == ()
    assert house.database.read_now(desk.counts)["automatic"] == 0
    await minutes(house, canary, 30)
    assert wrong(canary) == []
    assert notices(house) == []
    assert house.outbox("acknowledgement") == []


async def test_a_relay_that_names_the_message_anew_and_breaks_its_lines_differently_hinders_nothing(
    house: House,
) -> None:
    message = await sent(house, canary_of(house, DESK))
    broken = message.text.replace(". ", ".\n")
    assert await home(house, returned(message, house, {"message_id": "<x@relay.test>", "text": broken})) == "canary"


async def test_one_that_stays_away_is_an_alarm_and_late_is_well_again(house: House) -> None:
    canary = canary_of(house, DESK)
    message = await sent(house, canary)
    await minutes(house, canary, 10)
    assert wrong(canary) == []
    await minutes(house, canary, 5)
    assert wrong(canary) == [f"missing {DESK}"]
    assert [row.to_address for row in notices(house)] == ["tiimi@lampo.test"]
    assert "ei ole palannut" in notices(house)[0].text
    await minutes(house, canary, 30)
    assert len(notices(house)) == 1
    assert await home(house, returned(message, house)) == "canary"
    await canary.watch()
    assert wrong(canary) == []
    assert [row.subject for row in notices(house)][1:] == ["Kirjaamo: tarkistusviesti kulkee taas"]
    await minutes(house, canary, 10)
    assert len(notices(house)) == 2


async def test_an_outage_of_many_hours_is_one_alarm_and_the_first_to_come_home_ends_it(house: House) -> None:
    canary = canary_of(house, DESK)
    await sent(house, canary)
    await minutes(house, canary, 300)
    assert len(notices(house)) == 1
    await house.send_all()
    newest = house.channels["email"].sent[-2 if house.channels["email"].sent[-1].kind == "notice" else -1]
    assert newest.kind == "canary"
    assert await home(house, returned(newest, house)) == "canary"
    await canary.watch()
    assert wrong(canary) == []


async def test_one_that_comes_and_goes_is_written_about_once_a_day_and_always_shown(house: House) -> None:
    canary = canary_of(house, DESK)
    for _ in range(3):
        message = await sent(house, canary)
        await minutes(house, canary, 20)
        assert wrong(canary) == [f"missing {DESK}"]
        await home(house, returned(message, house))
        await minutes(house, canary, 40)
    assert len(notices(house)) == 2


async def test_a_service_that_was_down_raises_no_false_alarm_when_it_starts(house: House) -> None:
    message = await sent(house, canary_of(house, DESK))
    house.clock.advance(hours=5)
    again = canary_of(house, DESK)
    await again.watch()
    assert wrong(again) == []
    await home(house, returned(message, house))
    await minutes(house, again, 10)
    assert wrong(again) == []
    assert notices(house) == []


async def test_a_machine_that_slept_raises_none_either(house: House) -> None:
    canary = canary_of(house, DESK)
    await sent(house, canary)
    house.clock.advance(minutes=50)
    await canary.watch()
    assert wrong(canary) == []


async def test_a_restart_does_not_end_an_alarm(house: House) -> None:
    canary = canary_of(house, DESK)
    await sent(house, canary)
    await minutes(house, canary, 20)
    again = canary_of(house, DESK)
    await again.watch()
    assert wrong(again) == [f"missing {DESK}"]
    assert len(notices(house)) == 1


async def test_a_relay_that_takes_nothing_is_the_same_alarm_and_old_canaries_do_not_pile_up(house: House) -> None:
    canary = canary_of(house, DESK)
    house.channels["email"].script.extend([DeliveryError("connect", permanent=False)] * 40)
    await sent_nothing(house, canary)
    for _ in range(12):
        await minutes(house, canary, 15)
        await house.send_all()
    assert wrong(canary) == [f"missing {DESK}"]
    states = [row.state for row in house.outbox("canary")]
    assert states == [OutboxState.WITHDRAWN] * (len(states) - 1) + [OutboxState.APPROVED]
    day = house.clock().date()
    assert house.database.read_now(lambda session: waiting.counts(session, day, day))["stuck"] == 0


async def sent_nothing(house: House, canary: Canary) -> None:
    await canary.watch()
    await house.send_all()
    assert house.channels["email"].sent == []


async def test_a_canary_that_fails_for_good_is_the_canarys_alarm_and_no_work_for_staff(house: House) -> None:
    canary = canary_of(house, DESK)
    house.channels["email"].script.append(DeliveryError("recipient", 550, permanent=True))
    await sent_nothing(house, canary)
    assert [row.state for row in house.outbox("canary")] == [OutboxState.FAILED]
    assert house.database.read_now(desk.troubled_sends) == ()
    await minutes(house, canary, 15)
    assert wrong(canary) == [f"missing {DESK}"]


@pytest.mark.parametrize("spam", [{"junk": True}, {"mark": True}], ids=["junk folder", "filter's mark"])
async def test_one_that_comes_home_as_spam_is_an_alarm_of_its_own(house: House, spam: dict[str, bool]) -> None:
    canary = canary_of(house, DESK)
    raw = returned(await sent(house, canary), house, junk=spam.get("junk", False))
    if spam.get("mark"):
        raw = RawMessage(
            raw.channel, raw.door, b"X-Spam-Flag: YES\r\n" + raw.content, raw.media_type, raw.envelope, raw.received_at
        )
    assert await home(house, raw) == "canary"
    await canary.watch()
    assert wrong(canary) == [f"junk {DESK}"]
    assert "roskapostina" in notices(house)[0].text
    house.clock.advance(minutes=60)
    await home(house, returned(await sent(house, canary), house))
    await canary.watch()
    assert wrong(canary) == []
    assert [row.subject for row in notices(house)][1:] == ["Kirjaamo: tarkistusviesti ei enää päädy roskapostiin"]


async def test_each_address_has_a_canary_of_its_own(house: House) -> None:
    canary = canary_of(house, *OWN)
    assert await canary.watch() == 2
    await house.send_all()
    first = next(one for one in house.channels["email"].sent if one.to == OWN[0])
    await home(house, returned(first, house))
    await minutes(house, canary, 20)
    assert wrong(canary) == [f"missing {OWN[1]}"]


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "{text}\nPyydän kopion kaikista tiedoistani. Seija Koekäyttäjä"},
        {"text": "Pyydän kopion tiedoistani.\n{text}"},
        {"subject": "Tietopyyntö"},
        {"text": "Hei"},
    ],
    ids=["words below", "words above", "another subject", "another text"],
)
async def test_with_anybodys_words_in_it_it_is_mail_like_any_other(house: House, changed: dict[str, str]) -> None:
    message = await sent(house, canary_of(house, DESK))
    changed = {name: value.replace("{text}", message.text) for name, value in changed.items()}
    assert await home(house, returned(message, house, changed)) == "own"
    assert flight(house).arrived_at is None
    listed = house.database.read_now(lambda session: desk.automatic_lines(session, limit=10))
    assert [line.automatic for line in listed] == ["own"]


async def test_a_strangers_copy_of_a_canary_is_a_ticket(house: House) -> None:
    message = await sent(house, canary_of(house, DESK))
    await home(house, returned(message, house, {"sender": SEIJA, "envelope": SEIJA}))
    assert len(house.tickets()) == 1
    assert flight(house).arrived_at is None


async def test_a_second_copy_counts_for_nothing_and_is_listed(house: House) -> None:
    message = await sent(house, canary_of(house, DESK))
    assert await home(house, returned(message, house)) == "canary"
    first = flight(house).arrived_at
    house.clock.advance(minutes=3)
    assert await home(house, returned(message, house, {"copy": 2})) == "own"
    assert flight(house).arrived_at == first


async def test_two_processes_send_one_and_sound_one_alarm(house: House, database: Database) -> None:
    pair = (canary_of(house, DESK), canary_of(house, DESK))
    assert sorted(await asyncio.gather(*(one.watch() for one in pair))) == [0, 1]
    for _ in range(4):
        house.clock.advance(minutes=5)
        await asyncio.gather(*(one.watch() for one in pair))
    assert len(house.outbox("canary")) == 1
    assert len(notices(house)) == 1
    assert {one.troubles for one in pair} == {(f"missing {DESK}",)}


async def test_one_that_is_switched_off_sends_nothing_and_ends_what_an_earlier_one_left(house: House) -> None:
    canary = canary_of(house, DESK)
    await sent(house, canary)
    await minutes(house, canary, 20)
    off = canary_of(house)
    assert [await off.watch() for _ in range(3)] == [0, 0, 0]
    assert house.database.read_now(canaries.open_alarms) == ()
    assert len(notices(house)) == 1


async def test_the_alarm_is_told_to_nobody_by_mail_where_no_mailbox_is_named_and_shown_all_the_same(
    house: House,
) -> None:
    canary = canary_of(house, DESK, staff=())
    await sent(house, canary)
    await minutes(house, canary, 20)
    assert notices(house) == []
    assert [alarm.kind for alarm in house.database.read_now(canaries.open_alarms)] == ["missing"]
