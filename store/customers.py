"""Who of the register may have written: candidates found by what a message says of its writer.

Only indexed look-ups with a bound each, in at most five statements, so that it costs the same in a register of a
thousand and of a million. What is found here is possibility, not proof: the rules decide.
"""

from collections import defaultdict
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    String,
    bindparam,
    literal,
    select,
    type_coerce,
    union_all,
)
from sqlmodel import Session

from store.models import (
    Candidate,
    Clues,
    Contact,
    ContactKind,
    ContactPoint,
    ContactStatus,
    Customer,
    FormerCustomer,
    Identifier,
    IdentifierKind,
    Role,
    table_of,
)

MOST_CANDIDATES = 20
"""How many candidates are returned at the most: more would be no help to anyone."""
MOST_CLUES = 50
"""How many numbers, names and phones of one message are looked up; one with more is a list, not a signature."""
ACTING_ROLES = ("property_manager", "guardian", "agent", "board_chair")
"""Roles that let the holder act for the other. A payer, a tenant or a co-owner acts for itself only."""

_customer, _former, _contact, _identifier, _role = (
    table_of(model) for model in (Customer, FormerCustomer, ContactPoint, Identifier, Role)
)

_ADDRESS, _NUMBER, _PHONE, _NAME, _FORMER_NAME = range(5)
"""What a candidate was found by, strongest first: when there are too many, the weakest are left out."""


