"""The door of mail, spoken to over a real socket by a client that says exactly what a test tells it to."""

import asyncio
import errno
import logging
import random
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

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


async def test_a_mail_arrives_byte_for_byte_with_its_envelope_and_moment() -> None:
    store = Store()
    content = (
        "Subject: Tietopyyntö\r\n\r\nHyvää päivää, ähkyä ja öljyä.\r\n..piste\r\n".encode("latin-1") + b"\x00\n\r\r\n"
    )
    async with opened(store.take_in) as door, connected(door) as wire:
        await wire.begin("asiakaspalvelu@lampo.test", "tietosuoja@lampo.test")
        await wire.send(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        assert await wire.answer() == "250 2.0.0 stored"
    (raw,) = store.taken
    assert raw.content == content
    assert raw.envelope.sender == "aino.esimerkkila@posti.test"
    assert raw.envelope.recipients == ("asiakaspalvelu@lampo.test", "tietosuoja@lampo.test")
    assert raw.envelope.peer == "127.0.0.1"
    assert (raw.channel, raw.door, raw.media_type, raw.received_at) == ("email", "smtp", "message/rfc822", NOW)


async def test_a_bounce_comes_with_the_null_sender() -> None:
    store = Store()
    async with opened(store.take_in) as door, connected(door) as wire:
        await wire.begin(sender="")
        assert (await wire.say("Subject: x\r\n\r\n.")).startswith("250")
    assert store.taken[0].envelope.sender == ""


async def test_no_250_is_heard_before_the_store_has_the_mail() -> None:
    may_store = asyncio.Event()
    store = Store(before=may_store.wait)
    async with opened(store.take_in) as door, connected(door) as wire:
        await wire.begin()
        await wire.send(b"x\r\n.\r\n")
        answer = asyncio.ensure_future(wire.answer())
        done, _ = await asyncio.wait([answer], timeout=0.2)
        assert not done
        may_store.set()
        assert (await answer).startswith("250")
        assert len(store.taken) == 1


FAILURES = [
    RuntimeError("database of aino.esimerkkila@posti.test"),
    ValueError("aino"),
    KeyError("aino"),
    UnicodeDecodeError("utf-8", b"aino", 0, 1, "aino"),
    RecursionError("aino"),
    MemoryError("aino"),
    ConnectionResetError("aino"),
    TimeoutError("aino"),
    AssertionError("aino"),
    StopAsyncIteration("aino"),
    ExceptionGroup("aino", [ValueError("aino")]),
    asyncio.CancelledError("aino"),
    OSError(errno.EIO, "aino"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_whatever_goes_wrong_in_storing_the_mail_stays_with_the_peer(
    failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def fail() -> None:
        raise failure

    store = Store(before=fail)
    async with opened(store.take_in) as door, connected(door) as wire:
        await wire.begin()
        assert await wire.say("Subject: x\r\n\r\nx\r\n.") == "451 4.3.0 not stored, try again later"
        store.before = None
        assert (await wire.say("MAIL FROM:<aino.esimerkkila@posti.test>")).startswith("250")
        assert (await wire.say("RCPT TO:<tietosuoja@lampo.test>")).startswith("250")
        await wire.say("DATA")
        assert (await wire.say("Subject: x\r\n\r\nx\r\n.")).startswith("250")
    assert len(store.taken) == 1
    assert "aino" not in caplog.text


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_is_a_452(code: int) -> None:
    async def fail() -> None:
        raise OSError(code, "disk")

    async with opened(Store(before=fail).take_in) as door, connected(door) as wire:
        await wire.begin()
        assert await wire.say("x\r\n.") == "452 4.3.1 no room, try again later"


async def test_a_store_that_hangs_is_a_451_and_the_retry_has_the_same_key() -> None:
    hang = asyncio.Event()
    store = Store(before=hang.wait)
    async with opened(store.take_in, commit_seconds=0.1) as door, connected(door) as wire:
        await wire.begin()
        assert (await wire.say("x\r\n.")).startswith("451")
        hang.set()
        await wire.say("MAIL FROM:<aino.esimerkkila@posti.test>")
        await wire.say("RCPT TO:<tietosuoja@lampo.test>")
        await wire.say("DATA")
        assert (await wire.say("x\r\n.")).startswith("250")
    first, second = store.taken
    assert first.key == second.key


async def test_a_client_that_hangs_up_after_the_dot_does_not_undo_the_storing() -> None:
    may_store = asyncio.Event()
    begun = asyncio.Event()

    async def wait() -> None:
        begun.set()
        await may_store.wait()

    store = Store(before=wait)
    async with opened(store.take_in) as door:
        async with connected(door) as wire:
            await wire.begin()
            await wire.send(b"x\r\n.\r\n")
            await begun.wait()
            wire.writer.transport.abort()
        await asyncio.sleep(0.1)
        may_store.set()
    assert len(store.taken) == 1


async def test_a_client_that_hangs_up_before_the_dot_has_handed_in_nothing() -> None:
    store = Store()
    async with opened(store.take_in) as door, connected(door) as wire:
        await wire.begin()
        await wire.send(b"Subject: x\r\n\r\nx\r\n.\r")
        wire.writer.close()
        await wire.writer.wait_closed()
    assert store.taken == []


async def test_a_client_that_says_all_at_once_and_closes_its_half_gets_every_answer() -> None:
    store = Store()
    said = (
        "EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@lampo.test>\r\nDATA\r\nx\r\n.\r\n"
        "MAIL FROM:<>\r\nRCPT TO:<d@lampo.test>\r\nDATA\r\ny\r\n.\r\nQUIT\r\n"
    )
    async with opened(store.take_in) as door, connected(door) as wire:
        await wire.send(said.encode())
        wire.writer.write_eof()
        heard = (await wire.rest()).decode().splitlines()
    codes = [line[:3] for line in heard if line[3] == " "]
    assert codes == ["250", "250", "250", "354", "250", "250", "250", "354", "250", "221"]
    assert [raw.content for raw in store.taken] == [b"x\r\n", b"y\r\n"]


async def test_lmtp_answers_once_for_every_recipient() -> None:
    store = Store()
    async with opened(store.take_in, protocol="lmtp") as door, connected(door) as wire:
        await wire.begin("a@lampo.test", "b@lampo.test", "a@lampo.test", hello="LHLO")
        await wire.send(b"x\r\n.\r\n")
        assert [await wire.answer() for _ in range(3)] == ["250 2.0.0 stored"] * 3
        assert (await wire.say("NOOP")).startswith("250")
        assert (await wire.say("EHLO x")).startswith("500")
    assert len(store.taken) == 1
    assert len(store.taken[0].envelope.recipients) == 3


async def test_lmtp_refuses_once_for_every_recipient_too() -> None:
    async def fail() -> None:
        raise RuntimeError

    async with opened(Store(before=fail).take_in, protocol="lmtp", size_limit=1_000) as door, connected(door) as wire:
        await wire.begin("a@lampo.test", "b@lampo.test", hello="LHLO")
        await wire.send(b"x\r\n.\r\n")
        assert [(await wire.answer())[:3] for _ in range(2)] == ["451", "451"]
        await wire.begin("a@lampo.test", "b@lampo.test", hello="LHLO")
        await wire.send(b"x" * 2_000 + b"\r\n.\r\n")
        assert [(await wire.answer())[:3] for _ in range(2)] == ["552", "552"]


async def test_a_line_without_end_beyond_the_limit_is_read_past_in_bounded_memory() -> None:
    store = Store()
    tracemalloc.start()
    try:
        async with opened(store.take_in, size_limit=2_000_000) as door, connected(door) as wire:
            await wire.begin()
            for _ in range(600):
                await wire.send(b"x" * 100_000)
            peak = tracemalloc.get_traced_memory()[1]
            await wire.send(b"\r\n.\r\n")
            assert (await wire.answer()).startswith("552 5.3.4")
            assert (await wire.say("NOOP")).startswith("250")
    finally:
        tracemalloc.stop()
    assert peak < 12_000_000
    assert store.taken == []


async def test_a_command_line_without_end_is_read_past_in_bounded_memory() -> None:
    tracemalloc.start()
    try:
        async with opened(Store().take_in) as door, connected(door) as wire:
            for _ in range(200):
                await wire.send(b"x" * 100_000)
            peak = tracemalloc.get_traced_memory()[1]
            await wire.send(b"\r\n")
            assert await wire.answer() == "500 5.5.2 command line too long"
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


async def test_the_size_limit_is_announced_and_kept_at_mail_from() -> None:
    async with opened(Store().take_in, size_limit=5_000) as door, connected(door) as wire:
        await wire.send(b"EHLO x\r\n")
        heard = (await wire.reader.readuntil(b"250 ENHANCEDSTATUSCODES\r\n")).decode()
        for extension in ("SIZE 5000", "8BITMIME", "SMTPUTF8", "PIPELINING"):
            assert f"250-{extension}\r\n" in heard
        assert "AUTH" not in heard
        assert (await wire.say("MAIL FROM:<a@b.test> SIZE=5001")).startswith("552")
        assert (await wire.say("MAIL FROM:<a@b.test> SIZE=5000 BODY=8BITMIME SMTPUTF8")).startswith("250")


async def test_lines_of_any_length_and_ten_mebibytes_of_junk_are_taken() -> None:
    store = Store()
    junk = random.Random(7).randbytes(10 * 1_048_576).replace(b"\r\n.", b"\r\n,") + b"y" * 1_000_000 + b"\r\n"
    async with opened(store.take_in, size_limit=20_000_000) as door, connected(door) as wire:
        await wire.begin()
        await wire.send(junk + b".\r\n")
        assert (await wire.answer()).startswith("250")
    assert store.taken[0].content == junk


async def test_a_large_mail_does_not_hold_the_event_loop() -> None:
    """INV-8: the loop's latency stays under 100 ms."""
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            worst = max(worst, time.perf_counter() - before)

    block = (b"x" * 70 + b"\r\n") * 14_000

    def say_it(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as peer:
            peer.sendall(b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@lampo.test>\r\nDATA\r\n")
            for _ in range(48):
                peer.sendall(block)
            peer.sendall(b".\r\nQUIT\r\n")
            with peer.makefile("rb") as answers:
                return answers.read()

    store = Store()
    async with opened(store.take_in, size_limit=60_000_000) as door:
        watcher = asyncio.ensure_future(watch())
        heard = await asyncio.to_thread(say_it, door.port)
        watcher.cancel()
    assert b"250 2.0.0 stored" in heard
    assert store.taken[0].content == block * 48
    assert worst < 0.1


@pytest.mark.parametrize(
    "false_end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\n.\r", b"\r\n.\r"], ids=repr
)
async def test_a_second_mail_cannot_be_smuggled_inside_the_first(false_end: bytes) -> None:
    store = Store()
    async with opened(store.take_in) as door, connected(door) as wire:
        await wire.begin()
        smuggled = b"MAIL FROM:<dora@lampo.test>\r\nRCPT TO:<x@lampo.test>\r\nDATA\r\nfalse\r\n"
        await wire.send(b"Subject: x\r\n\r\nx" + false_end + smuggled + b".\r\n")
        assert (await wire.answer()).startswith("250")
        assert (await wire.say("NOOP")) == "250 2.0.0 OK"
    assert len(store.taken) == 1
    assert smuggled in store.taken[0].content


async def test_a_peer_outside_the_list_is_sent_away_with_the_first_line() -> None:
    store = Store()
    async with opened(store.take_in, peers=["192.0.2.0/24", "::1"]) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        heard = await asyncio.wait_for(reader.read(), 30)
        writer.close()
    assert heard.startswith(b"554 5.7.1 ")
    assert heard.count(b"\r\n") == 1


async def test_a_door_for_nobody_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="peers"):
        SmtpDoor(host="127.0.0.1", port=0, protocol="smtp", hostname="x", peers=[], size_limit=1, clock=lambda: NOW)


async def test_beyond_the_connection_limit_a_client_is_asked_to_come_again() -> None:
    async with opened(Store().take_in, connection_limit=2) as door:
        async with connected(door), connected(door) as second:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            assert (await asyncio.wait_for(reader.read(), 30)).startswith(b"421 4.3.2")
            writer.close()
            assert (await second.say("NOOP")).startswith("250")
            await second.say("QUIT")
            await second.rest()
            await asyncio.sleep(0.05)
        async with connected(door) as next_one:
            assert (await next_one.say("NOOP")).startswith("250")


async def test_an_idle_client_is_sent_away() -> None:
    async with opened(Store().take_in, idle_seconds=0.2) as door, connected(door) as wire:
        assert (await wire.rest()).startswith(b"421 4.4.2")


async def test_a_flood_of_commands_ends_in_a_421() -> None:
    async with opened(Store().take_in) as door, connected(door) as wire:
        await wire.send(b"NOOP\r\n" * 1_000)
        heard = (await wire.rest()).splitlines()
    assert len(heard) == 201
    assert heard[-1].startswith(b"421 4.7.0")


@pytest.mark.parametrize("command", ["AUTH PLAIN AAAA", "STARTTLS", "HELP", "EXPN a", "\\x00", "GET / HTTP/1.1", ""])
async def test_what_the_door_does_not_know_it_says_so_and_gives_up_after_five(command: str) -> None:
    async with opened(Store().take_in) as door, connected(door) as wire:
        await wire.send((command + "\r\n").encode() * 9)
        heard = (await wire.rest()).splitlines()
    assert [line[:3] for line in heard] == [b"500"] * 4 + [b"421"]


async def test_commands_out_of_order_and_without_syntax_are_refused() -> None:
    async with opened(Store().take_in) as door, connected(door) as wire:
        assert (await wire.say("MAIL FROM:<a@b.test>")).startswith("503")
        assert (await wire.say("EHLO")).startswith("501")
        assert await wire.say("HELO x") == "250 demo.lampo.test"
        assert (await wire.say("RCPT TO:<a@lampo.test>")).startswith("503")
        assert (await wire.say("DATA")).startswith("503")
        assert (await wire.say("MAIL FROM:<a@b.test> RET=FULL")).startswith("555")
        assert (await wire.say("MAIL FROM:<a@b.test> SIZE=x")).startswith("501")
        assert (await wire.say("MAIL FROM:<a@b.test> BODY=BINARYMIME")).startswith("501")
        assert (await wire.say("MAIL TO:<a@b.test>")).startswith("501")
        assert (await wire.say("mail from: <a@b.test>")).startswith("250")
        assert (await wire.say("MAIL FROM:<a@b.test>")).startswith("503")
        assert (await wire.say("DATA")).startswith("503")
        assert (await wire.say("RCPT TO:<>")).startswith("501")
        assert (await wire.say("RCPT TO:<a@lampo.test> NOTIFY=NEVER")).startswith("555")
        assert (await wire.say("RSET")).startswith("250")
        assert (await wire.say("RCPT TO:<a@lampo.test>")).startswith("503")
        assert (await wire.say("VRFY aino")).startswith("252")


async def test_too_many_recipients_are_told_to_come_in_a_second_mail() -> None:
    async with opened(Store().take_in) as door, connected(door) as wire:
        await wire.say("EHLO x")
        await wire.say("MAIL FROM:<a@b.test>")
        await wire.send(b"RCPT TO:<a@lampo.test>\r\n" * 1_001)
        codes = [(await wire.answer())[:3] for _ in range(1_001)]
    assert codes == ["250"] * 1_000 + ["452"]


async def test_an_envelope_in_any_charset_can_be_stored() -> None:
    store = Store()
    async with opened(store.take_in) as door, connected(door) as wire:
        await wire.say("EHLO x")
        await wire.send(b"MAIL FROM:<p\xe4ivi@posti.test>\r\n")
        assert (await wire.answer()).startswith("250")
        assert (await wire.say("RCPT TO:<sähkö@lampo.test>")).startswith("250")
        await wire.say("DATA")
        assert (await wire.say("x\r\n.")).startswith("250")
    envelope = store.taken[0].envelope
    assert envelope.sender == "p\\xe4ivi@posti.test"
    assert envelope.recipients == ("sähkö@lampo.test",)


async def test_more_large_mails_than_places_all_arrive() -> None:
    store = Store()
    content = b"x" * 3_000_000 + b"\r\n"

    async def hand_in(door: SmtpDoor, name: str) -> str:
        async with connected(door) as wire:
            await wire.begin(sender=f"{name}@posti.test")
            await wire.send(content + b".\r\n")
            return await wire.answer()

    async with opened(store.take_in, size_limit=60_000_000) as door:
        answers = await asyncio.gather(*(hand_in(door, f"a{number}") for number in range(7)))
    assert answers == ["250 2.0.0 stored"] * 7
    assert [raw.content for raw in store.taken] == [content] * 7


async def test_closing_waits_for_the_mail_that_is_being_stored_and_answers_it() -> None:
    begun, may_store = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        await may_store.wait()

    store = Store(before=wait)
    async with opened(store.take_in) as door, connected(door) as busy, connected(door) as idle:
        await busy.begin()
        await busy.send(b"x\r\n.\r\n")
        await begun.wait()
        closing = asyncio.ensure_future(door.close())
        assert (await idle.rest()).startswith(b"421 4.3.2")
        assert not closing.done()
        may_store.set()
        assert await busy.rest() == b"250 2.0.0 stored\r\n"
        await closing
        await door.close()
    assert len(store.taken) == 1


async def test_a_second_door_on_the_same_port_says_so() -> None:
    async with opened(Store().take_in) as door:
        with pytest.raises(OSError, match="in use"):
            async with opened(Store().take_in, port=door.port):
                pass
