"""The controller's register: who its customers are, how to reach them, and what is held about each.

The register is the controller's, so its shape is data: what is held are `Record` rows with free fields under a category
of the privacy notice. Every row knows where its value came from and when; nothing is overwritten in place: an old value
gets an end and a new row beside it. Of customers and readings, which others point at or which are millions, the former
values lie in tables of their own.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.models.base import UtcDateTime, Word, one_of
from store.models.kinds import ContactKind, ContactStatus, CustomerKind, IdentifierKind, Source


class Kept(SQLModel):
    """What every value with a history knows besides itself."""

    external_id: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """The key by which its source knows it, so that a later batch finds it again; see `store.register_rows`."""
    import_id: int | None = None
    """The import that brought it (`RegisterImport`); None when a person did."""
    corrected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was put right at the customer's demand, on the right value and on the wrong one that it took the place
    of: no batch changes the first or brings back the second, it raises a review."""
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it stopped being true or in use; the row itself stays."""


class Customer(SQLModel, table=True):
    """One party of the register. `key` is the customer number that people know."""

    __table_args__ = (one_of("kind", CustomerKind),)

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    kind: CustomerKind = Field(sa_column=Column(Word(CustomerKind), nullable=False))
    name: str = Field(index=True)
    """As it stands in the register: `Aino Esimerkkilä`, `As Oy Malliranta`."""
    name_key: str = Field(index=True)
    """`name` folded for look-up: lower case, words sorted; see `store.customers.name_key`."""
    language: str = "fi"
    turvakielto: bool = False
    """Non-disclosure for personal safety (laki 661/2009): never shown in lists or chat."""
    source: Source = Field(sa_column=Column(Word(Source), nullable=False))
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_on: date | None = None
    import_id: int | None = None
    corrected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """As of `Kept`: a batch then changes nothing of it but to set `turvakielto`."""


class FormerCustomer(SQLModel, table=True):
    """What stood in a customer's row until `superseded_at`: the name before a marriage, the former language."""

    __tablename__ = "former_customer"
    __table_args__ = (one_of("kind", CustomerKind),)

    id: int | None = Field(default=None, primary_key=True)
    customer_id: int = Field(foreign_key="customer.id", index=True)
    kind: CustomerKind = Field(sa_column=Column(Word(CustomerKind), nullable=False))
    name: str
    name_key: str = Field(index=True)
    language: str
    turvakielto: bool
    source: Source = Field(sa_column=Column(Word(Source), nullable=False))
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_on: date | None = None
    import_id: int | None = None
    corrected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    superseded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class ContactPoint(Kept, table=True):
    """One way to reach a customer, with proof and date. A reply with data leaves only to such a row (INV-1)."""

    __tablename__ = "contact_point"
    __table_args__ = (
        one_of("kind", ContactKind),
        one_of("status", ContactStatus),
        Index("ix_contact_point_look_up", "kind", "normalised"),
    )

    id: int | None = Field(default=None, primary_key=True)
    customer_id: int = Field(foreign_key="customer.id", index=True)
    kind: ContactKind = Field(sa_column=Column(Word(ContactKind), nullable=False))
    value: str
    """An e-mail address; a phone number; a postal address as lines separated by `\\n`, without the name."""
    normalised: str
    """What look-up compares: lower-case address, E.164 number, folded postal lines."""
    status: ContactStatus = Field(sa_column=Column(Word(ContactStatus), nullable=False))
    source: Source = Field(sa_column=Column(Word(Source), nullable=False))
    on_file_since: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """From when it counts as on file: INV-1 compares this with the receipt of the request."""
    usable_from: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """End of its waiting period (DOMAIN 7.2): equal to `on_file_since` where there is none."""
    verified_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    bounced_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When mail to it last came back as undeliverable and nobody has decided since (INV-3: staff decide)."""


class Identifier(Kept, table=True):
    """A number by which a request may name a customer."""

    __table_args__ = (
        one_of("kind", IdentifierKind),
        Index("ix_identifier_look_up", "kind", "normalised"),
    )

    id: int | None = Field(default=None, primary_key=True)
    customer_id: int = Field(foreign_key="customer.id", index=True)
    kind: IdentifierKind = Field(sa_column=Column(Word(IdentifierKind), nullable=False))
    value: str
    normalised: str
    source: Source = Field(sa_column=Column(Word(Source), nullable=False))
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Role(Kept, table=True):
    """That one customer acts for another, or stands in a relation to it: `property_manager`, `guardian`, `payer`."""

    id: int | None = Field(default=None, primary_key=True)
    customer_id: int = Field(foreign_key="customer.id", index=True)
    """Whose matters these are: the housing company."""
    holder_id: int = Field(foreign_key="customer.id", index=True)
    """Who acts: the property manager."""
    kind: str
    mandate: str = ""
    """Which document gives the right and where it lies; empty where the law itself does."""
    source: Source = Field(sa_column=Column(Word(Source), nullable=False))
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    valid_from: date | None = None
    valid_to: date | None = None


class Record(Kept, table=True):
    """One thing held about a customer, under a category of the notice."""

    __table_args__ = (Index("ix_record_of_customer", "customer_id", "category"),)

    id: int | None = Field(default=None, primary_key=True)
    customer_id: int = Field(foreign_key="customer.id")
    category: str
    """Key of a category in the notice: `contracts`, `deliveries`, `invoices`, `contacts` ..."""
    kind: str
    """What it is within the category: `heat_contract`, `invoice`, `payment`, `call`."""
    fields: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """Field key to value, in the order to print; labels come from the notice."""
    source: Source = Field(sa_column=Column(Word(Source), nullable=False))
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    valid_from: date | None = None
    valid_to: date | None = None


class Reading(SQLModel, table=True):
    """One value of a heat meter's series."""

    __table_args__ = (UniqueConstraint("customer_id", "meter", "read_at"),)

    id: int | None = Field(default=None, primary_key=True)
    customer_id: int = Field(foreign_key="customer.id")
    meter: str
    read_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    mwh: float
    """Counter, MWh."""
    cubic_metres: float | None = None
    """Counter, m³."""
    quality: str = "measured"
    source: Source = Field(sa_column=Column(Word(Source), nullable=False))
    import_id: int | None = None
    """Readings come by the million, so that the import tells when they were recorded."""
    corrected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class FormerReading(SQLModel, table=True):
    """What a reading was until `superseded_at`: an estimate, or a value that was put right."""

    __tablename__ = "former_reading"
    __table_args__ = (Index("ix_former_reading_of_customer", "customer_id", "meter", "read_at"),)

    id: int | None = Field(default=None, primary_key=True)
    customer_id: int = Field(foreign_key="customer.id")
    meter: str
    read_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    mwh: float
    cubic_metres: float | None = None
    quality: str
    source: Source = Field(sa_column=Column(Word(Source), nullable=False))
    import_id: int | None = None
    corrected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    superseded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Disclosure(Kept, table=True):
    """To whom data of a customer went, what, why and when (GDPR Art. 15(1)(c), C-154/21: by name)."""

    id: int | None = Field(default=None, primary_key=True)
    customer_id: int = Field(foreign_key="customer.id", index=True)
    recipient: str
    purpose: str
    categories: str
    """Category keys of the notice, separated by commas."""
    first_on: date
    last_on: date
    source: Source | None = Field(default=None, sa_column=Column(Word(Source)))
    recorded_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class ViewLog(SQLModel, table=True):
    """That a staff member saw a customer's data, and for which purpose (C-579/21, KHO 2025:51)."""

    __tablename__ = "view_log"

    id: int | None = Field(default=None, primary_key=True)
    customer_id: int = Field(foreign_key="customer.id", index=True)
    staff_id: int = Field(foreign_key="staff_member.id")
    ticket_id: int | None = Field(default=None, foreign_key="ticket.id")
    purpose: str
    viewed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
