"""What of a dossier answers one ordinary matter, and nothing else of it (THREATS 55; GDPR Art. 5(1)(c)).

A question about a bill is answered with that bill. So the words of such an answer get a dossier that has been cut to
its topic before they see it: scoped and masked like the whole, without what has ended, without tickets, views and
recipients. Of readings it has those that the topic needs, found one by one, so that a series of a hundred thousand
costs no more than one of ten.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select
from sqlmodel import Session

from store.dossier import scope, statements
from store.dossier.collect import dossier
from store.models import Dossier, Held, HeldCategory, IdentifierKind

MONTHS = 24
"""How far back the use of heat is told."""
NEAR = timedelta(days=3)
"""How far from the turn of a month a reading may lie that stands for it."""
BOUNDARY = "boundary"
"""Field of a reading that stands for the turn of a month: `YYYY-MM`, the month that begins."""
NUMBERS = ("number", "invoice_number", "invoice", "reference", "payment_reference")
"""Fields by which an invoice is named."""
DATES = ("invoiced_on", "due_on")
"""Fields that tell an invoice's month, the surest first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The things of a topic: by category the kinds of record, and which readings."""

    kinds: Mapping[str, frozenset[str]]
    newest_readings: bool = False
    turns_of_months: bool = False


_INVOICES = frozenset({"invoice"})
_PLACES = {"contracts": frozenset({"heat_contract", "contract"}), "property": frozenset({"site", "property"})}
TOPICS: Mapping[str, Wanted] = {
    "invoice_copy": Wanted({"invoices": _INVOICES}),
    "balance": Wanted({"invoices": _INVOICES | {"payment", "refund"}}),
    "consumption": Wanted({}, turns_of_months=True),
    "meter_reading": Wanted({}, newest_readings=True),
    "owner_change": Wanted(_PLACES, newest_readings=True),
    "contact_change": Wanted({"basic": frozenset({"email", "postal", "phone"})}),
    "fault_follow_up": Wanted({"faults": frozenset({"fault_report", "fault", "visit"})}),
}
"""Every topic whose answer holds data, by the name of its template."""


def matter(
    session: Session,
    customer_id: int,
    as_of: datetime,
    *,
    topic: str,
    named: Sequence[str] = (),
    time_zone: str = "Europe/Helsinki",
) -> Dossier:
    """The part of the customer's dossier at `as_of` that answers `topic`; `named` is what the message names of it.

    Raises `KeyError` for a topic that holds no data, `LookupError` when there is no such customer.
    """
    wanted = TOPICS[topic]
    zone = ZoneInfo(time_zone)
    whole = dossier(session, customer_id, as_of, time_zone=time_zone, outline=True)
    readings: tuple[Held, ...] = ()
    if wanted.newest_readings or wanted.turns_of_months:
        found = _Readings(session.connection(), customer_id, as_of, zone)
        readings = tuple(found.at_the_turns() if wanted.turns_of_months else found.newest())
    return cut(whole, topic, named, readings)


def cut(whole: Dossier, topic: str, named: Sequence[str] = (), readings: tuple[Held, ...] = ()) -> Dossier:
    """The dossier with the things of the topic alone, and these readings."""
    wanted = TOPICS[topic]
    kept: dict[str, tuple[Held, ...]] = {
        category.key: tuple(one for one in category.items if one.kind in wanted.kinds[category.key] and _lasts(one))
        for category in whole.categories
        if category.key in wanted.kinds
    }
    if topic == "invoice_copy":
        kept["invoices"] = _named_invoice(kept.get("invoices", ()), named, whole)
    if topic == "fault_follow_up":
        kept["faults"] = kept.get("faults", ())[-1:]
    if readings:
        kept["deliveries"] = readings
    categories = tuple(HeldCategory(key, items) for key, items in kept.items())
    return replace(whole, categories=categories, disclosures=(), views=(), left_out=())


def _lasts(item: Held) -> bool:
    fields = dict(item.fields)
    return "ends_on" not in fields and fields.get("status") not in {"ended", "inactive"}


def _named_invoice(invoices: tuple[Held, ...], named: Sequence[str], whole: Dossier) -> tuple[Held, ...]:
    """The invoice that is named by a number or a month; the newest when none is. A name that fits none gives none."""
    in_order = sorted(invoices, key=_dated)
    months = {one for one in named if "-" in one}
    numbers = {one.lstrip("0") for one in named if "-" not in one}
    fitting = [one for one in in_order if numbers & set(_numbers_of(one))]
    if not fitting and months:
        fitting = [one for one in in_order if _dated(one)[:7] in months]
    elif not fitting and not any(not _is_own_number(number, whole) for number in numbers):
        fitting = in_order
    return tuple(fitting[-1:])


