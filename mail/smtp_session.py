"""One connection of the site's MTA: SMTP (RFC 5321) or LMTP (RFC 2033), from greeting to QUIT.

DATA is read in chunks instead of lines: a large mail does not hold the event loop, a line may be of any length, and a
body without a line end stays within the limit. The answer after the final dot follows the house's law (INV-4): 250
when the bytes are durably stored and not before; when they are not, a 4xx with a fixed text, so that the MTA keeps the
mail and tries again. No content ever earns a 5xx, but for the size that we announced.

Commands are never logged: they hold addresses.
"""

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from aiosmtpd.smtp import BOGUS_LIMIT

from mail.smtp_data import DotDecoder, read_path
from mail.smtp_stream import COMMAND_LIMIT, CommandStream

log = logging.getLogger(__name__)

RECIPIENT_LIMIT: Final = 1_000
"""RFC 5321 (4.5.3.1.8) asks for 100 at least."""
IDLE_COMMANDS: Final = 200
"""Commands that may follow one another without a mail being handed over, recipients not counted."""
LARGE_MAIL: Final = 1_048_576
"""Octets from which on a mail needs one of the door's few places for large ones: that bounds memory."""

STORED: Final = "250 2.0.0 stored"
NOT_STORED: Final = "451 4.3.0 not stored, try again later"
NO_ROOM: Final = "452 4.3.1 no room, try again later"
TOO_LARGE: Final = "552 5.3.4 message is larger than the size announced"


class Door(Protocol):
    """What a session asks of the door it came through."""

    hostname: str
    size_limit: int
    idle_seconds: float
    commit_seconds: float
    large_mails: asyncio.Semaphore
    inbox: memoryview

    def greet(self, session: "MailSession") -> str | None:
        """Admit the session and return None, or return the line with which it is sent away."""

    def leave(self, session: "MailSession") -> None:
        """Forget the session."""

    def store(self, peer: str, sender: str, recipients: tuple[str, ...], content: bytes) -> asyncio.Task[bool]:
        """Begin to store a mail; the task ends when it is durable and outlives the session."""


