"""Whether words meant for an unproven address hold something of the register: the last look before they may leave.

A reply to a sender may hold no register data (INV-1). Templates for it hold none by construction; what a person types
is compared here with the contact points, numbers and figures held about everyone whom the ticket may concern.
Numbers and addresses are looked up in the whole register besides: one that is somebody else's leaves to nobody
(THREATS 30).
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from store import drafts
from store.models import (
    ContactKind,
    ContactPoint,
    Customer,
    Draft,
    Identifier,
    IdentifierKind,
    Reading,
    RecipientKind,
    Record,
    Role,
    Ticket,
)
from store.models.facts import identifier_key, normalise_email, normalise_phone

_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4}")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_NUMBERS = re.compile(r"(?<!\w)\+?[A-Za-z]{0,4}-?\d(?:[\d -]*\d)?")
_MOST_PIECES = 8
_MOST_TOKENS = 4000
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


def names_another(session: Session, ticket: Ticket, draft: Draft) -> bool:
    """Whether `draft` holds a number or an address of somebody whom it does not concern.

    It may speak of the ticket's customer, of the recipient, and of whoever has a role with one of these: the housing
    company of a manager, for one. What the sender's address or the template itself says does not count.
    """
    known = _fold(ticket.sender + drafts.template_text(session, draft.request_id))
    owners: dict[str, set[int]] = defaultdict(set)
    for token, owner in _owners(session, f"{draft.subject}\n{draft.text}"):
        if _fold(token) not in known:
            owners[token].add(owner)
    if not owners:
        return False
    concerned = _concerned(session, ticket, draft)
    return any(not holders & concerned for holders in owners.values())


def _concerned(session: Session, ticket: Ticket, draft: Draft) -> set[int]:
    if draft.recipient_kind is RecipientKind.SENDER:
        return set()  # nobody's numbers may go to an address that is not on file
    contact = session.get(ContactPoint, draft.contact_point_id) if draft.contact_point_id is not None else None
    ids = {one for one in (ticket.customer_id, contact.customer_id if contact else None) if one is not None}
    roles = select(col(Role.holder_id), col(Role.customer_id)).where(
        col(Role.holder_id).in_(ids) | col(Role.customer_id).in_(ids)
    )
    return ids.union(*(set(pair) for pair in session.execute(roles)))


def _owners(session: Session, text: str) -> Iterator[tuple[str, int]]:
    """Each number or address in `text` that stands in the register, with a customer whose it is."""
    keys: dict[str, str] = {}
    for token in islice(dict.fromkeys(_tokens(text)), _MOST_TOKENS):
        if "@" in token:
            keys.setdefault(normalise_email(token.rstrip(".")), token)
            continue
        keys.setdefault(token, token)
        keys.setdefault(normalise_phone(token), token)
        for kind in IdentifierKind:
            keys.setdefault(identifier_key(kind, token), token)
    keys.pop("", None)
    everywhere = (
        select(col(Customer.key), col(Customer.id)).where(col(Customer.key).in_(keys)),
        select(col(Identifier.normalised), col(Identifier.customer_id)).where(
            col(Identifier.kind).in_(list(IdentifierKind)), col(Identifier.normalised).in_(keys)
        ),
        select(col(ContactPoint.normalised), col(ContactPoint.customer_id)).where(
            col(ContactPoint.kind).in_([ContactKind.EMAIL, ContactKind.PHONE]), col(ContactPoint.normalised).in_(keys)
        ),
    )
    for query in everywhere:
        for key, owner in session.execute(query):
            yield keys[key], owner


def _tokens(text: str) -> Iterator[str]:
    """What may be a number or an address. People cut numbers with spaces, so neighbours are joined too."""
    plain = unicodedata.normalize("NFKC", text)
    yield from _EMAIL.findall(plain)
    for run in _NUMBERS.findall(plain):
        pieces = run.replace("-", " ").split()[:_MOST_PIECES]
        for first in range(len(pieces)):
            for last in range(first + 1, len(pieces) + 1):
                token = "".join(pieces[first:last])
                if len(token) >= _SHORTEST:
                    yield token


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
