"""Which item is whose, on paper: the rule book `scope.toml` applied to plain values, without a database.

periods       when a place was this customer's, by meter and by property, with what says so
whose         the named reason why an item of the place is not this customer's, or None
shared        whether a row of another is common to both
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROLE_OF_ANOTHER = "ROLE_OF_ANOTHER"
BEFORE_THEIR_TIME = "BEFORE_THEIR_TIME"
AFTER_THEIR_TIME = "AFTER_THEIR_TIME"
OTHER_PERSON = "OTHER_PERSON"
STAFF = "STAFF"
IDENTITY_CODE = "IDENTITY_CODE"
OTHER_WRITER = "OTHER_WRITER"
"""The words of a message that came from an address which is not the customer's."""
REASONS = (ROLE_OF_ANOTHER, BEFORE_THEIR_TIME, AFTER_THEIR_TIME, OTHER_PERSON, STAFF, IDENTITY_CODE, OTHER_WRITER)
"""Every reason for which something is left out or masked; replies have words for each."""

MASK = "[***]"
"""Stands where something was masked."""


@dataclass(frozen=True, slots=True)
class Share:
    """What makes a row of the other party common: a field of it that holds a number which is on file for both."""

    category: str
    fields: tuple[str, ...]
    identifier: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule book."""

    shares: Mapping[str, tuple[Share, ...]]
    """By kind of role."""
    defined_by: frozenset[str]
    defined_always_by: frozenset[str]
    limited: frozenset[str]
    meter: tuple[str, ...]
    property_: tuple[str, ...]
    day: tuple[str, ...]
    staff_fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Thing:
    """A record as the rules see it."""

    category: str
    fields: Mapping[str, Any]
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """A customer's time at a place, both days included; None is without an end."""

    first: date | None
    last: date | None

    def missed_by(self, day: date) -> str | None:
        """The reason why `day` lies outside; None inside."""
        if self.first is not None and day < self.first:
            return BEFORE_THEIR_TIME
        return AFTER_THEIR_TIME if self.last is not None and day > self.last else None


Periods = Mapping[str, tuple[Period, ...]]
"""Of each meter and property whose use is limited (folded number), when it was this customer's."""


@cache
def rules() -> Rules:
    """The rule book, read once."""
    book = tomllib.loads(Path(__file__).with_name("scope.toml").read_text("utf-8"))
    place = book["place"]
    return Rules(
        shares={
            role["kind"]: tuple(
                Share(one["category"], tuple(one["fields"]), one["identifier"]) for one in role["shares"]
            )
            for role in book["role"]
        },
        defined_by=frozenset(place["defined_by"]),
        defined_always_by=frozenset(place["defined_always_by"]),
        limited=frozenset(place["limited"]),
        meter=tuple(place["meter"]),
        property_=tuple(place["property"]),
        day=tuple(place["day"]),
        staff_fields=frozenset(book["masked"]["staff_fields"]),
    )


def folded(number: object) -> str:
    """A number as it is compared: without blanks, in capitals."""
    return "".join(str(number).split()).upper()


def shared(kind: str, thing: Thing, own: Mapping[str, frozenset[str]]) -> bool:
    """Whether a thing of the other party is common to both, by a role of `kind`.

    `own` holds the customer's numbers on file, folded, by kind of identifier.
    """
    return any(
        share.category == thing.category
        and any(
            folded(thing.fields[name]) in own.get(share.identifier, ()) for name in share.fields if name in thing.fields
        )
        for share in rules().shares.get(kind, ())
    )


def places_to_ask_about(things: Iterable[Thing]) -> frozenset[str]:
    """Folded meters and properties whose contracts have a beginning or an end: limited if another holds them too."""
    book = rules()
    return frozenset(
        number
        for thing in things
        if thing.category in book.defined_by - book.defined_always_by and (thing.valid_from or thing.valid_to)
        for number in _numbers(thing)
    )


def periods(things: Iterable[Thing], held_by_others: frozenset[str]) -> Periods:
    """When each place was this customer's; a place that is missing here is not limited.

    `held_by_others` are folded meters and properties that are on file for another customer too. Where several things
    tell of one place their times add up; one without a beginning and an end leaves the place unlimited.
    """
    book = rules()
    told = [thing for thing in things if thing.category in book.defined_by]
    properties = [thing for thing in told if thing.category in book.defined_always_by]
    meters = frozenset(number for thing in told for number in _numbers(thing, book.meter))
    found: dict[str, list[Period]] = defaultdict(list)
    for thing in told:
        numbers = _numbers(thing)
        if thing in properties and len(properties) == 1 and not _numbers(thing, book.meter):
            numbers |= meters  # the only place: its meters are the customer's meters
        for number in numbers:
            if thing in properties or number in held_by_others:
                found[number].append(Period(thing.valid_from, thing.valid_to))
    return {number: tuple(times) for number, times in found.items() if not any(_endless(one) for one in times)}


def whose(thing: Thing, times: Periods) -> str | None:
    """Why a thing of a limited category is not this customer's; None when it is, or when nothing tells."""
    book = rules()
    day = _day_of(thing)
    if thing.category not in book.limited or day is None:
        return None
    missed = [_missed(times[number], day) for number in _numbers(thing) if number in times]
    return next((reason for reason in missed if reason is not None), None)


def whose_reading(meter: str, read_at: datetime, times: Periods, zone: ZoneInfo) -> str | None:
    """As `whose`, for a reading. The one at midnight after the last day closes it, so it belongs to both."""
    known = times.get(folded(meter))
    if known is None:
        return None
    local = read_at.astimezone(zone)
    days = {local.date()}
    if local.time() == time():
        days.add(local.date() - timedelta(days=1))
    missed = [_missed(known, day) for day in sorted(days, reverse=True)]
    return None if None in missed else missed[0]


def _missed(times: tuple[Period, ...], day: date) -> str | None:
    missed = [period.missed_by(day) for period in times]
    return None if None in missed else missed[0]


def _numbers(thing: Thing, names: tuple[str, ...] | None = None) -> frozenset[str]:
    book = rules()
    keys = names if names is not None else (*book.meter, *book.property_)
    return frozenset(folded(thing.fields[name]) for name in keys if thing.fields.get(name))


def _day_of(thing: Thing) -> date | None:
    given = {"valid_to": thing.valid_to, "valid_from": thing.valid_from, **thing.fields}
    for name in rules().day:
        value = given.get(name)
        if isinstance(value, date):
            return value
        if isinstance(value, str):
            try:
                return date.fromisoformat(value[:10])
            except ValueError:
                continue
    return None


def _endless(period: Period) -> bool:
    return period.first is None and period.last is None
