"""Other people in a customer's own rows: who they are is looked up, where a text names them they are masked.

A note may tell of a neighbour, a mail may hold somebody's number (GDPR Art. 15(4); TSV 1788/152/22: mask, do not
refuse). Known are the people of the register, by name, address, telephone and number, and the members of staff. A name
that is the customer's own too is left: nobody is asked to guess which of two namesakes is meant. An inflected name, or
one of somebody who is in no register, is found by nobody but the person who approves.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import Column, Connection, select

from store.dossier import scope
from store.models import (
    ContactPoint,
    Customer,
    CustomerKind,
    Identifier,
    StaffMember,
    name_key,
    normalise_email,
    normalise_phone,
    table_of,
)
from store.models.masking import mask_identity_codes

PEOPLE = frozenset({CustomerKind.PERSON, CustomerKind.SOLE_TRADER, CustomerKind.ESTATE})
"""Parties whose name is personal data: they stay unnamed in another's dossier."""

_EMAIL = re.compile(r"[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,5}(?:xn--[\w-]{1,59}|[^\W_]{2,63})")
"""Without a hyphen in the last label: Finnish inflects an address after one (`posti.test-osoitteeseen`)."""
_PHONE = re.compile(r"(?<![\w+])(?:\+|0)\d(?:[ -]?\d){5,13}(?!\w)")
_NUMBER = re.compile(r"(?<![\w-])[A-Za-z]{0,4}-?\d{5,16}(?![\w-])")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_AT_ONCE = 400
"""Values of one look-up: SQLite and PostgreSQL both take some thousands."""

_customer, _contact, _identifier, _staff = (
    table_of(model) for model in (Customer, ContactPoint, Identifier, StaffMember)
)


@dataclass(frozen=True, slots=True)
class Own:
    """What is the customer's own, and so never masked: folded names, normalised contacts, folded numbers."""

    customer_id: int
    names: frozenset[str]
    contacts: frozenset[str]
    numbers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Others:
    """Which names, contacts and numbers that stand in the texts are other people's."""

    names: frozenset[str] = frozenset()
    contacts: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    staff: "re.Pattern[str] | None" = None

    def mask(self, text: str) -> tuple[str, Counter[str]]:
        """`text` without them and without identity codes, and how often each reason held."""
        text, codes = mask_identity_codes(text)
        counted = Counter({scope.IDENTITY_CODE: codes} if codes else {})
        if not may_name_somebody(text):
            return text, counted
        spans = [span for span, name in _names(text) if name in self.names]
        spans += _spans(_EMAIL, text, normalise_email, self.contacts)
        spans += _spans(_PHONE, text, normalise_phone, self.contacts)
        spans += _spans(_NUMBER, text, scope.folded, self.numbers)
        reasons = dict.fromkeys(spans, scope.OTHER_PERSON)
        if self.staff is not None:
            reasons |= {match.span(): scope.STAFF for match in self.staff.finditer(text) if match.span() not in reasons}
        pieces, at = [], 0
        for (start, end), reason in sorted(reasons.items()):
            if start >= at:
                pieces += [text[at:start], scope.MASK]
                at = end
                counted[reason] += 1
        return "".join([*pieces, text[at:]]), counted


def may_name_somebody(text: str) -> bool:
    """Whether a value is more than one plain word or figure: only such a one is searched."""
    return " " in text or "@" in text or "\n" in text or text.startswith(("+", "0"))


def others_in(connection: Connection, own: Own, texts: Iterable[str]) -> Others:
    """The other people whom any of `texts` names, found in four look-ups for all of them together."""
    names: set[str] = set()
    contacts: set[str] = set()
    numbers: set[str] = set()
    for text in texts:
        if may_name_somebody(text):
            names.update(name for _, name in _names(text))
            contacts.update(normalise_email(found) for found in _EMAIL.findall(text))
            contacts.update(normalise_phone(found) for found in _PHONE.findall(text))
            numbers.update(map(scope.folded, _NUMBER.findall(text)))
    return Others(
        names=_look_up(connection, _customer.c.name_key, names - own.names, own),
        contacts=_look_up(connection, _contact.c.normalised, contacts - own.contacts - {""}, own),
        numbers=_look_up(connection, _customer.c.key, numbers - own.numbers, own)
        | _look_up(connection, _identifier.c.normalised, numbers - own.numbers, own),
        staff=_staff_names(connection, own),
    )


def _look_up(connection: Connection, column: "Column[Any]", values: set[str], own: Own) -> frozenset[str]:
    """Those of `values` that are another person's."""
    found: set[str] = set()
    whose = _customer.c.id if column.table is _customer else column.table.c.customer_id
    wanted = sorted(values)
    for at in range(0, len(wanted), _AT_ONCE):
        query = select(column).where(
            column.in_(wanted[at : at + _AT_ONCE]), whose != own.customer_id, _customer.c.kind.in_(sorted(PEOPLE))
        )
        if column.table is not _customer:
            query = query.join(_customer, _customer.c.id == whose)
        found.update(connection.execute(query).scalars())
    return frozenset(found)


def _staff_names(connection: Connection, own: Own) -> "re.Pattern[str] | None":
    names = [name for name in connection.execute(select(_staff.c.name)).scalars() if name_key(name) not in own.names]
    if not names:
        return None
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")


def _names(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Every run of three and of two capitalised words, with its place, folded: `Mallikas, Eino` as `Eino Mallikas`."""
    words = [match for match in _WORD.finditer(text) if match.group()[0].isupper()]
    for length in (3, 2):
        for place in range(len(words) - length + 1):
            run = words[place : place + length]
            if all(text[a.end() : b.start()] in {" ", ", "} for a, b in pairwise(run)):
                yield (run[0].start(), run[-1].end()), name_key(" ".join(match.group() for match in run))


def _spans(
    pattern: "re.Pattern[str]", text: str, fold: Callable[[str], str], known: frozenset[str]
) -> list[tuple[int, int]]:
    return [match.span() for match in pattern.finditer(text) if fold(match.group()) in known] if known else []


def counted(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Reasons and how often each held, in a settled order."""
    return tuple(sorted((reason, count) for reason, count in counts.items() if count))
