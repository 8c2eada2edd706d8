"""The channel of paper: a folder that the scanner fills, and a folder that the printer service empties.

In: the folder is looked at twice a second. A file that has not changed between two looks is complete; it is handed on
byte for byte and then moved to `taken/` under its key, never deleted. Whatever file lies there is taken, readable or
not, so that every sheet somebody scanned ends as a ticket (INV-4). When we die between storing and moving, the same
file is handed in again and its key is known. What a file is called may name a person: names are never logged.

Out: a letter is rendered by the function handed in and put into the print spool.
"""

import asyncio
import logging
import os
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from mail.channel import DeliveryError, DeliveryUncertain, TakeIn
from mail.message import Attachment, ChannelName, Envelope, InboundMessage, OutboundMessage, RawMessage, Receipt
from mail.ocr import media_type_of, read_pages
from mail.spool import PrintSpool

log = logging.getLogger(__name__)

SIZE_LIMIT: Final = 52_428_800
LOOK_SECONDS: Final = 0.5
PATIENT_LOOKS: Final = 20
"""Looks at an empty file, or at a PDF without its end, before it is taken as it is: the scanner may still write."""
LONGEST_PAUSE: Final = 120
"""Looks between two tries of a file that makes trouble."""
OLDEST: Final = timedelta(days=366)
"""A file's time further back is a scanner with a wrong clock; staff may still set the receipt earlier."""
SUFFIXES: Final = {
    "application/pdf": ".pdf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/tiff": ".tif",
}
UNFINISHED: Final = (".part", ".tmp", ".partial", ".crdownload", ".filepart", "~")


@dataclass(slots=True)
class _Sight:
    """What is known of one file from look to look."""

    mark: tuple[int, int, int]
    """Inode, size and time: whether it is still as it was."""
    looks: int = 0
    pause: int = 0
    tries: int = 0
    problem: str = ""


