"""What the desk reads, alike on SQLite and PostgreSQL."""

from datetime import date, timedelta

import pytest

from store import desk
from store.desk_files import draft_file, raw_file
from store.desk_ticket import draft_facts, earlier_version, ticket_facts, ticket_of_send
from store.models import ContactStatus, RequestKind


def test_lists_and_counts_agree_and_the_overdue_leads(arrange_both):
    arrange_both.ticket(subject="Toinen", due_on=date(2026, 4, 20))
    arrange_both.ticket(subject="Ensimmäinen", due_on=date(2026, 2, 1), flags=["TURVAKIELTO_CLAIMED", "THIRD_PARTY"])
    arrange_both.ticket(subject="Karanteeni", quarantined=True)
    arrange_both.ticket(subject="Valmis", state="closed")
    database = arrange_both.database
    lines = {
        view: database.read_now(lambda session, view=view: desk.ticket_lines(session, view, limit=10))
        for view in desk.VIEWS[:6]
    }
    counts = database.read_now(desk.counts)
    assert {view: len(found) for view, found in lines.items()} == {view: counts[view] for view in lines}
    assert [line.subject for line in lines["open"]] == ["Ensimmäinen", "Toinen"]
    assert lines["open"][0].kinds == (RequestKind.ACCESS,)
    assert lines["open"][0].flags == ("THIRD_PARTY",), "no list tells of a protected address"


def test_a_ticket_is_read_whole(arrange_both):
    arranged = arrange_both.ticket(files=[("tiedot.zip", b"bytes")])
    database = arrange_both.database
    facts = database.read_now(lambda session: ticket_facts(session, arranged.ticket))
    assert facts is not None
    [request] = facts.requests
    assert request.draft is not None
    assert (request.draft.version, request.draft.sha256) == (1, arranged.sha256)
    assert request.draft.recipient.status is ContactStatus.ACTIVE
    assert request.draft.recipient.name == "Aino Esimerkkilä"
    assert facts.messages[0].has_raw
    assert [event.kind for event in facts.events] == ["draft_written"]
    assert database.read_now(lambda session: raw_file(session, arranged.message)).name.endswith(".eml")
    assert database.read_now(lambda session: draft_file(session, arranged.draft, 0)).content == b"bytes"
    draft = database.read_now(lambda session: draft_facts(session, arranged.draft))
    assert database.read_now(lambda session: earlier_version(session, draft)) is None


@pytest.mark.parametrize("read", [ticket_facts, draft_facts, raw_file])
def test_what_is_not_there_is_none(arrange_both, read):
    assert arrange_both.database.read_now(lambda session: read(session, 4711)) is None
    assert arrange_both.database.read_now(lambda session: ticket_of_send(session, 4711)) == (False, None)


def test_trouble_is_sorted_by_how_much_it_needs_a_person_and_ends_with_its_ticket(arrange_both):
    still, over = arrange_both.ticket(), arrange_both.ticket(state="closed")
    arrange_both.send(still.ticket, "bounced")
    arrange_both.send(still.ticket, "failed")
    arrange_both.send(None, "uncertain")
    arrange_both.send(over.ticket, "failed")
    arrange_both.send(still.ticket, "sent")
    found = arrange_both.database.read_now(desk.troubled_sends)
    assert [line.state.value for line in found] == ["uncertain", "failed", "bounced"]


def test_a_view_is_written_once_a_ticket_member_and_day(arrange_both, clock):
    arranged = arrange_both.ticket()

    def look(staff_id: int, days: int = 0) -> bool:
        at = clock() + timedelta(days=days)
        return arrange_both.database.write_now(
            lambda session: desk.log_view(session, 1, staff_id, arranged.ticket, "request", at)
        )

    assert [look(1), look(1), look(2), look(1, days=1), look(1, days=1)] == [True, False, True, True, False]
