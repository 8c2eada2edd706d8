"""The way in: kept before it is confirmed, led to a ticket whatever it is, acknowledged alike for everyone."""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col

from bot.intake.enter import Entering
from bot.intake.prepare import Prepared
from bot.rules.verdicts import Assessment
from mail.message import InboundMessage
from store import messages
from store.database import Database
from store.lifecycle import Resolution
from store.messages import StoredRaw
from store.models import Message
from tests.bot.house import (
    ACCESS,
    AINO,
    ASTRID,
    BILLING,
    SEIJA,
    STRANGERS,
    THANKS,
    House,
    in_this_process,
    mail,
)
from tests.bot.leaks import held_in


async def test_a_mail_that_is_delivered_twice_is_one_row_and_one_ticket(house: House) -> None:
    raw = house.raw(mail())
    assert await house.intake.take_in(raw) is True
    assert await house.intake.take_in(raw) is False
    await house.work()
    assert len(house.tickets()) == 1
    assert await house.intake.take_in(raw) is False
    await house.work()
    assert len(house.tickets()) == 1


async def test_the_same_mail_taken_in_at_the_same_moment_is_new_once(house: House) -> None:
    raw = house.raw(mail())
    answers = await asyncio.gather(*(house.intake.take_in(raw) for _ in range(10)))
    assert sorted(answers) == [False] * 9 + [True]


async def test_what_is_not_stored_is_not_confirmed(house: House) -> None:
    house.database.write_now(
        lambda session: session.connection().execute(text("ALTER TABLE raw_message RENAME TO gone"))
    )
    try:
        with pytest.raises(Exception, match="raw_message"):
            await house.intake.take_in(house.raw(mail()))
    finally:
        house.database.write_now(
            lambda session: session.connection().execute(text("ALTER TABLE gone RENAME TO raw_message"))
        )
    assert house.database.read_now(messages.count_waiting) == 0


async def test_a_mail_of_a_customer_becomes_a_ticket_with_a_draft_to_the_address_on_file(house: House) -> None:
    ticket = await house.receive()
    assert (ticket["state"], ticket["customer"], ticket["identification"]) == (
        "awaiting_approval",
        "100234",
        "confirmed_channel",
    )
    assert ticket["due_at"] == "2026-04-02"
    (draft,) = ticket["drafts"]
    assert draft["recipient"]["value"] == AINO
    assert draft["holds_data"]
    (acknowledgement,) = ticket["outbox"]
    assert (acknowledgement["kind"], acknowledgement["to"]) == ("acknowledgement", AINO)


class Reading:
    """A reader that fails in a way of its own for each mail whose text names one."""

    async def __call__(self, stored: Sequence[StoredRaw]) -> list[InboundMessage]:
        if any(b"RAISES" in one.content for one in stored):
            raise RuntimeError("the reader itself has failed")
        if any(b"TOO FEW" in one.content for one in stored):
            return []
        return await in_this_process(stored)


@pytest.mark.parametrize("how", ["RAISES", "TOO FEW"])
async def test_a_mail_that_cannot_be_read_is_a_visible_ticket_and_costs_no_other_anything(
    house: House, how: str
) -> None:
    house.intake = house.another_intake(understand=Reading())
    for words in (ACCESS, how, STRANGERS):
        await house.take(words)
    await house.work()
    kinds = [ticket["kinds"] for ticket in sorted(house.tickets(), key=lambda one: one["id"])]
    assert kinds == [["access"], ["other"], ["access"]]
    details = house.database.read_now(
        lambda s: list(s.execute(select(col(Message.details)).order_by(col(Message.id))).scalars())
    )
    assert [one["problems"] for one in details] == [[], ["NOT_UNDERSTOOD"], []]
    assert house.database.read_now(messages.count_waiting) == 0


class StumblingPreparing:
    """The real preparing, but for one kind of mail, on which it stumbles."""

    def __init__(self, house: House, stumble: Exception) -> None:
        self._real = house.preparing
        self._judge = house.preparing.judge
        self._stumble = stumble

    def __enter__(self) -> None:
        def judge(session: Session, message: InboundMessage, *rest: Any) -> tuple[Assessment, Any]:
            if "STUMBLE" in message.subject:
                raise self._stumble
            return self._judge(session, message, *rest)

        self._real.judge = judge  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        self._real.judge = self._judge  # type: ignore[method-assign]


