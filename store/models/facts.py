"""Frozen facts read from the register, handed to those who decide and speak: no row of the database leaves the store.

`Clues` go in (what a message says of its writer), `Candidate`s come out (who that may be), and a `Dossier` is all that
is held about one of them.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import phonenumbers

from store.models.kinds import ContactKind, ContactStatus, CustomerKind, IdentifierKind

_PLAIN_E164 = re.compile(r"\+358[1-9][0-9]{6,11}")
_NAME_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def name_key(name: str) -> str:
    """A name folded for look-up: `Esimerkkilä, Aino` and `AINO ESIMERKKILÄ` are both `aino esimerkkilä`.

    Case-folded, NFC, without punctuation but with hyphens inside words, the words sorted. Dots over letters stay:
    `Mäki` and `Maki` are two names.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return " ".join(sorted(_NAME_WORD.findall(folded)))


def identifier_key(kind: IdentifierKind, value: str) -> str:
    """An identifier as look-up compares it; `value` is as people write it.

    Payment references lose their leading zeros, business ids are `NNNNNNN-N`, property ids have fourteen digits
    (DOMAIN 4); all others lose spaces and hyphens and stand in capitals.
    """
    bare = re.sub(r"[\s\u2010-\u2015-]+", "", unicodedata.normalize("NFKC", value)).upper()
    if kind is IdentifierKind.BUSINESS_ID:
        digits = bare.removeprefix("FI").rjust(8, "0")
        return f"{digits[:7]}-{digits[7:]}"
    if kind is IdentifierKind.PAYMENT_REFERENCE:
        return bare.lstrip("0")
    if kind is IdentifierKind.PROPERTY:
        parts = re.findall(r"\d+", value)
        if len(parts) >= 4:
            return f"{parts[0]:0>3}{parts[1]:0>3}{parts[2]:0>4}{parts[3]:0>4}"
    return bare


@dataclass(frozen=True, slots=True)
class Clues:
    """What a message tells of its writer, ready for look-up. None of it is proof."""

    address: str = ""
    """Normalised strict From address."""
    identifiers: tuple[tuple[IdentifierKind, str], ...] = ()
    """Normalised numbers found in the text."""
    name_keys: tuple[str, ...] = ()
    """Folded names that the text or the From phrase gives; see `name_key`."""
    phones: tuple[str, ...] = ()
    """E.164."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact point as policy sees it."""

    id: int
    kind: ContactKind
    value: str
    normalised: str
    status: ContactStatus
    on_file_since: datetime
    usable_from: datetime
    bounced_at: datetime | None = None
    """When mail to it came back; until a person has decided, no data are drafted to it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer that the clues may mean, with all contact points and what agrees."""

    id: int
    key: str
    kind: CustomerKind
    name: str
    name_key: str
    language: str
    turvakielto: bool
    ended_on: date | None
    contacts: tuple[Contact, ...]
    matched: tuple[str, ...]
    """Named agreements: `ADDRESS`, `INACTIVE_ADDRESS`, `IDENTIFIER:customer_number`, `NAME`, `PHONE`,
    `FORMER_NAME` (which finds, and weighs nothing)."""
    acts_for: tuple[str, ...] = ()
    """Customer numbers that this one acts for by a role on file."""


@dataclass(frozen=True, slots=True)
class Held:
    """One thing held: its kind, its fields in printing order, where it came from and when."""

    kind: str
    fields: tuple[tuple[str, str], ...]
    source: str
    recorded_on: date
    masked: tuple[tuple[str, int], ...] = ()
    """What was taken out of it: a named reason of `store.dossier.scope`, and how often."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What lies in the register and is not told: why, of which category, how many things."""

    reason: str
    """Of `store.dossier.scope`; `ROLE_OF_ANOTHER:tenant` names the role."""
    category: str
    """Empty where the things of another are meant as a whole: their kinds and number would tell of the other."""
    count: int


@dataclass(frozen=True, slots=True)
class HeldCategory:
    """All that is held under one category of the notice; empty says that nothing is."""

    key: str
    items: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class DisclosedTo:
    """A recipient by name (C-154/21)."""

    recipient: str
    purpose: str
    first_on: date
    last_on: date


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything held about one customer at one moment."""

    customer_key: str
    customer_name: str
    as_of: datetime
    categories: tuple[HeldCategory, ...]
    disclosures: tuple[DisclosedTo, ...]
    views: tuple[tuple[date, str], ...]
    """Days on which the data were looked at, with the purpose; no clock time, no names (KHO 2025:51)."""
    left_out: tuple[LeftOut, ...] = ()
    """What is not in `categories` although the register has it, with its reason (DOMAIN 2.3, item 11)."""
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Names of fields that the mapping of an import gave: `category.kind.field` (`*` for any) to language to words."""


def normalise_email(address: str) -> str:
    """The form in which e-mail addresses are compared: lower case, the domain as ASCII labels (RFC 5890).

    What holds compatibility characters is left as it is written: folding it could turn a look-alike into the real
    address.
    """
    local, at, domain = address.strip().rpartition("@")
    if not at:
        return address.strip().lower()
    if unicodedata.normalize("NFKC", local) == local:
        local = local.lower()
    domain = domain.lower()
    try:
        encoded = domain.encode("idna")
        if encoded.decode("idna") == domain:
            domain = encoded.decode("ascii")
    except UnicodeError:
        pass  # no domain that could ever be reached: it is compared as it is written
    return f"{local}@{domain}"


def normalise_phone(number: str, region: str = "FI") -> str:
    """`number` in E.164, read as in `region` when it names no country; "" when it cannot be one."""
    if _PLAIN_E164.fullmatch(number):
        return number
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def fold_postal(lines: Sequence[str]) -> str:
    """Postal lines folded for comparison: caseless, single spaces, no commas and full stops, lines joined by ` / `."""
    folded = (" ".join(re.sub(r"[.,]", " ", unicodedata.normalize("NFC", line)).casefold().split()) for line in lines)
    return " / ".join(line for line in folded if line)
