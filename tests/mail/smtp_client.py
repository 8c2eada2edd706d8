"""A client that says exactly what a test tells it to, a door for it to talk to, and a store behind that door."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from mail.channel import TakeIn
from mail.message import RawMessage
from mail.smtp import SmtpDoor

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


class Wire:
    """One connection to a door; `say` sends a line and returns the code and text of the answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def answer(self) -> str:
        """The last line of one answer, of one line or several."""
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), 30)).decode()
            if line[3:4] != "-":
                return line.rstrip("\r\n")

    async def say(self, line: str) -> str:
        await self.send(line.encode() + b"\r\n")
        return await self.answer()

    async def begin(self, *recipients: str, sender: str = "aino.esimerkkila@posti.test", hello: str = "EHLO") -> None:
        """Everything up to the answer 354."""
        assert (await self.say(f"{hello} mta.lampo.test")).startswith("250")
        assert (await self.say(f"MAIL FROM:<{sender}>")).startswith("250")
        for recipient in recipients or ("tietosuoja@lampo.test",):
            assert (await self.say(f"RCPT TO:<{recipient}>")).startswith("250")
        assert (await self.say("DATA")).startswith("354")

    async def rest(self) -> bytes:
        """All that comes until the door closes."""
        return await asyncio.wait_for(self.reader.read(), 30)


@asynccontextmanager
async def opened(take_in: TakeIn, **settings: Any) -> AsyncIterator[SmtpDoor]:
    """A door on a free port of the loopback."""
    plain: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 0,
        "protocol": "smtp",
        "hostname": "demo.lampo.test",
        "peers": ["127.0.0.0/8"],
        "size_limit": 1_000_000,
        "clock": lambda: NOW,
    }
    door = SmtpDoor(**{**plain, **settings})
    await door.open(take_in)
    try:
        yield door
    finally:
        await door.close()


@asynccontextmanager
async def connected(door: SmtpDoor) -> AsyncIterator[Wire]:
    """A client that has read the greeting."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    wire = Wire(reader, writer)
    await wire.answer()
    try:
        yield wire
    finally:
        writer.close()


class Store:
    """Keeps what is handed in, knows a key again; `before` runs first and may fail or wait."""

    def __init__(self, before: Callable[[], Awaitable[None]] | None = None) -> None:
        self.taken: list[RawMessage] = []
        self.before = before

    async def take_in(self, raw: RawMessage) -> bool:
        if self.before is not None:
            await self.before()
        is_new = all(raw.key != known.key for known in self.taken)
        self.taken.append(raw)
        return is_new
