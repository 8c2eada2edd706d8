"""Submission of one message to the site's MTA (RFC 6409), and what its end was (RFC 1047).

The conversation is led step by step, because only the step tells what an error means. Up to the final dot nothing has
been handed over: whatever goes wrong, the message was not delivered, and a 5xx says that trying again is of no use.
Once the dot is written, silence, a cut or an unreadable answer leaves open whether the relay took the message; then
it is `DeliveryUncertain`, and nobody but a person tries again (INV-9). Therefore the dot is written alone, after the
body has left and the relay had a moment to hang up.

TLS is what the configuration says. It never falls back to plain text.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeVar

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from mail.channel import DeliveryError, DeliveryUncertain
from mail.compose import compose, mailbox
from mail.message import OutboundMessage, Receipt
from mail.tokens import TokenError, TokenSource

T = TypeVar("T")
Tls = Literal["none", "starttls", "tls"]

GOODBYE_SECONDS: Final = 5.0
DOT_PAUSE_SECONDS: Final = 0.02
"""Between body and dot: a relay that cut the connection while reading is then known not to have the message."""


class SubmissionRelay:
    """The site's MTA. Every message has a connection of its own."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        hostname: str,
        clock: Callable[[], datetime],
        tls: Tls = "starttls",
        user: str = "",
        password: str = "",
        tokens: TokenSource | None = None,
        certificate_file: Path | None = None,
        timeout_seconds: float = 300.0,
        final_seconds: float = 600.0,
    ) -> None:
        """`hostname` is how we introduce ourselves; `certificate_file` holds the authority to trust instead of the
        system's. `timeout_seconds` is for each step, `final_seconds` for the answer to the final dot (RFC 5321,
        4.5.3.2). With `tokens` the log-in of `user` is XOAUTH2 instead of a password. Raises ValueError for a secret
        that would go over the wire in clear.
        """
        if user and tls == "none" and host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("relay: a password needs tls")
        self._host = host
        self._port = port
        self._hostname = hostname
        self._clock = clock
        self._tls = tls
        self._user = user
        self._password = password
        self._tokens = tokens
        self._certificate_file = certificate_file
        self._timeout = timeout_seconds
        self._final = final_seconds

    async def send(self, message: OutboundMessage) -> Receipt:
        """Submit one message. Raises `DeliveryError` or `DeliveryUncertain`."""
        try:
            content = compose(message, self._clock())
            recipient = mailbox(message.to, "to")
            sender = mailbox(message.envelope_sender, "envelope_sender") if message.envelope_sender else ""
            gives_way = message.automatic if not sender else message.envelope_sender != message.from_address
            fallback = mailbox(message.from_address, "from_address") if gives_way else ""
        except ValueError:
            raise DeliveryError("compose", permanent=True) from None
        client = SMTP(
            hostname=self._host,
            port=self._port,
            local_hostname=self._hostname,
            timeout=self._timeout,
            use_tls=self._tls == "tls",
            start_tls=False,
            tls_context=await self._trust() if self._tls != "none" else None,
        )
        try:
            await self._begin(client)
            await self._address(client, sender, fallback, recipient, len(content))
            return await self._hand_over(client, content)
        finally:
            client.close()

    async def _trust(self) -> ssl.SSLContext:
        try:
            return await asyncio.to_thread(ssl.create_default_context, cafile=self._certificate_file)
        except OSError:
            raise DeliveryError("certificate_file", permanent=False) from None

    async def _begin(self, client: SMTP) -> None:
        await _step("connect", client.connect())
        try:
            await _step("ehlo", client.ehlo())
        except DeliveryError as error:
            # A relay that knows HELO only can do neither TLS nor passwords.
            if not error.permanent or self._tls == "starttls" or self._user:
                raise DeliveryError("ehlo", error.code, permanent=False) from None
            await _step("helo", client.helo())
        if self._tls == "starttls":
            await self._patiently("starttls", client.starttls())
            await _step("ehlo", client.ehlo())
        if self._tokens is not None:
            await self._show_token(client, self._tokens)
        elif self._user:
            await self._patiently("login", client.login(self._user, self._password))

    async def _show_token(self, client: SMTP, tokens: TokenSource) -> None:
        """XOAUTH2. A token that is refused may have ended a moment ago: another one is shown once."""
        if "xoauth2" not in client.server_auth_methods:
            raise DeliveryError("no_xoauth2", permanent=False)
        token = await _token(tokens)
        try:
            await self._patiently("login", client.auth_xoauth2(self._user, token))
        except DeliveryError:
            tokens.forget()
            another = await _token(tokens)
            if another == token or not client.is_connected:
                raise
            await self._patiently("login", client.auth_xoauth2(self._user, another))

    async def _patiently(self, stage: str, step: Awaitable[object]) -> None:
        """A step whose refusal is the fault of the configuration and not of the message: it may work later."""
        try:
            await _step(stage, step)
        except DeliveryError as error:
            raise DeliveryError(stage, error.code, permanent=False) from None

    async def _address(self, client: SMTP, sender: str, fallback: str, recipient: str, size: int) -> None:
        options = [f"SIZE={size}"] if client.supports_extension("size") else []
        if options and 0 < _announced_size(client) < size:
            raise DeliveryError("size", permanent=True)
        encoding = "ascii"
        if not (sender + recipient).isascii():
            if not client.supports_extension("smtputf8"):
                raise DeliveryError("smtputf8", permanent=True)
            options.append("SMTPUTF8")
            encoding = "utf-8"
        try:
            await _step("mail", client.mail(sender, options=options, encoding=encoding))
            await _step("rcpt", client.rcpt(recipient, encoding=encoding))
        except DeliveryError as error:
            if not (fallback and error.permanent):
                raise
        else:
            return
        # The null path (INV-7) and a signed one, where the relay refuses them, give way to our own address. Many relays
        # refuse a sender only when they hear the recipient, so whose fault a refusal was cannot be told from its place.
        await _step("rset", client.rset())
        await _step("mail", client.mail(fallback, options=options, encoding=encoding))
        await _step("rcpt", client.rcpt(recipient, encoding=encoding))

    async def _hand_over(self, client: SMTP, content: bytes) -> Receipt:
        begun = await _step("data", client.execute_command(b"DATA"))
        if begun.code != 354:
            raise DeliveryError("data", begun.code, permanent=500 <= begun.code < 600)
        protocol = client.protocol
        if protocol is None:
            raise DeliveryError("body", permanent=False)
        await _step("body", self._write_body(client, (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]))
        try:
            protocol.write(b".\r\n")
        except (SMTPException, OSError):
            raise DeliveryError("body", permanent=False) from None
        try:
            answer = await protocol.read_response(timeout=self._final)
        except (SMTPException, OSError):
            raise DeliveryUncertain("final") from None
        if 400 <= answer.code < 600:
            raise DeliveryError("final", answer.code, permanent=answer.code >= 500)
        if not 200 <= answer.code < 300:
            raise DeliveryUncertain("final")
        receipt = Receipt(f"{answer.code} {' '.join(answer.message.split())}"[:200], self._clock().astimezone(UTC))
        with suppress(SMTPException, OSError):
            await client.quit(timeout=GOODBYE_SECONDS)
        return receipt

    async def _write_body(self, client: SMTP, body: bytes) -> None:
        async with asyncio.timeout(self._timeout):
            transport = client.transport
            if client.protocol is None or not isinstance(transport, asyncio.WriteTransport):
                raise ConnectionResetError
            client.protocol.write(body)
            while transport.get_write_buffer_size():  # noqa: ASYNC110 - the library offers no event for it
                await asyncio.sleep(0.005)
            await asyncio.sleep(DOT_PAUSE_SECONDS)
            if not client.is_connected:
                raise ConnectionResetError


async def _token(tokens: TokenSource) -> str:
    try:
        return await asyncio.to_thread(tokens.token)
    except TokenError:
        raise DeliveryError("token", permanent=False) from None


def _announced_size(client: SMTP) -> int:
    """What follows SIZE in the answer to EHLO (RFC 1870); 0 is no limit."""
    announced = client.esmtp_extensions.get("size", "")
    return int(announced) if announced.isascii() and announced.isdigit() else 0


async def _step(stage: str, step: Awaitable[T]) -> T:
    """Await one step before the final dot; any failure means that the message was not delivered."""
    try:
        return await step
    except SMTPResponseException as error:
        code = error.code if 400 <= error.code < 600 else None
        raise DeliveryError(stage, code, permanent=code is not None and code >= 500) from None
    except (SMTPException, OSError, ValueError, RuntimeError):
        raise DeliveryError(stage, permanent=False) from None
