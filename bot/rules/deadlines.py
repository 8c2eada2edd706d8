"""The calendar of the law: from the moment a request reached us to the day by which it must be answered.

The period is one month from receipt (GDPR Art. 12(3)), counted as Regulation (EEC, Euratom) 1182/71 counts: the day of
receipt itself is left out, a month ends on the day of the same number or on the month's last day, and a last day that
is closed moves to the next working day. An extension runs three months from *receipt*, not two from the first due
date. The clock stands still only between a question about identity, asked in time, and its answer.

One named function per rule, so that a changed law changes one line. All dates are local calendar dates.
"""

from calendar import monthrange
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

EXTENDED_MONTHS = 3
"""One month and two further, both from receipt (GDPR Art. 12(3))."""
ASKED_IN_TIME_DAYS = 7
"""A question about identity later than this was not asked "without undue delay" (DOMAIN 3.5)."""
BREACH_HOURS = 72
"""GDPR Art. 33(1)."""

_EVES = frozenset({"Juhannusaatto", "Jouluaatto"})


@lru_cache(maxsize=256)
def _closed_days(year: int, eves_closed: bool) -> frozenset[date]:
    """Public holidays of one year. The library lists two eves that are no public holidays in law (DOMAIN 3.2)."""
    listed = holidays.country_holidays("FI", years=year, language="fi").items()
    return frozenset(day for day, name in listed if eves_closed or name not in _EVES)


LONGEST_QUEUE = timedelta(days=31)
"""An MTA gives a mail back long before (RFC 5321, 4.5.4.1: 4-5 days); an older stamp is a wrong clock."""


def receipt_moment(stored_at: datetime, accepted_at: datetime | None) -> datetime:
    """When a message reached us: the earlier of our clock and the site's own MTA's (INV-4; DOMAIN 3.1, 3)."""
    if accepted_at is None or not stored_at - LONGEST_QUEUE <= accepted_at <= stored_at:
        return stored_at
    return accepted_at


def receipt_date(received_at: datetime, time_zone: str) -> date:
    """The local calendar date on which a message reached us; only this date counts (DOMAIN 3.1, 3).

    `received_at` is aware; `time_zone` is an IANA name.
    """
    return received_at.astimezone(ZoneInfo(time_zone)).date()


def is_closed(day: date, eves_closed: bool = False) -> bool:
    """Whether a day is no working day: Saturday, Sunday or public holiday (Reg. 1182/71, Art. 2(2)).

    `eves_closed` counts Midsummer Eve and Christmas Eve too; the safe reading, and the default, is that it does not.
    """
    return day.weekday() >= 5 or day in _closed_days(day.year, eves_closed)


def roll(day: date, eves_closed: bool = False) -> date:
    """The day itself, or the next working day where it is closed (Reg. 1182/71, Art. 3(4))."""
    while is_closed(day, eves_closed):
        day += timedelta(days=1)
    return day


def add_months(day: date, months: int) -> date:
    """The day of the same number, or the last of the month where there is none (Reg. 1182/71, Art. 3(2)(c))."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def nominal(received: date, months: int = 1, suspended_days: int = 0) -> date:
    """The last day before rolling: the month is clamped first, the suspended days are added then (DOMAIN 3.5)."""
    return add_months(received, months) + timedelta(days=suspended_days)


@lru_cache(maxsize=1024)
def due_on(received: date, *, months: int = 1, suspended_days: int = 0, eves_closed: bool = False) -> date:
    """The last day on which a request may be answered (GDPR Art. 12(3); Reg. 1182/71, Art. 3)."""
    return roll(nominal(received, months, suspended_days), eves_closed)


def extended_due_on(received: date, *, suspended_days: int = 0, eves_closed: bool = False) -> date:
    """The last day after an extension: three months from receipt (GDPR Art. 12(3); DOMAIN 3.1, 4)."""
    return due_on(received, months=EXTENDED_MONTHS, suspended_days=suspended_days, eves_closed=eves_closed)


def extension_notice_by(received: date, *, suspended_days: int = 0, eves_closed: bool = False) -> date:
    """The last day to tell of an extension and its reasons: the first due date (GDPR Art. 12(3))."""
    return due_on(received, suspended_days=suspended_days, eves_closed=eves_closed)


def suspended_days(received: date, asked: date, info_received: date | None) -> int:
    """Calendar days for which a question about identity stopped the clock (GDPR Art. 12(6); DOMAIN 3.5).

    0 while no answer has come (`info_received` None): an open pause has no length yet. Asked before receipt, or later
    than seven days after it, the question stops nothing.
    """
    if info_received is None or not received <= asked <= received + timedelta(days=ASKED_IN_TIME_DAYS):
        return 0
    return max(0, (info_received - asked).days)


def breach_notify_by(aware: datetime) -> datetime:
    """72 elapsed hours after awareness, in the same time zone; weekends count (GDPR Art. 33(1); Reg. 1182/71, 3(3)).

    Elapsed time, not wall time: across a change of clocks the local hour differs.
    """
    zone = aware.tzinfo
    return (aware.astimezone(ZoneInfo("UTC")) + timedelta(hours=BREACH_HOURS)).astimezone(zone)


@lru_cache(maxsize=1024)
def target_on(received: date, working_days: int, *, eves_closed: bool = False) -> date:
    """The day that lies so many working days after receipt: a promise of service, not law (DOMAIN 3.1, 7)."""
    day = received
    for _ in range(working_days):
        day = roll(day + timedelta(days=1), eves_closed)
    return day


def working_days_between(start: date, end: date, *, eves_closed: bool = False) -> int:
    """Working days after `start` up to and with `end`; negative when `end` comes first, for what is overdue."""
    if end < start:
        return -working_days_between(end, start, eves_closed=eves_closed)
    return sum(not is_closed(start + timedelta(days=n), eves_closed) for n in range(1, (end - start).days + 1))
