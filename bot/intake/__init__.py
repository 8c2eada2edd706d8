"""The way in: `take_in` saves and only then says so; `work_on` leads what is saved from bytes to a draft.

    take_in    raw message > one row, committed > True (new) or False (known already)
    work_on    waiting rows > understood in a killable worker > prepared on a reader (who, what, until when, words)
               > entered in one transaction (ticket, requests, drafts, acknowledgement, alert) > next

The two never call each other: any of them can die at any line, and the row is still there. Whatever cannot be
understood, prepared or entered becomes a visible ticket all the same (INV-4), if need be without a word of its own;
only a database that is away makes it wait, and then it is led on as if nothing had happened.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import cast

from sqlmodel import Session

from bot.intake.enter import Entering
from bot.intake.prepare import Prepared, Preparing, unprepared
from mail.message import Automatic, ChannelName, InboundMessage, RawMessage
from store import messages
from store.database import Database, is_away
from store.messages import NewRaw, StoredRaw

log = logging.getLogger(__name__)

Understand = Callable[[Sequence[StoredRaw]], Awaitable[Sequence[InboundMessage]]]
"""Turns stored bytes into messages, in the same order, whatever they hold; the app builds it over the workers."""


class Intake:
    """Takes messages in and leads them on."""

    def __init__(
        self,
        *,
        database: Database,
        understand: Understand,
        preparing: Preparing,
        entering: Entering,
        clock: Callable[[], datetime],
        batch: int = 32,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`batch` bounds how many messages are led on together; `wake` tells the pipeline that one came in."""
        self._database = database
        self._understand = understand
        self._preparing = preparing
        self._entering = entering
        self._clock = clock
        self._batch = batch
        self._wake = wake

    async def take_in(self, raw: RawMessage) -> bool:
        """Commit a raw message; returns only when it is durable. Raises what the store raises when it is not."""
        new = await self._database.write_together(_store, raw)
        if new:
            self._wake()
        return new

    async def work_on(self) -> int:
        """Lead the next waiting mails and chat messages to their tickets; returns how many.

        Raises only when the store is away.
        """
        return await self._lead(self._batch, letters=False)

    async def work_on_letters(self) -> int:
        """As `work_on`, for the next letter: reading a scan may take minutes, and no mail waits for it (INV-8)."""
        return await self._lead(1, letters=True)

    async def _lead(self, limit: int, *, letters: bool) -> int:
        waiting = await self._database.read(lambda session: messages.waiting(session, limit, letters=letters))
        if not waiting:
            return 0
        understood = await self._read(waiting)
        now = self._clock()
        prepared = await self._database.read(
            lambda session: [
                self._preparing.prepare(session, raw, message, now)
                for raw, message in zip(waiting, understood, strict=True)
            ]
        )
        await asyncio.gather(*(self._enter(*one) for one in zip(waiting, understood, prepared, strict=True)))
        return len(waiting)

    async def _read(self, waiting: Sequence[StoredRaw]) -> Sequence[InboundMessage]:
        """What the messages say. Where reading them together fails as a whole, each is read alone."""
        try:
            understood = await self._understand(waiting)
            if len(understood) == len(waiting):
                return understood
        except Exception as error:  # noqa: BLE001 - one that cannot be read must not hold up the rest
            log.warning("messages could not be read together error=%s", type(error).__name__)
        if len(waiting) == 1:
            return [_unread(waiting[0])]
        return [message for raw in waiting for message in await self._read([raw])]

    async def _enter(self, raw: StoredRaw, message: InboundMessage, prepared: Prepared) -> None:
        try:
            await self._database.write_together(self._enter_all, (raw, message, prepared))
        except Exception as error:  # one that cannot be entered must not hold up the rest
            if is_away(error):
                raise
            log.warning("message could not be entered raw=%s error=%s", raw.id, type(error).__name__)
            await self._enter_plainly(raw, message)

    async def _enter_plainly(self, raw: StoredRaw, message: InboundMessage) -> None:
        """A plain ticket with the message's words, or where the store will not have these, with none."""
        try:
            await self._write_plain(raw, message)
        except Exception as error:  # the bytes are kept; staff see that something lies there
            if is_away(error):
                raise
            log.warning("message entered without its words raw=%s error=%s", raw.id, type(error).__name__)
            await self._write_plain(raw, _unread(raw))

    async def _write_plain(self, raw: StoredRaw, message: InboundMessage) -> None:
        plain = unprepared(raw, message)
        await self._database.write(lambda session: self._entering.enter(session, raw, message, plain, self._clock()))

    def _enter_all(self, session: Session, led: Sequence[tuple[StoredRaw, InboundMessage, Prepared]]) -> list[None]:
        for one in led:
            self._entering.enter(session, *one, self._clock())
        return [None] * len(led)


def _unread(raw: StoredRaw) -> InboundMessage:
    """What can be said of a message without looking into it: that it is there."""
    return InboundMessage(
        channel=cast("ChannelName", raw.channel),
        automatic=Automatic(may_acknowledge=False, reasons=("NOT_UNDERSTOOD",)),
        problems=("NOT_UNDERSTOOD",),
    )


def _store(session: Session, raws: Sequence[RawMessage]) -> list[bool]:
    """All that wait at once; in the writer's thread, so that hashing a large one does not hold the event loop."""
    return messages.store_raws(session, [_row(raw) for raw in raws])


def _row(raw: RawMessage) -> NewRaw:
    return NewRaw(
        key=raw.key,
        channel=raw.channel,
        door=raw.door,
        media_type=raw.media_type,
        content=raw.content,
        sha256=raw.sha256,
        envelope_sender=raw.envelope.sender,
        envelope_recipients=list(raw.envelope.recipients),
        peer=raw.envelope.peer,
        received_at=raw.received_at,
        junk=raw.junk,
    )
