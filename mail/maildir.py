"""A relay that needs no network: every message becomes a file of a Maildir. The demo sends its mail here.

A file is written under `tmp/`, forced to the disk, and only then given its name under `new/`. That name is drawn from
the Message-ID, so a message that was already delivered, and is handed in again because we died before we noted it,
cannot lie there twice: the second time is a success without a second file. Here, other than on a network, it can be
seen that the message has arrived, so nothing is uncertain.

What is handed in while others are being written waits for them and is then written together, in one turn of a thread
and with one forcing of the folder for all.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from mail.channel import DeliveryError
from mail.compose import compose, mailbox
from mail.message import OutboundMessage, Receipt
from mail.spool import place, sync_folder

_Waiting = tuple[OutboundMessage, "asyncio.Future[Receipt]"]


class MaildirRelay:
    """Outgoing mail as files that `mailbox.Maildir` and every mail reader understand."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._folder = folder
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._turn = asyncio.Lock()

    async def send(self, message: OutboundMessage) -> Receipt:
        """Deliver one message; the receipt is the file's name. Raises `DeliveryError`."""
        done: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, done))
        async with self._turn:
            if not done.done():  # nobody before us has written it with his own
                await self._deliver()
        return done.result()

    async def _deliver(self) -> None:
        """Write all that wait, and tell each how it went."""
        together, self._waiting = self._waiting, []
        now = self._clock().astimezone(UTC)
        try:
            outcomes = await asyncio.to_thread(self._write, [message for message, _ in together], now)
        except asyncio.CancelledError:
            self._waiting += together  # the next in turn finds what is there already
            raise
        for (_, done), outcome in zip(together, outcomes, strict=True):
            if done.cancelled():
                continue
            if isinstance(outcome, Receipt):
                done.set_result(outcome)
            else:
                done.set_exception(outcome)

    def _write(self, messages: Sequence[OutboundMessage], now: datetime) -> Sequence[Receipt | DeliveryError]:
        contents = [_composed(message, now) for message in messages]
        if not any(contents):
            return [DeliveryError("compose", permanent=True) for _ in messages]
        try:
            for part in ("tmp", "new", "cur"):
                (self._folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
            # A mail reader moves what it has shown to cur/ and adds flags after a colon.
            read = {path.name.partition(":")[0] for path in (self._folder / "cur").iterdir()}
            outcomes = [self._place(*one, now, read) for one in zip(messages, contents, strict=True)]
            sync_folder(self._folder / "new")
        except OSError:
            return [DeliveryError("write", permanent=False) for _ in messages]
        return outcomes

    def _place(
        self, message: OutboundMessage, content: bytes, now: datetime, read: set[str]
    ) -> Receipt | DeliveryError:
        if not content:
            return DeliveryError("compose", permanent=True)
        name = sha256(message.message_id.encode()).hexdigest()[:40] + ".kirjaamo"
        try:
            if name not in read:
                place(self._folder / "tmp" / name, self._folder / "new" / name, content)
        except OSError:
            return DeliveryError("write", permanent=False)
        return Receipt(name, now)


def _composed(message: OutboundMessage, now: datetime) -> bytes:
    """The file's content; empty for what cannot be sent."""
    try:
        content = compose(message, now)
        sender = mailbox(message.envelope_sender, "envelope_sender") if message.envelope_sender else ""
    except ValueError:
        return b""
    return f"Return-Path: <{sender}>\r\n".encode() + content