async def test_a_mail_that_trips_the_rules_is_a_visible_plain_ticket(house: House) -> None:
    with StumblingPreparing(house, ZeroDivisionError()):
        await house.take(subject="STUMBLE")
        await house.take(STRANGERS, sender=SEIJA)
        await house.work()
    plain, other = (house.ticket(one["id"]) for one in sorted(house.tickets(), key=lambda one: one["id"]))
    assert (plain["state"], plain["kinds"], plain["flags"]) == ("open", ["other"], ["NOT_UNDERSTOOD"])
    assert (plain["drafts"], plain["outbox"]) == ([], [])
    assert other["drafts"] != []


async def test_a_statement_that_fails_in_the_rules_fails_no_other_message_of_the_batch(house: House) -> None:
    def judge(session: Session, message: InboundMessage, *rest: Any) -> tuple[Assessment, Any]:
        if "STUMBLE" in message.subject:
            session.connection().execute(text("SELECT no_such_column FROM ticket"))
        return real(session, message, *rest)

    real, house.preparing.judge = house.preparing.judge, judge  # type: ignore[method-assign]
    await house.take(subject="Tietopyyntö")
    if house.database.engine.dialect.name == "postgresql":  # SQLite says "away" of whatever is wrong with a statement
        await house.take(subject="STUMBLE")
    await house.take(STRANGERS, sender=SEIJA)
    await house.work()
    found = sorted(house.tickets(), key=lambda one: one["id"])
    assert found[0]["kinds"] == found[-1]["kinds"] == ["access"]
    house.preparing.judge = real  # type: ignore[method-assign]


async def test_a_store_that_is_away_makes_a_message_wait_and_costs_it_nothing(house: House) -> None:
    away = OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked"))
    await house.take(subject="STUMBLE")
    with StumblingPreparing(house, away), pytest.raises(OperationalError):
        await house.intake.work_on()
    assert house.tickets() == []
    await house.work()
    (ticket,) = house.tickets()
    assert (ticket["kinds"], ticket["due_at"]) == (["access"], "2026-04-02")


class StumblingEntering(Entering):
    """The real writer, which stumbles over whatever was prepared for some mails, `times` times."""

    stumble: Exception = ZeroDivisionError()
    times = 99

    def enter(self, session: Session, raw: StoredRaw, message: InboundMessage, prepared: Prepared, now: Any) -> None:
        super().enter(session, raw, message, prepared, now)
        if "STUMBLE" in message.subject and self.times and "NOT_UNDERSTOOD" not in prepared.assessment.flags:
            self.times -= 1
            raise self.stumble


def _stumbling(house: House) -> StumblingEntering:
    entering = house.entering()
    entering.__class__ = StumblingEntering
    assert isinstance(entering, StumblingEntering)
    return entering


async def test_a_mail_that_cannot_be_entered_is_a_plain_ticket_and_leaves_no_half_behind(house: House) -> None:
    house.intake = house.another_intake(entering=_stumbling(house))
    for subject in ("Tietopyyntö", "STUMBLE", "Tietopyyntö"):
        await house.take(subject=subject)
    await house.work()
    found = [house.ticket(one["id"]) for one in house.tickets()]
    assert sorted(len(one["drafts"]) for one in found) == [0, 1, 1]
    assert sorted(one["kinds"] for one in found) == [["access"], ["access"], ["other"]]
    assert all(len(one["messages"]) == 1 for one in found)


async def test_a_store_that_locks_while_a_message_is_entered_makes_it_wait(house: House) -> None:
    entering = _stumbling(house)
    entering.stumble = OperationalError("INSERT", {}, sqlite3.OperationalError("database is locked"))
    entering.times = 1
    house.intake = house.another_intake(entering=entering)
    await house.take(subject="STUMBLE")
    with pytest.raises(OperationalError):
        await house.intake.work_on()
    assert house.tickets() == []
    await house.work()
    assert [one["kinds"] for one in house.tickets()] == [["access"]]


