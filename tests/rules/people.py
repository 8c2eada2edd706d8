"""The people of the tests as the register would hand them over, and messages from them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.rules.verdicts import Assessment, Policy
from mail.message import Authentication, InboundMessage, Verdict
from store.models import (
    Candidate,
    Clues,
    Contact,
    ContactKind,
    ContactStatus,
    CustomerKind,
    IdentifierKind,
)
from store.models.facts import name_key

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OLD = datetime(2015, 1, 1, tzinfo=UTC)
POLICY = Policy(own_addresses=("asiakaspalvelu@lampo.test", "tietosuoja@lampo.test"))


def contact(number: int, kind: ContactKind, value: str, **changes: Any) -> Contact:
    plain = Contact(number, kind, value, value.casefold(), ContactStatus.ACTIVE, OLD, OLD)
    return replace(plain, **changes)


def customer(number: int, name: str, address: str = "", **changes: Any) -> Candidate:
    """A customer with one e-mail and one postal contact, both on file from of old."""
    contacts = [contact(number * 10, ContactKind.POSTAL, f"Mallitie {number % 100}\n85100 Kalajoki")]
    if address:
        contacts.insert(0, contact(number * 10 + 1, ContactKind.EMAIL, address))
    plain = Candidate(
        id=number,
        key=str(number),
        kind=CustomerKind.PERSON,
        name=name,
        name_key=name_key(name),
        language="fi",
        turvakielto=False,
        ended_on=None,
        contacts=tuple(contacts),
        matched=(),
    )
    return replace(plain, **changes)


AINO = customer(100234, "Aino Esimerkkilä", "aino.esimerkkila@posti.test")
EINO = customer(100236, "Eino Mallikas", "eino.mallikas@posti.test")
ASTRID = customer(100240, "Astrid Påhitt", "astrid.pahitt@post.test", language="sv")
HOUSING = customer(200010, "As Oy Malliranta", kind=CustomerKind.HOUSING_COMPANY)
MANAGER = customer(
    200011, "Isännöinti Koe Oy", "toimisto@isannointi.test", kind=CustomerKind.COMPANY, acts_for=("200010",)
)


def found_by(register: Sequence[Candidate], told: Clues) -> list[Candidate]:
    """What the register's look-up does, by hand: who agrees with the clues, and in what."""
    found = []
    for one in register:
        matched = []
        for point in one.contacts:
            if point.kind is ContactKind.EMAIL and told.address and point.normalised == told.address:
                matched.append("ADDRESS" if point.status is ContactStatus.ACTIVE else "INACTIVE_ADDRESS")
        if (IdentifierKind.CUSTOMER_NUMBER, one.key) in told.identifiers:
            matched.append("IDENTIFIER:customer_number")
        if one.name_key in told.name_keys:
            matched.append("NAME")
        if matched:
            found.append(replace(one, matched=tuple(matched)))
    return found


def mail(
    text: str, address: str = "aino.esimerkkila@posti.test", verdict: Verdict = "pass", **more: Any
) -> InboundMessage:
    """A mail as the parser would hand it over."""
    plain = InboundMessage(
        channel="email",
        from_text=address,
        from_address=address,
        language="fi",
        text=text,
        new_text=text,
        authentication=Authentication(verdict, address.rpartition("@")[2]),
    )
    return replace(plain, **more)


Judge = Callable[..., Assessment]


RECENT = NOW - timedelta(days=10)
