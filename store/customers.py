"""Who of the register may have written: candidates found by what a message says of its writer.

Only indexed look-ups with a bound each, in at most five statements, so that it costs the same in a register of a
thousand and of a million. What is found here is possibility, not proof: the rules decide.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, literal, or_, select, union_all
from sqlmodel import Session

from store.models import (
    Candidate,
    Clues,
    Contact,
    ContactKind,
    ContactPoint,
    ContactStatus,
    Customer,
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

_customer, _contact, _identifier, _role = (table_of(model) for model in (Customer, ContactPoint, Identifier, Role))

_ADDRESS, _IDENTIFIER, _PHONE, _NAME = range(4)
"""What a candidate was found by, strongest first: when there are too many, the weakest are left out."""


def find_candidates(session: Session, clues: Clues, *, on: date | None = None) -> tuple[Candidate, ...]:
    """All customers that the clues may mean, strongest clue first, then by key; at most `MOST_CANDIDATES`.

    `on` is the local date for which roles count; without it only roles without an end do.
    """
    ids = _found_ids(session, clues)
    if not ids:
        return ()
    customers = {row.id: row for row in session.execute(select(_customer).where(_customer.c.id.in_(ids)))}
    contacts = _contacts_of(session, ids)
    named = _identifiers_of(session, ids, clues)
    acts_for = _acts_for(session, ids, on)
    candidates = [
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
            matched=_matched(clues, row, contacts[row.id], named[row.id]),
            acts_for=tuple(acts_for[row.id]),
        )
        for row in customers.values()
    ]
    return tuple(sorted(candidates, key=lambda candidate: (ids.index(candidate.id), candidate.key)))


def _found_ids(session: Session, clues: Clues) -> list[int]:
    """Ids of the candidates, strongest clue first, each once."""
    branches: list[Select[Any]] = []

    def look(strength: int, column: ColumnElement[int], condition: ColumnElement[bool]) -> None:
        # No order: with one, PostgreSQL may rather walk the whole primary key than sort a few namesakes.
        found = select(column.label("id")).where(condition).limit(MOST_CANDIDATES).subquery()
        branches.append(select(found.c.id, literal(strength).label("strength")))

    if clues.address:
        look(_ADDRESS, _contact.c.customer_id, _is_contact(ContactKind.EMAIL, [clues.address]))
    if clues.identifiers:
        look(_IDENTIFIER, _identifier.c.customer_id, _is_identifier(clues))
    if keys := _customer_numbers(clues):
        look(_IDENTIFIER, _customer.c.id, _customer.c.key.in_(keys))
    if clues.phones:
        active = _contact.c.status == ContactStatus.ACTIVE
        look(_PHONE, _contact.c.customer_id, and_(_is_contact(ContactKind.PHONE, clues.phones[:MOST_CLUES]), active))
    if clues.name_keys:
        look(_NAME, _customer.c.id, _customer.c.name_key.in_(clues.name_keys[:MOST_CLUES]))
    if not branches:
        return []
    found = session.execute(union_all(*branches)).all()
    ordered = sorted((row.strength, row.id) for row in found)
    return list(dict.fromkeys(customer_id for _, customer_id in ordered))[:MOST_CANDIDATES]


def _is_contact(kind: ContactKind, values: Sequence[str]) -> ColumnElement[bool]:
    return and_(_contact.c.kind == kind, _contact.c.normalised.in_(values))


def _is_identifier(clues: Clues) -> ColumnElement[bool]:
    by_kind: dict[IdentifierKind, list[str]] = defaultdict(list)
    for kind, value in clues.identifiers[:MOST_CLUES]:
        by_kind[kind].append(value)
    return or_(
        false(),
        *(and_(_identifier.c.kind == kind, _identifier.c.normalised.in_(values)) for kind, values in by_kind.items()),
    )


def _customer_numbers(clues: Clues) -> list[str]:
    return [value for kind, value in clues.identifiers[:MOST_CLUES] if kind is IdentifierKind.CUSTOMER_NUMBER]


def _contacts_of(session: Session, ids: list[int]) -> dict[int, list[Contact]]:
    contacts: dict[int, list[Contact]] = defaultdict(list)
    for row in session.execute(select(_contact).where(_contact.c.customer_id.in_(ids)).order_by(_contact.c.id)):
        contacts[row.customer_id].append(
            Contact(row.id, row.kind, row.value, row.normalised, row.status, row.on_file_since, row.usable_from)
        )
    return contacts


def _identifiers_of(session: Session, ids: list[int], clues: Clues) -> dict[int, set[IdentifierKind]]:
    """Which kinds of the given numbers are each candidate's own."""
    kinds: dict[int, set[IdentifierKind]] = defaultdict(set)
    if clues.identifiers:
        columns = select(_identifier.c.customer_id, _identifier.c.kind)
        for row in session.execute(columns.where(_identifier.c.customer_id.in_(ids), _is_identifier(clues))):
            kinds[row.customer_id].add(row.kind)
    return kinds


def _acts_for(session: Session, ids: list[int], on: date | None) -> dict[int, list[str]]:
    """Customer numbers that each candidate acts for."""
    in_force: ColumnElement[bool] = _role.c.valid_to.is_(None)
    if on is not None:
        begun = or_(_role.c.valid_from.is_(None), _role.c.valid_from <= on)
        in_force = and_(begun, or_(in_force, _role.c.valid_to >= on))
    query = (
        select(_role.c.holder_id, _customer.c.key)
        .join(_customer, _customer.c.id == _role.c.customer_id)
        .where(_role.c.holder_id.in_(ids), _role.c.kind.in_(ACTING_ROLES), in_force)
        .order_by(_customer.c.key)
        .distinct()
    )
    acts_for: dict[int, list[str]] = defaultdict(list)
    for row in session.execute(query):
        acts_for[row.holder_id].append(row.key)
    return acts_for


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
