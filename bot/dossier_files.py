"""The two files of an access answer for one customer, written by a command: the PDF to read and the ZIP for machines.

They are the very files that an access draft gets, of this moment (GDPR Art. 15(3)). File names carry no personal data
but the customer number that was asked for.
"""

import re
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session, col

from bot.config import ControllerTable
from bot.copies import CopyOrder, make_copy
from bot.rules.deadlines import receipt_date
from bot.rules.policy import SPOKEN
from replies.notice import Notice
from store.database import Database
from store.models import Customer


class DossierRefused(ValueError):
    """The dossier cannot be written; the text is one sentence."""


def write_dossier(
    database: Database, notice: Notice, controller: ControllerTable, key: str, folder: Path, now: datetime
) -> list[Path]:
    """Write `access-KEY.pdf` and `access-KEY.zip` into `folder`; returns their paths. Raises `DossierRefused`."""
    customer_id, language = database.read_now(lambda session: _customer(session, key))
    order = CopyOrder(
        customer_id=customer_id,
        as_of=now,
        portable=False,
        language=SPOKEN.get(language, controller.language),
        reference=f"{receipt_date(now, controller.time_zone):%Y%m%d}",
        name=f"access-{re.sub(r'[^0-9A-Za-z._-]', '_', key)}",
        time_zone=controller.time_zone,
    )
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for file in make_copy(database.url, order, notice):
        path = folder / file.name
        path.write_bytes(file.content)
        written.append(path)
    return written


def _customer(session: Session, key: str) -> tuple[int, str]:
    row = session.execute(select(col(Customer.id), col(Customer.language)).where(col(Customer.key) == key)).first()
    if row is None:
        raise DossierRefused(f"there is no customer {key} in the register")
    return row.id, row.language
