"""Submission with an access token (XOAUTH2), to a real server that speaks it, with its way of refusing."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from mail.channel import DeliveryError
from mail.message import OutboundMessage
from mail.relay import SubmissionRelay
from mail.tokens import TokenError

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
MESSAGE = OutboundMessage(
    kind="reply",
    channel="email",
    language="fi",
    subject="Tietopyyntönne",
    text="Hyvä Aino,\n\nTietonne ovat liitteessä.\n",
    reference="KIR-7QK4",
    message_id="<kir-7qk4.1@lampo.test>",
    to="aino.esimerkkila@posti.test",
    from_address="tietosuoja@lampo.test",
    envelope_sender="tietosuoja@lampo.test",
)


@dataclass
class Tokens:
    """Tokens in the order in which they are given; `forget` goes on to the next."""

    values: list[str | TokenError]
    forgotten: int = 0

    def token(self) -> str:
        value = self.values[min(self.forgotten, len(self.values) - 1)]
        if isinstance(value, TokenError):
            raise value
        return value

    def forget(self) -> None:
        self.forgotten += 1


@dataclass
class Provider:
    """A submission server as the vendors run it: what is in force, what was shown, what was taken."""

    port: int = 0
    good: str = "token-good"
    mechanism: str = "XOAUTH2"
    shown: list[str] = field(default_factory=list)
    after_challenge: list[bytes] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        self.taken.append(bytes(envelope.content or b""))
        return "250 2.0.0 queued"


class Submission(SMTP):
    """aiosmtpd with XOAUTH2."""

    def __init__(self, provider: Provider, **settings: Any) -> None:
        super().__init__(provider, auth_require_tls=False, **settings)
        self.provider = provider

    async def auth_XOAUTH2(self, _server: SMTP, arguments: list[str]) -> AuthResult:  # noqa: N802 - the library's name
        shown = base64.b64decode(arguments[1]).decode()
        self.provider.shown.append(shown)
        if shown == f"user=tietosuoja@lampo.test\1auth=Bearer {self.provider.good}\1\1":
            return AuthResult(success=True)
        await self.push("334 " + base64.b64encode(b'{"status":"401","schemes":"bearer"}').decode())
        self.provider.after_challenge.append((await self._reader.readline()).strip())
        await self.push("535 5.7.3 Authentication unsuccessful")
        return AuthResult(success=False, handled=True)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """A running submission server."""
    there = Provider()

    def session() -> SMTP:
        exclude = [] if there.mechanism == "XOAUTH2" else ["XOAUTH2"]
        return Submission(there, auth_exclude_mechanism=exclude)

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    there.port = server.sockets[0].getsockname()[1]
    yield there
    server.close()
    await server.wait_closed()


def relay(provider: Provider, tokens: Tokens) -> SubmissionRelay:
    """The way out, by token."""
    return SubmissionRelay(
        host="127.0.0.1",
        port=provider.port,
        hostname="kirjaamo.lampo.test",
        clock=lambda: NOW,
        tls="none",
        user="tietosuoja@lampo.test",
        tokens=tokens,
        timeout_seconds=5,
    )


async def test_a_token_in_force_lets_the_message_out(provider: Provider) -> None:
    receipt = await relay(provider, Tokens(["token-good"])).send(MESSAGE)
    assert receipt.text == "250 2.0.0 queued"
    assert len(provider.taken) == 1


async def test_a_token_that_has_ended_is_refused_by_a_challenge_and_the_next_one_is_shown(provider: Provider) -> None:
    tokens = Tokens(["token-old", "token-good"])
    await relay(provider, tokens).send(MESSAGE)
    assert [shown.partition("Bearer ")[2].strip("\1") for shown in provider.shown] == ["token-old", "token-good"]
    assert provider.after_challenge == [b""]
    assert (tokens.forgotten, len(provider.taken)) == (1, 1)


@pytest.mark.parametrize("values", [["token-old"], ["token-old", "token-older"]])
async def test_tokens_that_stay_refused_leave_the_message_for_later(
    provider: Provider, values: list[str | TokenError], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(DeliveryError) as caught:
        await relay(provider, Tokens(values)).send(MESSAGE)
    assert (caught.value.stage, caught.value.code, caught.value.permanent) == ("login", 535, False)
    assert provider.taken == []
    ours = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("mail.log"))
    assert "token-old" not in ours + repr(caught.value)


async def test_a_message_waits_while_no_token_is_to_be_had(provider: Provider) -> None:
    with pytest.raises(DeliveryError) as caught:
        await relay(provider, Tokens([TokenError("FILE")])).send(MESSAGE)
    assert (caught.value.stage, caught.value.permanent) == ("token", False)


async def test_a_server_that_knows_no_tokens_is_shown_none(provider: Provider) -> None:
    provider.mechanism = "none"
    with pytest.raises(DeliveryError) as caught:
        await relay(provider, Tokens(["token-good"])).send(MESSAGE)
    assert (caught.value.stage, caught.value.permanent, provider.shown) == ("no_xoauth2", False, [])