class MailSession(CommandStream):
    """The SMTP side of a connection; `LmtpSession` changes the greeting and the number of answers."""

    protocol_name = "ESMTP"

    def __init__(self, door: Door) -> None:
        super().__init__(door.inbox, door.hostname, door.idle_seconds)
        self._door = door
        self._client = ""
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._bogus_budget = BOGUS_LIMIT
        self._idle_budget = IDLE_COMMANDS
        self.peer = ""
        """IP address of the other end; empty when the transport knows none."""
        self.is_storing = False
        """True from the final dot to the answer: the door waits for such a session when it closes."""
        # Only what is named here can be called from outside; AUTH, STARTTLS and EXPN of the library cannot.
        self._commands: dict[str, Callable[[str], Awaitable[None]]] = {
            **self._greetings(),
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": self._noop,
            "VRFY": self._vrfy,
            "QUIT": self._quit,
        }

    def _greetings(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        return {"EHLO": self._ehlo, "HELO": self._helo}

    # What the transport tells us

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who it is and begin."""
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if isinstance(peer, tuple) else ""
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the session. A mail that is being stored is stored nevertheless: its task belongs to the door."""
        self._door.leave(self)
        super().connection_lost(error)

    # The command loop

    async def _handle_client(self) -> None:
        try:
            refusal = self._door.greet(self)
            self.reply(refusal or f"220 {self.hostname} {self.protocol_name} Kirjaamo")
            self.is_ending = refusal is not None
            while not self.is_ending:
                line = await self.read_command()
                if line is None:
                    break
                self._reset_timeout()
                await self._obey(line)
            await self.flush()
        except ConnectionError:
            log.debug("smtp peer gone")
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the peer keeps its mail and learns nothing of it
            log.error("smtp session failed", extra={"error": type(error).__name__})
            self._writer.write(b"421 4.3.0 try again later\r\n")
        finally:
            self._writer.close()

    async def _obey(self, line: bytes) -> None:
        if len(line) > COMMAND_LIMIT:
            self._bogus("500 5.5.2 command line too long")
            return
        # Undecodable octets are shown as \xNN: a lone surrogate could not be stored.
        word, _, argument = line.decode("utf-8", "backslashreplace").partition(" ")
        command = self._commands.get(word.upper())
        if command is None:
            self._bogus("500 5.5.1 command not recognized")
            return
        if command != self._rcpt:
            self._idle_budget -= 1
        if self._idle_budget < 0:
            self._part("421 4.7.0 too many commands without a message, closing")
            return
        await command(argument.strip())

    def _bogus(self, reply: str) -> None:
        self._bogus_budget -= 1
        if self._bogus_budget < 1:
            self._part("421 4.7.0 too many errors, closing")
        else:
            self.reply(reply)

    def _part(self, reply: str) -> None:
        self.is_ending = True
        self.reply(reply)

    # The commands

    async def _helo(self, host: str) -> None:
        if self._greeted(host):
            self.reply(f"250 {self.hostname}")

    async def _ehlo(self, host: str) -> None:
        if self._greeted(host):
            for extension in (self.hostname, "PIPELINING", f"SIZE {self._door.size_limit}", "8BITMIME", "SMTPUTF8"):
                self.reply(f"250-{extension}")
            self.reply("250 ENHANCEDSTATUSCODES")

    def _greeted(self, host: str) -> bool:
        if not host:
            self.reply("501 5.5.4 name of the host is missing")
            return False
        self._client = host
        self._forget_mail()
        return True

    def _forget_mail(self) -> None:
        self._sender = None
        self._recipients = []

    async def _mail(self, argument: str) -> None:
        if not self._client:
            self.reply("503 5.5.1 say who you are first")
            return
        if self._sender is not None:
            self.reply("503 5.5.1 nested MAIL command")
            return
        text = self._strip_command_keyword("FROM:", argument)
        path = read_path(text) if text else None
        if path is None:
            self.reply("501 5.1.7 syntax: MAIL FROM:<address>")
            return
        fault = self._parameter_fault(path[1])
        if fault is None:
            self._sender = path[0]
        self.reply(fault or "250 2.1.0 OK")

    def _parameter_fault(self, text: str) -> str | None:
        parameters = self._getparams(text.upper().split())
        if parameters is None:
            return "501 5.5.4 malformed parameter"
        size = parameters.pop("SIZE", "0")
        if isinstance(size, bool) or not (size.isascii() and size.isdigit() and len(size) <= 20):
            return "501 5.5.4 malformed SIZE"
        if int(size) > self._door.size_limit:
            return TOO_LARGE
        if parameters.pop("BODY", "7BIT") not in ("7BIT", "8BITMIME") or parameters.pop("SMTPUTF8", True) is not True:
            return "501 5.5.4 malformed parameter"
        return "555 5.5.4 parameter not known" if parameters else None

    async def _rcpt(self, argument: str) -> None:
        if self._sender is None:
            self.reply("503 5.5.1 need MAIL first")
            return
        text = self._strip_command_keyword("TO:", argument)
        path = read_path(text) if text else None
        if path is None or not path[0]:
            self.reply("501 5.1.3 syntax: RCPT TO:<address>")
        elif path[1]:
            self.reply("555 5.5.4 parameter not known")
        elif len(self._recipients) >= RECIPIENT_LIMIT:
            self.reply("452 4.5.3 too many recipients")
        else:
            self._recipients.append(path[0])
            self.reply("250 2.1.5 OK")

    async def _data(self, argument: str) -> None:
        if argument:
            self.reply("501 5.5.4 syntax: DATA")
        elif not self._recipients:
            # RFC 2033 (4.2) and RFC 5321 (3.3) alike.
            self.reply("503 5.5.1 need RCPT first")
        else:
            self.reply("354 end data with <CR><LF>.<CR><LF>")
            await self.flush()
            await self._receive()

    async def _receive(self) -> None:
        """Read a mail, store it, answer. A mail above `LARGE_MAIL` first waits for a place, unread meanwhile."""
        decoder = DotDecoder(self._door.size_limit)
        holds_place = False
        try:
            while not decoder.feed(self._taken()):
                if decoder.size > LARGE_MAIL and not holds_place and not decoder.is_too_large:
                    holds_place = await self._door.large_mails.acquire()
                if not await self.more():
                    # Without the final dot there is no mail; the client will try again.
                    raise ConnectionResetError
                self._reset_timeout()
            self.pending += decoder.rest
            verdict = TOO_LARGE if decoder.is_too_large else await self._store(decoder)
        finally:
            if holds_place:
                self._door.large_mails.release()
        recipients = len(self._recipients)
        self._forget_mail()
        self._idle_budget = IDLE_COMMANDS
        self._answer(verdict, recipients)
        await self.flush()
        self.is_storing = False

    def _taken(self) -> bytes:
        piece = bytes(self.pending)
        self.pending.clear()
        return piece

    def _answer(self, verdict: str, recipients: int) -> None:
        """One reply for the whole mail; LMTP has one for each recipient."""
        del recipients
        self.reply(verdict)

    async def _store(self, decoder: DotDecoder) -> str:
        self.is_storing = True
        begun = self._door.store(self.peer, self._sender or "", tuple(self._recipients), decoder.content())
        try:
            async with asyncio.timeout(self._door.commit_seconds):
                await asyncio.shield(begun)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not begun.cancelled() or (task is not None and task.cancelling()):
                raise  # The client hung up, and it is this session that ends.
            return NOT_STORED
        except OSError as error:
            # A TimeoutError is an OSError too: the commit may yet succeed, then the retry finds its key known.
            return NO_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else NOT_STORED
        except Exception:  # noqa: BLE001 - logged by the door; no error of ours may cost a customer's mail
            return NOT_STORED
        return STORED

    async def _rset(self, _argument: str) -> None:
        self._forget_mail()
        self.reply("250 2.0.0 OK")

    async def _noop(self, _argument: str) -> None:
        self.reply("250 2.0.0 OK")

    async def _vrfy(self, _argument: str) -> None:
        self.reply("252 2.5.1 send a message and see")

    async def _quit(self, _argument: str) -> None:
        self._part("221 2.0.0 bye")


class LmtpSession(MailSession):
    """LMTP (RFC 2033): greeted with LHLO only, and answers for every recipient after the final dot (4.2)."""

    protocol_name = "LMTP"

    def _greetings(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        return {"LHLO": self._ehlo}

    def _answer(self, verdict: str, recipients: int) -> None:
        for _ in range(recipients):
            self.reply(verdict)
