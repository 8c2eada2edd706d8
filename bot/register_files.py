"""Files of the register for people: the access answer of one customer, and a synthetic register to try an import with.

The dossier written here is the same that an access draft holds, by the same template, as a PDF to read and as JSON in
a ZIP for machines (GDPR Art. 15(3)). File names carry no personal data but the customer number that was asked for.
"""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from bot.config import ControllerTable
from bot.rules.deadlines import receipt_date
from replies.draft import write
from replies.letter import render_letter, sender_lines
from replies.notice import Notice, ReplyLanguage
from store.database import Database
from store.models import ContactKind, ContactPoint, ContactStatus, Customer, Dossier
from store.register import dossier, postal_block
from store.sample import sample_customers
from store.sample_files import write_tables

MANY = 2_000
"""Customers above which a sample has one invoice each, and no readings unless they are asked for."""
LANGUAGES: dict[str, ReplyLanguage] = {"fi": "fi", "sv": "sv", "en": "en"}


class DossierRefused(ValueError):
    """The dossier cannot be written; the text is one sentence."""


def write_dossier(
    database: Database, notice: Notice, controller: ControllerTable, key: str, folder: Path, now: datetime
) -> list[Path]:
    """Write `access-KEY.pdf` and `access-KEY.zip`; returns their paths. Raises `DossierRefused`."""
    held, address, language = database.read_now(lambda session: _facts(session, key, now))
    today = receipt_date(now, controller.time_zone)
    words = write(
        "access",
        language,
        reference=f"{today:%Y%m%d}",
        received_on=today,
        today=today,
        due_on=None,
        notice=notice,
        on_call=controller.on_call_number,
        dossier=held,
    )
    folder.mkdir(parents=True, exist_ok=True)
    letter = render_letter(
        address_lines=address or (held.customer_name,),
        sender=sender_lines(notice),
        subject=words.subject,
        text=words.text,
        reference=key,
        on=today,
        language=language,
    )
    readable, package = folder / f"access-{key}.pdf", folder / f"access-{key}.zip"
    readable.write_bytes(letter)
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("dossier.json", json.dumps(asdict(held), ensure_ascii=False, indent=2, default=_plain))
    return [readable, package]


def write_sample(count: int, folder: Path, *, months: int, seed: int = 1) -> list[Path]:
    """Write `count` invented customers as tables with their mapping, and as `register.jsonl`; returns all paths."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "register.jsonl"
    invoices = 4 if count <= MANY else 1
    with path.open("w", encoding="utf-8") as lines:

        def noted() -> Iterator[dict[str, Any]]:
            for customer in sample_customers(count, seed, months=months, invoices=invoices):
                lines.write(json.dumps(customer, ensure_ascii=False) + "\n")
                yield customer

        tables = write_tables(noted(), folder)
    return [path, *tables, folder / "mapping.toml"]


def _facts(session: Session, key: str, now: datetime) -> tuple[Dossier, tuple[str, ...], ReplyLanguage]:
    customer = session.execute(select(Customer).where(col(Customer.key) == key)).scalars().first()
    if customer is None or customer.id is None:
        raise DossierRefused(f"there is no customer {key} in the register")
    contact = session.execute(
        select(col(ContactPoint.id)).where(
            col(ContactPoint.customer_id) == customer.id,
            col(ContactPoint.kind) == ContactKind.POSTAL,
            col(ContactPoint.status) == ContactStatus.ACTIVE,
        )
    ).scalar()
    address = postal_block(session, contact) if contact is not None else ()
    return dossier(session, customer.id, now), address, LANGUAGES.get(customer.language, "fi")


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