async def test_what_the_store_will_not_keep_is_a_ticket_without_its_words(house: House) -> None:
    """The longest Message-ID of the widest signs is too much for an index of PostgreSQL; half a sign fits nowhere."""

    async def with_unkeepable(stored: Sequence[StoredRaw]) -> list[InboundMessage]:
        wide = "".join(chr(0x10000 + (number * 7919) % 0x8000) for number in range(990))
        read = await in_this_process(stored)
        return [replace(read[0], message_id=f"<{wide}@posti.test>"), replace(read[1], text="\ud800"), *read[2:]]

    house.intake = house.another_intake(understand=with_unkeepable)
    for _ in range(3):
        await house.take()
    await house.work()
    assert len(house.tickets()) == 3
    assert house.database.read_now(messages.count_waiting) == 0
    assert sum(one["kinds"] == ["access"] for one in house.tickets()) >= 1


async def test_two_processes_that_lead_the_same_mail_open_one_ticket(
    house: House, database_url: str, clock: Any
) -> None:
    for number in range(8):
        await house.take(f"{ACCESS} {number}")
    second = Database(database_url)
    second.open()
    try:
        other = House(second, clock)
        await asyncio.gather(
            house.intake.work_on(), house.another_intake().work_on(), other.intake.work_on(), other.intake.work_on()
        )
    finally:
        second.close()
    assert len(house.tickets()) == 8
    assert len(house.outbox("acknowledgement")) == 4
    assert sum(len(house.ticket(one["id"])["messages"]) for one in house.tickets()) == 8


@pytest.mark.parametrize("sender", [AINO, SEIJA])
async def test_an_address_gets_three_acknowledgements_a_day_then_a_summary_then_silence(
    house: House, sender: str
) -> None:
    for number in range(7):
        await house.receive(f"{STRANGERS} {number}", sender=sender)
    rows = house.outbox("acknowledgement")
    assert [row.to_address for row in rows] == [sender] * 4
    assert rows[3].text != rows[2].text.replace(rows[2].subject, rows[3].subject)
    assert len(house.tickets()) == 7
    house.clock.advance(hours=23, minutes=59)
    await house.receive(f"{STRANGERS} same day", sender=sender)
    assert len(house.outbox("acknowledgement")) == 4
    house.clock.advance(minutes=2)
    await house.receive(f"{STRANGERS} next day", sender=sender)
    assert len(house.outbox("acknowledgement")) == 5


async def test_capital_letters_evade_no_cap(house: House) -> None:
    for sender in ("seija@tuntematon.test", "Seija@tuntematon.test", "SEIJA@tuntematon.test", "sEija@Tuntematon.test"):
        for number in range(2):
            await house.receive(f"{STRANGERS} {number}", sender=sender)
    assert len(house.outbox("acknowledgement")) == 4


async def test_details_behind_a_plus_sign_evade_no_cap(house: House) -> None:
    """Whose mailbox is flooded with our answers did not write: details cost a forger nothing (THREATS 21)."""
    for number in range(9):
        await house.receive(f"{STRANGERS} {number}", sender=f"seija+{number}@tuntematon.test", verdict=None)
    assert len(house.tickets()) == 9
    assert len(house.outbox("acknowledgement")) == 4


async def test_a_crowd_of_mails_led_on_together_is_counted_all_the_same(house: House) -> None:
    for number in range(12):
        await house.take(f"{STRANGERS} {number}", sender=SEIJA)
    await house.work()
    assert len(house.tickets()) == 12
    assert len(house.outbox("acknowledgement")) == 4


async def test_customers_and_strangers_are_acknowledged_in_the_same_bytes(house: House) -> None:
    words = "Hei, pyydän kopion kaikista minua koskevista tiedoista."
    said = []
    for sender in (AINO, SEIJA):
        ticket = await house.receive(words, sender=sender)
        row = house.outbox("acknowledgement")[-1]
        said.append((row.subject + row.text + row.language).replace(ticket["reference"], "REFERENCE"))
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "fail"},
        {"verdict": None, "envelope_sender": "somebody.else@other.test"},
        {"envelope_sender": "", "verdict": None},
        {"headers": (("Auto-Submitted", "auto-replied"),)},
        {"headers": (("List-Id", "<list.other.test>"), ("Precedence", "list"))},
        {"sender": "tietosuoja@lampo.test"},
        {
            "answers": "<somebody@else.test>",
            "subject": "Out of office",
            "headers": (("Auto-Submitted", "auto-generated"),),
        },
    ],
)
async def test_machines_forgers_and_ourselves_get_no_acknowledgement(house: House, changes: dict[str, Any]) -> None:
    await house.take(STRANGERS, **{"sender": SEIJA} | changes)
    await house.work()
    assert house.database.read_now(messages.count_waiting) == 0
    assert house.outbox() == []


