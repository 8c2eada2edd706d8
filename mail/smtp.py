"""The door of mail: listens on a port for the site's MTA and hands every mail on, byte for byte (INV-4).

The door belongs behind an MTA, never on the open Internet: only the peers that the configuration names are let in,
everyone else is sent away with the first line (THREATS 27). What the MTA has accepted is not judged again here; all
recipients are taken.

The door owns what must outlive a session: a mail whose final dot has come is stored even when the client hangs up
before it reads the answer, and `close` waits for it. The client will then send it again and find its key known.
"""

import asyncio
import logging
import os
import resource
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, Literal

from mail.channel import TakeIn
from mail.message import Envelope, RawMessage
from mail.smtp_session import LmtpSession, MailSession
from mail.smtp_stream import CHUNK

log = logging.getLogger(__name__)

CONNECTION_LIMIT: Final = 200
LARGE_MAIL_MEMORY: Final = 67_108_864
"""Octets that the places for large mails may hold together, as long as that makes at least two places."""


class SmtpDoor:
    """One listening port. `open` once, `close` at the end."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        protocol: Literal["smtp", "lmtp"],
        hostname: str,
        peers: Sequence[str],
        size_limit: int,
        door: str = "smtp",
        clock: Callable[[], datetime],
        connection_limit: int = CONNECTION_LIMIT,
        idle_seconds: float = 300.0,
        commit_seconds: float = 4.5,
    ) -> None:
        """`peers` are networks (`127.0.0.0/8`, `::1`); `size_limit` is in octets; port 0 takes any free port.

        `idle_seconds` is RFC 5321's five minutes (4.5.3.2.7); `commit_seconds` is how long a client waits for the
        store before it is told to come again. Raises ValueError for a peer that is no network, or for none at all.
        """
        if not peers:
            raise ValueError("peers: name at least one network that may hand in mail")
        self._host = host
        self._port = port
        self._session_type = LmtpSession if protocol == "lmtp" else MailSession
        self._peers = tuple(ip_network(peer) for peer in peers)
        self._name = door
        self._clock = clock
        # Half of the descriptors: the store and the desk need some too, and a 421 is better than no answer.
        self._connection_limit = min(connection_limit, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._server: asyncio.Server | None = None
        self._take_in: TakeIn | None = None
        self._sessions: set[MailSession] = set()
        self._commits: set[asyncio.Task[bool]] = set()
        self.hostname = hostname
        self.size_limit = size_limit
        self.idle_seconds = idle_seconds
        self.commit_seconds = commit_seconds
        self.inbox = memoryview(bytearray(CHUNK))
        self.large_mails = asyncio.Semaphore(max(2, LARGE_MAIL_MEMORY // size_limit))

    @property
    def port(self) -> int:
        """The port listened on; before `open` the one configured."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server and self._server.sockets else self._port

    async def open(self, take_in: TakeIn) -> None:
        """Begin to listen. Raises OSError when the port is in use."""
        self._take_in = take_in
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: self._session_type(self), self._host, self._port, backlog=128
            )
        except OSError as error:
            sentence = f"[{self._name}] listen = {self._host}:{self._port}: {os.strerror(error.errno or 0)}"
            raise OSError(error.errno, sentence) from error
        log.info("smtp door open", extra={"door": self._name, "port": self.port})

    async def close(self) -> None:
        """Listen no more, end idle sessions, and wait until every mail that was being stored is stored and answered."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for session in tuple(self._sessions):
            if session.is_storing:
                session.end_after_answer()
            else:
                session.end("421 4.3.2 closing, try again later")
        if self._commits:
            await asyncio.wait(self._commits, timeout=self.commit_seconds)
        for _ in range(100):
            if not self._sessions:
                break
            await asyncio.sleep(0.01)  # a session leaves in a turn of the loop after its last line
        for session in tuple(self._sessions):
            session.abort()

    # What a session asks

    def greet(self, session: MailSession) -> str | None:
        """Admit a session, or say why not."""
        if self._server is None:
            return "421 4.3.2 closing, try again later"
        if not self._is_peer(session.peer):
            log.warning("smtp peer refused", extra={"door": self._name})
            return "554 5.7.1 this host takes mail from its own mail server only"
        if len(self._sessions) >= self._connection_limit:
            log.warning("smtp connection limit reached", extra={"door": self._name})
            return "421 4.3.2 too many connections, try again later"
        self._sessions.add(session)
        return None

    def leave(self, session: MailSession) -> None:
        """Forget a session."""
        self._sessions.discard(session)

    def store(self, peer: str, sender: str, recipients: tuple[str, ...], content: bytes) -> asyncio.Task[bool]:
        """Begin to hand a mail on, in a task that nobody's hanging up can end."""
        raw = RawMessage(
            channel="email",
            door=self._name,
            content=content,
            media_type="message/rfc822",
            envelope=Envelope(sender, recipients, peer),
            received_at=self._clock().astimezone(UTC),
        )
        task = asyncio.ensure_future(self._commit(raw))
        self._commits.add(task)
        task.add_done_callback(self._committed)
        return task

    async def _commit(self, raw: RawMessage) -> bool:
        if self._take_in is None:
            raise RuntimeError("the door is not open")
        return await self._take_in(raw)

    def _committed(self, task: asyncio.Task[bool]) -> None:
        self._commits.discard(task)
        # The text of an error may quote what it could not store; its type may not.
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("mail not stored", extra={"door": self._name, "error": type(error).__name__})

    def _is_peer(self, text: str) -> bool:
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._peers)
