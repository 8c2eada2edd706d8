"""What is held about a customer, read for an answer; and how a contact of a customer changes.

The dossier is everything: each thing held with its kind, its fields, its source and its date, by category of the
privacy notice (GDPR Art. 15, C-487/21: faithful and complete), this service's own tickets and views included
(C-579/21). It reads by exactly one customer id, and third parties who are people stay unnamed in it.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BindParameter, Connection, Row, bindparam, or_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from store.customers import ACTING_ROLES
from store.models import (
    ContactKind,
    ContactPoint,
    ContactStatus,
    Customer,
    CustomerKind,
    DisclosedTo,
    Disclosure,
    Dossier,
    Held,
    HeldCategory,
    Identifier,
    IdentifierKind,
    Message,
    Reading,
    Record,
    Request,
    Role,
    Source,
    Ticket,
    ViewLog,
    table_of,
)
from store.register_import import BASELINE, usable_from
from store.register_shape import normalise_contact

CATEGORIES = ("basic", "property", "contracts", "deliveries", "invoices", "contacts", "faults", "consents")
"""Keys of the notice's categories, in the order of an answer; others that records name follow by name."""
_PLACE_OF = {
    IdentifierKind.BUSINESS_ID: ("basic", "business_id"),
    IdentifierKind.PROPERTY: ("property", "property_id"),
    IdentifierKind.METER: ("deliveries", "meter"),
    IdentifierKind.CONTRACT: ("contracts", "contract_number"),
    IdentifierKind.INVOICE: ("invoices", "invoice_number"),
    IdentifierKind.PAYMENT_REFERENCE: ("invoices", "payment_reference"),
}
"""Category and field of each kind of number; the customer number stands with the customer itself."""
_PEOPLE = frozenset({CustomerKind.PERSON, CustomerKind.SOLE_TRADER, CustomerKind.ESTATE})
"""Parties whose name is personal data: they stay unnamed in another's dossier."""

_Found = dict[str, list[Held]]
_Given = Mapping[str, Any]
"""Whose dossier is asked for and as of when: the parameters `customer_id` and `as_of` of every statement."""

# Rows instead of objects, by statements that are built once: a dossier has hundreds of them.
_customer, _contact, _role, _identifier, _record, _reading, _ticket, _request, _message, _disclosure, _view = (
    table_of(model)
    for model in (
        *(Customer, ContactPoint, Role, Identifier, Record, Reading),
        *(Ticket, Request, Message, Disclosure, ViewLog),
    )
)
_ID: BindParameter[Any] = bindparam("customer_id")
_AS_OF: BindParameter[Any] = bindparam("as_of")
_BY_ID = select_columns(_customer).where(_customer.c.id == _ID)
_CONTACTS = (
    select_columns(_contact)
    .where(_contact.c.customer_id == _ID, _contact.c.on_file_since <= _AS_OF)
    .order_by(_contact.c.id)
)
_ROLES = (
    select_columns(_role)
    .where(or_(_role.c.customer_id == _ID, _role.c.holder_id == _ID), _role.c.recorded_at <= _AS_OF)
    .order_by(_role.c.id)
)
_IDENTIFIERS = (
    select_columns(_identifier)
    .where(
        _identifier.c.customer_id == _ID,
        _identifier.c.recorded_at <= _AS_OF,
        _identifier.c.kind.in_(list(_PLACE_OF)),
    )
    .order_by(_identifier.c.id)
)
_RECORDS = (
    select_columns(_record)
    .where(_record.c.customer_id == _ID, _record.c.recorded_at <= _AS_OF)
    .order_by(_record.c.recorded_at, _record.c.id)
)
_READINGS = (
    select_columns(_reading)
    .where(_reading.c.customer_id == _ID, _reading.c.read_at <= _AS_OF)
    .order_by(_reading.c.meter, _reading.c.read_at)
)
_KINDS = (
    select_columns(_request.c.ticket_id, _request.c.kind)
    .join(_ticket)
    .where(_ticket.c.customer_id == _ID)
    .order_by(_request.c.id)
)
_TICKETS = (
    select_columns(_ticket.c.id, _ticket.c.reference, _ticket.c.channel, _ticket.c.state, _ticket.c.received_at)
    .where(_ticket.c.customer_id == _ID, _ticket.c.received_at <= _AS_OF)
    .order_by(_ticket.c.received_at, _ticket.c.id)
)
_MESSAGES = (
    select_columns(_ticket.c.reference, _message.c.direction, _message.c.channel, _message.c.received_at)
    .join(_ticket)
    .where(_ticket.c.customer_id == _ID, _message.c.received_at <= _AS_OF)
    .order_by(_message.c.received_at, _message.c.id)
)
_DISCLOSURES = (
    select_columns(_disclosure)
    .where(_disclosure.c.customer_id == _ID, _disclosure.c.first_on <= bindparam("day"))
    .order_by(_disclosure.c.first_on, _disclosure.c.id)
)
_VIEWS = select_columns(_view.c.viewed_at, _view.c.purpose).where(
    _view.c.customer_id == _ID, _view.c.viewed_at <= _AS_OF
)


