"""The whole path running by itself: nothing stalls it, a store that is away loses nothing, and it stops cleanly."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from bot import pipeline as path
from bot.pipeline import Bell, Pipeline
from bot.reminders import Reminders
from bot.understanding import Understanding
from mail.worker import Workers
from store.database import Database
from store.lifecycle import OutboxState
from tests.bot.canary import canary_of
from tests.bot.house import SEIJA, STRANGERS, TRUST, House, mail

LATENCY_SECONDS = 0.1
"""INV-8: so long may the event loop keep anybody waiting."""


def pipeline_of(house: House, bell: Bell, rooms: Any = ()) -> Pipeline:
    """The stages of a house, woken by one bell."""
    house.intake._wake = bell.ring
    reminders = Reminders(
        database=house.database,
        clock=house.clock,
        time_zone="Europe/Helsinki",
        language="fi",
        addresses=(),
        desk_url="",
        new_message_id=house.new_message_id,
    )
    return Pipeline(
        bell=bell,
        intake=house.intake,
        dispatch=house.dispatch,
        reminders=reminders,
        canary=canary_of(house),
        packing=house.packing,
        channels=list(house.channels.values()),
        rooms=rooms,
    )


@contextlib.asynccontextmanager
async def running(house: House) -> AsyncIterator[Pipeline]:
    """The path, open."""
    pipeline = pipeline_of(house, Bell())
    try:
        await pipeline.open()
        yield pipeline
    finally:
        await pipeline.close()


async def until(true: Any) -> None:
    """Wait for something that the path does by itself."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - the store tells nobody; it is looked at
            await asyncio.sleep(0.02)


async def test_a_mail_goes_from_the_door_to_its_acknowledgement_by_itself(house: House) -> None:
    async with running(house):
        assert await house.intake.take_in(house.raw(mail()))
        await until(lambda: house.channels["email"].sent)
    assert [one["state"] for one in house.tickets()] == ["awaiting_approval"]


async def test_what_an_earlier_process_was_sending_is_uncertain_before_the_doors_open(house: House) -> None:
    await house.receive()

    def left_behind(session: Any) -> None:
        session.connection().exec_driver_sql("UPDATE outbox SET state = 'sending'")

    house.database.write_now(left_behind)
    async with running(house):
        pass
    assert [row.state for row in house.outbox()] == [OutboxState.UNCERTAIN]


async def test_a_stage_that_fails_tries_again_and_loses_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path, "PAUSE_SECONDS", 0.01)
    real, failures = house.intake.work_on, iter(range(3))

    async def failing() -> int:
        if next(failures, None) is not None:
            raise OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked"))
        return await real()

    house.intake.work_on = failing  # type: ignore[method-assign]
    async with running(house):
        await house.intake.take_in(house.raw(mail()))
        await until(house.tickets)


async def test_a_lost_waking_is_noticed_all_the_same(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path, "LOOK_SECONDS", 0.05)
    async with running(house):
        house.intake._wake = lambda: None
        await house.intake.take_in(house.raw(mail()))
        await until(house.tickets)


async def test_closing_twice_is_closing_once_and_leaves_no_task(house: House) -> None:
    before = asyncio.all_tasks()
    pipeline = pipeline_of(house, Bell())
    await pipeline.open()
    await pipeline.close()
    await pipeline.close()
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("ticks", range(6))
async def test_a_ring_at_the_moment_of_closing_does_not_keep_a_stage_going(small_house: House, ticks: int) -> None:
    """A service that is told to stop stops, whatever comes in just then."""
    bell = Bell()
    pipeline = pipeline_of(small_house, bell)
    await pipeline.open()
    await asyncio.sleep(0.3)  # all stages wait to be woken
    bell.ring()
    for _ in range(ticks):
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await pipeline.close()


async def test_a_door_that_cannot_be_opened_says_so(house: House) -> None:
    class Stuck(type(house.channels["email"])):  # type: ignore[misc]  # its class, whatever it is
        async def open(self, take_in: Any) -> None:
            raise OSError(98, f"address in use, so nothing comes to {take_in}")

    house.channels["email"] = Stuck("email", house.clock)
    pipeline = pipeline_of(house, Bell())
    with pytest.raises(OSError, match="in use"):
        await pipeline.open()
    await pipeline.close()


def test_a_ring_wakes_everyone_who_hears() -> None:
    bell = Bell()
    heard = [bell.hear() for _ in range(3)]
    bell.ring()
    assert all(event.is_set() for event in heard)


@pytest.mark.alone
async def test_two_hundred_mails_are_led_on_and_the_event_loop_answers_within_its_limit(
    small_house: House, sqlite_database: Database
) -> None:
    """INV-8, over the real workers. The longest wait of a task that only sleeps is what everyone else would feel."""
    workers, letters = Workers(count=1), Workers(count=1)
    house = small_house
    house.intake = house.another_intake(understand=Understanding(mail=workers, letters=letters, trusts={"smtp": TRUST}))
    for number in range(200):
        await house.take(f"{STRANGERS} {number}", sender=f"asiakas{number}@tuntematon.test")
    waits: list[float] = []

    async def probe() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            waits.append(time.perf_counter() - began - 0.005)

    probing = asyncio.create_task(probe())
    try:
        await house.work()
    finally:
        probing.cancel()
        await asyncio.gather(probing, return_exceptions=True)
        await workers.close()
        await letters.close()
    assert len(house.tickets()) == 200
    assert len(waits) > 10
    assert max(waits) < LATENCY_SECONDS


async def test_strangers_and_customers_meet_the_same_path(house: House) -> None:
    async with running(house):
        for sender in (SEIJA, "aino.esimerkkila@posti.test"):
            await house.take(STRANGERS, sender=sender)
        await until(lambda: len(house.channels["email"].sent) == 2)
