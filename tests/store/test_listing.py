"""Tickets as the command line prints them: the stable keys, ready for JSON."""

import json
from datetime import date

import pytest
from sqlmodel import Session

from store import outbox
from store.database import Database
from store.lifecycle import Resolution, TicketState
from store.listing import list_tickets, show_ticket
from store.models import Approval, RequestKind
from tests.store.people import NOW, add_customer, add_dora, add_draft, add_request, add_ticket, notice

TODAY = date(2026, 4, 2)
LISTED = "id reference state resolution kinds customer identification channel language received_at due_at overdue flags"
SHOWN = {
    "messages": "id direction channel from received_at sha256 joined_by",
    "drafts": "version state template language recipient holds_data sha256 text",
    "outbox": "kind to state message_id approved_by",
}


def test_the_list_has_its_keys_and_the_earliest_due_date_first(database: Database) -> None:
    def work(session: Session) -> None:
        for due in (None, date(2026, 4, 3), date(2026, 4, 1), date(2026, 4, 2)):
            add_ticket(session, due_on=due)
        add_ticket(session, TicketState.CLOSED, due_on=date(2026, 3, 1), resolution=Resolution.SPAM)

    database.write_now(work)
    found = database.read_now(lambda session: list_tickets(session, TODAY))
    assert [list(one) for one in found] == [LISTED.split()] * 5
    assert [one["due_at"] for one in found] == ["2026-03-01", "2026-04-01", "2026-04-02", "2026-04-03", None]
    assert [one["overdue"] for one in found] == [False, True, False, False, False]
    assert found[0]["resolution"] == "spam"
    json.dumps(found)


def test_a_ticket_is_shown_with_all_that_hangs_on_it(database: Database) -> None:
    def work(session: Session) -> int:
        dora = add_dora(session)
        ticket_id = add_ticket(session, customer_id=add_customer(session))
        first, _, _ = (
            add_request(session, ticket_id, kind=kind)
            for kind in (RequestKind.BILLING, RequestKind.ACCESS, RequestKind.BILLING)
        )
        draft = add_draft(session, ticket_id, first)
        approval = Approval(draft_id=draft.id, staff_id=dora, sha256=draft.sha256, via="desk", approved_at=NOW)
        session.add(approval)
        session.flush()
        row = notice(1, kind="reply", ticket_id=ticket_id, draft_id=draft.id, approval_id=approval.id)
        outbox.add(session, row, actor="staff:1")
        outbox.add(session, notice(2, ticket_id=ticket_id), actor="intake")
        return ticket_id

    ticket_id = database.write_now(work)
    shown = database.read_now(lambda session: show_ticket(session, ticket_id, TODAY))
    assert shown is not None
    assert shown["kinds"] == ["billing", "access"]
    assert shown["customer"] == "100234"
    assert [one["approved_by"] for one in shown["outbox"]] == ["dora", None]
    assert {one["kind"] for one in shown["events"]} >= {
        "ticket_opened",
        "request_added",
        "draft_written",
        "outbox_queued",
    }
    for part, names in SHOWN.items():
        assert all(set(names.split()) <= set(one) for one in shown[part])
    json.dumps(shown)


@pytest.mark.parametrize("ticket_id", [0, 99, -1])
def test_a_ticket_that_is_not_there_is_none(database: Database, ticket_id: int) -> None:
    assert database.read_now(lambda session: show_ticket(session, ticket_id, TODAY)) is None
    assert database.read_now(lambda session: list_tickets(session, TODAY)) == []