def dossier(session: Session, customer_id: int, as_of: datetime, *, time_zone: str = "Europe/Helsinki") -> Dossier:
    """All that was held about the customer at `as_of` (aware); dates and times are local ones of `time_zone`.

    Raises `LookupError` when there is no such customer.
    """
    session.flush()  # what the caller has changed counts
    connection = session.connection()
    customer = connection.execute(_BY_ID, {"customer_id": customer_id}).first()
    if customer is None:
        raise LookupError(f"no customer {customer_id}")
    zone = ZoneInfo(time_zone)
    given = {"customer_id": customer_id, "as_of": as_of}
    found: _Found = defaultdict(list)
    _add_basic(connection, customer, given, zone, found)
    _add_roles(connection, given, zone, found)
    _add_identifiers(connection, given, zone, found)
    _add_records(connection, given, zone, found)
    _add_readings(connection, given, zone, found)
    _add_tickets(connection, given, zone, found)
    others = sorted(found.keys() - set(CATEGORIES))
    return Dossier(
        customer_key=customer.key,
        customer_name=customer.name,
        as_of=as_of.astimezone(UTC),
        categories=tuple(HeldCategory(key, tuple(found[key])) for key in (*CATEGORIES, *others)),
        disclosures=_disclosures(connection, customer_id, _day(as_of, zone)),
        views=_views(connection, given, zone),
    )


def postal_block(session: Session, contact_point_id: int) -> tuple[str, ...]:
    """The lines of a letter's address: the customer's name, then the address. Raises `LookupError`."""
    contact = session.get(ContactPoint, contact_point_id)
    customer = session.get(Customer, contact.customer_id) if contact else None
    if contact is None or customer is None or contact.kind is not ContactKind.POSTAL:
        raise LookupError(f"contact point {contact_point_id} is no postal address")
    return (customer.name, *(line.strip() for line in contact.value.split("\n") if line.strip()))


def acts_for(session: Session, holder_id: int, customer_id: int) -> bool:
    """Whether one customer acts for another by a role on file (`store.customers.ACTING_ROLES`)."""
    query = select(Role.id).where(
        Role.holder_id == holder_id, Role.customer_id == customer_id, col(Role.kind).in_(ACTING_ROLES)
    )
    return session.exec(query).first() is not None


