"""THREATS 20: two copies of the system that mail each other for a day. Neither may answer the other's answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from bot import demo
from bot.app import App
from bot.config import load_settings
from store import messages, outbox
from store.outbox import ACKNOWLEDGEMENTS_A_DAY
from tests.journeys.installation import free_port, mail

ROUNDS = 24
HOUSES = ("lampo.test", "vesi.test")


class Carrier:
    """The mail server between the two houses, which writes down all it carries.

    An honest one hands mail on as it came. A bad one takes away every mark by which a machine's mail is known, gives it
    the envelope of a person's, and vouches for it.
    """

    def __init__(self, *, honest: bool) -> None:
        self.doors: dict[str, int] = {}
        self.carried: list[Message] = []
        self._honest = honest

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - the library's signature
        assert isinstance(envelope.content, bytes)
        content, sender = envelope.content, envelope.mail_from or ""
        carried = message_from_bytes(content)
        if carried["Subject"] != "Ensimmäinen":
            self.carried.append(carried)
        if not self._honest:
            del carried["Auto-Submitted"]
            sender = carried["From"].rpartition("<")[2].rstrip(">")
            carried["Authentication-Results"] = f"demo.lampo.test; dmarc=pass header.from={sender.rpartition('@')[2]}"
            results = f"Authentication-Results: {carried['Authentication-Results']}\r\n".encode()
            del carried["Authentication-Results"]
            content = results + carried.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        for to in envelope.rcpt_tos:
            port = self.doors.get(to.rpartition("@")[2])
            if port is not None:
                await aiosmtplib.send(
                    content, sender=sender, recipients=[to], hostname="127.0.0.1", port=port, start_tls=False
                )
        return "250 2.0.0 taken"


@asynccontextmanager
async def two_houses(folder: Path, carrier: Carrier, now: list[datetime]) -> AsyncIterator[list[App]]:
    """Two whole services whose relay is the carrier, on one clock that the test moves."""
    port = free_port()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(carrier, enable_SMTPUTF8=True), "127.0.0.1", port)
    async with AsyncExitStack() as stack:
        apps = []
        for domain in HOUSES:
            config = demo.prepare(folder / domain, 0, 0)
            text = config.read_text("utf-8").replace('maildir = "sent"', f'host="127.0.0.1"\nport={port}\ntls="none"')
            text = text.replace("@lampo.test", f"@{domain}").replace('domain = "lampo.test"', f'domain = "{domain}"')
            config.write_text(text, "utf-8")
            app = App(load_settings(config), config, clock=lambda: now[0])
            await stack.enter_async_context(app.running())
            assert app.smtp is not None
            carrier.doors[domain] = app.smtp.port
            apps.append(app)
        yield apps
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(("honest", "at_most"), [(True, 2), (False, 2 * (ACKNOWLEDGEMENTS_A_DAY + 1))])
async def test_threat_20_two_copies_that_mail_each_other_fall_silent(
    tmp_path: Path, honest: bool, at_most: int
) -> None:
    now = [datetime(2026, 3, 2, 6, 0, tzinfo=UTC)]
    carrier = Carrier(honest=honest)
    async with two_houses(tmp_path, carrier, now) as apps:
        first = mail("Milloin lasku tulee?", subject="Ensimmäinen", sender="asiakaspalvelu@vesi.test")
        await aiosmtplib.send(
            first,
            sender="asiakaspalvelu@vesi.test",
            recipients=["asiakaspalvelu@lampo.test"],
            hostname="127.0.0.1",
            port=carrier.doors["lampo.test"],
            start_tls=False,
        )
        for _ in range(ROUNDS):
            await _until_calm(apps, carrier)
            now[0] += timedelta(hours=1)
        answers = [one for one in carrier.carried if not _is_for_staff(one)]
    assert 1 <= len(answers) <= at_most


def _is_for_staff(message: Any) -> bool:
    return str(message["To"]).startswith(("paivystys@", "toimisto@"))


async def _until_calm(apps: list[App], carrier: Carrier) -> None:
    """Until nothing more is being read or sent."""
    quiet = 0
    while quiet < 3:
        before = len(carrier.carried)
        await asyncio.sleep(0.1)
        waits = [await app.database.read(_waits) for app in apps]
        quiet = quiet + 1 if len(carrier.carried) == before and not any(waits) else 0


def _waits(session: Any) -> int:
    return messages.count_waiting(session) + int(outbox.is_due(session, datetime(2027, 1, 1, tzinfo=UTC)))
