"""The data of one ordinary topic in words: an invoice as held, what is open, what was used month by month.

Each topic fills its own part of the view and no other, whatever the dossier holds beside it: a narrow question gets its
own data (THREATS 55). Sums are decimal, and none is printed where a part of it cannot be read.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from replies.context import CategoryView
from replies.held import view_dossier
from replies.matter_views import MatterView, MonthView, OpenView, PaymentView, ThingView
from replies.notice import Notice, ReplyLanguage
from replies.printing import one_line, print_date, print_month, print_number
from store.models import Dossier, Held

_BOUNDARY = "boundary"
_SENT_IN = "SENT_IN"
_TOTALS = ("total", "amount", "sum")
_NUMBERS = ("number", "invoice_number", "invoice", "reference", "payment_reference")
_PAID_ON = ("paid_on", "on", "date")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class _Matter:
    """One dossier with what it takes to say it."""

    dossier: Dossier
    categories: tuple[CategoryView, ...]
    language: ReplyLanguage
    today: date
    named: Sequence[str]

    def held(self, category: str, *kinds: str) -> list[Held]:
        """Things as they are held."""
        items = (item for one in self.dossier.categories if one.key == category for item in one.items)
        return [item for item in items if item.kind in kinds]

    def things(self, category: str, *kinds: str) -> list[ThingView]:
        """Things with the labels of the notice, in the same order as `held` has those of one kind."""
        groups = {group.kind: group for one in self.categories if one.key == category for group in one.groups}
        return [ThingView(item.fields) for kind in kinds if kind in groups for item in groups[kind].items]

    def money(self, amount: Decimal) -> str:
        """An amount with its two decimals."""
        return f"{print_number(amount.quantize(_CENT), self.language)} €"

    def day(self, value: str) -> str:
        """An ISO date as the language writes it; anything else as it stands."""
        try:
            return print_date(date.fromisoformat(value[:10]), self.language)
        except ValueError:
            return one_line(value)


def view_matter(
    topic: str,
    dossier: Dossier,
    notice: Notice,
    language: ReplyLanguage,
    *,
    time_zone: str,
    today: date,
    named: Sequence[str] = (),
) -> MatterView:
    """What the template `topic` may print of `dossier`; `named` is what the message names of its topic."""
    categories = view_dossier(dossier, notice, language, time_zone).categories
    return _VIEWS[topic](_Matter(dossier, categories, language, today, named))


def _invoice_copy(matter: _Matter) -> MatterView:
    """The newest of the invoices that are there: intake hands over the one that is meant."""
    pairs = list(zip(matter.held("invoices", "invoice"), matter.things("invoices", "invoice"), strict=True))
    newest = max(pairs, key=lambda pair: dict(pair[0].fields).get("invoiced_on", ""), default=None)
    return MatterView(named=bool(matter.named), things=(newest[1],) if newest else ())


def _balance(matter: _Matter) -> MatterView:
    invoices = sorted((dict(one.fields) for one in matter.held("invoices", "invoice")), key=_due_day)
    payments = [dict(one.fields) for one in matter.held("invoices", "payment")]
    refunds = [dict(one.fields) for one in matter.held("invoices", "refund")]
    lefts = _lefts(invoices, [*((1, one) for one in payments), *((-1, one) for one in refunds)])
    open_ones = [(invoice, left) for invoice, left in zip(invoices, lefts, strict=True) if left is None or left != 0]
    known = not invoices or bool(payments) or all("status" in one for one in invoices)
    since = _year_before(matter.today)
    recent = sorted((one for one in payments if _first(one, _PAID_ON) >= since.isoformat()), key=_paid_day)
    amounts = [_amount(one) for one in recent]
    return MatterView(
        paid_told=known,
        open=tuple(_open_view(matter, invoice, left) for invoice, left in open_ones) if known else (),
        open_sum=_sum(matter, [left for _, left in open_ones]),
        payments=tuple(
            PaymentView(matter.day(_paid_day(one)), _shown(matter, one, amount))
            for one, amount in zip(recent, amounts, strict=True)
        ),
        payments_since=since,
        payments_sum=_sum(matter, amounts),
    )


def _open_view(matter: _Matter, invoice: Mapping[str, str], left: Decimal | None) -> OpenView:
    due = invoice.get("due_on", "")
    return OpenView(
        number=one_line(_first(invoice, _NUMBERS)),
        due=matter.day(due) if due else "",
        left=_shown(matter, invoice, left),
        credit=left is not None and left < 0,
        overdue=bool(due) and due < matter.today.isoformat() and (left is None or left > 0),
    )


def _lefts(
    invoices: Sequence[Mapping[str, str]], moved: Sequence[tuple[int, Mapping[str, str]]]
) -> list[Decimal | None]:
    """What is left of each invoice: 0 where the register says that it is paid, None where an amount cannot be read.

    What was paid with a number goes to the invoices that bear it, in their order: some customers have one payment
    reference for all. `moved` are payments (1) and refunds (-1).
    """
    borne = {number for one in invoices for number in _numbers(one)}
    purse: dict[str, Decimal] = defaultdict(Decimal)
    for sign, one in moved:
        number = next((number for number in _numbers(one) if number in borne), "")
        purse[number] += sign * abs(_amount(one) or Decimal())
    lefts: list[Decimal | None] = []
    for invoice in invoices:
        amount = _amount(invoice)
        left = amount or Decimal()
        for number in _numbers(invoice):
            there = purse[number]
            taken = min(left, max(there, Decimal())) if left > 0 else max(left, min(there, Decimal()))
            purse[number] -= taken
            left -= taken
        lefts.append(Decimal() if invoice.get("status") == "paid" else left if amount is not None else None)
    return lefts


def _numbers(thing: Mapping[str, str]) -> list[str]:
    given = ("".join(thing[key].split()).upper().lstrip("0") for key in _NUMBERS if thing.get(key))
    return list(dict.fromkeys(given))


def _amount(thing: Mapping[str, str]) -> Decimal | None:
    """The amount in euros; None for another currency and for what is no number."""
    if thing.get("currency", "EUR").upper() not in {"EUR", "€"}:
        return None
    text = "".join(_first(thing, _TOTALS).replace("€", "").split()).replace("\u2212", "-")
    try:
        amount = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _shown(matter: _Matter, thing: Mapping[str, str], amount: Decimal | None) -> str:
    """An amount that can be read, else the words of the register."""
    if amount is not None:
        return matter.money(amount)
    return one_line(f"{_first(thing, _TOTALS)} {thing.get('currency', '')}") or "?"


def _sum(matter: _Matter, amounts: Sequence[Decimal | None]) -> str:
    known = [one for one in amounts if one is not None]
    return matter.money(sum(known, Decimal())) if len(known) == len(amounts) else ""


def _first(thing: Mapping[str, str], keys: Sequence[str]) -> str:
    return next((thing[key] for key in keys if thing.get(key)), "")


def _due_day(invoice: Mapping[str, str]) -> str:
    return invoice.get("due_on") or invoice.get("invoiced_on", "")


def _paid_day(payment: Mapping[str, str]) -> str:
    return _first(payment, _PAID_ON)


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _consumption(matter: _Matter) -> MatterView:
    used = _used_by_month(matter.held("deliveries", "reading"))
    latest = matter.today.year * 12 + matter.today.month - 1
    rows = [(month, used.get(month), used.get(month - 12)) for month in range(latest - 12, latest)]
    both = [(now, before) for _, now, before in rows if now is not None and before is not None]

    def energy(amount: Decimal | None) -> str:
        return "" if amount is None else f"{print_number(amount, matter.language)} MWh"

    known = any(now is not None or before is not None for _, now, before in rows)
    return MatterView(
        months=tuple(
            MonthView(print_month(*_year_and_month(month), matter.language), energy(now), energy(before))
            for month, now, before in rows
        )
        if known
        else (),
        compared=len(both),
        used_sum=energy(sum((now for now, _ in both), Decimal())) if both else "",
        before_sum=energy(sum((before for _, before in both), Decimal())) if both else "",
    )


def _year_and_month(months: int) -> tuple[int, int]:
    year, month = divmod(months, 12)
    return year, month + 1


def _used_by_month(readings: Sequence[Held]) -> dict[int, Decimal]:
    """Use by month (years times twelve): what the counters of all meters moved from one turn to the next.

    A month is told when every meter that has a reading at one of its two turns has one at the other, and none ran
    backwards: a sum that lacks a meter would be wrong.
    """
    counters: dict[str, dict[int, Decimal]] = defaultdict(dict)
    for reading in readings:
        fields = dict(reading.fields)
        year, _, month = fields.get(_BOUNDARY, "").partition("-")
        counter = _counter(fields)
        if year.isdigit() and month.isdigit() and counter is not None:
            counters[fields.get("meter", "")][int(year) * 12 + int(month) - 1] = counter
    turns = {turn for series in counters.values() for turn in series}
    used: dict[int, Decimal] = {}
    for turn in turns:
        touched = [series for series in counters.values() if turn in series or turn + 1 in series]
        whole = [series[turn + 1] - series[turn] for series in touched if turn in series and turn + 1 in series]
        if whole and len(whole) == len(touched) and min(whole) >= 0:
            used[turn] = sum(whole, Decimal())
    return used


def _counter(fields: Mapping[str, str]) -> Decimal | None:
    try:
        counter = Decimal(fields.get("mwh", ""))
    except InvalidOperation:
        return None
    return counter if counter.is_finite() else None


def _meter_reading(matter: _Matter) -> MatterView:
    return MatterView(sent_in=_SENT_IN in matter.named, things=_newest(matter))


def _newest(matter: _Matter) -> tuple[ThingView, ...]:
    """The newest reading of each meter."""
    newest: dict[str, tuple[str, ThingView]] = {}
    pairs = zip(matter.held("deliveries", "reading"), matter.things("deliveries", "reading"), strict=True)
    for reading, thing in pairs:
        fields = dict(reading.fields)
        meter, read_at = fields.get("meter", ""), fields.get("read_at", "")
        if meter not in newest or newest[meter][0] <= read_at:
            newest[meter] = (read_at, thing)
    return tuple(thing for _, thing in newest.values())


def _owner_change(matter: _Matter) -> MatterView:
    contracts = matter.things("contracts", "heat_contract", "contract")
    return MatterView(things=(*contracts, *matter.things("property", "site", "property"), *_newest(matter)))


def _contact_change(matter: _Matter) -> MatterView:
    """The contact details alone, without when and from whom they came."""
    kinds = ("postal", "email", "phone")
    fields = []
    for kind in kinds:
        for held, thing in zip(matter.held("basic", kind), matter.things("basic", kind), strict=True):
            fields += [view for (key, _), view in zip(held.fields, thing.fields, strict=True) if key == kind]
    return MatterView(things=(ThingView(tuple(fields)),) if fields else ())


def _fault_follow_up(matter: _Matter) -> MatterView:
    faults = matter.things("faults", "fault_report", "fault", "visit")
    return MatterView(things=tuple(faults[-1:]))


_VIEWS: Mapping[str, Callable[[_Matter], MatterView]] = {
    "invoice_copy": _invoice_copy,
    "balance": _balance,
    "consumption": _consumption,
    "meter_reading": _meter_reading,
    "owner_change": _owner_change,
    "contact_change": _contact_change,
    "fault_follow_up": _fault_follow_up,
}