async def test_a_mail_that_refers_to_ours_is_not_acknowledged(house: House) -> None:
    first = await house.receive(message_id="<first@posti.test>")
    await house.receive(BILLING, answers="<first@posti.test>", sender=SEIJA)
    await house.receive(BILLING, answers=first["outbox"][0]["message_id"])
    assert len(house.outbox("acknowledgement")) == 1


canary = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=6, max_size=12)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(words=canary, subject=canary, name=canary, known=st.booleans())
async def test_no_acknowledgement_echoes_a_word_or_knows_a_customer(
    small_house: House, words: str, subject: str, name: str, known: bool
) -> None:
    small_house.clock.advance(days=2)
    address = AINO if known else SEIJA
    sender = f"{name} <{address}>"
    content = mail(f"{ACCESS}\n{words}", sender=address, subject=f"Tietopyyntö {subject}")
    content = content.replace(f"From: {address}".encode(), f"From: {sender}".encode())
    await small_house.intake.take_in(small_house.raw(content, envelope_sender=address))
    await small_house.work()
    row = small_house.outbox("acknowledgement")[-1]
    said = f"{row.subject}\n{row.text}"
    assert not any(one in said for one in (words, subject, name, "Aino", "100234"))
    assert small_house.database.read_now(lambda session: held_in(session, said)) == []
    assert row.created_at == small_house.clock()


async def test_a_confirmed_customers_reference_joins_and_its_new_question_has_its_own_clock(house: House) -> None:
    first = await house.receive()
    house.clock.advance(days=3)
    joined = await house.receive(BILLING, answers=first["outbox"][0]["message_id"])
    assert joined["id"] == first["id"]
    assert joined["kinds"] == ["access", "billing"]
    assert [one["joined_by"] for one in joined["messages"]] == ["opened", "reference"]
    assert joined["due_at"] == first["due_at"]


async def test_a_strangers_reference_opens_a_ticket_of_its_own_with_a_link(house: House) -> None:
    first = await house.receive()
    before = house.ticket(first["id"])
    second = await house.receive(STRANGERS, sender=SEIJA, answers=first["outbox"][0]["message_id"])
    assert second["id"] != first["id"]
    assert house.ticket(first["id"]) == before
    assert "REFERS_TO_ANOTHER_TICKET" in second["flags"]
    linked = house.database.read_now(
        lambda s: s.connection().execute(text("SELECT linked_to FROM ticket")).scalars().all()
    )
    assert sorted(linked, key=lambda one: one or 0) == [None, first["id"]]


async def test_a_customers_reference_with_a_failed_verdict_joins_nothing(house: House) -> None:
    first = await house.receive()
    for verdict in ("fail", None):
        other = await house.receive(BILLING, verdict=verdict, answers=first["outbox"][0]["message_id"])
        assert other["id"] != first["id"]


async def test_a_stranger_with_capitals_in_the_address_joins_their_own_ticket(house: House) -> None:
    first = await house.receive(
        STRANGERS, sender="Seija.Koekayttaja@tuntematon.test", message_id="<own@tuntematon.test>"
    )
    second = await house.receive(BILLING, sender="Seija.Koekayttaja@tuntematon.test", answers="<own@tuntematon.test>")
    assert second["id"] == first["id"]
    assert "JOINED_UNVERIFIED" in second["flags"]


async def test_a_stranger_who_then_names_a_customer_gets_no_data_drafted_into_their_ticket(house: House) -> None:
    first = await house.receive("Hei, onko lasku tulossa?", sender=SEIJA, message_id="<own@tuntematon.test>")
    claim = f"{ACCESS}\nAino Esimerkkilä, asiakasnumero 100234, Testikuja 3, 85100 Kalajoki"
    second = await house.receive(claim, sender=SEIJA, answers="<own@tuntematon.test>")
    assert second["id"] == first["id"]
    assert second["customer"] is None
    assert "access" in second["kinds"]
    assert not any(draft["holds_data"] for draft in second["drafts"])


async def test_a_reminder_starts_no_new_clock(house: House) -> None:
    first = await house.receive()
    house.clock.advance(days=20)
    again = await house.receive(ACCESS, answers=first["outbox"][0]["message_id"])
    assert again["id"] == first["id"]
    assert (again["kinds"], again["due_at"]) == (["access"], first["due_at"])
    assert len(again["requests"]) == 1
    assert len(again["drafts"]) == 1


