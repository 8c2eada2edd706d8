"""A relay that needs no network: every message becomes a file of a Maildir. The demo sends its mail here.

A file is written under `tmp/`, forced to the disk, and only then given its name under `new/`. That name is drawn from
the Message-ID, so a message that was already delivered, and is handed in again because we died before we noted it,
cannot lie there twice: the second time is a success without a second file. Here, other than on a network, it can be
seen that the message has arrived, so nothing is uncertain.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from mail.channel import DeliveryError
from mail.compose import compose, mailbox
from mail.message import OutboundMessage, Receipt
from mail.spool import write_durably


class MaildirRelay:
    """Outgoing mail as files that `mailbox.Maildir` and every mail reader understand."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._folder = folder
        self._clock = clock

    async def send(self, message: OutboundMessage) -> Receipt:
        """Deliver one message; the receipt is the file's name. Raises `DeliveryError`."""
        now = self._clock().astimezone(UTC)
        try:
            content = compose(message, now)
            sender = mailbox(message.envelope_sender, "envelope_sender") if message.envelope_sender else ""
        except ValueError:
            raise DeliveryError("compose", permanent=True) from None
        name = sha256(message.message_id.encode()).hexdigest()[:40] + ".kirjaamo"
        try:
            await asyncio.to_thread(self._write, name, f"Return-Path: <{sender}>\r\n".encode() + content)
        except OSError:
            raise DeliveryError("write", permanent=False) from None
        return Receipt(name, now)

    def _write(self, name: str, content: bytes) -> None:
        for part in ("tmp", "new", "cur"):
            (self._folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        # A mail reader moves what it has shown to cur/ and adds flags after a colon.
        if (self._folder / "new" / name).exists() or any((self._folder / "cur").glob(f"{name}*")):
            return
        write_durably(self._folder / "tmp" / name, self._folder / "new" / name, content)
