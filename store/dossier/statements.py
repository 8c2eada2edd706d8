"""The statements that a dossier reads by: built once, by exactly one customer id and one moment (`as_of`).

Rows instead of objects: a dossier has hundreds of them, and its readings may be a hundred thousand.
"""

from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, case, func, or_
from sqlalchemy import select as select_columns

from store.models import (
    ContactPoint,
    Customer,
    Disclosure,
    FormerCustomer,
    FormerReading,
    Identifier,
    Message,
    Reading,
    Record,
    Request,
    Role,
    Ticket,
    ViewLog,
    table_of,
)

customer, contact, role, identifier, record, reading, ticket, request, message, disclosure, view = (
    table_of(model)
    for model in (
        *(Customer, ContactPoint, Role, Identifier, Record, Reading),
        *(Ticket, Request, Message, Disclosure, ViewLog),
    )
)
former, former_reading = table_of(FormerCustomer), table_of(FormerReading)
_ID: BindParameter[Any] = bindparam("customer_id")
_AS_OF: BindParameter[Any] = bindparam("as_of")

BY_ID = select_columns(customer).where(customer.c.id == _ID)
FORMER = select_columns(former).where(former.c.customer_id == _ID).order_by(former.c.superseded_at, former.c.id)
CONTACTS = (
    select_columns(contact)
    .where(contact.c.customer_id == _ID, contact.c.on_file_since <= _AS_OF)
    .order_by(contact.c.id)
)
ROLES = (
    select_columns(role)
    .where(or_(role.c.customer_id == _ID, role.c.holder_id == _ID), role.c.recorded_at <= _AS_OF)
    .order_by(role.c.id)
)
IDENTIFIERS = (
    select_columns(identifier)
    .where(identifier.c.customer_id == _ID, identifier.c.recorded_at <= _AS_OF)
    .order_by(identifier.c.id)
)
RECORDS = (
    select_columns(record)
    .where(record.c.customer_id == _ID, record.c.recorded_at <= _AS_OF)
    .order_by(record.c.recorded_at, record.c.id)
)
READINGS = (
    select_columns(
        *(reading.c.meter, reading.c.read_at, reading.c.mwh, reading.c.cubic_metres),
        *(reading.c.quality, reading.c.source),
    )
    .where(reading.c.customer_id == _ID, reading.c.read_at <= _AS_OF)
    .order_by(reading.c.meter, reading.c.read_at)
)
READING_TIMES = READINGS.with_only_columns(reading.c.meter, reading.c.read_at)
NEWEST_READINGS = (
    select_columns(reading.c.meter, reading.c.source, func.max(reading.c.read_at, type_=reading.c.read_at.type))
    .where(reading.c.customer_id == _ID, reading.c.read_at <= _AS_OF)
    .group_by(reading.c.meter, reading.c.source)
    .order_by(reading.c.meter, reading.c.source)
)
"""Instead of `READINGS`, of each meter and source the time of the newest: what an outline tells."""
FORMER_READINGS = (
    select_columns(former_reading)
    .where(former_reading.c.customer_id == _ID, former_reading.c.read_at <= _AS_OF)
    .order_by(former_reading.c.superseded_at, former_reading.c.id)
)
KINDS = (
    select_columns(request.c.ticket_id, request.c.kind)
    .join(ticket)
    .where(ticket.c.customer_id == _ID)
    .order_by(request.c.id)
)
TICKETS = (
    select_columns(ticket.c.id, ticket.c.reference, ticket.c.channel, ticket.c.state, ticket.c.received_at)
    .where(ticket.c.customer_id == _ID, ticket.c.received_at < _AS_OF)  # the request that asks is not in its own answer
    .order_by(ticket.c.received_at, ticket.c.id)
)
MESSAGES = (
    select_columns(
        *(ticket.c.reference, ticket.c.flags, message.c.direction, message.c.channel, message.c.received_at),
        *(message.c.from_address, message.c.subject, message.c.details),
        # What a customer quotes of our answers stands there already: with it each answer would hold all before it.
        case(
            (and_(message.c.direction == "in", message.c.new_text != ""), message.c.new_text), else_=message.c.text
        ).label("text"),
    )
    .join(ticket)
    .where(ticket.c.customer_id == _ID, message.c.received_at < _AS_OF)
    .order_by(message.c.received_at, message.c.id)
)
DISCLOSURES = (
    select_columns(disclosure)
    .where(
        disclosure.c.customer_id == _ID,
        disclosure.c.first_on <= bindparam("day"),
        # A later batch moves the last day on, by a new row beside the old one: one of them was live at that moment.
        or_(disclosure.c.recorded_at.is_(None), disclosure.c.recorded_at <= _AS_OF),
        or_(disclosure.c.ended_at.is_(None), disclosure.c.ended_at > _AS_OF),
    )
    .order_by(disclosure.c.first_on, disclosure.c.id)
)
VIEWS = select_columns(view.c.viewed_at, view.c.purpose).where(view.c.customer_id == _ID, view.c.viewed_at <= _AS_OF)