def change_contact(
    session: Session,
    customer_id: int,
    *,
    kind: ContactKind,
    value: str,
    source: Source,
    now: datetime,
    replaces: int | None = None,
) -> int:
    """Put a new contact on file beside the old ones and return its id; nothing is overwritten.

    `replaces` names the contact that it takes the place of: that one ends. A contact that is active already with the
    same value is left as it is. A new one waits 90 days before data may go to it, but for population-register moves and
    contracts (DOMAIN 7.2, 2); one that had ended and comes back is new. Raises `ValueError` when `value` cannot be a
    contact of that kind, `LookupError` when `replaces` is not an active contact of this customer and kind.
    """
    normalised = normalise_contact(kind, value)
    if not normalised:
        raise ValueError(f"the value cannot be a contact of kind {kind}")
    query = select(ContactPoint).where(ContactPoint.customer_id == customer_id, ContactPoint.kind == kind)
    active = session.exec(query.where(ContactPoint.status == ContactStatus.ACTIVE)).all()
    same = next((contact for contact in active if contact.normalised == normalised), None)
    if replaces is not None:
        old = next((contact for contact in active if contact.id == replaces), None)
        if old is None:
            raise LookupError(f"contact point {replaces} is no active {kind} contact of customer {customer_id}")
        if old is not same:
            old.status, old.ended_at = ContactStatus.ENDED, now
    if same is None:
        same = ContactPoint(
            customer_id=customer_id,
            kind=kind,
            value=value.strip(),
            normalised=normalised,
            status=ContactStatus.ACTIVE,
            source=source,
            on_file_since=now,
            usable_from=usable_from(source, now),
        )
        session.add(same)
    session.flush()
    return _id(same.id)


def set_contact_status(session: Session, contact_point_id: int, status: ContactStatus, now: datetime) -> None:
    """Staff's decision on a contact: `INACTIVE` after a bounce, `ENDED` for good. Raises `LookupError`, `ValueError`.

    A contact that has ended stays so: what comes back is new (`change_contact`) and waits as such.
    """
    contact = session.get(ContactPoint, contact_point_id)
    if contact is None:
        raise LookupError(f"no contact point {contact_point_id}")
    if contact.status is ContactStatus.ENDED and status is not ContactStatus.ENDED:
        raise ValueError("an ended contact does not come back: put it on file as a new one")
    if status is ContactStatus.ENDED and contact.ended_at is None:
        contact.ended_at = now
    contact.status = status
    session.flush()


def _add_basic(connection: Connection, customer: Row[Any], given: _Given, zone: ZoneInfo, found: _Found) -> None:
    fields = {
        "customer_number": customer.key,
        "name": customer.name,
        "customer_kind": customer.kind,
        "language": customer.language,
        "protected_address": True if customer.turvakielto else None,
        "ended_on": customer.ended_on,
    }
    found["basic"].append(_held("customer", fields, customer.source, _day(customer.recorded_at, zone)))
    as_of = given["as_of"]
    for contact in connection.execute(_CONTACTS, given):
        # The baseline's date stands for "from of old"; what we do know is when the customer was recorded.
        since = customer.recorded_at if contact.on_file_since == BASELINE else contact.on_file_since
        checked = _day(contact.verified_at, zone) if contact.verified_at else None
        ended = _day(contact.ended_at, zone) if contact.ended_at and contact.ended_at <= as_of else None
        # One that has ended since was in use at that moment.
        status = ContactStatus.ACTIVE if contact.ended_at and ended is None else contact.status
        shown = {contact.kind: contact.value, "status": status, "verified_on": checked, "ends_on": ended}
        found["basic"].append(_held(contact.kind, shown, contact.source, _day(since, zone)))


def _add_roles(connection: Connection, given: _Given, zone: ZoneInfo, found: _Found) -> None:
    """Roles in both directions. The other party is named only when it is no person."""
    for role in connection.execute(_ROLES, given).all():
        holds = role.holder_id == given["customer_id"]
        other_id = role.customer_id if holds else role.holder_id
        other = connection.execute(_BY_ID, {"customer_id": other_id}).first()
        named = other is not None and other.kind not in _PEOPLE
        fields = {
            "role": role.kind,
            "standing": "holder" if holds else "principal",
            "other_party": other.name if other is not None and named else None,
            "mandate": role.mandate if holds or named else None,
            "valid_from": role.valid_from,
            "valid_to": role.valid_to,
        }
        found["basic"].append(_held("role", fields, role.source, _day(role.recorded_at, zone)))


