"""From a request to an answer that has left: approved in a real browser, read where the customer would read it."""

import asyncio
import io
import json
import zipfile
from datetime import UTC, date, datetime

import pypdfium2
import pytest
from playwright.async_api import Browser, Page
from sqlmodel import Session

from bot import demo
from replies.letter import render_letter
from store import staff
from store.database import Database
from store.sample import load_sample
from tests.journeys.conftest import log_in_links, new_code
from tests.journeys.installation import Installation, mail, wait_for

AINO = "aino.esimerkkila@posti.test"


async def logged_in(browser: Browser, link: str, *, scripts: bool = True) -> Page:
    context = await browser.new_context(java_script_enabled=scripts)
    page = await context.new_page()
    await page.goto(link)
    await page.click("form button[type=submit]")
    await page.wait_for_selector("h1")
    return page


async def approve(page: Page, there: Installation, ticket_id: int) -> str:
    """Approve the first draft of a ticket on the desk; returns what the page says afterwards."""
    await page.goto(f"{there.url}/tickets/{ticket_id}")
    await page.click("form.approve button")
    await page.wait_for_selector("h1")
    return await page.inner_text("main")


def arrived(there: Installation, to: str, words: str) -> str | None:
    for one in there.sent_mails():
        body = one.get_body(("plain",))
        assert body is not None
        if one["To"] == to and one["Auto-Submitted"] is None and words in body.get_content():
            return str(body.get_content())
    return None


def attached(there: Installation, to: str) -> dict[str, bytes]:
    """The files of the reply that arrived, by name."""
    for one in there.sent_mails():
        if one["To"] == to and one["Auto-Submitted"] is None:
            return {str(part.get_filename()): part.get_content() for part in one.iter_attachments()}
    return {}


@pytest.mark.parametrize(
    ("sender", "text", "words"),
    [
        (AINO, "Pyydän kopion kaikista henkilötiedoistani. Aino Esimerkkilä", "Vahvistamme, että käsittelemme"),
        ("astrid.pahitt@post.test", "Jag begär en kopia av alla personuppgifter ni har om mig.", "Astrid Påhitt"),
        ("imogen.placeholder@mail.test", "Please send me a copy of all personal data you hold about me.", "Imogen"),
    ],
)
async def test_a_request_in_each_language_is_approved_without_scripts_and_arrives(
    installation: Installation, browser: Browser, sender: str, text: str, words: str
) -> None:
    installation.serve()
    installation.send(mail(text, sender=sender), sender)
    ticket = await asyncio.to_thread(installation.new_ticket, set())
    assert ticket["kinds"] == ["access"]
    page = await logged_in(browser, f"{installation.url}/log-in?code={new_code(installation)}", scripts=False)
    await approve(page, installation, ticket["id"])
    content = await asyncio.to_thread(wait_for, "the reply", lambda: arrived(installation, sender, words))
    draft = installation.ticket(ticket["id"])["drafts"][0]
    assert content.splitlines() == draft["text"].splitlines()
    files = attached(installation, sender)
    assert sorted(files) == [f"access-{ticket['reference']}.pdf", f"access-{ticket['reference']}.zip"]
    with zipfile.ZipFile(io.BytesIO(files[f"access-{ticket['reference']}.zip"])) as archive:
        data = json.loads(archive.read("dossier.json"))
    numbers = {item["fields"].get("customer_number") for one in data["categories"] for item in one["items"]}
    assert numbers == {None, ticket["customer"]}
    ended = await asyncio.to_thread(
        wait_for, "the end", lambda: [t for t in installation.tickets() if t["state"] == "answered"]
    )
    assert ended[0]["id"] == ticket["id"]
    replies = [one for one in installation.ticket(ticket["id"])["outbox"] if one["kind"] == "reply"]
    assert [(one["state"], one["to"], one["approved_by"]) for one in replies] == [("sent", sender, "dora")]


