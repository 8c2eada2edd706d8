"""Reading in processes of their own: whatever a message does to its worker, staff see something of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bot.understanding import Understanding, raw_of, understood
from mail.worker import Workers
from store.messages import StoredRaw
from tests.bot.house import TRUST, House, in_this_process, mail


def stored(house: House, content: bytes, number: int = 1, **changes: Any) -> StoredRaw:
    """A raw message as it comes back from the store."""
    raw = house.raw(content)
    values = {
        "id": number,
        "channel": raw.channel,
        "door": raw.door,
        "media_type": raw.media_type,
        "content": raw.content,
        "sha256": raw.sha256,
        "envelope_sender": raw.envelope.sender,
        "envelope_recipients": raw.envelope.recipients,
        "peer": raw.envelope.peer,
        "received_at": raw.received_at,
    }
    return StoredRaw(**values | changes)


@pytest.fixture
async def reading() -> AsyncIterator[Understanding]:
    """The real workers, two seconds each."""
    workers, letters = Workers(count=1, seconds=2), Workers(count=1, seconds=2)
    yield Understanding(mail=workers, letters=letters, trusts={"smtp": TRUST})
    await workers.close()
    await letters.close()


async def test_what_a_worker_reads_is_what_the_reader_says(small_house: House, reading: Understanding) -> None:
    several = [stored(small_house, mail(f"Hei, laskuni on väärä {number}")) for number in range(5)]
    assert await reading(several) == await in_this_process(several)


async def test_letters_and_mails_come_back_in_the_order_they_came(small_house: House, reading: Understanding) -> None:
    letter = stored(small_house, b"no picture", channel="letter", media_type="image/png", door="letters")
    several = [stored(small_house, mail("ensin")), letter, stored(small_house, mail("sitten")), letter]
    read = await reading(several)
    assert [one.channel for one in read] == ["email", "letter", "email", "letter"]
    assert all(read[place].problems for place in (1, 3))


async def test_a_door_without_a_name_in_the_list_is_trusted_in_nothing(
    small_house: House, reading: Understanding
) -> None:
    known, unknown = await reading([stored(small_house, mail()), stored(small_house, mail(), door="back")])
    assert (known.authentication.verdict, unknown.authentication.verdict) == ("pass", "none")


async def test_a_message_that_outlasts_its_workers_patience_is_shown_unread(small_house: House) -> None:
    workers, letters = Workers(count=1, seconds=0.3), Workers(count=1)
    small_house.intake = small_house.another_intake(
        understand=Understanding(mail=workers, letters=letters, trusts={"smtp": TRUST})
    )
    endless = mail("x " * 5) + b"\r\n".join(b"> " * 400 + b"a@b" * 300 for _ in range(30_000))
    await small_house.take("Hei, laskuni on väärä")
    await small_house.intake.take_in(small_house.raw(endless))
    try:
        await small_house.work()
    finally:
        await workers.close()
        await letters.close()
    assert len(small_house.tickets()) == 2


def test_a_stored_row_is_the_value_that_came_in(small_house: House) -> None:
    raw = small_house.raw(mail())
    assert raw_of(stored(small_house, raw.content)) == raw
    assert raw_of(replace(stored(small_house, raw.content), peer="")).envelope.peer == ""


async def test_a_large_mail_is_read_although_the_ones_before_it_filled_the_worker(small_house: House) -> None:
    """An honest mail must not be shown unread because of its neighbours."""
    workers = Workers(count=1)
    head = b"From: aino.esimerkkila@posti.test\r\nSubject: Suuri\r\n\r\n"
    try:
        for filling in (b"<" * 1_000_000, b"> sana\r\n" * 1_000_000, b"a" * 50_000_000, b"moi " * 12_000_000):
            raw = raw_of(stored(small_house, head + filling))
            (message,) = await understood(workers, [(raw, TRUST)])
            assert message.subject == "Suuri"
    finally:
        await workers.close()
