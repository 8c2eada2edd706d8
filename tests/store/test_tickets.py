"""Tickets: opened, changed by whoever saw them last, and never moved where the table does not lead."""

import re
from datetime import date
from typing import Any

import pytest
from sqlmodel import Session, select

from store import tickets
from store.database import Database
from store.lifecycle import IllegalMove, Resolution, TicketState
from store.models import ClockSegment, Event, Message, Request, RequestKind, Ticket
from tests.store.people import NOW, add_customer, add_request, add_ticket


def _message(session: Session, ticket_id: int | None, **changes: Any) -> int:
    values = {
        "ticket_id": ticket_id,
        "raw_id": None,
        "channel": "email",
        "from_address": "seija@tuntematon.test",
        "message_id": "",
        "received_at": NOW,
        "sha256": "0" * 64,
        "joined_by": "opened",
    }
    return tickets.add_message(session, at=NOW, **values | changes)


def test_a_reference_can_be_read_aloud_and_neither_guessed_nor_counted() -> None:
    drawn = {tickets.new_reference() for _ in range(2000)}
    assert len(drawn) == 2000
    assert all(re.fullmatch(r"[2-9B-Z]{4}-[2-9B-Z]{4}", one) for one in drawn)
    assert not any(set(one) & set("01AEIOUL") for one in drawn)
    assert tickets.new_reference(lambda letters: letters[0]) == "2222-2222"


def test_a_ticket_opened_has_the_events_of_its_first_moves(database: Database) -> None:
    def work(session: Session) -> int:
        ticket_id = add_ticket(session, TicketState.AWAITING_APPROVAL)
        tickets.note_first_move(session, ticket_id, TicketState.AWAITING_APPROVAL, at=NOW)
        quiet = add_ticket(session, TicketState.NEW)
        tickets.note_first_move(session, quiet, TicketState.NEW, at=NOW)
        return ticket_id

    ticket_id = database.write_now(work)
    found = database.read_now(lambda s: s.exec(select(Event.ticket_id, Event.kind).order_by(Event.seq)).all())  # type: ignore[arg-type]  # a column
    assert [tuple(one) for one in found] == [
        (ticket_id, "ticket_opened"),
        (ticket_id, "ticket_awaiting_approval"),
        (ticket_id + 1, "ticket_opened"),
    ]


def test_a_first_move_that_the_table_does_not_hold_is_refused(database: Database) -> None:
    with pytest.raises(IllegalMove):
        database.write_now(lambda s: tickets.note_first_move(s, 1, TicketState.ANSWERED, at=NOW))


def test_whoever_saw_an_older_version_changes_nothing(database: Database) -> None:
    ticket_id = database.write_now(add_ticket)

    def two(session: Session) -> list[bool]:
        ticket = session.get_one(Ticket, ticket_id)
        stale = Ticket(**ticket.model_dump())
        first = tickets.move(session, ticket, TicketState.AWAITING_APPROVAL, actor="staff:1", at=NOW)
        return [
            first,
            tickets.move(session, stale, TicketState.CLOSED, actor="staff:2", at=NOW, resolution=Resolution.SPAM),
            tickets.change(session, stale, assigned_to=None),
        ]

    assert database.write_now(two) == [True, False, False]
    after = database.read_now(lambda session: session.get_one(Ticket, ticket_id))
    assert (after.state, after.resolution, after.version) == (TicketState.AWAITING_APPROVAL, None, 2)
    kinds = database.read_now(lambda session: session.exec(select(Event.kind)).all())
    assert "ticket_closed" not in kinds


def test_a_closed_ticket_is_answered_only_after_it_was_opened(database: Database) -> None:
    def work(session: Session) -> None:
        ticket = session.get_one(Ticket, add_ticket(session, TicketState.CLOSED))
        tickets.move(session, ticket, TicketState.ANSWERED, actor="staff:1", at=NOW)

    with pytest.raises(IllegalMove):
        database.write_now(work)


def test_a_request_has_its_clock_and_ends_once(database: Database) -> None:
    def work(session: Session) -> tuple[int, int]:
        ticket_id = add_ticket(session)
        statutory = add_request(session, ticket_id)
        add_request(session, ticket_id, kind=RequestKind.BILLING, due_on=None, target_on=date(2026, 3, 9))
        return ticket_id, statutory

    ticket_id, statutory = database.write_now(work)
    clocks = database.read_now(lambda s: s.exec(select(ClockSegment).order_by(ClockSegment.id)).all())  # type: ignore[arg-type]  # a column
    assert [(one.reason, one.actor, one.to_on) for one in clocks] == [
        ("GDPR_12_3", "law", date(2026, 4, 2)),
        ("SERVICE_TARGET", "intake", date(2026, 3, 9)),
    ]

    def dates() -> dict[str, date | None]:
        return database.read_now(lambda s: tickets.earliest_dates(tickets.open_requests(s, ticket_id)))

    assert dates() == {"due_on": date(2026, 4, 2), "target_on": date(2026, 3, 9)}
    ends = [
        database.write_now(lambda s, how=how: tickets.end_request(s, statutory, how))
        for how in (Resolution.ANSWERED, Resolution.REFUSED)
    ]
    assert ends == [True, False]
    assert database.read_now(lambda s: s.get_one(Request, statutory).resolution) is Resolution.ANSWERED
    assert dates() == {"due_on": None, "target_on": date(2026, 3, 9)}


def test_who_wrote_and_what_is_answered_is_read_from_what_came_in(database: Database) -> None:
    def work(session: Session) -> int:
        ticket_id = add_ticket(session, customer_id=add_customer(session))
        _message(session, ticket_id, message_id="<1@posti.test>")
        _message(session, ticket_id, message_id="<2@posti.test>", from_address="aino@toinen.test")
        _message(session, ticket_id, message_id="", from_address="")
        out = Message(
            ticket_id=ticket_id,
            direction="out",
            channel="email",
            message_id="<3@lampo.test>",
            received_at=NOW,
            sha256="0",
        )
        session.add(out)
        return ticket_id

    ticket_id = database.write_now(work)
    assert database.read_now(lambda s: tickets.newest_message_id(s, ticket_id)) == "<2@posti.test>"
    assert database.read_now(lambda s: tickets.newest_message_id(s, 99)) == ""
    assert database.read_now(lambda s: tickets.senders(s, ticket_id)) == {"seija@tuntematon.test", "aino@toinen.test"}
    facts = database.read_now(lambda s: tickets.thread_facts(s, ticket_id))
    assert facts is not None
    assert (facts.ticket_id, facts.customer_key, facts.sender) == (ticket_id, "100234", "seija@tuntematon.test")
    assert database.read_now(lambda s: tickets.thread_facts(s, 99)) is None


def test_a_row_that_was_never_kept_has_no_number() -> None:
    assert tickets.id_of(7) == 7
    with pytest.raises(RuntimeError):
        tickets.id_of(None)