class LetterChannel:
    """`Channel` of letters."""

    def __init__(
        self,
        *,
        scans: Path,
        spool: Path,
        clock: Callable[[], datetime],
        render: Callable[[OutboundMessage], Awaitable[bytes]],
        door: str = "letters",
        size_limit: int = SIZE_LIMIT,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """`render` turns a message into the octets of a PDF; ValueError from it means that it never will."""
        self._scans = scans
        self._taken = scans / "taken"
        self._spool = PrintSpool(spool)
        self._clock = clock
        self._render = render
        self._door = door
        self._size_limit = size_limit
        self._look_seconds = look_seconds
        self._sights: dict[str, _Sight] = {}
        self._is_closing = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    @property
    def name(self) -> ChannelName:
        """Always `letter`."""
        return "letter"

    @property
    def problems(self) -> tuple[str, ...]:
        """Why files stay in the scan folder, one name a file: `TOO_LARGE`, `NOT_READABLE`, `NOT_STORED`."""
        return tuple(sorted(sight.problem for sight in self._sights.values() if sight.problem))

    async def open(self, take_in: TakeIn) -> None:
        """Make the folders where they are missing and begin to look. Raises OSError when that cannot be done."""
        await asyncio.to_thread(self._taken.mkdir, mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(self._spool.sweep)
        self._is_closing.clear()
        self._watch = asyncio.create_task(self._look_until_closed(take_in))

    async def close(self) -> None:
        """Look no more; a file that is being taken in is finished first."""
        self._is_closing.set()
        if self._watch is not None:
            await self._watch
            self._watch = None

    async def send(self, message: OutboundMessage) -> Receipt:
        """Render and spool one letter; the receipt is its file's name. One that lies there already is left alone."""
        name = self._spool.name_of(message.reference, message.message_id)
        if not await self._spool.holds(name):
            try:
                pdf = await self._render(message)
            except Exception as error:  # noqa: BLE001 - any error of the renderer, whose text may quote the letter
                raise DeliveryError("render", permanent=isinstance(error, ValueError)) from None
            try:
                await self._spool.put(name, pdf)
            except OSError:
                if await self._spool.holds(name):
                    # It shows under its name, so it may be on paper; whether it outlives a power cut is not known.
                    raise DeliveryUncertain("spool") from None
                raise DeliveryError("spool", permanent=False) from None
        return Receipt(name, self._clock().astimezone(UTC))

    async def _look_until_closed(self, take_in: TakeIn) -> None:
        while not self._is_closing.is_set():
            try:
                complete = await asyncio.to_thread(self._look)
            except OSError as error:
                log.error("scan folder cannot be read", extra={"error": type(error).__name__})
                complete = []
            for name in complete:
                await self._take(name, take_in)
                if self._is_closing.is_set():
                    return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_closing.wait(), self._look_seconds)

    def _look(self) -> list[str]:
        """Names of the files that are complete and due, oldest first."""
        seen: dict[str, _Sight] = {}
        with os.scandir(self._scans) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # gone between the two questions
                if not stat.S_ISREG(status.st_mode):
                    continue
                mark = (status.st_ino, status.st_size, status.st_mtime_ns)
                known = self._sights.get(entry.name)
                seen[entry.name] = known if known is not None and known.mark == mark else _Sight(mark)
        self._sights = seen
        due = [name for name, sight in seen.items() if self._is_due(name, sight)]
        return sorted(due, key=lambda name: seen[name].mark[2])

    def _is_due(self, name: str, sight: _Sight) -> bool:
        sight.looks += 1
        if sight.pause > 0:
            sight.pause -= 1
            return False
        if sight.looks < 2:
            return False
        return sight.looks > PATIENT_LOOKS or not self._seems_cut(name, sight.mark[1])

    def _seems_cut(self, name: str, size: int) -> bool:
        if size == 0:
            return True
        try:
            with (self._scans / name).open("rb") as file:
                is_pdf = b"%PDF-" in file.read(1024)
                file.seek(max(0, size - 2048))
                return is_pdf and b"%%EOF" not in file.read()
        except OSError:
            return False

    async def _take(self, name: str, take_in: TakeIn) -> None:
        sight = self._sights[name]
        if sight.mark[1] > self._size_limit:
            self._put_off(sight, "TOO_LARGE")
            return
        try:
            content = await asyncio.to_thread(self._read, name, sight.mark)
        except FileNotFoundError:
            return
        except OSError:
            self._put_off(sight, "NOT_READABLE")
            return
        if content is None:
            return
        raw = RawMessage(
            channel="letter",
            door=self._door,
            content=content,
            media_type=media_type_of(content),
            envelope=Envelope(),
            received_at=self._received_at(sight.mark[2]),
        )
        try:
            await take_in(raw)
            await asyncio.to_thread(self._move, name, raw)
        except FileNotFoundError:
            log.info("scan was gone when it had been taken in", extra={"key": raw.key})
        except Exception as error:  # noqa: BLE001 - whatever keeps a scan from being stored, it stays and is tried again
            self._put_off(sight, "NOT_STORED", type(error).__name__)

    def _put_off(self, sight: _Sight, problem: str, error: str = "") -> None:
        if sight.problem != problem:
            log.error("scan stays in its folder", extra={"door": self._door, "problem": problem, "error": error})
        sight.problem = problem
        sight.pause = min(2**sight.tries, LONGEST_PAUSE)
        sight.tries = min(sight.tries + 1, 10)

    def _read(self, name: str, mark: tuple[int, int, int]) -> bytes | None:
        """The file's octets; None when it changed while it was read, for then it is not complete."""
        descriptor = os.open(self._scans / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            content = file.read(self._size_limit + 1)
            status = os.fstat(file.fileno())
        return content if (status.st_ino, status.st_size, status.st_mtime_ns) == mark else None

    def _move(self, name: str, raw: RawMessage) -> None:
        (self._scans / name).rename(self._taken / f"{raw.key}{SUFFIXES.get(raw.media_type, '.bin')}")

    def _received_at(self, mtime_ns: int) -> datetime:
        now = self._clock().astimezone(UTC)
        with suppress(OverflowError, ValueError, OSError):
            modified = datetime.fromtimestamp(mtime_ns / 1e9, UTC)
            if now - OLDEST < modified < now:
                return modified
        return now


def read_letter(raw: RawMessage) -> InboundMessage:
    """A scan as a person would read it. Runs in a worker under `OCR_SECONDS` and `OCR_MEMORY`; never raises.

    The whole text is new: paper has no quotation. The language is left to `mail.language`.
    """
    pages, problems = read_pages(raw.content, raw.media_type)
    text = "\n\n".join(page.text for page in pages if page.text)
    name = f"letter{SUFFIXES.get(raw.media_type, '.bin')}"
    return InboundMessage(
        channel="letter",
        text=text,
        new_text=text,
        attachments=(Attachment(name, raw.media_type, len(raw.content), raw.sha256),),
        problems=problems,
    )
