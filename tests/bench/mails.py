"""The mails of the whole path: requests as people write them, in three languages, from customers and from strangers.

Every mail is unique, and no customer writes more than the acknowledgements of a day allow (INV-7), so each is answered.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from itertools import count
from pathlib import Path

from bot.demo.samples import OUR_ADDRESS
from store.sample import sample_customers

REQUESTS = Path(__file__).parent / "data" / "requests.json"
STRANGERS = 4
"""Every so manieth mail is a stranger's."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail and its envelope's sender."""

    sender: str
    content: bytes


def mails(customers: int, run: str) -> Iterator[Mail]:
    """Unique mails without end, for a register of so many sample customers; `run` tells measurements apart."""
    requests = json.loads(REQUESTS.read_text("utf-8"))
    writers = _writers(customers)
    for number in count():
        is_stranger = number % STRANGERS == 0
        name, address, key = (
            ("Seija Koekäyttäjä", f"seija.{run}.{number}@tuntematon.test", "") if is_stranger else next(writers)
        )
        _, subject, text = requests[number % len(requests)]
        mail = EmailMessage(policy=SMTP)
        mail["Authentication-Results"] = f"demo.lampo.test; dmarc=pass header.from={address.partition('@')[2]}"
        mail["From"] = f"{name} <{address}>"
        mail["To"] = OUR_ADDRESS
        mail["Subject"] = f"{subject} {number}"
        mail["Date"] = "Thu, 19 Nov 2026 09:15:00 +0200"
        mail["Message-ID"] = f"<{run}.{number}@bench.test>"
        mail.set_content(text.format(name=name, number=key))
        yield Mail(address, mail.as_bytes())


def _writers(customers: int) -> Iterator[tuple[str, str, str]]:
    """Name, address and number of customers who have an address, from all over the register."""
    known = [
        (entry["name"], contact["value"], entry["customer_number"])
        for entry in sample_customers(customers, months=0, invoices=0)
        for contact in entry["contacts"]
        if contact["kind"] == "email"
    ]
    step = max(1, len(known) // 1000)
    while True:
        yield from known[::step]
