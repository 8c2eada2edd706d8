"""The service on a prepared folder with two robots that approve, in a process made to be killed.

The product is the installed one. The clock is handed in: it runs ahead a little further with every child, so that what
was put off comes due again without anybody waiting for it.
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session, col

from bot import logs
from bot.app import App
from bot.config import load_settings
from bot.staff import Refused
from store import staff
from store.lifecycle import DraftState
from store.models import Draft
from tests.crash.ledger import Ledger, hash_of_words
from tests.crash.mutants import MUTANTS
from tests.crash.points import Fate, Reaper

LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Life:
    """One child: on which folder, when it is on its clock, where it is to die, what is wrong with it."""

    config: Path
    ahead: timedelta = timedelta()
    fate: Fate = field(default_factory=Fate)
    mutant: str = ""


def live(life: Life) -> None:
    """Serve until SIGTERM, or until killed."""
    log = (life.config.parent / "child.log").open("a", buffering=1)
    sys.stdout = sys.stderr = log
    logs.configure("WARNING")
    asyncio.run(_live(life))


async def _live(life: Life) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    def clock() -> datetime:
        return datetime.now(UTC) + life.ahead

    app = App(load_settings(life.config), life.config, clock=clock)
    if life.mutant:
        MUTANTS[life.mutant](app)
    Reaper(life.fate).lay(app)
    presses = Ledger(life.config.parent / "presses.jsonl")
    async with app.running():
        (life.config.parent / "open").touch()
        robots = asyncio.create_task(_approve_all(app, presses.note))
        await stop.wait()
        robots.cancel()
        await asyncio.gather(robots, return_exceptions=True)


async def _approve_all(app: App, note: Callable[..., None]) -> None:
    """Two people who approve every draft that waits, both at the same moment."""
    members = [member.id for member in await app.database.read(staff.list_members) if member.id is not None]
    refused: set[int] = set()
    while True:
        drafts = [one for one in await app.database.read(_waiting_drafts) if one.id not in refused]
        pressed = [_press(app, member, draft, note) for draft in drafts for member in members]
        for draft_id, done in await asyncio.gather(*pressed):
            if not done:
                refused.add(draft_id)
        await asyncio.sleep(LOOK_SECONDS)


def _waiting_drafts(session: Session) -> list[Draft]:
    query = select(Draft).where(col(Draft.state) == DraftState.DRAFT, col(Draft.recipient) != "")
    return list(session.execute(query.order_by(col(Draft.id)).limit(20)).scalars())


async def _press(app: App, member: int, draft: Draft, note: Callable[..., None]) -> tuple[int, bool]:
    draft_id = draft.id or 0
    await app.approvals.open_draft(member, draft_id)
    # Read as a person would after opening it: it may have got its files.
    draft = await app.database.read(lambda session: session.get_one(Draft, draft_id))
    words = hash_of_words(draft.text)
    note(pressed=draft_id, by=member, sha256=draft.sha256, to=draft.recipient, words=words)
    try:
        released = await app.approvals.approve(member, draft_id, draft.sha256)
    except Refused as refusal:
        note(refused=draft_id, by=member, key=refusal.key)
        return draft_id, refusal.key == "already_approved"
    note(released=draft_id, by=member, outbox=released.outbox_id)
    return draft_id, True