async def test_a_letter_is_answered_by_a_letter_to_the_address_in_the_register(
    running_demo: Installation, browser: Browser
) -> None:
    letter = next(one for one in running_demo.tickets() if one["channel"] == "letter" and one["customer"] == "100236")
    page = await logged_in(browser, log_in_links(running_demo)[1])
    await approve(page, running_demo, letter["id"])
    spool = running_demo.folder / "letters"
    printed = await asyncio.to_thread(wait_for, "the letter", lambda: list(spool.glob("*.pdf")), 40)
    document = pypdfium2.PdfDocument(printed[0])
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    address = running_demo.ticket(letter["id"])["drafts"][0]["recipient"]["value"]
    assert address.startswith("Eino Mallikas\n")
    for line in address.splitlines():
        assert line in text
    assert letter["reference"] in text
    assert "Eino" not in printed[0].name
    assert "Jäljennös henkilötiedoistanne" in text, "the copy follows the letter"
    assert "LS-100236" in text


async def test_amended_words_leave_and_a_stale_approval_does_not(installation: Installation, browser: Browser) -> None:
    installation.amend("hold_seconds = 0", "hold_seconds = 3")
    installation.serve()
    installation.send(mail("Miksi laskuni on niin suuri?", subject="Lasku"))
    ticket = await asyncio.to_thread(installation.new_ticket, set())
    link = f"{installation.url}/log-in?code="
    dora = await logged_in(browser, link + new_code(installation, "dora"))
    emil = await logged_in(browser, link + new_code(installation, "emil"))
    await emil.goto(f"{installation.url}/tickets/{ticket['id']}")
    await dora.goto(f"{installation.url}/tickets/{ticket['id']}")
    await dora.click("details.amend summary")
    await dora.fill("details.amend textarea", "Hei,\n\nlasku on tarkistettu ja se on oikein.\n\nTerveisin Dora")
    await dora.click("details.amend button[type=submit]")
    await dora.wait_for_selector("h1")
    await emil.click("form.approve button")
    await emil.wait_for_selector("h1")
    assert "muuttunut" in await emil.inner_text("main")
    assert [one for one in installation.ticket(ticket["id"])["outbox"] if one["kind"] == "reply"] == []
    await approve(dora, installation, ticket["id"])
    content = await asyncio.to_thread(wait_for, "the reply", lambda: arrived(installation, AINO, "tarkistettu"))
    assert "Terveisin Dora" in content


async def test_an_approval_can_be_taken_back_while_it_waits(installation: Installation, browser: Browser) -> None:
    installation.amend("hold_seconds = 0", "hold_seconds = 600")
    installation.serve()
    installation.send(mail("Miksi laskuni on niin suuri?", subject="Lasku"))
    ticket = await asyncio.to_thread(installation.new_ticket, set())
    page = await logged_in(browser, f"{installation.url}/log-in?code={new_code(installation)}")
    await approve(page, installation, ticket["id"])
    await page.click(".undo button")
    await page.wait_for_selector("form.approve button")
    shown = installation.ticket(ticket["id"])
    assert [one["state"] for one in shown["outbox"] if one["kind"] == "reply"] == ["withdrawn"]
    assert shown["drafts"][0]["state"] == "draft"


async def test_the_whole_way_on_postgresql(installation: Installation, browser: Browser, postgresql_url: str) -> None:
    installation.amend("sqlite:///kirjaamo.db", postgresql_url)
    database = Database(postgresql_url)
    load_sample(database, 40)
    database.write_now(demo.add_people)

    def code(session: Session) -> str:
        member = staff.find_member(session, "dora")
        assert member
        return staff.new_log_in_code(session, member.id or 0, datetime.now(UTC))

    link = f"{installation.url}/log-in?code={database.write_now(code)}"
    database.close()
    installation.serve()
    installation.send(mail("Pyydän kopion kaikista henkilötiedoistani. Aino Esimerkkilä"))
    ticket = await asyncio.to_thread(installation.new_ticket, set())
    page = await logged_in(browser, link)
    await approve(page, installation, ticket["id"])
    content = await asyncio.to_thread(wait_for, "the reply", lambda: arrived(installation, AINO, "Vahvistamme"))
    assert "Esimerkkilä" in content


