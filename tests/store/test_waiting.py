"""How much waits, in numbers without names."""

import asyncio
from datetime import date, timedelta

import pytest
from sqlmodel import Session

from store import outbox, waiting
from store.database import Database
from store.lifecycle import OutboxState, TicketState
from store.models import OutboxRow
from tests.store.people import NOW, add_draft, add_request, add_ticket, notice

TODAY = date(2026, 3, 2)
SOON = TODAY + timedelta(days=5)


def test_an_empty_house_waits_for_nothing(database: Database) -> None:
    counted = database.read_now(lambda session: waiting.counts(session, TODAY, SOON))
    assert counted == {"overdue": 0, "soon": 0, "drafts": 0, "stuck": 0, "bounced": 0, "quarantined": 0}


@pytest.mark.parametrize(
    ("due", "overdue", "soon"),
    [(-1, 1, 0), (0, 0, 1), (5, 0, 1), (6, 0, 0), (None, 0, 0)],
)
def test_a_due_date_is_kept_until_its_day_has_passed(
    database: Database, due: int | None, overdue: int, soon: int
) -> None:
    due_on = None if due is None else TODAY + timedelta(days=due)
    database.write_now(lambda session: add_ticket(session, due_on=due_on))
    counted = database.read_now(lambda session: waiting.counts(session, TODAY, SOON))
    assert (counted["overdue"], counted["soon"]) == (overdue, soon)


@pytest.mark.parametrize("state", TicketState)
def test_what_has_ended_is_late_no_more(database: Database, state: TicketState) -> None:
    database.write_now(lambda session: add_ticket(session, state, due_on=TODAY - timedelta(days=9)))
    counted = database.read_now(lambda session: waiting.counts(session, TODAY, SOON))
    assert counted["overdue"] == (0 if state in {TicketState.ANSWERED, TicketState.CLOSED} else 1)


def test_drafts_stuck_sendings_and_quarantine_are_counted(database: Database) -> None:
    def work(session: Session) -> None:
        ticket_id = add_ticket(session)
        request = add_request(session, ticket_id)
        add_draft(session, ticket_id, request)
        add_draft(session, ticket_id, request)
        add_ticket(session, TicketState.NEW, quarantined=True)
        add_ticket(session, TicketState.CLOSED, quarantined=True)
        for number, state in enumerate(OutboxState):
            outbox.add(session, notice(number, state=state), actor="cli")

    database.write_now(work)
    counted = database.read_now(lambda session: waiting.counts(session, TODAY, SOON))
    assert (counted["drafts"], counted["stuck"], counted["quarantined"]) == (1, 2, 1)


@pytest.mark.parametrize(
    ("kind", "state", "counted"),
    [
        ("reply", TicketState.OPEN, 1),
        ("reply", TicketState.ANSWERED, 0),
        ("reply", TicketState.CLOSED, 0),
        ("acknowledgement", TicketState.OPEN, 0),
    ],
)
def test_a_reply_that_came_back_counts_until_its_ticket_is_answered_again(
    database: Database, kind: str, state: TicketState, counted: int
) -> None:
    def work(session: Session) -> None:
        ticket_id = add_ticket(session, state)
        outbox.add(session, notice(1, kind=kind, state=OutboxState.BOUNCED, ticket_id=ticket_id), actor="cli")

    database.write_now(work)
    assert database.read_now(lambda session: waiting.counts(session, TODAY, SOON))["bounced"] == counted


async def test_of_two_processes_that_ask_for_a_day_at_once_one_gets_it(database: Database, database_url: str) -> None:
    second = Database(database_url)
    second.open()
    try:
        for number in range(5):
            day = TODAY + timedelta(days=number)
            asked = [
                one.write(lambda s, day=day: waiting.claim_day(s, day)) for one in (database, second) for _ in "12"
            ]
            assert sorted(await asyncio.gather(*asked)) == [False, False, False, True]
    finally:
        second.close()


def test_nothing_of_an_outbox_row_but_its_state_is_read(database: Database) -> None:
    database.write_now(lambda s: outbox.add(s, notice(1, state=OutboxState.FAILED, created_at=NOW), actor="cli"))
    assert database.read_now(lambda s: s.get_one(OutboxRow, 1).text) not in str(
        database.read_now(lambda s: waiting.counts(s, TODAY, SOON))
    )
