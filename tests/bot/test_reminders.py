"""The daily count: once a working day, after eight, in numbers, however many processes there are."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.reminders import Reminders
from store import waiting
from store.database import Database
from tests.bot.house import SEIJA, STRANGERS, House

MONDAY = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def reminding(house: House, database: Database | None = None, *addresses: str) -> Reminders:
    """The daily message to these staff mailboxes; to one when none is named."""
    return Reminders(
        database=database or house.database,
        clock=house.clock,
        time_zone="Europe/Helsinki",
        language="fi",
        addresses=addresses or ("tiimi@lampo.test",),
        desk_url="http://desk.test",
        new_message_id=house.new_message_id,
    )


async def test_once_a_day_each_mailbox_gets_the_counts_and_no_name(house: House) -> None:
    await house.receive()
    house.clock.set(datetime(2026, 4, 7, 6, 0, tzinfo=UTC))
    reminders = reminding(house, None, "tiimi@lampo.test", "esihenkilo@lampo.test")
    assert [await reminders.remind() for _ in range(3)] == [2, 0, 0]
    rows = house.outbox("notice")
    assert [row.to_address for row in rows] == ["tiimi@lampo.test", "esihenkilo@lampo.test"]
    assert "http://desk.test" in rows[0].text
    assert "1" in rows[0].text
    assert "Aino" not in rows[0].text
    await house.send_all()
    assert house.channels["email"].sent[-1].envelope_sender != ""


@pytest.mark.parametrize(
    ("moment", "queued"),
    [
        ("2026-03-02T05:59:59+00:00", 0),
        ("2026-03-02T06:00:00+00:00", 1),
        ("2026-03-01T12:00:00+00:00", 0),
        ("2026-04-03T12:00:00+00:00", 0),
        ("2026-03-30T04:59:00+00:00", 0),
        ("2026-03-30T05:00:00+00:00", 1),
    ],
)
async def test_only_after_eight_local_time_on_a_working_day(house: House, moment: str, queued: int) -> None:
    await house.receive()
    house.clock.set(datetime.fromisoformat(moment))
    assert await reminding(house).remind() == queued


async def test_when_nothing_waits_nothing_is_sent(house: House) -> None:
    house.clock.set(MONDAY)
    reminders = reminding(house)
    assert await reminders.remind() == 0
    house.clock.advance(days=1)
    await house.receive(STRANGERS, sender=SEIJA)
    assert await reminders.remind() == 1


async def test_without_a_mailbox_nothing_is_sent(house: House) -> None:
    await house.receive()
    house.clock.set(MONDAY)
    reminders = reminding(house)
    reminders._addresses = ()
    assert await reminders.remind() == 0


async def test_a_restart_or_a_second_process_sends_no_second_one(house: House, database_url: str) -> None:
    await house.receive()
    house.clock.set(MONDAY)
    second = Database(database_url)
    second.open()
    try:
        for day in range(4):
            several = [reminding(house, one) for one in (house.database, second) for _ in range(3)]
            queued = await asyncio.gather(*(one.remind() for one in several))
            assert sorted(queued) == [0, 0, 0, 0, 0, 1], f"day {day}"
            house.clock.advance(days=1)
    finally:
        second.close()


async def test_a_day_is_claimed_by_one_and_never_again(database: Database) -> None:
    def claim(day: Any) -> bool:
        return database.write_now(lambda session: waiting.claim_day(session, day))

    first, next_ = datetime(2026, 3, 2, tzinfo=UTC).date(), datetime(2026, 3, 3, tzinfo=UTC).date()
    assert [claim(first), claim(first), claim(next_), claim(first), claim(next_)] == [True, False, True, False, False]
