"""Paper: what the scanner puts into its folder, and what the printer service finds in its own."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from mail.channel import DeliveryError
from mail.letters import LetterChannel, read_letter
from mail.message import Envelope, OutboundMessage, RawMessage
from mail.ocr import OCR_MEMORY, OCR_SECONDS
from mail.worker import Workers

NOW = datetime.now(UTC)
PDF = b"%PDF-1.7\nletter of the test\n%%EOF\n"
LETTER = OutboundMessage(
    kind="reply",
    channel="letter",
    language="fi",
    subject="Tietopyyntönne",
    text="Hyvä Aino,",
    reference="KIR-7QK4",
    message_id="<kir-7qk4.1@lampo.test>",
    address_lines=("Aino Esimerkkilä", "Esimerkkikatu 1", "85100 KALAJOKI"),
)


class Register:
    """Takes scans in; `before` runs first and may fail or wait."""

    def __init__(self, before: Callable[[], Awaitable[None]] | None = None) -> None:
        self.taken: list[RawMessage] = []
        self.before = before

    async def take_in(self, raw: RawMessage) -> bool:
        if self.before is not None:
            await self.before()
        is_new = all(raw.key != known.key for known in self.taken)
        self.taken.append(raw)
        return is_new


async def rendered(message: OutboundMessage) -> bytes:
    return PDF + message.text.encode()


def channel_of(folder: Path, **settings: Any) -> LetterChannel:
    plain: dict[str, Any] = {
        "scans": folder / "scans",
        "spool": folder / "letters",
        "clock": lambda: NOW,
        "render": rendered,
        "look_seconds": 0.02,
    }
    return LetterChannel(**{**plain, **settings})


@asynccontextmanager
async def watching(folder: Path, register: Register, **settings: Any) -> AsyncIterator[LetterChannel]:
    channel = channel_of(folder, **settings)
    await channel.open(register.take_in)
    try:
        yield channel
    finally:
        await channel.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a folder has no event to wait for
            await asyncio.sleep(0.01)


def left(folder: Path) -> list[str]:
    return sorted(file.name for file in (folder / "scans").iterdir() if file.is_file())


def kept(folder: Path) -> list[str]:
    return sorted(file.name for file in (folder / "scans" / "taken").iterdir())


async def test_a_scan_is_taken_in_and_kept_under_its_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    register = Register()
    async with watching(tmp_path, register):
        (tmp_path / "scans" / "Aino Esimerkkilä.pdf").write_bytes(PDF)
        await until(lambda: kept(tmp_path))
    (raw,) = register.taken
    assert (raw.channel, raw.door, raw.media_type, raw.content) == ("letter", "letters", "application/pdf", PDF)
    assert raw.envelope == Envelope()
    assert kept(tmp_path) == [f"{raw.key}.pdf"]
    assert left(tmp_path) == []
    assert "Esimerkkilä" not in caplog.text


async def test_a_letter_half_written_at_a_death_does_not_stay_in_the_spool(tmp_path: Path) -> None:
    half = tmp_path / "letters" / ".KIR-7QK4-0123456789abcdef.pdf.part"
    half.parent.mkdir()
    half.write_bytes(PDF[:10])
    async with watching(tmp_path, Register()):
        assert not half.exists()


async def test_the_receipt_is_when_the_scan_was_made_and_never_later_than_now(tmp_path: Path) -> None:
    register = Register()
    yesterday = NOW - timedelta(hours=20)
    times = {"a": yesterday, "b": NOW + timedelta(days=3), "c": datetime(1970, 1, 2, tzinfo=UTC)}
    (tmp_path / "scans").mkdir()
    for name, moment in times.items():
        (tmp_path / "scans" / name).write_bytes(name.encode())
        os.utime(tmp_path / "scans" / name, (moment.timestamp(), moment.timestamp()))
    async with watching(tmp_path, register):
        await until(lambda: len(kept(tmp_path)) == 3)
    received = {raw.content.decode(): raw.received_at for raw in register.taken}
    assert abs(received["a"] - yesterday) < timedelta(milliseconds=1)
    assert received["b"] == received["c"] == NOW
    assert all(moment.utcoffset() == timedelta(0) for moment in received.values())


@pytest.mark.parametrize(
    ("content", "media_type", "suffix"),
    [
        (b"", "application/octet-stream", ".bin"),
        (b"%PDF-1.7 cut", "application/pdf", ".pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg", ".jpg"),
        (b"II*\x00", "image/tiff", ".tif"),
        ("kirje tekstinä".encode(), "application/octet-stream", ".bin"),
    ],
)
async def test_whatever_lies_in_the_folder_is_taken(
    tmp_path: Path, content: bytes, media_type: str, suffix: str
) -> None:
    register = Register()
    async with watching(tmp_path, register):
        (tmp_path / "scans" / "scan.XYZ").write_bytes(content)
        await until(lambda: kept(tmp_path))
    assert register.taken[0].content == content
    assert register.taken[0].media_type == media_type
    assert kept(tmp_path)[0].endswith(suffix)


async def test_a_file_that_still_grows_is_left_until_it_is_complete(tmp_path: Path) -> None:
    register = Register()
    async with watching(tmp_path, register, look_seconds=0.1):
        with (tmp_path / "scans" / "scan.png").open("wb") as file:
            for _ in range(30):
                file.write(b"\x89PNG\r\n\x1a\n")
                file.flush()
                await asyncio.sleep(0.02)
                assert register.taken == []
        await until(lambda: kept(tmp_path))
    assert register.taken[0].content == b"\x89PNG\r\n\x1a\n" * 30


async def test_a_pdf_without_its_end_is_waited_for(tmp_path: Path) -> None:
    register = Register()
    async with watching(tmp_path, register, look_seconds=0.05):
        with (tmp_path / "scans" / "scan.pdf").open("wb") as file:
            file.write(PDF[:-6])
            file.flush()
            await asyncio.sleep(0.4)
            assert register.taken == []
            file.write(PDF[-6:])
        await until(lambda: kept(tmp_path))
    assert register.taken[0].content == PDF


async def test_what_is_no_finished_scan_is_not_looked_at(tmp_path: Path) -> None:
    register = Register()
    scans = tmp_path / "scans"
    secret = tmp_path / "secret"
    secret.write_bytes(b"not for the register")
    async with watching(tmp_path, register):
        for name in (".hidden", "scan.pdf.part", "scan.TMP", "scan.pdf~"):
            (scans / name).write_bytes(PDF)
        (scans / "folder").mkdir()
        (scans / "link.pdf").symlink_to(secret)
        os.mkfifo(scans / "pipe.pdf")
        (scans / "last.pdf").write_bytes(PDF)
        await until(lambda: kept(tmp_path))
        await asyncio.sleep(0.2)
    assert [raw.content for raw in register.taken] == [PDF]
    assert secret.exists()


async def test_the_same_sheet_again_has_the_same_key(tmp_path: Path) -> None:
    register = Register()
    async with watching(tmp_path, register):
        for _ in range(2):
            (tmp_path / "scans" / "scan.pdf").write_bytes(PDF)
            await until(lambda: left(tmp_path) == [] and register.taken)
    assert len({raw.key for raw in register.taken}) == 1
    assert len(kept(tmp_path)) == 1


async def test_a_scan_that_cannot_be_stored_stays_and_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise RuntimeError("Aino Esimerkkilä")

    register = Register(before=fail)
    async with watching(tmp_path, register) as channel:
        (tmp_path / "scans" / "Aino.pdf").write_bytes(PDF)
        await until(lambda: channel.problems)
        await asyncio.sleep(0.3)
        assert left(tmp_path) == ["Aino.pdf"]
        assert channel.problems == ("NOT_STORED",)
        register.before = None
        await until(lambda: kept(tmp_path))
        await until(lambda: not channel.problems)
    assert len(register.taken) == 1
    assert "Aino" not in caplog.text
    assert len(caplog.records) == 1


async def test_a_scan_beyond_the_limit_stays_and_is_named_a_problem_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    register = Register()
    async with watching(tmp_path, register, size_limit=1_000) as channel:
        (tmp_path / "scans" / "Aino.png").write_bytes(bytes(1_001))
        (tmp_path / "scans" / "small.png").write_bytes(bytes(1_000))
        await until(lambda: channel.problems and register.taken)
        await asyncio.sleep(0.3)
    assert channel.problems == ("TOO_LARGE",)
    assert left(tmp_path) == ["Aino.png"]
    assert [len(raw.content) for raw in register.taken] == [1_000]
    assert len(caplog.records) == 1
    assert "Aino" not in caplog.text


async def test_a_file_that_vanishes_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def vanish() -> None:
        for file in (tmp_path / "scans").glob("*.pdf"):
            file.unlink()

    register = Register(before=vanish)
    async with watching(tmp_path, register) as channel:
        (tmp_path / "scans" / "a.pdf").write_bytes(PDF)
        await until(lambda: register.taken)
        (tmp_path / "scans" / "b.pdf").write_bytes(PDF)
        (tmp_path / "scans" / "b.pdf").unlink()
        await asyncio.sleep(0.2)
        assert channel.problems == ()
    assert caplog.records == []


async def test_closing_finishes_the_scan_that_is_being_taken(tmp_path: Path) -> None:
    begun, may_store = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        await may_store.wait()

    register = Register(before=wait)
    channel = channel_of(tmp_path)
    await channel.open(register.take_in)
    (tmp_path / "scans" / "a.pdf").write_bytes(PDF)
    await begun.wait()
    closing = asyncio.create_task(channel.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    may_store.set()
    await closing
    await channel.close()
    assert len(kept(tmp_path)) == 1


async def test_a_letter_is_spooled_once_under_a_name_without_personal_data(tmp_path: Path) -> None:
    channel = channel_of(tmp_path)
    receipt = await channel.send(LETTER)
    assert receipt.at == NOW
    assert (tmp_path / "letters" / receipt.text).read_bytes() == PDF + "Hyvä Aino,".encode()
    assert receipt.text.startswith("KIR-7QK4-")
    assert (await channel.send(replace(LETTER, text="another"))).text == receipt.text
    assert [file.name for file in (tmp_path / "letters").iterdir()] == [receipt.text]
    assert (tmp_path / "letters" / receipt.text).read_bytes().endswith(b"Aino,")


@pytest.mark.parametrize(("failure", "permanent"), [(ValueError("Aino"), True), (RuntimeError("Aino"), False)])
async def test_a_letter_that_cannot_be_rendered_is_not_spooled(
    tmp_path: Path, failure: Exception, permanent: bool
) -> None:
    async def fail(_: OutboundMessage) -> bytes:
        raise failure

    with pytest.raises(DeliveryError) as caught:
        await channel_of(tmp_path, render=fail).send(LETTER)
    assert (caught.value.stage, caught.value.permanent) == ("render", permanent)
    assert "Aino" not in str(caught.value)
    assert not (tmp_path / "letters").exists()


async def test_a_spool_that_cannot_be_written_may_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("a file, not a folder")
    with pytest.raises(DeliveryError) as caught:
        await channel_of(tmp_path).send(LETTER)
    assert type(caught.value) is DeliveryError
    assert (caught.value.stage, caught.value.permanent) == ("spool", False)


def scan() -> RawMessage:
    image = Image.new("L", (1240, 500), "white")
    font = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 36)
    ImageDraw.Draw(image).text((80, 80), "Pyydän tiedot, joita teillä on minusta.\nAino Esimerkkilä", font=font, fill=0)
    file = BytesIO()
    image.save(file, "PNG", dpi=(150, 150))
    return RawMessage("letter", "letters", file.getvalue(), "image/png", Envelope(), NOW)


async def test_a_scan_is_read_in_a_worker_with_limits_of_its_own() -> None:
    raw = scan()
    workers = Workers(seconds=OCR_SECONDS, memory=OCR_MEMORY)
    try:
        message = await workers.run(read_letter, raw)
    finally:
        await workers.close()
    assert "Pyydän tiedot, joita teillä on minusta." in message.text
    assert message.new_text == message.text
    assert (message.channel, message.subject, message.language, message.problems) == ("letter", "", "other", ())
    (attachment,) = message.attachments
    assert (attachment.name, attachment.media_type) == ("letter.png", "image/png")
    assert (attachment.size, attachment.sha256) == (len(raw.content), raw.sha256)


async def test_an_unreadable_scan_is_ready_for_a_ticket_within_ten_seconds() -> None:
    raw = replace(scan(), content=b"%PDF-1.7\n" + bytes(1_000_000), media_type="application/pdf")
    workers = Workers(seconds=OCR_SECONDS, memory=OCR_MEMORY)
    begun = time.monotonic()
    try:
        message = await workers.run(read_letter, raw)
    finally:
        await workers.close()
    assert time.monotonic() - begun < 10
    assert message.problems == ("UNREADABLE_SCAN",)
    assert message.attachments[0].size == len(raw.content)
