"""One demo for all journeys that only need a running service; fresh installations for those that bend one."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from bot import demo
from store import staff
from store.database import Database
from tests.journeys.installation import Installation


@pytest.fixture(scope="session")
def running_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """`kirjaamo demo`, started as a process, its samples fed."""
    there = Installation(tmp_path_factory.mktemp("demo"))
    there.start("demo", "--dir", str(there.folder), "--smtp-port", "0", "--web-port", "0", until="Ctrl-C stops")
    yield there
    assert there.stop() == 0


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A prepared folder on which nothing runs yet; what a test starts there is stopped at its end."""
    demo.prepare(tmp_path / "there", 0, 0)
    there = Installation(tmp_path / "there")
    there.amend("hold_seconds = 10", "hold_seconds = 0")
    yield there
    there.stop()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Real Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        await browser.close()


def log_in_links(there: Installation) -> list[str]:
    """The one-time links that the demo printed."""
    return re.findall(r"http://\S+/log-in\?code=\S+", "".join(there.output))


def new_code(there: Installation, login: str = "dora") -> str:
    """A fresh one-time code, as an administrator would hand out."""
    database = Database(f"sqlite:///{there.folder / 'kirjaamo.db'}")
    try:
        member = database.read_now(lambda session: staff.find_member(session, login))
        assert member is not None
        assert member.id is not None
        member_id = member.id
        return database.write_now(
            lambda session: staff.new_log_in_code(session, member_id, demo.datetime.now(demo.UTC))
        )
    finally:
        database.close()
