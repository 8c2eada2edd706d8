"""The print spool: a folder of finished letters that the site's printer service empties.

A letter is written under a name that the printer service ignores, forced to the disk, and only then given its true
name, which is drawn from the ticket's reference and the Message-ID. So the folder never shows half a letter, and a
letter that is spooled again because we died before we noted it finds itself already there (CRASH-PLAN 0). After the
printer service has taken a letter away the name is free again: a caller must not spool what it has marked as spooled.
"""

import asyncio
import os
import re
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9-]+")


class PrintSpool:
    """Letters on their way to paper."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def name_of(self, reference: str, message_id: str) -> str:
        """The file's name: no personal data, and always the same for the same letter."""
        return f"{_NOT_IN_NAMES.sub('-', reference)[:40]}-{sha256(message_id.encode()).hexdigest()[:16]}.pdf"

    def sweep(self) -> None:
        """Remove halves of letters that a death has left: they hold a customer's data, and nobody else ever would."""
        for half in self._folder.glob(".*.pdf.part"):
            half.unlink(missing_ok=True)

    async def put(self, name: str, pdf: bytes) -> None:
        """Spool a letter; one that is there already stays as it is. Raises OSError."""
        await asyncio.to_thread(self._put, name, pdf)

    async def holds(self, name: str) -> bool:
        """Whether that letter is in the spool now."""
        return await asyncio.to_thread((self._folder / name).exists)

    def _put(self, name: str, pdf: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(self._folder / f".{name}.part", self._folder / name, pdf)


def write_durably(draft: Path, final: Path, content: bytes) -> None:
    """Write `content` to `draft` and link it to `final`, both on disk before this returns.

    `final` is complete or absent, whenever the power goes; where it exists already it is left as it is.
    """
    place(draft, final, content)
    sync_folder(final.parent)


def place(draft: Path, final: Path, content: bytes) -> None:
    """As `write_durably`, but that `final` is there is on disk only after `sync_folder`: for many files at a time."""
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        final.hardlink_to(draft)
    draft.unlink()


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