def _dated(invoice: Held) -> str:
    fields = dict(invoice.fields)
    return next((fields[key] for key in DATES if fields.get(key)), invoice.recorded_on.isoformat())


def _numbers_of(invoice: Held) -> Iterator[str]:
    for key, value in invoice.fields:
        if key in NUMBERS:
            yield re.sub(r"\D", "", value).lstrip("0")


def _is_own_number(number: str, whole: Dossier) -> bool:
    """Whether a number in the message is the customer's own in another sense: customer number, phone, meter, house."""
    others = (
        value
        for category in whole.categories
        if category.key in {"basic", "property", "contracts", "deliveries"}
        for item in category.items
        for _, value in item.fields
    )
    return any(number in re.sub(r"\D", "", value) for value in (whole.customer_key, *others))


class _Readings:
    """Single readings of one customer, in the customer's own time at the place."""

    def __init__(self, connection: Connection, customer_id: int, as_of: datetime, zone: ZoneInfo) -> None:
        self.connection = connection
        self.given: dict[str, Any] = {"customer_id": customer_id, "as_of": as_of}
        self.as_of = as_of
        self.zone = zone
        self.times = self._times()

    def newest(self) -> Iterator[Held]:
        """The newest of each meter."""
        for meter in self._meters():
            row = self._one(meter, self.as_of)
            if row is not None and self._is_theirs(row):
                yield self._held(row, {})

    def at_the_turns(self) -> Iterator[Held]:
        """Of each meter the reading at each turn of a month, the oldest first; months without one are missing."""
        turns = list(self._turns())
        for meter in self._meters():
            for turn in turns:
                row = self._one(meter, turn)
                if row is None or row.read_at < turn - NEAR:
                    row = self._one(meter, turn, after=True)
                if row is not None and row.read_at <= min(turn + NEAR, self.as_of) and self._is_theirs(row):
                    yield self._held(row, {BOUNDARY: f"{turn.astimezone(self.zone):%Y-%m}"})

    def _turns(self) -> Iterator[datetime]:
        local = self.as_of.astimezone(self.zone)
        latest = local.year * 12 + local.month - 1
        for month in range(latest - MONTHS, latest + 1):
            yield datetime.combine(local.date().replace(month // 12, month % 12 + 1, 1), time(), self.zone)

    def _meters(self) -> list[str]:
        found = self.connection.execute(statements.NEWEST_READINGS, self.given)
        return list(dict.fromkeys(row.meter for row in found))

    def _one(self, meter: str, moment: datetime, *, after: bool = False) -> Row[Any] | None:
        table = statements.reading
        beside = table.c.read_at > moment if after else table.c.read_at <= moment
        query: Any = (  # untyped, as the rows of the other statements are
            select(table.c.meter, table.c.read_at, table.c.mwh, table.c.cubic_metres, table.c.quality, table.c.source)
            .where(table.c.customer_id == self.given["customer_id"], table.c.meter == meter, beside)
            .order_by(table.c.read_at if after else table.c.read_at.desc())
            .limit(1)
        )
        return self.connection.execute(query).first()

    def _is_theirs(self, row: Row[Any]) -> bool:
        return scope.whose_reading(row.meter, row.read_at, self.times, self.zone) is None

    def _held(self, row: Row[Any], more: Mapping[str, str]) -> Held:
        local = row.read_at.astimezone(self.zone)
        fields = {"meter": row.meter, "read_at": local.isoformat(timespec="minutes"), "mwh": str(row.mwh)}
        if row.cubic_metres is not None:
            fields["cubic_metres"] = str(row.cubic_metres)
        if row.quality:
            fields["quality"] = row.quality
        return Held("reading", tuple({**fields, **more}.items()), row.source.value, local.date())

    def _times(self) -> scope.Periods:
        """When each place was this customer's, as the dossier reckons it."""
        rows = self.connection.execute(statements.RECORDS, self.given)
        things = [scope.Thing(row.category, row.fields, row.valid_from, row.valid_to) for row in rows]
        asked = scope.places_to_ask_about(things)
        if not asked:
            return scope.periods(things, frozenset())
        table = statements.identifier
        query = select(table.c.normalised, table.c.value).where(
            table.c.kind.in_((IdentifierKind.METER, IdentifierKind.PROPERTY)),
            table.c.normalised.in_(sorted(asked)),
            table.c.customer_id != self.given["customer_id"],
        )
        found = self.connection.execute(query)
        return scope.periods(
            things, frozenset(number for row in found for number in (row.normalised, scope.folded(row.value)))
        )
