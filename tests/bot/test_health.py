"""Ready while the store answers; numbers without names."""

from bot.health import HealthBoard
from store import schema
from store.database import Database
from tests.bot.canary import canary_of
from tests.bot.house import DESK, SEIJA, STRANGERS, House


def board(house: House, database: Database | None = None) -> HealthBoard:
    """The board of a house."""
    return HealthBoard(database=database or house.database, clock=house.clock, time_zone="Europe/Helsinki")


async def test_a_store_that_answers_is_ready(house: House) -> None:
    health = await board(house).ready()
    assert (health.ready, health.parts) == (True, {"store": True})


async def test_a_store_that_is_away_is_not(small_house: House) -> None:
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    try:
        health = await board(small_house, away).ready()
    finally:
        away.close()
    assert (health.ready, health.parts) == (False, {"store": False})


async def test_what_waits_is_counted_and_nobody_is_named(house: House) -> None:
    await house.receive()
    await house.receive(STRANGERS, sender=SEIJA)
    await house.take("Hei")
    house.clock.advance(days=60)
    text = board(house).metrics().decode()
    lines = dict(line.split(" ") for line in text.splitlines() if not line.startswith("#"))
    assert lines.pop("kirjaamo_canary_age") == "NaN"
    assert {name: float(value) for name, value in lines.items()} == {
        "kirjaamo_overdue": 2,
        "kirjaamo_soon": 0,
        "kirjaamo_drafts": 2,
        "kirjaamo_stuck": 0,
        "kirjaamo_bounced": 0,
        "kirjaamo_quarantined": 0,
        "kirjaamo_unread": 1,
        "kirjaamo_parked": 0,
        "kirjaamo_mailboxes_down": 0,
        "kirjaamo_canary_alarms": 0,
    }
    assert "@" not in text


def test_the_store_of_these_tests_has_the_newest_tables(house: House) -> None:
    schema.require_current(house.database)


async def test_a_canary_that_stays_away_is_red_in_words_and_figures_and_takes_nothing_away(house: House) -> None:
    canary = canary_of(house, DESK)
    watched = HealthBoard(
        database=house.database,
        clock=house.clock,
        time_zone="Europe/Helsinki",
        troubles=lambda: canary.troubles,
        canary_addresses=canary.addresses,
    )
    await canary.watch()
    assert (await watched.ready()).parts == {"store": True, "canary": True}
    for _ in range(3):
        house.clock.advance(minutes=5)
        await canary.watch()
    health = await watched.ready()
    assert (health.ready, health.parts) == (True, {"store": True, "canary": False})
    assert health.troubles == {"canary": f"missing {DESK}"}
    assert "kirjaamo_canary_alarms 1.0" in watched.metrics().decode()


async def test_a_mailbox_in_trouble_is_not_the_canarys(house: House) -> None:
    watched = HealthBoard(
        database=house.database,
        clock=house.clock,
        time_zone="Europe/Helsinki",
        doors={"imap.office": lambda: ("LOG_IN_REFUSED",)},
        canary_addresses=[DESK],
    )
    health = await watched.ready()
    assert health.parts == {"store": True, "imap.office": False, "canary": True}
    assert health.troubles == {"imap.office": "LOG_IN_REFUSED"}
