"""Raw messages: kept once each, alone or in a crowd, and a bad one among them costs no other its place."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from sqlmodel import Session

from store.database import Database
from store.lifecycle import RawState
from store.messages import (
    ALONE_BYTES,
    NewRaw,
    count_waiting,
    finish_raw,
    store_raws,
    ticket_of_message_ids,
    waiting,
)
from store.models import Message
from tests.store.people import NOW, add_ticket


def _raw(clock: Any, content: bytes) -> NewRaw:
    digest = sha256(content).hexdigest()
    return NewRaw(
        key=digest,
        channel="email",
        door="smtp",
        media_type="message/rfc822",
        content=content,
        sha256=digest,
        envelope_sender="aino.esimerkkila@posti.test",
        envelope_recipients=["asiakaspalvelu@lampo.test"],
        peer="127.0.0.1",
        received_at=clock.now(),
    )


async def test_a_crowd_of_mails_is_kept_each_byte_for_byte(database: Database, clock: Any) -> None:
    raws = [_raw(clock, b"mail %d \xff\xe4" % number) for number in range(100)]
    kept = await asyncio.gather(*(database.write_together(store_raws, raw) for raw in raws))
    assert kept == [True] * 100
    found = await database.read(lambda session: waiting(session, 200, letters=False))
    assert {one.sha256: one.content for one in found} == {raw.sha256: raw.content for raw in raws}
    assert all(one.received_at == clock.now() for one in found)


async def test_a_mail_known_already_is_told_from_a_new_one_within_one_crowd(database: Database, clock: Any) -> None:
    old, new = _raw(clock, b"old"), _raw(clock, b"new")
    assert await database.write_together(store_raws, old) is True
    crowd = [old, new, new, old]
    assert await database.write(lambda session: store_raws(session, crowd)) == [False, True, False, False]
    assert await database.read(count_waiting) == 2


async def test_large_mails_and_small_ones_are_kept_together(database: Database, clock: Any) -> None:
    raws = [_raw(clock, b"x" * (ALONE_BYTES + 1)), _raw(clock, b"small"), _raw(clock, b"y" * (ALONE_BYTES + 1))]
    assert await database.write(lambda session: store_raws(session, raws)) == [True, True, True]


async def test_one_that_cannot_be_kept_takes_no_other_down(database: Database, clock: Any) -> None:
    raws = [_raw(clock, b"%d" % number) for number in range(20)]
    raws[7] = replace(raws[7], envelope_recipients=[object()])  # type: ignore[list-item]  # nothing that JSON can hold
    kept = await asyncio.gather(*(database.write_together(store_raws, raw) for raw in raws), return_exceptions=True)
    assert isinstance(kept.pop(7), Exception)
    assert kept == [True] * 19
    assert await database.read(count_waiting) == 19


async def test_work_of_other_sorts_keeps_its_turn_between_the_crowds(database: Database, clock: Any) -> None:
    seen: list[object] = []

    def note(_session: Session, items: Sequence[int]) -> Sequence[int]:
        seen.append(list(items))
        return items

    first = [database.write_together(note, number) for number in (1, 2)]
    alone = database.write(lambda _session: seen.append("alone"))
    last = database.write_together(note, 3)
    assert (await asyncio.gather(*first, alone, last))[:2] == [1, 2]
    assert [one for group in seen for one in (group if isinstance(group, list) else [group])] == [1, 2, "alone", 3]


async def test_work_that_gives_too_few_results_is_an_error_and_not_a_lie(database: Database) -> None:
    with pytest.raises(ValueError, match="shorter"):
        await database.write_together(lambda _session, _items: (), 1)


async def test_whoever_leads_a_message_on_first_has_led_it_on(database: Database, clock: Any) -> None:
    await database.write(lambda session: store_raws(session, [_raw(clock, b"one"), _raw(clock, b"two")]))
    first, second = await database.read(lambda session: waiting(session, 9, letters=False))
    ends = await asyncio.gather(
        *(database.write(lambda session: finish_raw(session, first.id, RawState.DONE)) for _ in range(5))
    )
    assert sorted(ends) == [False] * 4 + [True]
    left = await database.read(lambda session: waiting(session, 9, letters=False))
    assert [one.id for one in left] == [second.id]


async def test_letters_and_all_else_wait_in_lanes_of_their_own(database: Database, clock: Any) -> None:
    letter = replace(_raw(clock, b"scan"), channel="letter")
    await database.write(lambda session: store_raws(session, [_raw(clock, b"mail"), letter]))
    lanes = [
        await database.read(lambda session, lane=lane: waiting(session, 9, letters=lane)) for lane in (False, True)
    ]
    assert [[one.channel for one in lane] for lane in lanes] == [["email"], ["letter"]]


async def test_the_oldest_wait_first_and_no_more_are_led_on_than_fit(database: Database, clock: Any) -> None:
    raws = [_raw(clock, bytes([number]) * (12 * 1024 * 1024)) for number in range(4)]
    for raw in raws:
        await database.write(lambda session, raw=raw: store_raws(session, [raw]))
    led = await database.read(lambda session: waiting(session, 9, letters=False))
    assert [one.sha256 for one in led] == [raw.sha256 for raw in raws[:2]]


def test_a_reference_leads_to_the_ticket_of_the_last_one_named(database: Database) -> None:
    def work(session: Session) -> list[int]:
        found = [add_ticket(session) for _ in range(2)]
        for ticket_id, message_id in zip([*found, None], ("<1@a.test>", "<2@a.test>", "<3@a.test>"), strict=True):
            session.add(
                Message(
                    ticket_id=ticket_id,
                    direction="in",
                    channel="email",
                    message_id=message_id,
                    received_at=NOW,
                    sha256="0",
                )
            )
        return found

    first, second = database.write_now(work)

    def ticket_of(*ids: str) -> int | None:
        return database.read_now(lambda session: ticket_of_message_ids(session, ids))

    assert ticket_of("<1@a.test>", "<2@a.test>") == second
    assert ticket_of("<2@a.test>", "<1@a.test>", "<nowhere@a.test>") == first
    assert ticket_of("<3@a.test>") is None
    assert ticket_of() is None
    assert ticket_of(*["<nowhere@a.test>"] * 5000, "<1@a.test>") == first
