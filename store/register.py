"""What is held about a customer, read for an answer.

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
    FormerCustomer,
    FormerReading,
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
from store.register_rows import BASELINE

CATEGORIES = ("basic", "property", "contracts", "deliveries", "invoices", "contacts", "faults", "consents")
"""Keys of the notice's categories, in the order of an answer; others that records name follow by name."""
_PLACE_OF = {
    IdentifierKind.BUSINESS_ID: ("basic", "business_id"),
    IdentifierKind.IBAN: ("invoices", "iban"),
    IdentifierKind.EINVOICE_ADDRESS: ("invoices", "einvoice_address"),
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
_former, _former_reading = table_of(FormerCustomer), table_of(FormerReading)
_ID: BindParameter[Any] = bindparam("customer_id")
_AS_OF: BindParameter[Any] = bindparam("as_of")
_BY_ID = select_columns(_customer).where(_customer.c.id == _ID)
_FORMER = select_columns(_former).where(_former.c.customer_id == _ID).order_by(_former.c.superseded_at, _former.c.id)
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
_FORMER_READINGS = (
    select_columns(_former_reading)
    .where(_former_reading.c.customer_id == _ID, _former_reading.c.read_at <= _AS_OF)
    .order_by(_former_reading.c.superseded_at, _former_reading.c.id)
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
    .where(
        _disclosure.c.customer_id == _ID,
        _disclosure.c.first_on <= bindparam("day"),
        # A later batch moves the last day on, by a new row beside the old one: one of them was live at that moment.
        or_(_disclosure.c.recorded_at.is_(None), _disclosure.c.recorded_at <= _AS_OF),
        or_(_disclosure.c.ended_at.is_(None), _disclosure.c.ended_at > _AS_OF),
    )
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
        disclosures=_disclosures(connection, given, _day(as_of, zone)),
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
        Role.holder_id == holder_id,
        Role.customer_id == customer_id,
        col(Role.kind).in_(ACTING_ROLES),
        col(Role.ended_at).is_(None),
    )
    return session.exec(query).first() is not None


def _add_basic(connection: Connection, customer: Row[Any], given: _Given, zone: ZoneInfo, found: _Found) -> None:
    as_of = given["as_of"]
    formers = connection.execute(_FORMER, given).all()
    then = next((row for row in formers if row.superseded_at > as_of), customer)
    fields = {"customer_number": customer.key, **_particulars(then)}
    found["basic"].append(_held("customer", fields, then.source, _day(then.recorded_at, zone)))
    for row in (row for row in formers if row.superseded_at <= as_of):
        shown = {**_particulars(row), "ends_on": _day(row.superseded_at, zone)}
        found["basic"].append(_held("customer", shown, row.source, _day(row.recorded_at, zone)))
    for contact in connection.execute(_CONTACTS, given):
        # The baseline's date stands for "from of old"; what we do know is when the customer was recorded.
        since = customer.recorded_at if contact.on_file_since == BASELINE else contact.on_file_since
        checked = _day(contact.verified_at, zone) if contact.verified_at else None
        ended = _day(contact.ended_at, zone) if contact.ended_at and contact.ended_at <= as_of else None
        # One that has ended since was in use at that moment.
        status = ContactStatus.ACTIVE if contact.ended_at and ended is None else contact.status
        shown = {contact.kind: contact.value, "status": status, "verified_on": checked, "ends_on": ended}
        found["basic"].append(_held(contact.kind, shown, contact.source, _day(since, zone)))


def _particulars(row: Row[Any]) -> dict[str, Any]:
    return {
        "name": row.name,
        "customer_kind": row.kind,
        "language": row.language,
        "protected_address": True if row.turvakielto else None,
        "ended_on": row.ended_on,
    }


def _end(row: Row[Any], given: _Given, zone: ZoneInfo) -> date | None:
    """The day on which a value that is still held had stopped being true at the moment that is asked for."""
    return _day(row.ended_at, zone) if row.ended_at and row.ended_at <= given["as_of"] else None


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
            "ends_on": _end(role, given, zone),
        }
        found["basic"].append(_held("role", fields, role.source, _day(role.recorded_at, zone)))


def _add_identifiers(connection: Connection, given: _Given, zone: ZoneInfo, found: _Found) -> None:
    for row in connection.execute(_IDENTIFIERS, given):
        category, field = _PLACE_OF[row.kind]
        shown = {field: row.value, "ends_on": _end(row, given, zone)}
        found[category].append(_held("identifier", shown, row.source, _day(row.recorded_at, zone)))


def _add_records(connection: Connection, given: _Given, zone: ZoneInfo, found: _Found) -> None:
    for row in connection.execute(_RECORDS, given):
        ends_on = _end(row, given, zone)
        fields = {**row.fields, "valid_from": row.valid_from, "valid_to": row.valid_to, "ends_on": ends_on}
        found[row.category].append(_held(row.kind, fields, row.source, _day(row.recorded_at, zone)))


def _add_readings(connection: Connection, given: _Given, zone: ZoneInfo, found: _Found) -> None:
    """Every single reading: nothing of a series is summed up. Former values follow, with the day of their end."""
    ended: list[tuple[Row[Any], date | None]] = []
    then: dict[tuple[str, datetime], Row[Any]] = {}
    for row in connection.execute(_FORMER_READINGS, given):
        if row.superseded_at <= given["as_of"]:
            ended.append((row, _day(row.superseded_at, zone)))
        else:
            then.setdefault((row.meter, row.read_at), row)
    live = [(then.get((row.meter, row.read_at), row), None) for row in connection.execute(_READINGS, given)]
    for row, ends_on in (*live, *ended):
        local = row.read_at.astimezone(zone)
        fields = {
            "meter": row.meter,
            "read_at": local.isoformat(timespec="minutes"),
            "mwh": row.mwh,
            "cubic_metres": row.cubic_metres,
            "quality": row.quality,
            "ends_on": ends_on,
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


def _disclosures(connection: Connection, given: _Given, day: date) -> tuple[DisclosedTo, ...]:
    return tuple(
        DisclosedTo(row.recipient, row.purpose, row.first_on, min(row.last_on, day))
        for row in connection.execute(_DISCLOSURES, {**given, "day": day})
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
