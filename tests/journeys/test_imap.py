"""A mailbox on a real Dovecot, read by the installed service: a request in it ends as an acknowledged ticket."""

import time

import httpx

from tests.journeys.installation import Installation, mail, wait_for
from tests.stand_ins.dovecot import Dovecot, running_dovecot

ACCESS = "Hei, pyydän kopion kaikista minua koskevista tiedoista, joita teillä on."


def mailbox(dovecot: Dovecot, more: str = "") -> str:
    """The table of the office's mailbox."""
    return (
        f'\n[imap.office]\nhost = "127.0.0.1"\nport = {dovecot.port}\ntls = "none"\nuser = "office"\n'
        f'password = "{dovecot.people["office"]}"\nauthserv_id = "demo.lampo.test"\npoll_seconds = 0.5\n{more}'
    )


def add(installation: Installation, text: str) -> None:
    """Add a table to the configuration."""
    installation.config.write_text(installation.config.read_text("utf-8") + text, "utf-8")


def delivered(content: bytes, sender: str) -> bytes:
    """As final delivery leaves it: with the envelope sender on top."""
    return f"Return-Path: <{sender}>\r\n".encode() + content


def test_requests_in_a_mailbox_become_tickets_and_are_moved(installation: Installation) -> None:
    aino, seija = "aino.esimerkkila@posti.test", "seija@tuntematon.test"
    with running_dovecot({"office": "secret-1"}) as dovecot:
        add(installation, mailbox(dovecot))
        dovecot.deliver("office", [delivered(mail(ACCESS), aino)])
        dovecot.deliver("office", [delivered(mail(ACCESS, sender=seija, verdict=""), "bounce@elsewhere.test")])
        installation.serve()
        wait_for("both tickets", lambda: len(installation.tickets()) == 2, 30)
        tickets = {installation.ticket(one["id"])["messages"][0]["from"]: one for one in installation.tickets()}
        assert tickets[aino]["identification"] == "confirmed_channel"
        # Without a verdict it is acknowledged only where the envelope sender is the one From (INV-7).
        wait_for("the acknowledgement", installation.sent_mails)
        time.sleep(1)
        assert [one["To"] for one in installation.sent_mails()] == [aino]
        ready = httpx.get(f"{installation.url}/readyz").json()
        assert ready["parts"]["imap.office"] is True
        with dovecot.client("office") as client:
            assert client.select_folder("INBOX")[b"EXISTS"] == 0
            assert client.select_folder("Kirjaamo.Done")[b"EXISTS"] == 2
        assert installation.stop() == 0


def test_a_wrong_password_is_seen_by_the_watchers_and_stops_nothing_else(installation: Installation) -> None:
    with running_dovecot({"office": "secret-1"}) as dovecot:
        add(installation, mailbox(dovecot).replace("secret-1", "wrong-7"))
        installation.serve()

        def told() -> bool:
            ready = httpx.get(f"{installation.url}/readyz").json()
            return ready.get("troubles", {}).get("imap.office") == "LOG_IN_REFUSED" and ready["ready"] is True

        wait_for("the alarm", told, 30)
        assert "kirjaamo_mailboxes_down 1.0" in httpx.get(f"{installation.url}/metrics").text
        installation.send(mail(ACCESS))
        wait_for("the ticket", installation.tickets)
        assert installation.stop() == 0
        log = (installation.folder / "serve.log").read_text("utf-8")
        assert "LOG_IN_REFUSED" in log
        assert "wrong-7" not in log