def _add_identifiers(connection: Connection, given: _Given, zone: ZoneInfo, found: _Found) -> None:
    for row in connection.execute(_IDENTIFIERS, given):
        category, field = _PLACE_OF[row.kind]
        found[category].append(_held("identifier", {field: row.value}, row.source, _day(row.recorded_at, zone)))


def _add_records(connection: Connection, given: _Given, zone: ZoneInfo, found: _Found) -> None:
    for row in connection.execute(_RECORDS, given):
        fields = {**row.fields, "valid_from": row.valid_from, "valid_to": row.valid_to}
        found[row.category].append(_held(row.kind, fields, row.source, _day(row.recorded_at, zone)))


def _add_readings(connection: Connection, given: _Given, zone: ZoneInfo, found: _Found) -> None:
    """Every single reading: nothing of a series is summed up."""
    for row in connection.execute(_READINGS, given):
        local = row.read_at.astimezone(zone)
        fields = {
            "meter": row.meter,
            "read_at": local.isoformat(timespec="minutes"),
            "mwh": row.mwh,
            "cubic_metres": row.cubic_metres,
            "quality": row.quality,
        }
        found["deliveries"].append(_held("reading", fields, row.source, local.date()))


def _add_tickets(connection: Connection, given: _Given, zone: ZoneInfo, found: _Found) -> None:
    """The service's own record of the customer's matters: what about, when, by which channel."""
    kinds: dict[int, list[str]] = defaultdict(list)
    for request in connection.execute(_KINDS, given):
        kinds[request.ticket_id].append(request.kind)
    for ticket in connection.execute(_TICKETS, given):
        fields = {
            "reference": ticket.reference,
            "channel": ticket.channel,
            "kinds": kinds[ticket.id],
            "state": ticket.state,
        }
        found["contacts"].append(_held("ticket", fields, Source.CUSTOMER, _day(ticket.received_at, zone)))
    for message in connection.execute(_MESSAGES, given):
        incoming = message.direction == "in"
        fields = {"reference": message.reference, "direction": message.direction, "channel": message.channel}
        source = Source.CUSTOMER if incoming else Source.STAFF
        found["contacts"].append(_held("message", fields, source, _day(message.received_at, zone)))


def _disclosures(connection: Connection, customer_id: int, day: date) -> tuple[DisclosedTo, ...]:
    return tuple(
        DisclosedTo(row.recipient, row.purpose, row.first_on, min(row.last_on, day))
        for row in connection.execute(_DISCLOSURES, {"customer_id": customer_id, "day": day})
    )


def _views(connection: Connection, given: _Given, zone: ZoneInfo) -> tuple[tuple[date, str], ...]:
    """Days and purposes, each pair once: neither the hour nor the staff member is told (C-579/21, KHO 2025:51)."""
    return tuple(sorted({(_day(row.viewed_at, zone), row.purpose) for row in connection.execute(_VIEWS, given)}))


def _held(kind: str, fields: Mapping[str, Any], source: Source, recorded_on: date) -> Held:
    """A thing held; fields without a value are left out."""
    shown = tuple(pair for key, value in fields.items() for pair in _pairs(key, value))
    return Held(kind, shown, source.value, recorded_on)


def _pairs(key: str, value: Any) -> list[tuple[str, str]]:
    """A field as text; one with fields of its own becomes several, `outer.inner`."""
    if value is None or value in ("", [], {}):
        return []
    if isinstance(value, Mapping):
        return [pair for inner, part in value.items() for pair in _pairs(f"{key}.{inner}", part)]
    if isinstance(value, list) and any(isinstance(part, Mapping | list) for part in value):
        return [pair for place, part in enumerate(value, start=1) for pair in _pairs(f"{key}.{place}", part)]
    if isinstance(value, list):
        return [(key, ", ".join(text for part in value for _, text in _pairs(key, part)))]
    if isinstance(value, bool):
        return [(key, "true" if value else "false")]
    return [(key, value.isoformat() if isinstance(value, date) else str(value))]


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _id(value: int | None) -> int:
    if value is None:
        raise LookupError("a row that was never stored has no id")
    return value
