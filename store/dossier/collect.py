"""The dossier: all rows of one customer as things held, scoped and masked by `store.dossier.scope`.

It is the snapshot of one moment, former values included, in the order of the notice's categories. An outline is the
same but for what may be very long: of readings it has the newest of each meter. The letter that goes with the copy is
written from it. The request that asks, and what came with it or after it, is no part of its own answer.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select
from sqlmodel import Session

from store.dossier import scope, statements
from store.dossier.third_parties import PEOPLE, Others, Own, counted, others_in
from store.models import (
    ContactStatus,
    DisclosedTo,
    Dossier,
    Held,
    HeldCategory,
    IdentifierKind,
    LeftOut,
    Source,
    normalise_email,
)
from store.register_labels import field_labels
from store.register_rows import BASELINE

CATEGORIES = ("basic", "property", "contracts", "deliveries", "invoices", "contacts", "faults", "consents")
"""Keys of the notice's categories, in the order of an answer; others that records name follow by name."""
PLACE_OF = {
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
_WITHHELD_FROM_LETTERS = "THIRD_PARTY"
"""Flag of a ticket whose letter may be somebody else's words."""


def dossier(
    session: Session,
    customer_id: int,
    as_of: datetime,
    *,
    time_zone: str = "Europe/Helsinki",
    outline: bool = False,
) -> Dossier:
    """All that was held about the customer at `as_of` (aware); dates and times are local ones of `time_zone`.

    Raises `LookupError` when there is no such customer.
    """
    session.flush()  # what the caller has changed counts
    connection = session.connection()
    customer = connection.execute(statements.BY_ID, {"customer_id": customer_id}).first()
    if customer is None:
        raise LookupError(f"no customer {customer_id}")
    collecting = _Collecting(connection, customer, as_of, ZoneInfo(time_zone), outline)
    collecting.read()
    found = collecting.found
    others = sorted(found.keys() - set(CATEGORIES))
    return Dossier(
        customer_key=customer.key,
        customer_name=customer.name,
        as_of=as_of.astimezone(UTC),
        categories=tuple(HeldCategory(key, tuple(found[key])) for key in (*CATEGORIES, *others)),
        disclosures=collecting.disclosures(),
        views=collecting.views(),
        left_out=collecting.left_out(),
        labels=field_labels(session),
    )


@dataclass(slots=True)
class _Collecting:
    """One reading of the register for one customer."""

    connection: Connection
    customer: Row[Any]
    as_of: datetime
    zone: ZoneInfo
    outline: bool
    found: dict[str, list[Held]] = field(default_factory=lambda: defaultdict(list))
    missed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many things of a category are left out, by reason and category."""
    others: Others = field(default_factory=Others)

    def read(self) -> None:
        """Read everything into `found`, by category in the order to print."""
        formers, contacts = self._rows(statements.FORMER), self._rows(statements.CONTACTS)
        roles, identifiers = self._rows(statements.ROLES), self._rows(statements.IDENTIFIERS)
        records = [*self._rows(statements.RECORDS), *self._shared_records(roles, identifiers)]
        messages = self._rows(statements.MESSAGES)
        addresses = frozenset(contact.normalised for contact in contacts)
        own = Own(
            customer_id=self.customer.id,
            names=frozenset((self.customer.name_key, *(former.name_key for former in formers))),
            contacts=addresses,
            numbers=frozenset(number for row in identifiers for number in (row.normalised, scope.folded(row.value)))
            | {scope.folded(self.customer.key)},
        )
        texts = (text for row in records for text in _texts(row.fields))
        written = (text for row in messages if row.direction != "in" for text in (row.subject, row.text))
        self.others = others_in(self.connection, own, [*texts, *written])
        self._add_basic(formers, contacts)
        self._add_roles(roles)
        self._add_identifiers(identifiers)
        times = self._periods(records, own)
        self._add_records(records, times)
        self._add_readings(times)
        self._add_tickets()
        self._add_messages(messages, addresses)

    def disclosures(self) -> tuple[DisclosedTo, ...]:
        """Recipients by name, up to the day."""
        day = self._day(self.as_of)
        rows = self.connection.execute(statements.DISCLOSURES, {**self._given(), "day": day})
        return tuple(DisclosedTo(row.recipient, row.purpose, row.first_on, min(row.last_on, day)) for row in rows)

    def views(self) -> tuple[tuple[date, str], ...]:
        """Days and purposes, each pair once: neither hour nor staff member is told (C-579/21, KHO 2025:51)."""
        return tuple(sorted({(self._day(row.viewed_at), row.purpose) for row in self._rows(statements.VIEWS)}))

    def left_out(self) -> tuple[LeftOut, ...]:
        """What was missed, in a settled order."""
        return tuple(LeftOut(*which, count) for which, count in sorted(self.missed.items()))

    def _given(self) -> dict[str, Any]:
        return {"customer_id": self.customer.id, "as_of": self.as_of}

    def _rows(self, statement: Any) -> list[Row[Any]]:
        return list(self.connection.execute(statement, self._given()))

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def _end(self, row: Row[Any]) -> date | None:
        """The day on which a value that is still held had stopped being true at the moment that is asked for."""
        return self._day(row.ended_at) if row.ended_at and row.ended_at <= self.as_of else None

    def _hold(
        self,
        category: str,
        kind: str,
        fields: Mapping[str, Any],
        source: Source,
        recorded_on: date,
        reasons: Counter[str] | None = None,
    ) -> None:
        """Keep a thing; fields without a value are left out."""
        pairs = tuple(pair for key, value in fields.items() for pair in _pairs(key, value))
        self.found[category].append(Held(kind, pairs, source.value, recorded_on, counted(reasons or {})))

    def _add_basic(self, formers: list[Row[Any]], contacts: list[Row[Any]]) -> None:
        then = next((row for row in formers if row.superseded_at > self.as_of), self.customer)
        fields = {"customer_number": self.customer.key, **_particulars(then)}
        self._hold("basic", "customer", fields, then.source, self._day(then.recorded_at))
        for row in (row for row in formers if row.superseded_at <= self.as_of):
            shown = {**_particulars(row), "ends_on": self._day(row.superseded_at)}
            self._hold("basic", "customer", shown, row.source, self._day(row.recorded_at))
        for contact in contacts:
            # The baseline's date stands for "from of old"; what we do know is when the customer was recorded.
            since = self.customer.recorded_at if contact.on_file_since == BASELINE else contact.on_file_since
            checked = self._day(contact.verified_at) if contact.verified_at else None
            ended = self._end(contact)
            # One that has ended since was in use at that moment.
            status = ContactStatus.ACTIVE if contact.ended_at and ended is None else contact.status
            shown = {contact.kind: contact.value, "status": status, "verified_on": checked, "ends_on": ended}
            self._hold("basic", contact.kind, shown, contact.source, self._day(since))

    def _add_roles(self, roles: list[Row[Any]]) -> None:
        """Roles in both directions. The other party is named only when it is no person."""
        for role in roles:
            holds = role.holder_id == self.customer.id
            other_id = role.customer_id if holds else role.holder_id
            other = self.connection.execute(statements.BY_ID, {"customer_id": other_id}).first()
            named = other is not None and other.kind not in PEOPLE
            fields = {
                "role": role.kind,
                "standing": "holder" if holds else "principal",
                "other_party": other.name if other is not None and named else None,
                "mandate": role.mandate if holds or named else None,
                "valid_from": role.valid_from,
                "valid_to": role.valid_to,
                "ends_on": self._end(role),
            }
            reasons = Counter() if named or other is None else Counter({scope.OTHER_PERSON: 1})
            self._hold("basic", "role", fields, role.source, self._day(role.recorded_at), reasons)
            if holds:  # whatever that customer has is not theirs; how much it is would tell of the other
                self.missed[f"{scope.ROLE_OF_ANOTHER}:{role.kind}", ""] = 0

    def _add_identifiers(self, identifiers: list[Row[Any]]) -> None:
        for row in identifiers:
            if row.kind in PLACE_OF:
                category, name = PLACE_OF[row.kind]
                shown = {name: row.value, "ends_on": self._end(row)}
                self._hold(category, "identifier", shown, row.source, self._day(row.recorded_at))

    def _shared_records(self, roles: list[Row[Any]], identifiers: list[Row[Any]]) -> list[Row[Any]]:
        """Records of another customer that are common to both by a role, and carry a number on file for both."""
        numbers: dict[str, set[str]] = defaultdict(set)
        for row in identifiers:
            numbers[row.kind.value] |= {row.normalised, scope.folded(row.value)}
        own = {kind: frozenset(values) for kind, values in numbers.items()}
        shared: dict[int, Row[Any]] = {}
        day = self._day(self.as_of)
        for role in roles:
            lasts = (role.valid_from is None or role.valid_from <= day) and (
                role.valid_to is None or day <= role.valid_to
            )
            if (
                role.holder_id != self.customer.id
                or not lasts
                or self._end(role)
                or role.kind not in scope.rules().shares
            ):
                continue
            if not scope.rules().shares[role.kind]:
                continue
            theirs = self.connection.execute(statements.RECORDS, {**self._given(), "customer_id": role.customer_id})
            shared |= {row.id: row for row in theirs if scope.shared(role.kind, _thing(row), own)}
        return [shared[row_id] for row_id in sorted(shared)]

    def _periods(self, records: list[Row[Any]], own: Own) -> scope.Periods:
        """When each place was this customer's."""
        things = [_thing(row) for row in records]
        asked = scope.places_to_ask_about(things)
        table = statements.identifier
        held: frozenset[str] = frozenset()
        if asked:
            kinds = (IdentifierKind.METER, IdentifierKind.PROPERTY)
            query = select(table.c.normalised, table.c.value).where(
                table.c.kind.in_(kinds), table.c.normalised.in_(sorted(asked)), table.c.customer_id != own.customer_id
            )
            held = frozenset(
                number for row in self.connection.execute(query) for number in (row.normalised, scope.folded(row.value))
            )
        return scope.periods(things, held)

    def _add_records(self, records: list[Row[Any]], times: scope.Periods) -> None:
        for row in records:
            reason = scope.whose(_thing(row), times)
            if reason is not None:
                self.missed[reason, row.category] += 1
                continue
            reasons: Counter[str] = Counter()
            fields = {key: self._masked(key, value, reasons) for key, value in row.fields.items()}
            fields |= {"valid_from": row.valid_from, "valid_to": row.valid_to, "ends_on": self._end(row)}
            self._hold(row.category, row.kind, fields, row.source, self._day(row.recorded_at), reasons)

    def _masked(self, key: str, value: Any, reasons: Counter[str]) -> Any:
        """The value of a field, at any depth, without what is not the customer's; counts why."""
        if isinstance(value, Mapping):
            return {inner: self._masked(inner, part, reasons) for inner, part in value.items()}
        if isinstance(value, list):
            return [self._masked(key, part, reasons) for part in value]
        if key in scope.rules().staff_fields and value not in (None, ""):
            reasons[scope.STAFF] += 1
            return scope.MASK
        if not isinstance(value, str):
            return value
        text, why = self.others.mask(value)
        reasons.update(why)
        return text

    def _add_readings(self, times: scope.Periods) -> None:
        """Every single reading: nothing of a series is summed up. Former values follow, with the day of their end."""
        if self.outline:
            self._add_newest_readings(times)
            return
        ended: list[tuple[Row[Any], date | None]] = []
        then: dict[tuple[str, datetime], Row[Any]] = {}
        for row in self._rows(statements.FORMER_READINGS):
            if row.superseded_at <= self.as_of:
                ended.append((row, self._day(row.superseded_at)))
            else:
                then.setdefault((row.meter, row.read_at), row)
        live = ((then.get((row.meter, row.read_at), row), None) for row in self._rows(statements.READINGS))
        kept = self.found["deliveries"]
        for row, ends_on in (*live, *ended):
            if times and (reason := scope.whose_reading(row.meter, row.read_at, times, self.zone)):
                self.missed[reason, "deliveries"] += 1
                continue
            local = row.read_at.astimezone(self.zone)
            pairs = [("meter", row.meter), ("read_at", local.isoformat(timespec="minutes")), ("mwh", str(row.mwh))]
            if row.cubic_metres is not None:
                pairs.append(("cubic_metres", str(row.cubic_metres)))
            if row.quality:
                pairs.append(("quality", row.quality))
            if ends_on is not None:
                pairs.append(("ends_on", ends_on.isoformat()))
            kept.append(Held("reading", tuple(pairs), row.source.value, local.date()))

    def _add_newest_readings(self, times: scope.Periods) -> None:
        newest = [tuple(row) for row in self._rows(statements.NEWEST_READINGS)]
        if times:
            for row in self._rows(statements.READING_TIMES):
                if reason := scope.whose_reading(row.meter, row.read_at, times, self.zone):
                    self.missed[reason, "deliveries"] += 1
        for meter, source, read_at in newest:
            if not times or scope.whose_reading(meter, read_at, times, self.zone) is None:
                local = read_at.astimezone(self.zone)
                fields = {"meter": meter, "read_at": local.isoformat(timespec="minutes")}
                self._hold("deliveries", "reading", fields, source, local.date())

    def _add_tickets(self) -> None:
        """The service's own record of the customer's matters: what about, when, by which channel."""
        kinds: dict[int, list[str]] = defaultdict(list)
        for request in self._rows(statements.KINDS):
            kinds[request.ticket_id].append(request.kind)
        for ticket in self._rows(statements.TICKETS):
            fields = {
                "reference": ticket.reference,
                "channel": ticket.channel,
                "kinds": kinds[ticket.id],
                "state": ticket.state,
            }
            self._hold("contacts", "ticket", fields, Source.CUSTOMER, self._day(ticket.received_at))

    def _add_messages(self, messages: list[Row[Any]], addresses: frozenset[str]) -> None:
        """Mails, letters and notes of the customer's matters, with their words; of another's only that it came."""
        for row in messages:
            incoming = row.direction == "in"
            reasons: Counter[str] = Counter()
            fields = {"reference": row.reference, "direction": row.direction, "channel": row.channel}
            if incoming and not _is_own(row, addresses):
                reasons[scope.OTHER_WRITER] = 1
            else:
                mask = Others() if incoming else self.others  # what they wrote themselves is no secret to them
                for key, words in (("subject", row.subject), ("text", row.text)):
                    fields[key], why = mask.mask(words)
                    reasons.update(why)
                fields["attachments"] = [str(one.get("name", "")) for one in row.details.get("attachments", ())]
            source = Source.CUSTOMER if incoming else Source.STAFF
            self._hold("contacts", "message", fields, source, self._day(row.received_at), reasons)


def _is_own(row: Row[Any], addresses: frozenset[str]) -> bool:
    """Whether an incoming message is the customer's words: from an address on file, or a letter in their name."""
    if row.channel == "letter":
        return _WITHHELD_FROM_LETTERS not in row.flags
    return bool(row.from_address) and normalise_email(row.from_address) in addresses


def _particulars(row: Row[Any]) -> dict[str, Any]:
    return {
        "name": row.name,
        "customer_kind": row.kind,
        "language": row.language,
        "protected_address": True if row.turvakielto else None,
        "ended_on": row.ended_on,
    }


def _thing(row: Row[Any]) -> scope.Thing:
    return scope.Thing(row.category, row.fields, row.valid_from, row.valid_to)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a field, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        parts: Iterable[Any] = value.values() if isinstance(value, Mapping) else value
        for part in parts:
            yield from _texts(part)


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
