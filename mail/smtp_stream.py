"""One connection as a stream of command lines: aiosmtpd's session, with input, output and timer of our own.

The library reads by the line, writes by the line and makes a timer for every command. Here the transport writes into
one buffer, a command line is cut out of it, replies to pipelined commands leave together (RFC 2920), and one timer
watches over the session. What has come and is not yet used is bounded: beyond `CHUNK` octets the transport is paused.
"""

import asyncio
import logging
from typing import Final

from aiosmtpd.smtp import SMTP

# The library writes every connection, and some commands with their addresses, to this logger.
logging.getLogger("mail.log").setLevel(logging.ERROR)

CHUNK: Final = 262_144
"""Octets that the transport may hand over at once; a session holds about twice that before it reads no more."""
COMMAND_LIMIT: Final = 2_048
"""Octets of a command line. RFC 5321 (4.5.3.1.4) asks for 512 at least; addresses in UTF-8 are longer."""
LAST_LINE_SECONDS: Final = 10.0
"""For a peer that was idle too long to read our last line."""


class CommandStream(SMTP, asyncio.BufferedProtocol):
    """What a session reads from and writes to; its subclass says what the commands mean."""

    def __init__(self, inbox: memoryview, hostname: str, idle_seconds: float) -> None:
        """`inbox` is lent to the transport for a moment at a time, so all sessions of a door may share it."""
        super().__init__(
            None, hostname=hostname, ident="Kirjaamo", timeout=idle_seconds, loop=asyncio.get_running_loop()
        )
        self._inbox = inbox
        self.pending = bytearray()
        """What has come and is not yet used."""
        self._replies = bytearray()
        self._is_at_end = False
        self._has_news = False
        self._is_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._active_at = 0.0
        self.is_ending = False
        """True when no further command is to be read."""

    # What the transport tells us. The library's way allocates 256 KiB for every packet.

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the transport may write what it receives."""
        del sizehint
        return self._inbox

    def buffer_updated(self, nbytes: int) -> None:
        """Copy what has come before another session's packet takes its place; ask for no more than we can hold."""
        self.pending += self._inbox[:nbytes]
        self._has_news = True
        if len(self.pending) > CHUNK and isinstance(self.transport, asyncio.ReadTransport):
            self.transport.pause_reading()
            self._is_paused = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def more(self) -> bool:
        """Wait for input; False at its end."""
        if self._is_paused and isinstance(self.transport, asyncio.ReadTransport):
            self._is_paused = False
            self.transport.resume_reading()
        if not self._has_news and not self._is_at_end:
            self._waiter = self.loop.create_future()
            await self._waiter
        has_news, self._has_news = self._has_news, False
        return has_news

    def eof_received(self) -> bool:
        """A client that has said all and closed its half still gets its answers (the library would cut it off)."""
        self._is_at_end = True
        self._wake()
        return True

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Note that the peer lives. One timer serves the whole session, instead of one a command."""
        self._active_at = self.loop.time()
        if self._timeout_handle is None:
            self._timeout_handle = self.loop.call_later(duration or self._timeout_duration, self._timeout_cb)

    def _timeout_cb(self) -> None:
        left = self._active_at + self._timeout_duration - self.loop.time()
        if left > 0:
            self._timeout_handle = self.loop.call_later(left, self._timeout_cb)
        else:
            self.end("421 4.4.2 idle for too long, closing")
            self._timeout_handle = self.loop.call_later(LAST_LINE_SECONDS, self.abort)

    def end(self, farewell: str) -> None:
        """Say a last line and close, from outside of the session's own task."""
        self.is_ending = True
        if self.transport is not None:
            self._writer.write(farewell.encode() + b"\r\n")
            self._writer.close()

    def abort(self) -> None:
        """Drop the connection of a peer that does not even read our last line."""
        if self._writer is not None:
            self._writer.transport.abort()

    def end_after_answer(self) -> None:
        """Let the session answer the mail that it is storing, and no further command."""
        self.is_ending = True

    # Lines

    def reply(self, line: str) -> None:
        """Put one reply line behind those that wait; they leave together before the next wait for input."""
        self._replies += line.encode() + b"\r\n"

    async def flush(self) -> None:
        if self._replies:
            self._writer.write(bytes(self._replies))
            self._replies.clear()
            await self._writer.drain()

    async def read_command(self) -> bytes | None:
        """One line without its end; None at the end of input. Of an endless line only its length is remembered."""
        overlong = False
        while (end := self.pending.find(b"\n")) < 0:
            await self.flush()
            if len(self.pending) > COMMAND_LIMIT:
                overlong = True
                self.pending.clear()
            if not await self.more():
                return None
        line = bytes(self.pending[:end])
        del self.pending[: end + 1]
        return b"\0" * (COMMAND_LIMIT + 1) if overlong else line.rstrip(b"\r")
