"""The list of suspected mail: what stands there, why, and sorting it one by one or many at once."""

import re
from datetime import timedelta

from sqlmodel import Session

from store import canaries
from store.models import Ticket

QUIET = timedelta(hours=24)


def suspected(arrange, subject, **values):
    """A ticket as intake leaves it in quarantine."""
    return arrange.ticket(
        subject=subject, quarantined=True, known=False, state="new", flags=["JUNK_FOLDER", "SPAM_FLAG"], **values
    )


def state_of(database, ticket_id):
    def look(session: Session):
        ticket = session.get_one(Ticket, ticket_id)
        return ticket.state.value, ticket.resolution.value if ticket.resolution else None, ticket.quarantined

    return database.read_now(look)


def marks(page: str) -> dict[str, str]:
    """Every box of the page with what it stands for."""
    return dict(re.findall(r'<input type="checkbox" name="(mark-\d+)" value="(\d+)">', page))


async def test_each_line_says_who_what_and_why(dora, arrange):
    suspected(arrange, "Voititte arvonnassa")
    page = (await dora.see("/?view=quarantine")).text
    for words in ("Voititte arvonnassa", "seija@tuntematon.test", "Oli roskapostikansiossa", "Suodatin merkitsi"):
        assert words in page
    assert "Voititte arvonnassa" not in (await dora.see("/")).text


async def test_one_press_rescues_one_line_and_another_closes_it_as_spam(dora, arrange, sqlite_database):
    honest, advertisement = suspected(arrange, "Kysymys"), suspected(arrange, "Mainos")
    page = (await dora.see("/?view=quarantine")).text
    rescue = re.search(rf'value="(rescue\.{honest.ticket}\.\d+)"', page)
    spam = re.search(rf'value="(spam\.{advertisement.ticket}\.\d+)"', page)
    assert rescue
    assert spam
    answer = await dora.send_form("/quarantine?view=quarantine&page=1", press=rescue[1])
    assert answer.headers["location"].startswith("/?view=quarantine&said=sorted_rescue.")
    assert "Siirretty karanteenista" in (await dora.see(answer.headers["location"])).text
    await dora.send_form("/quarantine?view=quarantine&page=1", press=spam[1])
    assert state_of(sqlite_database, honest.ticket) == ("open", None, False)
    assert state_of(sqlite_database, advertisement.ticket) == ("closed", "spam", False)


async def test_a_whole_page_of_marked_lines_is_sorted_by_one_press(dora, arrange, sqlite_database):
    tickets = [suspected(arrange, f"Mainos {number}").ticket for number in range(50)]
    found = marks((await dora.see("/?view=quarantine")).text)
    assert len(found) == 50
    left = found.pop(f"mark-{tickets[-1]}")
    assert left
    answer = await dora.send_form("/quarantine?view=quarantine&page=1", press="spam", **found)
    assert answer.status_code == 303
    ended = [state_of(sqlite_database, ticket) for ticket in tickets]
    assert ended == [("closed", "spam", False)] * 49 + [("new", None, True)]


async def test_what_a_colleague_has_rescued_meanwhile_is_not_closed_as_spam_and_the_rest_is(
    dora, arrange, sqlite_database
):
    first, second = suspected(arrange, "Kysymys"), suspected(arrange, "Mainos")
    found = marks((await dora.see("/?view=quarantine")).text)
    await dora.send_form(f"/tickets/{first.ticket}/rescue")
    answer = await dora.send_form("/quarantine?view=quarantine&page=1", press="spam", **found)
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text
    assert state_of(sqlite_database, first.ticket) == ("open", None, False)
    assert state_of(sqlite_database, second.ticket) == ("closed", "spam", False)


async def test_a_press_without_a_mark_says_so(dora, arrange):
    suspected(arrange, "Mainos")
    await dora.see("/?view=quarantine")
    answer = await dora.send_form("/quarantine?view=quarantine&page=1", press="rescue")
    assert answer.status_code == 409
    assert "Yhtään riviä ei ollut merkitty" in answer.text


async def test_a_press_that_no_page_has_does_nothing(dora, arrange, sqlite_database):
    there = suspected(arrange, "Mainos").ticket
    await dora.see("/?view=quarantine")
    for press in ("", "delete", f"spam.{there}", f"spam.{there}.1.1", "spam.-1.1"):
        assert (await dora.send_form("/quarantine", press=press)).status_code == 404
    assert (await dora.send_form("/quarantine", press="rescue.9999999999.1")).status_code == 409
    assert state_of(sqlite_database, there) == ("new", None, True)


async def test_an_auditor_sees_the_list_and_no_press(auditor, arrange):
    suspected(arrange, "Mainos")
    page = (await auditor.see("/?view=quarantine")).text
    assert "Mainos" in page
    assert "checkbox" not in page
    assert 'name="press"' not in page
    assert (await auditor.send_form("/quarantine", press="spam")).status_code == 403


async def test_a_canary_that_does_not_come_back_is_said_above_every_list_in_every_language(
    dora, auditor, arrange, sqlite_database
):
    def alarm(session: Session) -> None:
        canaries.begin_alarm(session, "asiakaspalvelu@lampo.test", "missing", at=arrange.now, quiet=QUIET)
        canaries.begin_alarm(session, "tietosuoja@lampo.test", "junk", at=arrange.now, quiet=QUIET)

    assert "Posti ei ehkä tule perille" not in (await dora.see("/")).text
    sqlite_database.write_now(alarm)
    for visitor in (dora, auditor):
        for view in ("open", "quarantine", "letters"):
            page = (await visitor.see(f"/?view={view}")).text
            assert "Posti ei ehkä tule perille" in page
            assert "asiakaspalvelu@lampo.test" in page
            assert "päätyi roskapostiin" in page
    assert "Posten kommer kanske inte fram" in (await dora.see("/?lang=sv")).text
    assert "Mail may not be arriving" in (await dora.see("/?lang=en")).text
