"""The one receive loop of the chat, and its receipts to customers.

    getUpdates -> keep (committed) -> offset moves on -> staff room | customers' intake | nobody -> handled

Telegram repeats an update until a later call names a higher offset. So every update is stored before the offset moves
(INV-4; the library's own Updater moves it first, and loses what a kill finds in between), and led on afterwards, from
the store: what was stored and not handled is led on again at the next start. Both ends bear a repetition, since a raw
message has a key and a card's button works once.

The offset is named once, in the call after a batch, and then left out: update ids begin anew anywhere after a quiet
week (Bot API, `Update`), and a number kept for ever would confirm, unread, all that lie below it.

Only receipts go out here. A reply belongs to the contact on file, never to a network outside the EEA (INV-1, INV-6).
"""

import asyncio
import hashlib
import json
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mail.channel import DeliveryError, TakeIn
from mail.message import ChannelName, OutboundMessage, RawMessage, Receipt
from mail.updates import CUSTOMER, STAFF, destination, raw_message, read_update

if TYPE_CHECKING:
    from mail.bot_api import OwnBot

__all__ = ["Messenger", "read_update"]

log = logging.getLogger(__name__)

LONGEST_TEXT: Final = 4096
"""Characters of one message (Bot API, `sendMessage`)."""
BIGGEST_ID: Final = 2**63
LONGEST_PAUSE: Final = 60.0
"""Seconds between two attempts to lead on what is stored."""
STAFF_ATTEMPTS: Final = 3
"""How often a staff update that fails is tried before it is marked failed; a customer's is never given up."""

Keep = Callable[[int, dict[str, Any]], Awaitable[bool]]
Waiting = Callable[[], Awaitable[Sequence[tuple[int, dict[str, Any]]]]]
Handled = Callable[[int, str], Awaitable[None]]
Staff = Callable[[dict[str, Any]], Awaitable[str]]


