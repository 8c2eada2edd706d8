"""The canary through the whole service: out by a real relay, in by the real door, seen by staff when it stays away."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiosmtplib
import httpx
from aiosmtpd.smtp import SMTP, Envelope, Session

from bot.app import App
from bot.config import load_settings
from tests.conftest import Clock
from tests.journeys.conftest import new_code
from tests.journeys.installation import Installation

DESK = "asiakaspalvelu@lampo.test"
STAFF = "toimisto@lampo.test"
RECEIVED = b"Received: from kirjaamo.lampo.test by mx.lampo.test with ESMTP id 7; Mon, 2 Mar 2026 12:00:00 +0200\r\n"


@dataclass
class MailServer:
    """The site's mail server: takes what the service sends, and brings what is for the desk to its door."""

    door: int = 0
    closed: bool = False
    """True keeps what is for the desk in its queue, as a server does that cannot reach the mailbox."""
    mark: bytes = b""
    """What its spam filter writes on top."""
    queue: list[Envelope] = field(default_factory=list)
    to_staff: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - the library's signature
        assert isinstance(envelope.content, bytes)
        if STAFF in envelope.rcpt_tos:
            self.to_staff.append(envelope.content.decode("ascii"))
        else:
            self.queue.append(envelope)
            if not self.closed:
                await self.deliver()
        return "250 2.0.0 taken"

    async def deliver(self) -> None:
        """Bring all that waits to the door."""
        while self.queue:
            one = self.queue.pop(0)
            assert isinstance(one.content, bytes)
            await aiosmtplib.send(
                self.mark + RECEIVED + one.content,
                sender=one.mail_from,
                recipients=one.rcpt_tos,
                hostname="127.0.0.1",
                port=self.door,
                start_tls=False,
            )


@dataclass
class Running:
    """The service with its clock, its mail server, and a browser at the desk."""

    app: App
    clock: Clock
    server: MailServer
    browser: httpx.AsyncClient

    async def pass_minutes(self, count: int) -> None:
        """Let time go on; each five minutes the canary is looked after."""
        for _ in range(count // 5):
            self.clock.advance(minutes=5)
            self.app.bell.ring("canary")
            await asyncio.sleep(0.2)

    async def first_home(self) -> None:
        """Wait until a canary has come home; before that its age is no number."""
        async with asyncio.timeout(20):
            while math.isnan(await self.figure("canary_age")):  # noqa: ASYNC110 - the service tells nobody
                await asyncio.sleep(0.1)

    async def page(self) -> str:
        return (await self.browser.get("/")).text

    async def well(self) -> bool:
        return bool((await self.browser.get("/readyz")).json()["parts"]["canary"])

    async def figure(self, name: str) -> float:
        lines = (await self.browser.get("/metrics")).text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"kirjaamo_{name} "))


@asynccontextmanager
async def running(there: Installation) -> AsyncIterator[Running]:
    """The app in this process, with a mail server around it."""
    server, clock = MailServer(), Clock()
    clock.set(datetime.now(UTC) + timedelta(minutes=1))
    async with AsyncExitStack() as stack:
        listening = await asyncio.get_running_loop().create_server(lambda: SMTP(server), "127.0.0.1", 0)
        stack.callback(listening.close)
        port = listening.sockets[0].getsockname()[1]
        there.amend('[relay]\nmaildir = "sent"', f'[relay]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"')
        there.amend("[web]", f'[canary]\naddress = "{DESK}"\n\n[web]')
        code = new_code(there)
        app = App(load_settings(there.config), there.config, clock=clock)
        server.door = there.smtp_port
        await stack.enter_async_context(app.running())
        browser = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{app.web_port}"))
        await log_in(browser, code)
        yield Running(app, clock, server, browser)


async def log_in(browser: httpx.AsyncClient, code: str) -> None:
    page = (await browser.get(f"/log-in?code={code}")).text
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    answer = await browser.post(
        "/log-in", data={"csrf": token, "code": code}, headers={"Origin": str(browser.base_url)}
    )
    assert answer.status_code == 303


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not look():  # noqa: ASYNC110 - the service tells nobody; it is looked at
            await asyncio.sleep(0.05)


async def test_a_canary_goes_round_and_one_that_is_held_up_is_seen_told_and_forgiven(
    installation: Installation,
) -> None:
    async with running(installation) as there:
        await there.first_home()
        assert await there.well()
        assert await there.figure("canary_alarms") == 0
        assert "Posti ei ehkä tule perille" not in await there.page()
        assert installation.tickets() == []

        there.server.closed = True
        await there.pass_minutes(65)
        await until(lambda: there.server.queue)
        await there.pass_minutes(25)
        await until(lambda: there.server.to_staff)
        assert not await there.well()
        assert (await there.browser.get("/readyz")).json()["troubles"] == {"canary": f"missing {DESK}"}
        assert await there.figure("canary_alarms") == 1
        assert await there.figure("canary_age") >= 80 * 60
        assert "Posti ei ehkä tule perille" in await there.page()

        there.server.closed = False
        await there.server.deliver()
        await until(lambda: len(there.server.to_staff) == 2)
        assert await there.well()
        assert "Posti ei ehkä tule perille" not in await there.page()
        assert installation.tickets() == []


async def test_a_canary_that_the_filter_takes_for_spam_is_an_alarm(installation: Installation) -> None:
    async with running(installation) as there:
        there.server.mark = b"X-Spam-Flag: YES\r\n"
        await there.pass_minutes(60)
        await until(lambda: there.server.to_staff)
        assert (await there.browser.get("/readyz")).json()["troubles"] == {"canary": f"junk {DESK}"}
        assert "roskapostiin" in await there.page()
        assert installation.tickets() == []
