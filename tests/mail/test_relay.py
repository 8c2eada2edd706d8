"""Every way in which a relay can end a submission, played by relays that follow a script, and one real one with TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from mail.channel import DeliveryError, DeliveryUncertain
from mail.message import OutboundMessage, Receipt
from mail.relay import SubmissionRelay

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
REPLY = OutboundMessage(
    kind="reply",
    channel="email",
    language="fi",
    subject="Tietopyyntönne",
    text="Hyvä Aino,\n\n.piste\nTietonne ovat liitteessä.\n",
    reference="KIR-7QK4",
    message_id="<kir-7qk4.1@lampo.test>",
    to="aino.esimerkkila@posti.test",
    from_name="Kalajoen Lämpö Oy",
    from_address="tietosuoja@lampo.test",
    envelope_sender="tietosuoja@lampo.test",
)
ACKNOWLEDGEMENT = replace(REPLY, kind="acknowledgement", envelope_sender="", automatic=True)
STAGES = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "final"]


@dataclass
class Script:
    """What the relay answers at each stage; `cut` hangs up, `silent` says nothing more."""

    answers: dict[str, str] = field(default_factory=dict)
    extensions: tuple[str, ...] = ("8BITMIME",)
    read_before_cut: int = 0
    commands: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await self._answer("greeting", writer, "220 relay.test ESMTP"):
            return
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.commands.append(line)
            verb = line.partition(" ")[0].upper()
            plain = {
                "EHLO": "\r\n".join(["250-relay.test", *(f"250-{name}" for name in self.extensions), "250 HELP"]),
                "DATA": "354 go on",
                "QUIT": "221 bye",
            }.get(verb, "250 OK")
            exact = line if line in self.answers else verb
            if not await self._answer(exact, writer, plain):
                return
            if verb == "DATA" and "DATA" not in self.answers:
                if "body" in self.answers:
                    await reader.readexactly(self.read_before_cut)
                    return
                self.bodies.append(await reader.readuntil(b"\r\n.\r\n"))
                if not await self._answer("final", writer, "250 2.0.0 queued as 4XyZ"):
                    return

    async def _answer(self, stage: str, writer: asyncio.StreamWriter, plain: str) -> bool:
        answer = self.answers.get(stage, plain)
        if answer == "cut":
            return False
        if answer == "silent":
            await asyncio.sleep(3600)
        if answer.endswith("|cut"):
            writer.write(answer.removesuffix("|cut").encode())
            await writer.drain()
            return False
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        return True


@asynccontextmanager
async def playing(script: Script, **settings: Any) -> AsyncIterator[SubmissionRelay]:
    tasks: set[asyncio.Task[None]] = set()

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.CancelledError):
            await script.serve(reader, writer)

    server = await asyncio.start_server(begin, "127.0.0.1", 0, limit=2**16)
    port = server.sockets[0].getsockname()[1]
    plain = {"tls": "none", "timeout_seconds": 0.5, "final_seconds": 0.5}
    try:
        yield SubmissionRelay(
            host="127.0.0.1", port=port, hostname="kirjaamo.lampo.test", clock=lambda: NOW, **{**plain, **settings}
        )
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def ended(script: Script, message: OutboundMessage = REPLY, **settings: Any) -> DeliveryError:
    """The error with which a submission ended."""
    async with playing(script, **settings) as relay:
        with pytest.raises(DeliveryError) as caught:
            await relay.send(message)
    error = caught.value
    assert "@" not in str(error)
    assert error.__cause__ is None
    return error


async def test_a_message_is_handed_over_once_with_its_own_envelope() -> None:
    script = Script()
    async with playing(script) as relay:
        receipt = await relay.send(REPLY)
    assert receipt == Receipt("250 2.0.0 queued as 4XyZ", NOW)
    assert script.commands == [
        "EHLO kirjaamo.lampo.test",
        "MAIL FROM:<tietosuoja@lampo.test>",
        "RCPT TO:<aino.esimerkkila@posti.test>",
        "DATA",
        "QUIT",
    ]
    (body,) = script.bodies
    assert b"Message-ID: <kir-7qk4.1@lampo.test>\r\n" in body
    assert b"\r\n..piste\r\n" in body
    assert body.isascii()


@pytest.mark.parametrize("code", [421, 450, 451, 452])
@pytest.mark.parametrize("stage", STAGES)
async def test_a_temporary_refusal_at_any_stage_may_be_tried_again(stage: str, code: int) -> None:
    error = await ended(Script({stage: f"{code} aino.esimerkkila@posti.test later"}))
    assert type(error) is DeliveryError
    assert not error.permanent
    assert error.code in (code, None)


@pytest.mark.parametrize("code", [550, 552, 554])
@pytest.mark.parametrize("stage", ["greeting", "MAIL", "RCPT", "DATA", "final"])
async def test_a_final_refusal_at_any_stage_is_not_tried_again(stage: str, code: int) -> None:
    error = await ended(Script({stage: f"{code} no"}))
    assert type(error) is DeliveryError
    assert error.permanent
    assert error.code == code


@pytest.mark.parametrize("end", ["cut", "silent", "what?", "25|cut", "250-x|cut"])
@pytest.mark.parametrize("stage", STAGES[:-1])
async def test_before_the_final_dot_a_cut_or_silence_or_nonsense_may_be_tried_again(stage: str, end: str) -> None:
    error = await ended(Script({stage: end}))
    assert type(error) is DeliveryError
    assert not error.permanent


@pytest.mark.parametrize("octets", [0, 1, 300])
async def test_a_relay_that_cuts_while_it_reads_the_body_does_not_have_it(octets: int) -> None:
    error = await ended(Script({"body": "cut"}, read_before_cut=octets))
    assert type(error) is DeliveryError
    assert not error.permanent
    assert error.stage == "body"


async def test_a_relay_that_reads_no_further_does_not_have_it() -> None:
    big = replace(REPLY, text="Tiedot\n" * 2_000_000)
    script = Script({"body": "cut"}, read_before_cut=0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for answer in ("220 x", "250 x", "250 x", "250 x", "354 x"):
                writer.write(answer.encode() + b"\r\n")
                if answer != "354 x":
                    await reader.readline()
            await asyncio.sleep(3600)
        finally:
            writer.transport.abort()

    script.serve = serve  # type: ignore[method-assign]  # a relay that needs no script
    error = await ended(script, big, timeout_seconds=2.0)
    assert type(error) is DeliveryError
    assert (error.stage, error.permanent) == ("body", False)


@pytest.mark.parametrize(
    "end", ["cut", "silent", "250 o|cut", "25|cut", "250-2.0.0 ok\r\n|cut", "what?", "999 x", "354 x", "+50 x"]
)
@pytest.mark.parametrize("message", [REPLY, ACKNOWLEDGEMENT], ids=["reply", "acknowledgement"])
async def test_after_the_final_dot_a_cut_or_silence_or_nonsense_leaves_the_end_open(
    message: OutboundMessage, end: str
) -> None:
    script = Script({"final": end})
    error = await ended(script, message)
    assert type(error) is DeliveryUncertain
    assert len(script.bodies) == 1


@pytest.mark.parametrize("end", ["cut", "silent", "what?", "500 no"])
async def test_what_happens_after_the_250_is_of_no_matter(end: str) -> None:
    async with playing(Script({"QUIT": end})) as relay:
        assert (await relay.send(REPLY)).text.startswith("250 ")


async def test_nobody_listening_may_be_tried_again() -> None:
    relay = SubmissionRelay(host="127.0.0.1", port=1, hostname="x", clock=lambda: NOW, tls="none")
    with pytest.raises(DeliveryError) as caught:
        await relay.send(REPLY)
    assert (caught.value.stage, caught.value.permanent) == ("connect", False)


async def test_a_name_that_cannot_be_looked_up_may_be_tried_again() -> None:
    relay = SubmissionRelay(host="relay..test", port=25, hostname="x", clock=lambda: NOW, tls="none")
    with pytest.raises(DeliveryError) as caught:
        await relay.send(REPLY)
    assert not caught.value.permanent


async def test_an_acknowledgement_has_the_null_path() -> None:
    script = Script()
    async with playing(script) as relay:
        await relay.send(ACKNOWLEDGEMENT)
    assert "MAIL FROM:<>" in script.commands
    assert b"\r\nAuto-Submitted: auto-replied\r\n" in script.bodies[0]


async def test_where_the_null_path_is_refused_an_acknowledgement_goes_from_our_own_address() -> None:
    script = Script({"MAIL FROM:<>": "550 no bounces here"})
    async with playing(script) as relay:
        await relay.send(ACKNOWLEDGEMENT)
    assert script.commands[1:4] == ["MAIL FROM:<>", "RSET", "MAIL FROM:<tietosuoja@lampo.test>"]
    assert len(script.bodies) == 1


SIGNED = replace(REPLY, envelope_sender="tietosuoja+abc234@lampo.test", reply_to="tietosuoja+xyz567@lampo.test")
OWN_PATH = "MAIL FROM:<tietosuoja@lampo.test>"


async def test_a_signed_path_that_is_refused_gives_way_to_our_own_address_at_once_or_at_the_recipient() -> None:
    at_once = Script({"MAIL FROM:<tietosuoja+abc234@lampo.test>": "550 5.7.60 not permitted to send as this sender"})
    late = LateScript({})
    for script in (at_once, late):
        async with playing(script) as relay:
            await relay.send(SIGNED)
        assert OWN_PATH in script.commands
        assert len(script.bodies) == 1
        assert b"\r\nReply-To: tietosuoja+xyz567@lampo.test\r\n" in script.bodies[0]


class LateScript(Script):
    """A relay that refuses a sender that is not the user's own, as Postfix does, when it hears the recipient."""

    async def _answer(self, stage: str, writer: asyncio.StreamWriter, plain: str) -> bool:
        refuses = stage == "RCPT" and OWN_PATH not in self.commands
        return await super()._answer(stage, writer, "553 5.7.1 not owned by user" if refuses else plain)


