"""Answers and bounces on their way back: through the real door, to the addresses that the sent mails name."""

import asyncio
import smtplib
from email.message import EmailMessage
from typing import Any

import pytest
from playwright.async_api import Browser

from mail.message import OutboundMessage
from tests.bot.bounces import dsn
from tests.journeys.conftest import new_code
from tests.journeys.installation import Installation, mail, wait_for
from tests.journeys.test_answers import AINO, approve, logged_in

ASKS = "Pyydän kopion kaikista henkilötiedoistani. Aino Esimerkkilä"


def hand_in(there: Installation, content: bytes, to: str, sender: str) -> None:
    """One mail to one of our addresses, by SMTP."""
    with smtplib.SMTP("127.0.0.1", there.smtp_port, timeout=30) as client:
        client.sendmail(sender, [to], content)


def sent(there: Installation, *, automatic: bool) -> EmailMessage:
    """The acknowledgement, or the reply, in the Maildir that stands for the relay."""

    def look() -> EmailMessage | None:
        return next((one for one in there.sent_mails() if (one["Auto-Submitted"] is not None) is automatic), None)

    return wait_for("a sent mail", look)


def has_messages(there: Installation, ticket_id: int, count: int) -> dict[str, Any]:
    """The ticket, once so many messages lie in it."""

    def look() -> dict[str, Any] | None:
        ticket = there.ticket(ticket_id)
        return ticket if len(ticket["messages"]) == count else None

    return wait_for(f"{count} messages", look)


def test_an_answer_to_the_acknowledgement_joins_its_ticket_and_no_other_does(installation: Installation) -> None:
    installation.serve()
    installation.send(mail(ASKS))
    ticket = installation.new_ticket(set())
    acknowledgement = sent(installation, automatic=True)
    assert acknowledgement["Return-Path"] == "<>"
    (address,) = (one.addr_spec for one in acknowledgement["Reply-To"].addresses)
    assert address.startswith("asiakaspalvelu+")
    assert acknowledgement["From"].addresses[0].addr_spec == "asiakaspalvelu@lampo.test"
    hand_in(installation, mail("Lisätieto: käyttöpaikka on Mallitie 1."), address.upper(), AINO)
    joined = has_messages(installation, ticket["id"], 2)
    assert [one["joined_by"] for one in joined["messages"]] == ["opened", "reply_address"]
    hand_in(installation, mail("Perun pyynnön.", sender="seija@tuntematon.test"), address, "seija@tuntematon.test")
    other = installation.new_ticket({ticket["id"]})
    assert "REFERS_TO_ANOTHER_TICKET" in other["flags"]
    assert installation.ticket(ticket["id"]) == joined


@pytest.mark.parametrize("envelope", ["signed", "plain"])
async def test_a_bounce_comes_back_to_its_ticket_and_a_new_reply_can_be_begun(
    installation: Installation, browser: Browser, envelope: str
) -> None:
    if envelope == "plain":
        installation.amend("[relay]\n", '[relay]\nenvelope = "plain"\n')
    installation.serve()
    installation.send(mail(ASKS))
    ticket = await asyncio.to_thread(installation.new_ticket, set())
    page = await logged_in(browser, f"{installation.url}/log-in?code={new_code(installation)}")
    await approve(page, installation, ticket["id"])
    reply = await asyncio.to_thread(sent, installation, automatic=False)
    path = str(reply["Return-Path"]).strip("<>")
    assert path.startswith("asiakaspalvelu+" if envelope == "signed" else "asiakaspalvelu@")
    went = OutboundMessage("reply", "email", "fi", "", "", "", str(reply["Message-ID"]), AINO, envelope_sender=path)
    await asyncio.to_thread(hand_in, installation, dsn(went, with_returned=envelope == "plain"), path, "")
    shown = await asyncio.to_thread(has_messages, installation, ticket["id"], 3)
    assert (shown["state"], shown["due_at"]) == ("open", ticket["due_at"])
    assert [one["joined_by"] for one in shown["messages"]] == ["opened", "sent", "bounce"]
    await page.goto(f"{installation.url}/tickets/{ticket['id']}")
    words = await page.inner_text("main")
    assert "Vastaus palautui" in words
    assert "5.1.1" in words
    await page.click("form.begin button")
    await page.wait_for_selector("h1")
    assert installation.ticket(ticket["id"])["drafts"][-1]["recipient"]["kind"] == "postal"
    await page.goto(installation.url)
    assert "Palautui" in await page.inner_text("main")