class Messenger:
    """The channel `chat`. Without a token it receives only what `accept` is given, and writes receipts to a folder."""

    def __init__(
        self,
        *,
        token: str | None,
        base_url: str | None,
        keep: Keep,
        waiting: Waiting,
        handled: Handled,
        staff_chat: int | None,
        staff: Staff | None,
        customers: bool,
        clock: Callable[[], datetime],
        outbox: Path | None = None,
        poll_seconds: int = 25,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`keep` commits an update and says whether it is new; `waiting` gives those stored and not yet `handled`.

        `base_url` ends in `/bot`, None is Telegram's own; `poll_seconds` is how long the network may hold an empty
        answer back; `outbox` is the folder for receipts where there is no token.
        """
        self._keep, self._waiting, self._handled = keep, waiting, handled
        self._staff_chat, self._staff = staff_chat, staff
        self._customers = customers
        self._clock = clock
        self._outbox = outbox
        self._poll_seconds = poll_seconds
        self._pause = pause
        self._bot = _bot(token, base_url) if token else None
        self._take_in: TakeIn | None = None
        self._stored = asyncio.Event()
        self._leading = asyncio.Lock()
        self._failures: dict[int, int] = {}
        self._trouble = ""
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def name(self) -> ChannelName:
        """`chat`."""
        return "chat"

    @property
    def bot(self) -> "OwnBot | None":
        """The bot that speaks, for the staff room; None without a token."""
        return self._bot

    @property
    def trouble(self) -> str:
        """Why nothing can be received just now, as the name of an error; empty when all is well."""
        return self._trouble

    async def open(self, take_in: TakeIn) -> None:
        """Begin to receive, and lead on what an earlier run stored and did not finish. Never waits for the network."""
        self._take_in = take_in
        if self._bot is None:
            await self._lead_all()
            return
        self._stored.set()
        self._tasks = [
            asyncio.create_task(self._receive(self._bot), name="chat-receive"),
            asyncio.create_task(self._lead_forever(), name="chat-lead"),
        ]

    async def close(self) -> None:
        """Stop receiving; what is being led on is finished first. Idempotent."""
        tasks, self._tasks = self._tasks, []
        for task in tasks[:1]:
            task.cancel()
        async with self._leading:
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._bot is not None:
            await self._bot.hang_up()

    async def accept(self, update: dict[str, Any]) -> None:
        """Take one update in by the same door, without the network: stored, then led on."""
        if await self._keep(update["update_id"], update):
            await self._lead_all()

    async def send(self, message: OutboundMessage) -> Receipt:
        """Deliver one receipt, at most once, or raise `DeliveryError`, `DeliveryUncertain`."""
        if message.kind != "acknowledgement" or message.attachments:
            raise DeliveryError("only receipts go by chat", permanent=True)
        if not 0 < len(message.text.encode("utf-16-le")) // 2 <= LONGEST_TEXT:
            raise DeliveryError("the text does not fit a chat message", permanent=True)
        if self._bot is None:
            return await self._write_down(message)
        try:
            chat_id = int(message.to)
        except ValueError:
            raise DeliveryError("not a chat id", permanent=True) from None
        return Receipt(f"telegram message {await self._bot.say(chat_id, message.text)}", self._clock())

    async def _write_down(self, message: OutboundMessage) -> Receipt:
        if self._outbox is None:
            raise DeliveryError("no chat is configured", permanent=True)
        name = f"{message.reference}-{hashlib.sha256(message.message_id.encode()).hexdigest()[:8]}.json"
        written = {"to": message.to, "kind": message.kind, "language": message.language, "text": message.text}
        await asyncio.to_thread(_write_whole, self._outbox / name, json.dumps(written, ensure_ascii=False, indent=1))
        return Receipt(name, self._clock())

    async def _receive(self, bot: "OwnBot") -> None:
        offset: int | None = None
        attempts = 0
        while True:
            try:
                batch = await bot.updates(offset, self._poll_seconds)
                offset = await self._store(batch)
                self._trouble, attempts = "", 0
            except Exception as error:  # noqa: BLE001 - the loop outlives every trouble of network and store
                attempts += 1
                if self._trouble != type(error).__name__:
                    self._trouble = type(error).__name__
                    log.warning("chat updates cannot be received", extra={"error": self._trouble})
                await self._pause(bot.pause_seconds(error, attempts))

    async def _store(self, batch: Sequence[Any]) -> int | None:
        """Commit a batch and give the offset that confirms it; None when there is nothing to confirm."""
        updates = {}
        for update in batch:
            number = update.get("update_id") if isinstance(update, dict) else None
            if isinstance(number, int) and 0 <= number < BIGGEST_ID:
                updates[number] = update
        # Together, so that one commit carries the batch; if any fails, none is confirmed.
        await asyncio.gather(*(self._keep(number, update) for number, update in sorted(updates.items())))
        if not updates:
            return None
        self._stored.set()
        return max(updates) + 1

    async def _lead_forever(self) -> None:
        attempts = 0
        while True:
            await self._stored.wait()
            self._stored.clear()
            try:
                complete = await self._lead_all()
            except Exception as error:  # noqa: BLE001 - the store may be away for a while
                log.warning("chat updates cannot be led on", extra={"error": type(error).__name__})
                complete = False
            attempts = 0 if complete else attempts + 1
            if not complete:
                self._stored.set()
                await self._pause(min(LONGEST_PAUSE, 2.0**attempts))

    async def _lead_all(self) -> bool:
        """Lead on all that waits; False when some of it must be tried again. Staff never wait for customers."""
        async with self._leading:
            while waiting := await self._waiting():
                staff = [one for one in waiting if destination(one[1], self._staff_chat) == STAFF]
                others = [one for one in waiting if destination(one[1], self._staff_chat) != STAFF]
                ends = await asyncio.gather(self._lead_in_turn(staff), self._lead_in_turn(others))
                if not all(ends):
                    return False
            return True

    async def _lead_in_turn(self, updates: Sequence[tuple[int, dict[str, Any]]]) -> bool:
        """One after the other, as they were written; their ends are recorded together, in one commit."""
        ends: dict[int, str] = {}
        for number, update in updates:
            try:
                ends[number] = await self._lead(update)
            except Exception as error:  # noqa: BLE001 - one update never stalls the rest
                ends[number] = self._failed(number, update, error)
        over = {number: outcome for number, outcome in ends.items() if outcome}
        await asyncio.gather(*(self._handled(number, outcome) for number, outcome in over.items()))
        for number in over:
            self._failures.pop(number, None)
        return len(over) == len(updates)

    async def _lead(self, update: dict[str, Any]) -> str:
        where = destination(update, self._staff_chat)
        if where == STAFF:
            return "ignored:no_staff_room" if self._staff is None else f"staff:{await self._staff(update)}"
        if where != CUSTOMER:
            return where
        if not self._customers:
            return "ignored:not_for_customers"
        if self._take_in is None:
            raise RuntimeError("the messenger is not open")
        raw: RawMessage = raw_message(update, self._clock())
        return "taken_in" if await self._take_in(raw) else "known"

    def _failed(self, number: int, update: dict[str, Any], error: Exception) -> str:
        """Note a failure; the outcome to record when it is the last attempt, else empty."""
        log.warning("chat update failed", extra={"update_id": number, "error": type(error).__name__})
        self._failures[number] = self._failures.get(number, 0) + 1
        is_staff = destination(update, self._staff_chat) == STAFF
        return "staff:failed" if is_staff and self._failures[number] >= STAFF_ATTEMPTS else ""


def _bot(token: str, base_url: str | None) -> "OwnBot":
    from mail.bot_api import build_bot  # noqa: PLC0415 - loads the network's library, which few desks need

    return build_bot(token, base_url)


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