async def test_a_recipient_that_is_refused_is_refused_whoever_sends_and_told_once() -> None:
    script = Script({"RCPT": "550 5.1.1 no such user"})
    error = await ended(script, SIGNED)
    assert (error.stage, error.code, error.permanent) == ("rcpt", 550, True)
    assert [one.partition(" ")[0] for one in script.commands] == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT"]
    assert not (await ended(Script({"RCPT": "450 later"}), SIGNED)).permanent


async def test_only_an_acknowledgement_gives_up_the_null_path_and_only_when_refused_for_good() -> None:
    refused = {"MAIL FROM:<>": "550 no bounces here"}
    assert (await ended(Script(refused), replace(REPLY, envelope_sender=""))).permanent
    script = Script({"MAIL FROM:<>": "451 later"})
    assert not (await ended(script, ACKNOWLEDGEMENT)).permanent
    assert script.commands[1:] == ["MAIL FROM:<>"]


async def test_a_relay_for_small_messages_is_told_nothing() -> None:
    script = Script(extensions=("SIZE 100",))
    error = await ended(script)
    assert (error.stage, error.permanent) == ("size", True)
    assert len(script.commands) == 1


async def test_a_name_beyond_ascii_needs_a_relay_that_knows_it() -> None:
    message = replace(REPLY, to="päivi@posti.test")
    assert (await ended(Script(), message)).stage == "smtputf8"
    script = Script(extensions=("SMTPUTF8", "SIZE 0"))
    async with playing(script) as relay:
        await relay.send(message)
    assert "RCPT TO:<päivi@posti.test>" in script.commands
    assert script.commands[1].endswith(" SMTPUTF8")


