"""The demo's sample requests, sent through the real doors: SMTP, the scan folder, the chat's stored updates.

The bytes are always the same, so that a second start finds them known. Everyone in them is invented.
"""

import asyncio
import json
import os
import time
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import aiosmtplib
import pypdfium2

from bot.app import App
from replies.letter import render_letter
from store import messages

OUR_ADDRESS = "asiakaspalvelu@lampo.test"
SETTLED_SECONDS = 60.0
SCAN_DPI = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample mail of `samples.json`."""

    title: str
    sender: str
    name: str
    subject: str
    text: str
    authenticated: bool = True
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def message_id(self) -> str:
        """The same for the same sample."""
        return f"<{sha256(self.subject.encode() + self.sender.encode()).hexdigest()[:20]}@sample.test>"

    def as_bytes(self) -> bytes:
        """The mail as the site's MTA would hand it over, with its verdict on top."""
        mail = EmailMessage(policy=SMTP)
        if self.authenticated:
            domain = self.sender.partition("@")[2]
            mail["Authentication-Results"] = f"demo.lampo.test; dmarc=pass header.from={domain}"
        mail["From"] = f"{self.name} <{self.sender}>"
        mail["To"] = OUR_ADDRESS
        mail["Subject"] = self.subject
        mail["Date"] = "Thu, 19 Nov 2026 09:15:00 +0200"
        mail["Message-ID"] = self.message_id
        for name, value in self.headers:
            mail[name] = value
        mail.set_content(self.text)
        return mail.as_bytes()


def mails() -> list[Sample]:
    """All sample mails."""
    entries = json.loads(files("bot.demo").joinpath("samples.json").read_text("utf-8"))
    return [Sample(**entry | {"headers": tuple(map(tuple, entry.get("headers", ())))}) for entry in entries["mails"]]


async def feed(app: App, folder: Path) -> None:
    """Send all samples and wait until each has become what it becomes, for a minute at the most."""
    entries = json.loads(files("bot.demo").joinpath("samples.json").read_text("utf-8"))
    await asyncio.to_thread(_drop_scan, folder / "scans", entries["letter"])
    if app.messenger is not None:
        # Known again by its number, whatever its date; a fresh one must not look days late.
        update = entries["chat_update"]
        update["message"]["date"] = int(time.time())
        await app.messenger.accept(update)
    if app.smtp is not None:
        for sample in mails():
            await aiosmtplib.send(
                sample.as_bytes(),
                sender=sample.sender,
                recipients=[OUR_ADDRESS],
                hostname="127.0.0.1",
                port=app.smtp.port,
                start_tls=False,
            )
    await _settled(app, folder / "scans")


def _drop_scan(scans: Path, lines: list[str]) -> None:
    """Put the sample letter into the scan folder as a scanner would: under another name first, then renamed.

    The page is set like any letter and then made a picture, so that only recognition can read it.
    """
    subject, sender = lines[0], lines[-2:]
    pdf = render_letter(
        address_lines=("Kalajoen Lämpö Oy", "Ketolankuja 5A", "85100 Kalajoki"),
        sender=sender,
        subject=subject,
        text="\n\n".join(lines[1:]),
        reference="—",
        on=date(2026, 11, 18),
        language="fi",
    )
    document = pypdfium2.PdfDocument(pdf)
    content = BytesIO()
    document[0].render(scale=SCAN_DPI / 72, grayscale=True).to_pil().save(content, "PNG", dpi=(SCAN_DPI, SCAN_DPI))
    document.close()
    part = scans / ".letter.part"
    part.write_bytes(content.getvalue())
    # The paper came in when the demo was made, not when the scanner's clock says.
    os.utime(part, (time.time(), time.time()))
    part.rename(scans / "scan-0001.png")


async def _settled(app: App, scans: Path) -> None:
    async with asyncio.timeout(SETTLED_SECONDS):
        while True:
            left = await app.database.read(messages.count_waiting)
            paper = [entry for entry in await asyncio.to_thread(lambda: list(scans.iterdir())) if entry.is_file()]
            if not left and not paper:
                return
            await asyncio.sleep(0.2)
