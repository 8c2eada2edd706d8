"""Whether words meant for an unproven address hold something of the register: the last look before they may leave.

A reply to a sender may hold no register data (INV-1). Templates for it hold none by construction; what a person types
is compared here with the contact points, numbers and figures held about everyone whom the ticket may concern.
"""

import re
import unicodedata
from collections.abc import Iterator

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from store import drafts
from store.models import ContactKind, ContactPoint, Customer, Draft, Identifier, Reading, Record, Ticket

_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4}")
_FINLAND = "+358"
"""People write a number of their own country with a nought instead."""
_SHORTEST = 5
"""Shorter values (a postal code's half, a count) would forbid honest sentences."""


def register_values_in(session: Session, ticket: Ticket, draft: Draft) -> bool:
    """Whether a person typed a value of the register about the ticket's customer or any candidate into `draft`.

    The name, the address that the sender wrote from, and what the template's own text says (the controller's town may
    be the customer's too) do not count.
    """
    keys = list(ticket.identification.get("candidates", ()))
    named: ColumnElement[bool] = col(Customer.key).in_(keys)
    if ticket.customer_id is not None:
        named = named | (col(Customer.id) == ticket.customer_id)
    ids = list(session.execute(select(col(Customer.id)).where(named)).scalars())
    typed = _fold(f"{draft.subject}\n{draft.text}")
    known = _fold(ticket.sender + drafts.template_text(session, draft.request_id))
    return any(
        len(folded_value) >= _SHORTEST and folded_value in typed and folded_value not in known
        for value in _values(session, [customer_id for customer_id in ids if customer_id is not None])
        for folded_value in [_fold(value)]
    )


def _values(session: Session, ids: list[int]) -> Iterator[str]:
    yield from session.execute(select(col(Customer.key)).where(col(Customer.id).in_(ids))).scalars()
    contacts = select(col(ContactPoint.kind), col(ContactPoint.value)).where(col(ContactPoint.customer_id).in_(ids))
    for kind, value in session.execute(contacts):
        yield from value.splitlines()
        if kind is ContactKind.PHONE and value.startswith(_FINLAND):
            yield "0" + value.removeprefix(_FINLAND)
    yield from session.execute(select(col(Identifier.value)).where(col(Identifier.customer_id).in_(ids))).scalars()
    for fields in session.execute(select(col(Record.fields)).where(col(Record.customer_id).in_(ids))).scalars():
        for value in fields.values():
            text = str(value)
            if any(sign.isdigit() for sign in text) and not _DATE.fullmatch(text):
                yield text
    readings = select(col(Reading.mwh), col(Reading.cubic_metres)).where(col(Reading.customer_id).in_(ids))
    yield from (str(value) for row in session.execute(readings) for value in row if value is not None)


def _fold(text: str) -> str:
    """Lower case without spaces, dashes and invisible signs, so that `040 000 0011` and `0400000011` are one.

    A decimal comma is a point: `1 148,11` and `1148.11` are one.
    """
    bare = re.sub(r"[\s\u00ad\u200b-\u200f\u2010-\u2015\u2060\ufeff-]+", "", unicodedata.normalize("NFKC", text))
    return bare.casefold().replace(",", ".")
