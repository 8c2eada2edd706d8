"""The shape in which a register is handed over: one JSON object a customer, everything of the customer inside it.

Only `customer_number`, `kind` and `name` are required; what a customer has comes as lists beside them:

    {"customer_number": "100234", "kind": "person", "name": "Aino Esimerkkilä", "language": "fi",
     "contacts": [{"kind": "email", "value": "aino.esimerkkila@posti.test"},
                  {"kind": "postal", "value": "Testikuja 3\\n85100 Kalajoki"}],
     "identifiers": [{"kind": "contract", "value": "LS-1001"}],
     "roles": [{"kind": "property_manager", "for": "200010", "mandate": "..."}],
     "records": [{"category": "invoices", "kind": "invoice", "fields": {"number": "..."}, "recorded_at": "..."}],
     "readings": [{"meter": "LM1", "read_at": "2026-01-31T22:00:00Z", "mwh": 12.5}],
     "disclosures": [{"recipient": "...", "purpose": "...", "categories": ["invoices"],
                      "first_on": "...", "last_on": "..."}]}

Unknown fields are refused, so that nothing of a customer is lost by a misspelt name. `external_id` is the key by which
the source knows a thing, so that a later file can change it (`store.register_rows`).
"""

from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from store.models import (
    ContactKind,
    ContactStatus,
    CustomerKind,
    IdentifierKind,
    Source,
    fold_postal,
    normalise_email,
    normalise_phone,
)

_Text = Annotated[str, Field(min_length=1)]
ACCEPT_INVALID = {"accept": "invalid"}
"""Context of a validation that lets in contacts which cannot be one: they are kept and never used."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class ContactEntry(_Part):
    """A way to reach the customer; a postal address as lines separated by a line feed, without the name."""

    kind: ContactKind
    value: _Text
    status: ContactStatus = ContactStatus.ACTIVE
    source: Source | None = None
    on_file_since: AwareDatetime | None = None
    verified_at: AwareDatetime | None = None
    external_id: str = ""

    @model_validator(mode="after")
    def _can_be_compared(self, info: ValidationInfo) -> "ContactEntry":
        if not normalise_contact(self.kind, self.value) and info.context is not ACCEPT_INVALID:
            raise ValueError(f"this cannot be a contact of kind {self.kind}")
        return self


class IdentifierEntry(_Part):
    """A number by which the customer may be named."""

    kind: IdentifierKind
    value: _Text
    source: Source | None = None
    recorded_at: AwareDatetime | None = None
    external_id: str = ""


class RoleEntry(_Part):
    """That this customer acts for, or stands in a relation to, the customer numbered `for`."""

    kind: _Text
    for_: Annotated[str, Field(alias="for", min_length=1)]
    mandate: str = ""
    source: Source | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    external_id: str = ""


class RecordEntry(_Part):
    """One thing held, under a category of the notice; `fields` in the order to print."""

    category: _Text
    kind: _Text
    fields: dict[str, Any]
    source: Source | None = None
    recorded_at: AwareDatetime | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    external_id: str = ""


class ReadingEntry(_Part):
    """One value of a meter's series: counters in MWh and m³."""

    meter: _Text
    read_at: AwareDatetime
    mwh: Annotated[float, Field(allow_inf_nan=False)]
    cubic_metres: Annotated[float, Field(allow_inf_nan=False)] | None = None
    quality: _Text = "measured"
    source: Source = Source.METER


class DisclosureEntry(_Part):
    """To whom data went, by name, and what, why and when."""

    recipient: _Text
    purpose: _Text
    categories: Annotated[list[_Text], Field(min_length=1)]
    first_on: date
    last_on: date
    source: Source | None = None
    external_id: str = ""


class Entry(_Part):
    """One customer of the register, as a line of the file."""

    customer_number: _Text
    kind: CustomerKind
    name: _Text
    language: Annotated[str, Field(pattern="^[a-z]{2}$")] = "fi"
    turvakielto: bool = False
    source: Source | None = None
    recorded_at: AwareDatetime | None = None
    ended_on: date | None = None
    contacts: list[ContactEntry] = []
    identifiers: list[IdentifierEntry] = []
    roles: list[RoleEntry] = []
    records: list[RecordEntry] = []
    readings: list[ReadingEntry] = []
    disclosures: list[DisclosureEntry] = []

    @model_validator(mode="after")
    def _reads_each_meter_once_at_a_time(self) -> "Entry":
        if len({(reading.meter, reading.read_at) for reading in self.readings}) != len(self.readings):
            raise ValueError("a meter has two readings of one moment")
        return self


def register_schema() -> dict[str, Any]:
    """The published shape of a line, as JSON Schema."""
    return Entry.model_json_schema()


def normalise_contact(kind: ContactKind, value: str) -> str:
    """The form in which a contact is compared; "" when `value` cannot be one of that kind."""
    if kind is ContactKind.EMAIL:
        local, at, domain = value.rpartition("@")
        return normalise_email(value) if local and at and domain and not value.split()[1:] else ""
    if kind is ContactKind.PHONE:
        return normalise_phone(value)
    return fold_postal(value.split("\n"))