async def test_a_message_that_cannot_be_written_is_not_begun() -> None:
    script = Script()
    error = await ended(script, replace(REPLY, subject="x\r\nBcc: y@evil.test"))
    assert (error.stage, error.permanent) == ("compose", True)
    assert script.commands == []


async def test_without_starttls_nothing_is_said_in_clear() -> None:
    script = Script()
    error = await ended(script, tls="starttls")
    assert not error.permanent
    assert [line.partition(" ")[0] for line in script.commands] == ["EHLO"]


def test_a_password_is_not_sent_in_clear_over_a_network() -> None:
    with pytest.raises(ValueError, match="tls"):
        SubmissionRelay(
            host="relay.lampo.test", port=25, hostname="x", clock=lambda: NOW, tls="none", user="u", password="p"
        )


class Mailroom:
    """The handler of a real server."""

    def __init__(self) -> None:
        self.taken: list[tuple[str | None, list[str], bytes, bool]] = []

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, content, session.ssl is not None))
        return "250 2.0.0 queued"


@asynccontextmanager
async def real_server(server_context: ssl.SSLContext, *, implicit: bool) -> AsyncIterator[tuple[Mailroom, int]]:
    mailroom = Mailroom()
    loop = asyncio.get_running_loop()

    def authenticate(*arguments: Any) -> AuthResult:
        login = arguments[-1]
        return AuthResult(success=(login.login, login.password) == (b"kirjaamo", b"s3cret"))

    def protocol() -> SMTP:
        context = None if implicit else server_context
        return SMTP(
            mailroom,
            hostname="relay.test",
            tls_context=context,
            require_starttls=not implicit,
            authenticator=authenticate,
            auth_required=not implicit,
            loop=loop,
        )

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=server_context if implicit else None)
    try:
        yield mailroom, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    return file


