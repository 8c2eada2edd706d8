"""The audit trail: a chain that is whole after everything, and that names the place where somebody touched it."""

import asyncio
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session, select

from store import events
from store.database import Database
from store.events import GENESIS, append, first_broken_link, keyed_hash
from store.models import Event
from tests.store.people import NOW


def _ten(session: Session) -> None:
    for number in range(10):
        append(session, at=NOW, actor="intake", kind="ticket_opened", ticket_id=number, data={"n": number, "ä": "ö"})


def _run(database: Database, statement: str) -> None:
    database.write_now(lambda session: session.connection().execute(text(statement)))


def test_an_empty_trail_is_whole(database: Database) -> None:
    state = database.read_now(first_broken_link)
    assert (state.lines, state.head, state.broken_seq) == (0, GENESIS, None)


def test_a_trail_is_whole_after_every_transaction(database: Database) -> None:
    for number in range(3):
        database.write_now(_ten)
        state = database.read_now(first_broken_link)
        assert (state.lines, state.broken_seq) == ((number + 1) * 10, None)
    newest = database.read_now(lambda session: session.exec(select(Event.digest).order_by(Event.seq.desc())).first())  # type: ignore[union-attr]  # a column
    assert state.head == newest


@pytest.mark.parametrize(
    ("statement", "seq", "reason"),
    [
        ("UPDATE event SET actor = 'staff:9' WHERE seq = 4", 4, "has been changed"),
        ("UPDATE event SET kind = 'ticket_closed' WHERE seq = 1", 1, "has been changed"),
        ("UPDATE event SET ticket_id = 77 WHERE seq = 10", 10, "has been changed"),
        ("""UPDATE event SET data = '{"n": 1}' WHERE seq = 5""", 5, "has been changed"),
        ("UPDATE event SET at = '2026-03-02 10:00:01+00:00' WHERE seq = 6", 6, "has been changed"),
        ("DELETE FROM event WHERE seq = 7", 7, "line 8 comes next"),
        ("DELETE FROM event WHERE seq = 1", 1, "line 2 comes next"),
        ("UPDATE event SET previous = 'x' WHERE seq = 3", 3, "does not follow line 2"),
        ("UPDATE event SET digest = 'x' WHERE seq = 3", 3, "has been changed"),
        ("UPDATE event SET seq = 99 WHERE seq = 4", 4, "line 5 comes next"),
        (
            "INSERT INTO event (seq, at, actor, kind, data, previous, digest) VALUES"
            " (11, '2026-03-02 10:00:00+00:00', 'intake', 'ticket_closed', '{}', 'x', 'y')",
            11,
            "does not follow line 10",
        ),
        (
            "INSERT INTO event (seq, at, actor, kind, data, previous, digest) VALUES"
            " (0, '2026-03-02 10:00:00+00:00', 'intake', 'ticket_closed', '{}', 'x', 'y')",
            1,
            "line 1 is missing: line 0 comes next",
        ),
    ],
)
def test_a_line_that_was_touched_is_named(database: Database, statement: str, seq: int, reason: str) -> None:
    database.write_now(_ten)
    _run(database, statement)
    state = database.read_now(first_broken_link)
    assert state.broken_seq == seq
    assert state.lines == seq - 1
    assert reason in state.reason


def test_a_line_put_in_with_a_right_digest_of_its_own_breaks_the_next(database: Database) -> None:
    """Whoever can compute digests must rewrite every later line, and the head that was noted elsewhere."""
    database.write_now(_ten)
    before = database.read_now(first_broken_link).head

    def forge(session: Session) -> None:
        line = session.get_one(Event, 5)
        line.actor = "staff:1"
        line.digest = events._digest(line.model_dump())

    database.write_now(forge)
    state = database.read_now(first_broken_link)
    assert (state.broken_seq, state.reason) == (6, "line 6 does not follow line 5")
    assert state.head != before


async def test_many_who_write_at_once_make_one_chain(database: Database) -> None:
    async def one(number: int) -> None:
        await database.write(lambda session: append(session, at=NOW, actor="cli", kind="noted", data={"n": number}))

    await asyncio.gather(*(one(number) for number in range(100)))
    state = database.read_now(first_broken_link)
    assert (state.lines, state.broken_seq) == (100, None)


async def test_two_processes_make_one_chain(database: Database, database_url: str) -> None:
    second = Database(database_url)
    second.open()
    try:
        for _ in range(10):
            await asyncio.gather(*(one.write(_ten) for one in (database, second)))
    finally:
        second.close()
    state = database.read_now(first_broken_link)
    assert (state.lines, state.broken_seq) == (200, None)


async def test_what_is_rolled_back_leaves_no_line_and_no_gap(database: Database) -> None:
    def failing(session: Session) -> None:
        _ten(session)
        raise LookupError

    works: list[Any] = [_ten, failing, _ten, failing, _ten]
    ends = await asyncio.gather(*(database.write(work) for work in works), return_exceptions=True)
    assert [type(end) for end in ends] == [type(None), LookupError, type(None), LookupError, type(None)]
    state = database.read_now(first_broken_link)
    assert (state.lines, state.broken_seq) == (30, None)


def test_a_session_that_commits_twice_sees_what_others_wrote_between(database: Database) -> None:
    with Session(database.engine, expire_on_commit=False) as session:
        _ten(session)
        session.commit()
        other = Database(database.url)
        other.write_now(_ten)
        other.close()
        _ten(session)
        session.commit()
    state = database.read_now(first_broken_link)
    assert (state.lines, state.broken_seq) == (30, None)


def test_a_moment_is_the_same_however_its_zone_is_written(database: Database) -> None:
    local = NOW.astimezone(timezone(timedelta(hours=2)))
    database.write_now(lambda session: append(session, at=local, actor="cli", kind="noted"))
    assert database.read_now(first_broken_link).broken_seq is None


@given(
    data=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
        st.one_of(st.integers(-(2**53), 2**53), st.booleans(), st.none(), st.text("äöåéß☃ ", max_size=8)),
        max_size=4,
    )
)
def test_a_digest_depends_on_content_and_not_on_the_order_of_keys(data: dict[str, Any]) -> None:
    line = {"seq": 1, "at": NOW, "actor": "a", "kind": "k", "ticket_id": None, "data": data, "previous": GENESIS}
    turned = line | {"data": dict(reversed(data.items()))}
    assert events._digest(line) == events._digest(turned)
    assert events._digest(line) != events._digest(line | {"data": data | {"more": 1}})


def test_a_keyed_hash_recognises_a_value_and_tells_nothing_without_the_key(database: Database) -> None:
    first = database.write_now(lambda session: keyed_hash(session, "aino.esimerkkila@posti.test"))
    assert database.write_now(lambda session: keyed_hash(session, "aino.esimerkkila@posti.test")) == first
    assert database.write_now(lambda session: keyed_hash(session, "eino.mallikas@posti.test")) != first
    _run(database, "UPDATE setting SET value = '" + "0" * 64 + "' WHERE key = 'event_key'")
    assert database.write_now(lambda session: keyed_hash(session, "aino.esimerkkila@posti.test")) != first
