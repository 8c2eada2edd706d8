"""The words that rows are written in: short strings in the database, checked there, enumerations here."""

from enum import StrEnum


class RequestKind(StrEnum):
    """What a customer wants (GDPR Art. 15-18, 20, 21; the last six are ordinary business)."""

    ACCESS = "access"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    PORTABILITY = "portability"
    OBJECTION = "objection"
    MOVING = "moving"
    BILLING = "billing"
    FAULT = "fault"
    CONTRACT = "contract"
    OTHER = "other"


STATUTORY = frozenset(
    {
        RequestKind.ACCESS,
        RequestKind.RECTIFICATION,
        RequestKind.ERASURE,
        RequestKind.RESTRICTION,
        RequestKind.PORTABILITY,
        RequestKind.OBJECTION,
    },
)
"""Kinds with a time limit in law (GDPR Art. 12(3)); the others have a service target."""


class Level(StrEnum):
    """How sure we are who wrote. Only control of a channel that was on file before confirms."""

    NONE = "none"
    AMBIGUOUS = "ambiguous"
    CLAIMED = "claimed"
    CONFIRMED_CHANNEL = "confirmed_channel"


class CustomerKind(StrEnum):
    """What sort of party a customer is; only people, sole traders among them, are data subjects."""

    PERSON = "person"
    SOLE_TRADER = "sole_trader"
    COMPANY = "company"
    HOUSING_COMPANY = "housing_company"
    PUBLIC_BODY = "public_body"
    ESTATE = "estate"


class ContactKind(StrEnum):
    """A way to reach a customer."""

    EMAIL = "email"
    POSTAL = "postal"
    PHONE = "phone"


class ContactStatus(StrEnum):
    """Whether a contact may be used. Only `active` matches a sender or receives anything."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    ENDED = "ended"


class Source(StrEnum):
    """Where a value came from (GDPR Art. 15(1)(g); the notice, section 6)."""

    CUSTOMER = "customer"
    CONTRACT = "contract"
    METER = "meter"
    POPULATION_REGISTER = "population_register"
    CITY = "city"
    ADDRESS_SERVICE = "address_service"
    STAFF = "staff"
    MIGRATION = "migration"


class IdentifierKind(StrEnum):
    """How a request may name a customer. Knowing one proves nothing (THREATS 6)."""

    CUSTOMER_NUMBER = "customer_number"
    CONTRACT = "contract"
    PROPERTY = "property"
    METER = "meter"
    INVOICE = "invoice"
    PAYMENT_REFERENCE = "payment_reference"
    BUSINESS_ID = "business_id"
    IBAN = "iban"
    EINVOICE_ADDRESS = "einvoice_address"


class RecipientKind(StrEnum):
    """Where a reply goes: a contact point on file, or back to whoever wrote (then without register data)."""

    EMAIL = "email"
    POSTAL = "postal"
    SENDER = "sender"


class StaffRole(StrEnum):
    """What a staff member is. Today an auditor only reads, and all others work and approve: there may be one clerk."""

    CLERK = "clerk"
    APPROVER = "approver"
    PRIVACY_OFFICER = "privacy_officer"
    ADMIN = "admin"
    AUDITOR = "auditor"
