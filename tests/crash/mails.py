"""What the campaign sends: unique mails in three languages, and letters that need no recognition engine."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from itertools import count
from pathlib import Path
from random import Random

from bot.demo.samples import OUR_ADDRESS
from replies.letter import render_letter
from store.sample import sample_customers

WORDS: list[tuple[str, str, str]] = json.loads((Path(__file__).parent / "data" / "mails.json").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, its envelope's sender and the hash by which it is looked for afterwards."""

    number: int
    sender: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Of the content as a mail server stores it."""
        return sha256(self.content).hexdigest()


class MailBag:
    """Hands out mails to several threads, each mail once."""

    def __init__(self, seed: int, customers: int, *, attached: float = 0.1) -> None:
        """`customers` as in the sample register; `attached` is the share of mails with a file."""
        self._mails = _mails(Random(seed), seed, customers, attached)
        self._lock = threading.Lock()

    def take(self) -> Mail:
        """The next mail."""
        with self._lock:
            return next(self._mails)


def _mails(chance: Random, seed: int, customers: int, attached: float) -> Iterator[Mail]:
    known = [
        (entry["name"], contact["value"], entry["customer_number"])
        for entry in sample_customers(customers, months=0, invoices=0)
        for contact in entry["contacts"]
        if contact["kind"] == "email"
    ]
    thread: dict[str, str] = {}
    for number in count():
        stranger = ("Seija Koekäyttäjä", f"seija.{number}@tuntematon.test", "")
        name, sender, key = stranger if chance.random() < 0.4 else chance.choice(known)
        kind, subject, text = chance.choice(WORDS)
        mail = EmailMessage(policy=SMTP)
        verdict = "none" if chance.random() < 0.1 else "pass"
        mail["Authentication-Results"] = f"demo.lampo.test; dmarc={verdict} header.from={sender.partition('@')[2]}"
        mail["From"] = f"{name} <{sender}>"
        mail["To"] = OUR_ADDRESS
        mail["Subject"] = f"{subject} {number}"
        mail["Message-ID"] = f"<{kind}.{seed}.{number}@crash.test>"
        if sender in thread and chance.random() < 0.15:
            mail["In-Reply-To"] = thread[sender]
        thread[sender] = mail["Message-ID"]
        mail.set_content(text.format(name=name, number=key))
        if chance.random() < attached:
            mail.add_attachment(chance.randbytes(20_000), "application", "octet-stream", filename="liite.bin")
        yield Mail(number, sender, mail.as_bytes())


def scanned_letter(number: int) -> bytes:
    """A letter of a customer without any sign of e-mail, as the scanner's own recognition would leave it."""
    return render_letter(
        address_lines=("Kalajoen Lämpö Oy", "Ketolankuja 5A", "85100 Kalajoki"),
        sender=("Eino Mallikas",),
        subject="Tarkastuspyyntö",
        text=f"Pyydän nähdä kaikki tiedot, joita teillä on minusta asiakasrekisterissänne. Kirje {number}.\n\n"
        "Vastauksen voi lähettää kirjeenä kotiini.\n\nEino Mallikas\nasiakasnumero 100236\n",
        reference=str(number),
        on=date(2026, 11, 18),
        language="fi",
    )
