"""THREATS 51: ten thousand small mails within a minute. All are kept, and nobody else has to wait."""

import asyncio
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from bot import demo
from bot.app import App
from bot.config import load_settings
from store.models import RawMessageRow

MAILS = 10_000
SECONDS = 60.0


@pytest.mark.alone
async def test_threat_51_a_flood_is_kept_whole_and_holds_nobody_up(tmp_path: Path) -> None:
    config = demo.prepare(tmp_path, 0, 0)
    app = App(load_settings(config), config)
    delays: list[float] = []

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            delays.append(time.perf_counter() - before - 0.005)

    async with app.running():
        assert app.smtp is not None
        watcher = asyncio.create_task(watch())
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.attacks.flood", str(app.smtp.port), "20", str(MAILS)),
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        printed, _ = await asyncio.wait_for(process.communicate(), SECONDS)
        watcher.cancel()
        count = select(func.count(col(RawMessageRow.id)))
        stored = await app.database.read(lambda session: session.execute(count).scalar_one())
    assert int(printed) == MAILS
    assert stored == MAILS
    delays.sort()
    assert delays[len(delays) * 99 // 100] < 0.1  # INV-8
