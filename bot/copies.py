"""The copy of a person's data, made from the register in a worker: reading, words, tables and pages of one answer.

A copy may be a book. So the worker reads the register itself, by the customer and the moment that are asked for, and
gives back files: neither the service's loop nor its memory feels how much is held (INV-8).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlmodel import Session

from replies.notice import Notice, ReplyLanguage
from store.database import Database
from store.models import Dossier
from store.register import dossier
from store.searches import with_found

if TYPE_CHECKING:
    from replies.package import PackedFile

SECONDS = 300.0
MEMORY = 1024 * 1024 * 1024
"""Limits of making one copy."""


@dataclass(frozen=True, slots=True)
class CopyOrder:
    """Which copy is wanted."""

    customer_id: int
    as_of: datetime
    portable: bool
    language: ReplyLanguage
    reference: str
    name: str
    """What the files are called, without their endings."""
    time_zone: str
    request_id: int | None = None
    """The request that is answered: what staff found elsewhere for it goes in."""


def make_copy(url: str, order: CopyOrder, notice: Notice) -> "tuple[PackedFile, ...]":
    """The files of an answer, made from the register at `url`.

    Raises `LookupError` when there is no such customer, `replies.typesetting.NotPrintable`, and what the store raises.
    """
    from replies.package import Answer, build_copy, build_portable  # noqa: PLC0415 - loads the typesetter, 8 MiB

    database = Database(url, readers=1)
    try:
        held = database.read_now(lambda session: _held(session, order))
    finally:
        database.close()
    answer = Answer(order.reference, notice, order.language, order.time_zone)
    return (build_portable(held, answer, order.name),) if order.portable else build_copy(held, answer, order.name)


def _held(session: Session, order: CopyOrder) -> Dossier:
    held = dossier(session, order.customer_id, order.as_of, time_zone=order.time_zone)
    if order.request_id is None:
        return held
    return with_found(session, held, order.request_id, order.language, order.time_zone)
