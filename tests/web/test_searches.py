"""The search checklist on the page of a ticket: answered by forms without scripts, in the way until it is done."""

import pytest

from store.models import SearchTask
from store.searches import Place, open_tasks, tasks_of

PLACES = (
    Place("billing", "system", "invoices", {"fi": "Laskutusjärjestelmä", "sv": "Fakturering", "en": "Billing"}),
    Place("paper", "paper", "contracts", {"fi": "<b>Paperiarkisto</b>", "sv": "Arkiv", "en": "Archive"}),
)


@pytest.fixture
def searched(arrange, sqlite_database):
    """A ticket with a checklist, and its tasks as they are now."""
    arranged = arrange.ticket()
    sqlite_database.write_now(
        lambda session: open_tasks(session, ticket_id=arranged.ticket, request_id=arranged.request, places=PLACES)
    )

    def now() -> list[SearchTask]:
        return sqlite_database.read_now(lambda session: tasks_of(session, arranged.request))

    return arranged, now


async def test_the_page_shows_each_place_and_refuses_approval_until_all_are_answered(dora, searched):
    arranged, now = searched
    page = (await dora.see(f"/tickets/{arranged.ticket}")).text
    assert "Mistä muualta pitää etsiä" in page
    assert "Laskutusjärjestelmä" in page
    assert "&lt;b&gt;Paperiarkisto" in page, "a name is a name, never markup"
    assert page.count("etsimättä") == 2
    refused = await dora.send_form(f"/drafts/{arranged.draft}/approve", sha256=arranged.sha256)
    assert refused.status_code == 409
    assert "hakulistalla on paikkoja" in refused.text
    for task, outcome in zip(now(), ("nothing", "not_applicable"), strict=True):
        answer = await dora.send_form(f"/searches/{task.id}/answer", outcome=outcome, found="")
        assert answer.status_code == 303
    page = (await dora.see(f"/tickets/{arranged.ticket}")).text
    assert "etsimättä" not in page
    assert "mitään ei löytynyt (Dora" in page
    assert (await dora.send_form(f"/drafts/{arranged.draft}/approve", sha256=arranged.sha256)).status_code == 303


async def test_what_was_found_is_kept_and_shown(dora, searched):
    arranged, now = searched
    await dora.see(f"/tickets/{arranged.ticket}")
    empty = await dora.send_form(f"/searches/{now()[1].id}/answer", outcome="found", found=" ")
    assert empty.status_code == 409
    assert "Kirjoita, mitä löytyi" in empty.text
    await dora.send_form(f"/searches/{now()[1].id}/answer", outcome="found", found="Sopimus 1998\r\nkansio 3")
    assert (now()[1].outcome, now()[1].found) == ("found", "Sopimus 1998\nkansio 3")
    assert "Sopimus 1998" in (await dora.see(f"/tickets/{arranged.ticket}")).text


async def test_what_is_no_place_or_no_outcome_is_not_there(dora, auditor, searched):
    arranged, now = searched
    await dora.see(f"/tickets/{arranged.ticket}")
    assert (await dora.send_form("/searches/4711/answer", outcome="nothing")).status_code == 404
    assert (await dora.send_form(f"/searches/{now()[0].id}/answer", outcome="perhaps")).status_code == 404
    await auditor.see(f"/tickets/{arranged.ticket}")
    assert (await auditor.send_form(f"/searches/{now()[0].id}/answer", outcome="nothing")).status_code == 403
    assert [task.outcome for task in now()] == [None, None]
