"""The files of an access answer: made in a worker after the draft is written, and there before anybody approves it.

    complete        the files of one draft, now: somebody is about to read it
    complete_next   those of the next draft that lacks them, when nothing else waits

Writing a draft costs a request the same whether the customer has ten readings or a hundred thousand; the copy is made
when intake is idle, or at the latest when staff open the ticket. It is the register of the moment at which the request
was received, so it does not matter when. What was begun when the process died is begun anew: the draft still lacks it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from sqlmodel import Session

from store import draft_files
from store.database import Database
from store.draft_files import FilesOrder, NewFile

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 20.0
"""How long somebody who opens a ticket waits for its files; they go on being made."""
AGAIN = timedelta(minutes=5)
"""When a draft whose files could not be made is tried again by itself; whoever opens it tries at once."""


class MadeFile(Protocol):
    """A file as it was made."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def media_type(self) -> str:
        """What it is."""
        ...

    @property
    def content(self) -> bytes:
        """Its octets."""
        ...


Make = Callable[[FilesOrder], Awaitable[tuple[MadeFile, ...]]]
"""Makes the files in a worker; the app builds it."""


class Packing:
    """Completes drafts."""

    def __init__(
        self,
        *,
        database: Database,
        make: Make,
        clock: Callable[[], datetime],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`wake` tells the pipeline that a draft has changed."""
        self._database = database
        self._make = make
        self._clock = clock
        self._wake = wake
        self._under_way: dict[int, asyncio.Task[bool]] = {}
        self._looked_at = 0
        self._failed: dict[int, datetime] = {}

    async def complete(self, draft_id: int) -> bool:
        """Give the draft its files if it lacks them; whether it changed. Waits `PATIENCE_SECONDS` at the most."""
        order = await self._database.read(lambda session: draft_files.order_for(session, draft_id))
        if order is None:
            self._failed.pop(draft_id, None)  # superseded, or somebody else's by now: not to be tried for ever
            return False
        making = self._under_way.get(draft_id) or self._begin(order)
        # Not `wait_for`: it may swallow a cancelling that meets the end, and the stage would never stop.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await asyncio.shield(making)
        return False

    async def complete_next(self) -> int:
        """Complete the next draft that lacks files, unless messages wait; returns how many were looked at."""
        if self._under_way:
            return 0
        if await self._database.read(draft_files.intake_is_busy):
            return 0
        draft_id = await self._database.read(self._next)
        if draft_id is None:
            return 0
        self._looked_at = max(self._looked_at, draft_id)
        await self.complete(draft_id)
        return 1

    async def close(self) -> None:
        """Let go of what is being made. Idempotent."""
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _next(self, session: Session) -> int | None:
        now = self._clock()
        for draft_id, at in self._failed.items():
            if at + AGAIN <= now:
                return draft_id
        return draft_files.next_after(session, self._looked_at)

    def _begin(self, order: FilesOrder) -> "asyncio.Task[bool]":
        making = asyncio.create_task(self._pack(order))
        self._under_way[order.draft_id] = making
        making.add_done_callback(lambda _: self._under_way.pop(order.draft_id, None))
        return making

    async def _pack(self, order: FilesOrder) -> bool:
        try:
            files = [NewFile(one.name, one.media_type, one.content) for one in await self._make(order)]
            done = await self._database.write(lambda session: draft_files.attach(session, order, files, self._clock()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the draft stays incomplete and is not approved
            log.warning("files could not be made draft=%s error=%s", order.draft_id, type(error).__name__)
            self._failed[order.draft_id] = self._clock()
            return False
        self._failed.pop(order.draft_id, None)
        if done:
            self._wake()
        return done