@pytest.fixture
def to_port(trusted: Path) -> Callable[..., SubmissionRelay]:
    def build(port: int, **settings: Any) -> SubmissionRelay:
        plain: dict[str, Any] = {
            "host": "127.0.0.1",
            "hostname": "x",
            "clock": lambda: NOW,
            "certificate_file": trusted,
            "timeout_seconds": 10.0,
        }
        return SubmissionRelay(port=port, **{**plain, **settings})

    return build


async def test_a_real_server_takes_a_message_after_starttls_and_log_in(
    server_context: ssl.SSLContext, to_port: Callable[..., SubmissionRelay]
) -> None:
    async with real_server(server_context, implicit=False) as (mailroom, port):
        receipt = await to_port(port, tls="starttls", user="kirjaamo", password="s3cret").send(REPLY)
    assert receipt.text == "250 2.0.0 queued"
    ((sender, recipients, content, was_tls),) = mailroom.taken
    assert (sender, recipients, was_tls) == ("tietosuoja@lampo.test", ["aino.esimerkkila@posti.test"], True)
    assert b"\r\n.piste\r\n" in content


async def test_a_real_server_takes_a_message_over_implicit_tls(
    server_context: ssl.SSLContext, to_port: Callable[..., SubmissionRelay]
) -> None:
    async with real_server(server_context, implicit=True) as (mailroom, port):
        await to_port(port, tls="tls").send(ACKNOWLEDGEMENT)
    assert mailroom.taken[0][0] in ("", "<>")


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_certificate_that_does_not_verify_ends_it_before_anything_is_said(
    server_context: ssl.SSLContext, to_port: Callable[..., SubmissionRelay], tmp_path: Path, implicit: bool
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    async with real_server(server_context, implicit=implicit) as (mailroom, port):
        for settings in ({"certificate_file": other}, {"certificate_file": None}, {"certificate_file": tmp_path / "-"}):
            with pytest.raises(DeliveryError) as caught:
                await to_port(port, tls="tls" if implicit else "starttls", **settings).send(REPLY)
            assert type(caught.value) is DeliveryError
            assert not caught.value.permanent
    assert mailroom.taken == []


async def test_a_wrong_password_may_be_tried_again_when_it_is_mended(
    server_context: ssl.SSLContext, to_port: Callable[..., SubmissionRelay]
) -> None:
    async with real_server(server_context, implicit=False) as (_, port):
        with pytest.raises(DeliveryError) as caught:
            await to_port(port, tls="starttls", user="kirjaamo", password="wrong", timeout_seconds=1.0).send(REPLY)
    assert (caught.value.stage, caught.value.permanent) == ("login", False)
