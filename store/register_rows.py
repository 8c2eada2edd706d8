"""From what a file says of a customer to the rows that keep it: one builder a table, used by every way of import.

A row also gets the key by which a later batch finds it again (`external_id`). Where its source gives none, the value
itself serves: the address of a contact, the number of an identifier, the recipient of a disclosure, and of a record
all that it holds. A row without a customer's number yet: whose it is, the caller knows.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from store.models import ContactStatus, IdentifierKind, Source, identifier_key, name_key
from store.models.identifiers import Form, recognise
from store.register_shape import (
    ContactEntry,
    DisclosureEntry,
    Entry,
    IdentifierEntry,
    ReadingEntry,
    RecordEntry,
    RoleEntry,
    normalise_contact,
)

BASELINE = datetime(1900, 1, 1, tzinfo=UTC)
"""Since when a contact of the first import counts as on file, unless the file says since when."""
WAITING_PERIOD = timedelta(days=90)
"""How long a new or changed contact may not receive data (DOMAIN 7.2, 2)."""
WITHOUT_WAITING = frozenset({Source.POPULATION_REGISTER, Source.CONTRACT})
"""Sources that no writer of a message can feign: their contacts may be used at once."""
FORMS = {
    IdentifierKind.BUSINESS_ID: (Form.BUSINESS_ID, Form.VAT),
    IdentifierKind.PAYMENT_REFERENCE: (Form.PAYMENT_REFERENCE, Form.CREDITOR_REFERENCE),
    IdentifierKind.PROPERTY: (Form.PROPERTY,),
    IdentifierKind.IBAN: (Form.IBAN,),
    IdentifierKind.EINVOICE_ADDRESS: (Form.EINVOICE_ADDRESS, Form.IBAN),
}
"""Identifiers whose form can be checked; an e-invoice address may be an account number."""
_CONTENT = "#"
"""Begins the key of a record that its source gave none."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all rows of a file where they do not say otherwise."""

    source: Source
    now: datetime
    is_baseline: bool
    import_id: int | None = None


def usable_from(source: Source, since: datetime) -> datetime:
    """When a contact that came on file at `since` may first receive data."""
    return since if source in WITHOUT_WAITING else since + WAITING_PERIOD


def customer_row(terms: Terms, entry: Entry) -> Row:
    """The customer itself."""
    return {
        "key": entry.customer_number,
        "kind": entry.kind,
        "name": entry.name,
        "name_key": name_key(entry.name),
        "language": entry.language,
        "turvakielto": entry.turvakielto,
        "source": entry.source or terms.source,
        "recorded_at": entry.recorded_at or terms.now,
        "ended_on": entry.ended_on,
        "import_id": terms.import_id,
    }


def contact_row(terms: Terms, part: ContactEntry) -> Row:
    """A contact; outside the baseline no file can make one older than our knowledge of it.

    One that cannot be compared (`store.importing` lets such in when it is told to) is kept and never used.
    """
    source = part.source or terms.source
    since = part.on_file_since or (BASELINE if terms.is_baseline else terms.now)
    if not terms.is_baseline:
        since = max(since, terms.now)
    normalised = normalise_contact(part.kind, part.value)
    return {
        "kind": part.kind,
        "value": part.value,
        "normalised": normalised,
        "status": part.status if normalised else ContactStatus.INACTIVE,
        "source": source,
        "on_file_since": since,
        "usable_from": since if terms.is_baseline else usable_from(source, since),
        "verified_at": part.verified_at,
        "external_id": part.external_id,
        "import_id": terms.import_id,
    }


def identifier_row(terms: Terms, part: IdentifierEntry, of: Entry | None = None) -> Row:
    """A number by which the customer may be named."""
    return {
        "kind": part.kind,
        "value": part.value,
        "normalised": identifier_key(part.kind, _inner(part.kind, part.value)),
        "source": part.source or (of.source if of else None) or terms.source,
        "recorded_at": part.recorded_at or (of.recorded_at if of else None) or terms.now,
        "external_id": part.external_id,
        "import_id": terms.import_id,
    }


def has_form(kind: IdentifierKind, value: str, today: date) -> bool:
    """Whether a number can be one of its kind; one that has no known form always can."""
    forms = FORMS.get(kind)
    return forms is None or any(recognise(form, value, today) for form in forms)


def _inner(kind: IdentifierKind, value: str) -> str:
    """A creditor reference (`RF18 ...`) is found by the payment reference inside it."""
    bare = "".join(value.split()).upper()
    return bare[4:] if kind is IdentifierKind.PAYMENT_REFERENCE and bare.startswith("RF") else value


def role_row(terms: Terms, part: RoleEntry) -> Row:
    """A role of the customer at another."""
    return {
        "kind": part.kind,
        "mandate": part.mandate,
        "source": part.source or terms.source,
        "recorded_at": terms.now,
        "valid_from": part.valid_from,
        "valid_to": part.valid_to,
        "external_id": part.external_id,
        "import_id": terms.import_id,
    }


def record_row(terms: Terms, part: RecordEntry) -> Row:
    """One thing held."""
    return {
        "category": part.category,
        "kind": part.kind,
        "fields": part.fields,
        "source": part.source or terms.source,
        "recorded_at": part.recorded_at or terms.now,
        "valid_from": part.valid_from,
        "valid_to": part.valid_to,
        "external_id": part.external_id or content_key(part),
        "import_id": terms.import_id,
    }


def content_key(part: RecordEntry) -> str:
    """The key of a record without one: all that it holds. A changed one is then another one."""
    text = json.dumps([part.fields, str(part.valid_from), str(part.valid_to)], sort_keys=True, default=str)
    return _CONTENT + sha256(text.encode()).hexdigest()[:24]


def reading_row(terms: Terms, part: ReadingEntry) -> Row:
    """One value of a meter's series."""
    return {
        "meter": part.meter,
        "read_at": part.read_at,
        "mwh": part.mwh,
        "cubic_metres": part.cubic_metres,
        "quality": part.quality,
        "source": part.source,
        "import_id": terms.import_id,
    }


def disclosure_row(terms: Terms, part: DisclosureEntry) -> Row:
    """To whom data went. When that was recorded is left open in a baseline: then as of old."""
    return {
        "recipient": part.recipient,
        "purpose": part.purpose,
        "categories": ",".join(part.categories),
        "first_on": part.first_on,
        "last_on": part.last_on,
        "source": part.source or terms.source,
        "recorded_at": None if terms.is_baseline else terms.now,
        "external_id": part.external_id,
        "import_id": terms.import_id,
    }
