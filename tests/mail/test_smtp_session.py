"""What is said over one connection, spoken over a real socket."""

import random
import tracemalloc

import pytest
from smtp_client import NOW, Store, connected, opened


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