@pytest.mark.parametrize("ended", ["answered", "closed"])
async def test_a_new_question_reopens_what_was_ended(house: House, ended: str) -> None:
    first = await house.receive()
    if ended == "answered":
        done = await house.answer(first)
    else:
        await house.casework.close(1, first["id"], _version(house, first["id"]), Resolution.WITHDRAWN)
        done = house.ticket(first["id"])
    assert done["state"] == ended
    house.clock.advance(days=10)
    asked = await house.receive(ACCESS, answers=first["outbox"][0]["message_id"])
    assert (asked["id"], asked["state"], asked["resolution"]) == (first["id"], "awaiting_approval", None)
    assert asked["due_at"] > first["due_at"]


async def test_a_line_that_names_nothing_and_opens_a_ticket_again_is_to_be_answered_by_a_day(house: House) -> None:
    """INV-4: open, but with nothing to do in it, it could be neither answered nor missed."""
    first = await house.receive()
    await house.answer(first)
    house.clock.advance(days=10)
    sent = house.channels["email"].sent[-1].message_id
    again = await house.receive("Hei taas, en ymmärtänyt taulukkoa lainkaan.", subject="Re: Tietopyyntö", answers=sent)
    assert (again["id"], again["state"], again["kinds"]) == (first["id"], "open", ["access", "other"])
    assert (again["due_at"], again["requests"][-1]["due_at"]) == (None, None)
    assert again["requests"][-1]["target_at"] > first["requests"][0]["target_at"]
    once_more = await house.receive("Siis sitä toista.", subject="Re: Tietopyyntö", answers=sent)
    assert once_more["requests"] == again["requests"]


async def test_an_answer_to_our_question_brings_the_ticket_back_to_the_desk(house: House) -> None:
    ticket = await house.receive(STRANGERS, sender=SEIJA, message_id="<own@tuntematon.test>")
    answered = await house.answer(ticket)
    assert answered["state"] == "answered"
    back = await house.receive(THANKS, sender=SEIJA, answers="<own@tuntematon.test>")
    assert back["id"] == ticket["id"]


async def test_a_suspected_fault_wakes_whoever_is_on_duty_without_a_word_of_the_customer(
    database: Database, clock: Any
) -> None:
    house = House(database, clock, duty=("paivystys@lampo.test",))
    ticket = await house.receive("Meillä ei ole lämpöä ja talossa on vauva! Patterit ovat kylmät. Aino Esimerkkilä")
    assert "POSSIBLE_FAULT" in ticket["flags"]
    (notice,) = house.outbox("notice")
    assert notice.to_address == "paivystys@lampo.test"
    assert notice.release_at == notice.created_at
    assert "vauva" not in notice.text
    assert "Aino" not in notice.text


async def test_mail_that_is_junk_from_end_to_end_is_a_ticket_each(house: House) -> None:
    junk = [
        b"",
        b"\x00" * 10,
        b"\xff\xfe" * 500,
        b"From: \r\nFrom: x\r\n\r\n",
        b"Subject: " + b"a" * 20_000,
        bytes(range(256)) * 4,
    ]
    for content in junk:
        assert await house.intake.take_in(house.raw(content, envelope_sender=""))
    await house.work()
    assert house.database.read_now(messages.count_waiting) == 0
    recorded = house.database.read_now(
        lambda s: s.connection().execute(text("SELECT count(*) FROM message")).scalar_one()
    )
    assert recorded == len(junk)
    assert len(house.tickets()) == len(junk)


def _version(house: House, ticket_id: int) -> int:
    query = text("SELECT version FROM ticket WHERE id = :id")
    found: int = house.database.read_now(lambda s: s.connection().execute(query, {"id": ticket_id}).scalar_one())
    return found


async def test_astrids_mail_is_answered_in_swedish(house: House) -> None:
    ticket = await house.receive(
        "Hej, jag begär en kopia av alla personuppgifter som ni har om mig. Hälsningar Astrid Påhitt", sender=ASTRID
    )
    assert ticket["language"] == "sv"
    assert house.outbox("acknowledgement")[-1].language == "sv"
    assert [draft["language"] for draft in ticket["drafts"]] == ["sv"]