async def test_a_strangers_letter_is_answered_to_the_address_on_it_and_marked_as_posted(
    installation: Installation, browser: Browser
) -> None:
    page_of_text = render_letter(
        address_lines=("Kalajoen Lämpö Oy", "Ketolankuja 5A", "85100 Kalajoki"),
        sender=("Seija Koekäyttäjä", "Kuvitelmanraitti 9", "85100 Kalajoki"),
        subject="Tietopyyntö",
        text="Mitä tietoja teillä on minusta? En ole koskaan ollut asiakkaanne.\n\nSeija Koekäyttäjä\n",
        reference="1",
        on=date(2026, 11, 20),
        language="fi",
    )
    installation.serve()
    part = installation.folder / "scans/.seija.part"
    part.write_bytes(page_of_text)
    part.rename(installation.folder / "scans/seija.pdf")
    ticket = await asyncio.to_thread(installation.new_ticket, set())
    assert (ticket["channel"], ticket["identification"]) == ("letter", "none")
    page = await logged_in(browser, f"{installation.url}/log-in?code={new_code(installation)}")
    await page.goto(f"{installation.url}/tickets/{ticket['id']}")
    assert await page.locator("form.approve").count() == 0
    await page.fill("details.address textarea", "Seija Koekäyttäjä\nKuvitelmanraitti 9\n85100 Kalajoki")
    await page.click("details.address button[type=submit]")
    await page.wait_for_selector("form.approve button")
    await approve(page, installation, ticket["id"])
    spool = installation.folder / "letters"
    (printed,) = await asyncio.to_thread(wait_for, "the letter", lambda: list(spool.glob("*.pdf")), 40)
    document = pypdfium2.PdfDocument(printed)
    assert "Kuvitelmanraitti 9" in document[0].get_textpage().get_text_range()
    document.close()
    await page.goto(f"{installation.url}/?view=letters")
    await page.click("form[action$='/posted'] button")
    await page.wait_for_selector("h1")
    replies = [one for one in installation.ticket(ticket["id"])["outbox"] if one["kind"] == "reply"]
    assert [one["state"] for one in replies] == ["posted"]


async def test_a_first_answer_ends_nothing_and_the_clerk_writes_the_next(
    installation: Installation, browser: Browser
) -> None:
    installation.serve()
    installation.send(mail("Pyydän poistamaan kaikki tietoni rekisteristänne (17 artikla).", subject="Poisto"))
    ticket = await asyncio.to_thread(installation.new_ticket, set())
    assert ticket["kinds"] == ["erasure"]
    page = await logged_in(browser, f"{installation.url}/log-in?code={new_code(installation)}")
    await approve(page, installation, ticket["id"])
    await asyncio.to_thread(wait_for, "the first answer", lambda: arrived(installation, AINO, ticket["reference"]))
    (listed,) = await asyncio.to_thread(
        wait_for, "its end", lambda: [t for t in installation.tickets() if t["state"] == "open"]
    )
    assert listed["due_at"] == ticket["due_at"]
    await page.goto(f"{installation.url}/tickets/{ticket['id']}")
    await page.click("form.begin button")
    await page.wait_for_selector("details.amend summary")
    await page.click("details.amend summary")
    await page.fill("details.amend textarea", "Hei,\n\nuutiskirjeen tiedot on poistettu.\n\nTerveisin Dora")
    await page.click("details.amend button[type=submit]")
    await page.wait_for_selector("form.approve button")
    await approve(page, installation, ticket["id"])
    content = await asyncio.to_thread(wait_for, "the answer", lambda: arrived(installation, AINO, "uutiskirjeen"))
    assert "Terveisin Dora" in content
