"""A real Postfix in front, over LMTP: what it was told is ours stays ours, also when the service is killed under it."""

import asyncio
import hashlib
import smtplib
import threading
from collections import Counter
from random import Random
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession
from playwright.async_api import Browser
from sqlmodel import Session, select

from store.models import Message, RawMessageRow
from tests.journeys.conftest import new_code
from tests.journeys.installation import Installation, free_port, mail, wait_for
from tests.journeys.test_answers import approve, logged_in
from tests.peers.postfix import Postfix, postfix

MAILS = 240
CLIENTS = 4
KILLS = 5


def _words(number: int) -> str:
    return f"Pyydän kopion kaikista tiedoistani, numero {number}. Päivänsäde on tässä."


def _send_some(mta: Postfix, numbers: list[int]) -> None:
    """A few mails over one connection, each to both of our addresses."""
    with smtplib.SMTP("127.0.0.1", mta.port, timeout=60) as client:
        for number in numbers:
            sender = f"aino.{number}@posti.test"
            content = mail(_words(number), sender=sender, verdict="")
            client.sendmail(sender, ["asiakaspalvelu@lampo.test", "tietosuoja@lampo.test"], content)


def _lmtp(installation: Installation) -> int:
    """Turn the prepared door into an LMTP one behind `mx.lampo.test`; returns its port."""
    installation.amend('protocol = "smtp"', 'protocol = "lmtp"\nown_hosts = ["mx.lampo.test"]')
    return installation.smtp_port


def test_postfix_hands_over_each_mail_once_though_the_service_is_killed_under_it(installation: Installation) -> None:
    with postfix(free_port(), _lmtp(installation)) as mta:
        installation.serve()
        shares = [list(range(first, MAILS, CLIENTS)) for first in range(CLIENTS)]
        clients = [threading.Thread(target=_send_some, args=(mta, share)) for share in shares]
        for client in clients:
            client.start()
        chance = Random(5)
        for _ in range(KILLS):
            wait_for("some mails to be handed over", lambda: "status=sent" in mta.log, 30)
            threading.Event().wait(chance.uniform(0.05, 0.6))
            assert installation.process
            installation.process.kill()
            installation.process.wait(30)
            installation.serve()
            mta.try_again()
        for client in clients:
            client.join(60)
        wait_for("Postfix to have handed over everything", lambda: not mta.queued(), 60)
        wait_for("every mail to be led on", lambda: installation.read(_all_led_on), 60)
        log = mta.log
    assert "status=bounced" not in log
    assert log.count("removed") == MAILS
    stored, tickets = installation.read(_found)
    expected = {hashlib.sha256(_words(number).encode()).hexdigest() for number in range(MAILS)}
    assert set(stored) == expected
    assert set(stored.values()) == {1}, "a mail was stored twice"
    assert tickets == MAILS


def _all_led_on(session: Session) -> bool:
    raws = session.exec(select(RawMessageRow.state)).all()
    return len(raws) >= MAILS and all(state == "done" for state in raws)


def _found(session: Session) -> tuple[Counter[str], int]:
    """How often each mail's words are there, and how many tickets they opened."""
    rows = session.exec(select(Message).where(Message.direction == "in")).all()
    words = Counter(hashlib.sha256(row.text.strip().encode()).hexdigest() for row in rows)
    return words, len({row.ticket_id for row in rows})


def test_the_moment_postfix_took_a_mail_is_its_receipt(installation: Installation) -> None:
    with postfix(free_port(), _lmtp(installation)) as mta:
        _send_some(mta, [1])  # the service is down: the mail waits in the queue
        wait_for("a first try that failed", lambda: "status=deferred" in mta.log, 30)
        threading.Event().wait(2.0)
        installation.serve()
        mta.try_again()
        ticket = installation.new_ticket(set(), 30)
    row = installation.read(lambda session: session.exec(select(RawMessageRow)).one())
    assert ticket["received_at"] < row.received_at.isoformat(), "the wait in the queue is not the sender's"


class GoneMailbox:
    """A customer's mail server that no longer knows the customer."""

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: SmtpSession, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, envelope, options
        return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"


async def test_an_answer_whose_mailbox_is_gone_comes_back_through_postfix_to_its_ticket(
    installation: Installation, browser: Browser
) -> None:
    """Postfix on both sides: it carries the approved reply away, is refused, and returns it to the signed address."""
    elsewhere = await asyncio.get_running_loop().create_server(lambda: SMTP(GoneMailbox()), "127.0.0.1", 0)
    gone = elsewhere.sockets[0].getsockname()[1]
    mta_port = free_port()
    lmtp_port = _lmtp(installation)
    installation.amend('maildir = "sent"', f'host = "127.0.0.1"\nport = {mta_port}\ntls = "none"')
    with postfix(mta_port, lmtp_port, elsewhere={"posti.test": f"smtp:[127.0.0.1]:{gone}"}) as mta:
        installation.serve()
        asking = mail("Pyydän kopion kaikista henkilötiedoistani. Aino Esimerkkilä", verdict="")
        await asyncio.to_thread(_hand_in, mta, asking)
        ticket = await asyncio.to_thread(installation.new_ticket, set())
        page = await logged_in(browser, f"{installation.url}/log-in?code={new_code(installation)}")
        await approve(page, installation, ticket["id"])

        def returned() -> dict[str, Any] | None:
            shown = installation.ticket(ticket["id"])
            return shown if any(one["state"] == "bounced" for one in shown["outbox"]) else None

        shown = await asyncio.to_thread(wait_for, "the bounce on its ticket", returned, 60)
        await page.goto(f"{installation.url}/tickets/{ticket['id']}")
        words = await page.inner_text("main")
        log = mta.log
    elsewhere.close()
    assert "status=bounced" in log
    assert [one["kind"] for one in shown["outbox"] if one["state"] == "bounced"] == ["reply"]
    assert shown["state"] == "open"
    assert "REPLY_BOUNCED" in shown["flags"]
    assert shown["due_at"] == ticket["due_at"]
    assert len(installation.tickets()) == 1, "a bounce opens no ticket of its own"
    assert "User unknown" in words


def _hand_in(mta: Postfix, content: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", mta.port, timeout=30) as client:
        client.sendmail("aino.esimerkkila@posti.test", ["asiakaspalvelu@lampo.test"], content)
