"""What is on its way out: claimed once, ended once, in its turn."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from store import outbox
from store.database import Database
from store.lifecycle import IllegalMove, OutboxState
from store.models import Event, OutboxRow
from tests.store.people import NOW, notice


def _add(database: Database, *rows: OutboxRow) -> list[int]:
    return database.write_now(lambda session: [outbox.add(session, row, actor="cli").id or 0 for row in rows])


def _claim(database: Database, moment: Any = NOW, limit: int = 10) -> list[str]:
    return database.write_now(lambda session: [row.message_id for row in outbox.claim_due(session, moment, limit)])


def test_what_is_due_is_claimed_once_in_the_order_of_its_turn(database: Database) -> None:
    minute = timedelta(minutes=1)
    _add(
        database,
        notice(1, next_attempt_at=NOW - minute),
        notice(2, next_attempt_at=NOW - 2 * minute),
        notice(3, release_at=NOW + minute),
        notice(4, next_attempt_at=NOW + minute),
    )
    assert _claim(database) == ["<2@lampo.test>", "<1@lampo.test>"]
    assert _claim(database) == []
    assert _claim(database, NOW + minute) == ["<3@lampo.test>", "<4@lampo.test>"]


def test_no_more_are_claimed_than_asked_for(database: Database) -> None:
    _add(database, *(notice(number) for number in range(5)))
    assert [len(_claim(database, limit=2)) for _ in range(4)] == [2, 2, 1, 0]


def test_a_claim_counts_the_attempt(database: Database) -> None:
    (row_id,) = _add(database, notice(1))
    for attempt in (1, 2, 3):
        _claim(database)

        def back(session: Session, expected: int = attempt) -> None:
            row = session.get_one(OutboxRow, row_id)
            assert row.attempts == expected
            outbox.move(session, row, OutboxState.APPROVED, actor="dispatch", at=NOW, next_attempt_at=NOW)

        database.write_now(back)


def test_a_move_from_a_state_that_is_no_longer_true_is_refused_and_leaves_no_event(database: Database) -> None:
    (row_id,) = _add(database, notice(1))

    def stale(session: Session) -> bool:
        row = session.get_one(OutboxRow, row_id)
        other = Database(database.url) if database.engine.dialect.name == "postgresql" else None
        if other is not None:
            other.write_now(lambda s: outbox.claim_due(s, NOW, 1))
            other.close()
        else:
            session.connection().exec_driver_sql("UPDATE outbox SET state = 'sending'")
        return outbox.move(session, row, OutboxState.WITHDRAWN, actor="staff:1", at=NOW)

    assert database.write_now(stale) is False
    kinds = database.read_now(lambda session: session.exec(select(Event.kind)).all())
    assert "outbox_withdrawn" not in kinds


def test_a_move_that_the_table_does_not_hold_cannot_be_written(database: Database) -> None:
    (row_id,) = _add(database, notice(1))

    def illegal(session: Session) -> None:
        outbox.move(session, session.get_one(OutboxRow, row_id), OutboxState.SENT, actor="cli", at=NOW)

    with pytest.raises(IllegalMove):
        database.write_now(illegal)


def test_a_message_id_is_used_once(database: Database) -> None:
    _add(database, notice(1))
    with pytest.raises(IntegrityError):
        _add(database, notice(1))


def test_one_approval_makes_one_row_at_the_most(database: Database) -> None:
    """The column is unique: even a program gone wrong cannot queue an approved reply twice."""
    table = OutboxRow.__table__  # type: ignore[attr-defined]  # SQLModel does not declare it
    assert table.c.approval_id.unique
    assert table.c.message_id.unique


def test_what_was_under_way_when_a_process_died_is_found(database: Database) -> None:
    _add(database, notice(1), notice(2))
    _claim(database, limit=1)
    found = database.read_now(lambda session: [row.message_id for row in outbox.interrupted(session)])
    assert found == ["<1@lampo.test>"]


def test_the_next_due_moment_is_that_of_the_next_approved_row(database: Database) -> None:
    assert database.read_now(outbox.next_due) is None
    _add(database, notice(1, next_attempt_at=NOW + timedelta(minutes=9)), notice(2))
    assert database.read_now(outbox.next_due) == NOW
    _claim(database)
    assert database.read_now(outbox.next_due) == NOW + timedelta(minutes=9)


def test_acknowledgements_are_counted_by_address_and_age_whatever_became_of_them(database: Database) -> None:
    rows = [
        notice(1, kind="acknowledgement", to_address="a@posti.test"),
        notice(2, kind="acknowledgement", to_address="a@posti.test", state=OutboxState.FAILED),
        notice(3, kind="acknowledgement", to_address="b@posti.test"),
        notice(4, kind="notice", to_address="a@posti.test"),
        notice(5, kind="acknowledgement", to_address="a@posti.test", created_at=NOW - timedelta(days=1)),
    ]
    _add(database, *rows)
    since = NOW - timedelta(hours=24)
    assert database.read_now(lambda session: outbox.acknowledgements_since(session, "a@posti.test", since)) == 2


def test_all_details_of_a_mailbox_are_one_address(database: Database) -> None:
    addresses = ["a_b@posti.test", "a_b+1@posti.test", "a_b+2@posti.test", "axb+1@posti.test", "a_b+1@muu.test"]
    _add(database, *(notice(at, kind="acknowledgement", to_address=to) for at, to in enumerate(addresses, start=1)))
    since = NOW - timedelta(hours=24)
    for address, count in (("a_b+3@posti.test", 3), ("a_b@posti.test", 1), ("+1@posti.test", 0), ("c+1@posti.test", 0)):
        assert database.read_now(lambda session, to=address: outbox.acknowledgements_since(session, to, since)) == count


def test_a_row_without_the_model_is_the_row_with_it(database: Database) -> None:
    values = notice(1).model_dump(exclude={"id"})
    ids = database.write_now(
        lambda session: (
            outbox.queue(session, actor="cli", **values),
            outbox.add(session, notice(2), actor="cli").id,
        )
    )
    rows = database.read_now(lambda session: [session.get_one(OutboxRow, row_id).model_dump() for row_id in ids])
    assert [row | {"id": 0, "message_id": ""} for row in rows[:1]] == [
        row | {"id": 0, "message_id": ""} for row in rows[1:]
    ]


def test_waiting_grows_to_half_an_hour_and_no_further() -> None:
    waits = [outbox.back_off(attempts).total_seconds() for attempts in (0, 1, 2, 3, 7, 8, 60, 5000)]
    assert waits == [30, 30, 60, 120, 1800, 1800, 1800, 1800]