def _one_of(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    return column.in_(bindparam(parameter, expanding=True))


def _branch(
    strength: int, column: ColumnElement[int], *conditions: ColumnElement[bool], most: int = MOST_CANDIDATES
) -> Select[Any]:
    """One look-up of the union, unordered: PostgreSQL might rather walk a whole key in order than sort namesakes."""
    numbered = column.table is _identifier
    found = (
        select(
            column.label("id"),
            (type_coerce(_identifier.c.kind, String()) if numbered else literal("")).label("kind"),
            (_identifier.c.normalised if numbered else literal("")).label("number"),
        )
        .where(*conditions)
        .limit(most)
        .subquery()
    )
    return select(found.c.id, literal(strength).label("strength"), found.c.kind, found.c.number)


# Statements are built once: to build them anew would cost more than the database takes to answer them.
_BY_CLUE = {
    "address": _branch(
        _ADDRESS,
        _contact.c.customer_id,
        _contact.c.kind == ContactKind.EMAIL,
        _contact.c.normalised == bindparam("address"),
    ),
    # Kinds and numbers separately, which the index serves best; that they belong together is checked afterwards.
    "numbers": _branch(
        _NUMBER,
        _identifier.c.customer_id,
        _one_of(_identifier.c.kind, "kinds"),
        _one_of(_identifier.c.normalised, "numbers"),
        _identifier.c.ended_at.is_(None),
        most=MOST_CANDIDATES * len(IdentifierKind),
    ),
    "keys": _branch(_NUMBER, _customer.c.id, _one_of(_customer.c.key, "keys"), most=MOST_CLUES),
    "phones": _branch(
        _PHONE,
        _contact.c.customer_id,
        _contact.c.kind == ContactKind.PHONE,
        _one_of(_contact.c.normalised, "phones"),
        _contact.c.status == ContactStatus.ACTIVE,
    ),
    "names": _branch(_NAME, _customer.c.id, _one_of(_customer.c.name_key, "names")),
    "former": _branch(_FORMER_NAME, _former.c.customer_id, _one_of(_former.c.name_key, "former")),
}
_CUSTOMERS = select(_customer).where(_one_of(_customer.c.id, "ids"))
_CONTACTS = select(_contact).where(_one_of(_contact.c.customer_id, "ids")).order_by(_contact.c.id)
_NUMBERS = select(_identifier.c.customer_id, _identifier.c.kind, _identifier.c.normalised).where(
    _one_of(_identifier.c.customer_id, "ids"),
    _one_of(_identifier.c.normalised, "numbers"),
    _identifier.c.ended_at.is_(None),
)
_ROLES = (
    select(_role.c.holder_id, _role.c.valid_from, _role.c.valid_to, _customer.c.key)
    .join(_customer, _customer.c.id == _role.c.customer_id)
    .where(_one_of(_role.c.holder_id, "ids"), _role.c.kind.in_(ACTING_ROLES), _role.c.ended_at.is_(None))
    .order_by(_customer.c.key)
)


def find_candidates(session: Session, clues: Clues, *, on: date | None = None) -> tuple[Candidate, ...]:
    """All customers that the clues may mean, strongest clue first, then in order of entry; at most `MOST_CANDIDATES`.

    `on` is the local date for which roles count; without it only roles without an end do.
    """
    if clues == Clues():
        return ()
    numbers = set(clues.identifiers[:MOST_CLUES])
    connection = session.connection()
    ids, renamed = _found_ids(connection, clues, numbers)
    if not ids:
        return ()
    given = {"ids": ids}
    customers = {row.id: row for row in connection.execute(_CUSTOMERS, given)}
    contacts: dict[int, list[Contact]] = defaultdict(list)
    for row in connection.execute(_CONTACTS, given):
        contacts[row.customer_id].append(
            Contact(
                row.id,
                row.kind,
                row.value,
                row.normalised,
                row.status,
                row.on_file_since,
                row.usable_from,
                row.bounced_at,
            )
        )
    named: dict[int, set[IdentifierKind]] = defaultdict(set)
    if numbers:
        for row in connection.execute(_NUMBERS, {**given, "numbers": [number for _, number in numbers]}):
            if (row.kind, row.normalised) in numbers:
                named[row.customer_id].add(row.kind)
    acts_for: dict[int, list[str]] = defaultdict(list)
    for row in connection.execute(_ROLES, given):
        if _in_force(row.valid_from, row.valid_to, on) and row.key not in acts_for[row.holder_id]:
            acts_for[row.holder_id].append(row.key)
    return tuple(
        Candidate(
            id=row.id,
            key=row.key,
            kind=row.kind,
            name=row.name,
            name_key=row.name_key,
            language=row.language,
            turvakielto=row.turvakielto,
            ended_on=row.ended_on,
            contacts=tuple(contacts[row.id]),
            matched=(
                *_matched(clues, row, contacts[row.id], named[row.id]),
                *(("FORMER_NAME",) if row.id in renamed and row.name_key not in clues.name_keys else ()),
            ),
            acts_for=tuple(acts_for[row.id]),
        )
        for row in (customers[customer_id] for customer_id in ids)
    )


@cache
def _found_by(clues: tuple[str, ...]) -> CompoundSelect[Any]:
    """The look-ups by these clues in one statement; most messages give only a few of them."""
    return union_all(*(_BY_CLUE[clue] for clue in clues))


def _found_ids(
    connection: Connection, clues: Clues, numbers: set[tuple[IdentifierKind, str]]
) -> tuple[list[int], set[int]]:
    """Ids of the candidates, strongest clue first, each once; and those who bore one of the names before."""
    given: dict[str, Any] = {
        "address": clues.address,
        "numbers": [number for _, number in numbers],
        "keys": _customer_numbers(clues),
        "phones": clues.phones[:MOST_CLUES],
        "names": clues.name_keys[:MOST_CLUES],
        "former": clues.name_keys[:MOST_CLUES],
    }
    found = connection.execute(
        _found_by(tuple(clue for clue in _BY_CLUE if given[clue])),
        given | {"kinds": list({kind for kind, _ in numbers})},
    )
    ordered = sorted(
        (row.strength, row.id) for row in found if not row.kind or (IdentifierKind(row.kind), row.number) in numbers
    )
    ids = list(dict.fromkeys(customer_id for _, customer_id in ordered))[:MOST_CANDIDATES]
    return ids, {customer_id for strength, customer_id in ordered if strength == _FORMER_NAME}


def _customer_numbers(clues: Clues) -> list[str]:
    return [value for kind, value in clues.identifiers[:MOST_CLUES] if kind is IdentifierKind.CUSTOMER_NUMBER]


def _in_force(valid_from: date | None, valid_to: date | None, on: date | None) -> bool:
    if on is None:
        return valid_to is None
    return (valid_from is None or valid_from <= on) and (valid_to is None or on <= valid_to)


def _matched(clues: Clues, row: Any, contacts: list[Contact], kinds: set[IdentifierKind]) -> tuple[str, ...]:
    """Names of all that agrees, in a fixed order."""
    statuses = {contact.status for contact in contacts if _is_address(contact, clues)}
    if row.key in _customer_numbers(clues):
        kinds = kinds | {IdentifierKind.CUSTOMER_NUMBER}
    agreements = [f"IDENTIFIER:{kind}" for kind in IdentifierKind if kind in kinds]
    if ContactStatus.ACTIVE in statuses:
        agreements.insert(0, "ADDRESS")
    elif statuses:
        agreements.insert(0, "INACTIVE_ADDRESS")
    if row.name_key in clues.name_keys:
        agreements.append("NAME")
    phones = {contact.normalised for contact in contacts if _is_live_phone(contact)}
    if phones.intersection(clues.phones):
        agreements.append("PHONE")
    return tuple(agreements)


def _is_address(contact: Contact, clues: Clues) -> bool:
    return contact.kind is ContactKind.EMAIL and bool(clues.address) and contact.normalised == clues.address


def _is_live_phone(contact: Contact) -> bool:
    return contact.kind is ContactKind.PHONE and contact.status is ContactStatus.ACTIVE
