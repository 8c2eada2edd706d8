"""The Date field to ISO 8601, for whoever reads the mail; no deadline ever hangs on it (INV-4).

RFC 5322 (3.3, 4.3) allows comments anywhere, years of two and three digits and names of zones; programs add the forms
of `ctime`, ISO 8601, `GMT+0200`, hours with AM and PM, and the month's name in the language of their user. All these
say when without doubt. What is left, `05/02/2005` for instance, is shown as it stands: a wrong date is worse than none.
"""

import email.utils
import re
from datetime import UTC, datetime, timedelta, timezone

_LONGEST = 400
_COMMENT = re.compile(r"\((?:[^()\\]|\\.)*\)")
_NESTED = 5
_SPACE = re.compile(r"\s+")

_DAY_NAME = r"(?:[^\W\d]{1,20}\.?\s?,?\s?|,\s?)?"
_MONTH = r"(?P<month>[^\W\d]{3,20})"
_YEAR = r"(?P<year>[0-9]{4}|[0-9]{2,3})(?![0-9])"
_TIME = (
    r"(?P<hour>[0-9]{1,2})\s?[:.]\s?(?P<minute>[0-9]{1,2})(?:\s?[:.]\s?(?P<second>[0-9]{1,2})(?:[.,](?P<part>[0-9]{1,9}))?)?"
    r"(?:\s?(?P<half>[ap])\.?m\b\.?)?"
)
_NAMED_ZONE = r"\s?(?P<name>[A-Z]{1,5}(?: DST)?(?![^\W\d]))?"
_OFFSET = r"\s?(?:(?P<sign>[+-])(?P<offset>[0-9]{1,2}(?::?[0-9]{2})?)(?![0-9]))?"
_ZONE = rf"(?:{_NAMED_ZONE}{_OFFSET})(?!\s?[0-9:.+-])"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_DAY_NAME}(?P<day>[0-9]{{1,2}})\.?[\s-]{_MONTH}\.?,?[\s-]{_YEAR}[\s,]\s?{_TIME}{_ZONE}",
        rf"{_DAY_NAME}{_MONTH}\.? (?P<day>[0-9]{{1,2}}),? {_YEAR},? {_TIME}{_ZONE}",
        rf"{_DAY_NAME}{_MONTH} (?P<day>[0-9]{{1,2}}) {_TIME}(?: (?P<early>[A-Z]{{3,4}}))? (?P<year>[0-9]{{4}}){_ZONE}",
        rf"(?P<year>[0-9]{{4}})-(?P<digits>[0-9]{{2}})-(?P<day>[0-9]{{2}})[T ]{_TIME}{_ZONE}",
    )
)

# The first letters of the months in en, fi, sv, de, nl, da, no, fr, es, it, pt; four where three are not enough.
_MONTHS = (
    "jan tam ene gen", "feb hel fév fev", "mar maa mär mrz mrt", "apr huh avr abr", "may mai maj mei tou mag",
    "jun kes juin giu", "jul hei juil lug", "aug elo aoû aou ago", "sep syy set", "oct okt lok ott out",
    "nov marr", "dec des dez jou déc dic",
)  # fmt: skip
_NUMBERS = {start: number for number, starts in enumerate(_MONTHS, 1) for start in starts.split()}

# RFC 5322, 4.3, and the names that programs write beside it. A name that means two zones is left out.
_ZONES = {
    "UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 100, "BST": 100, "CET": 100, "MET": 100, "MEZ": 100,
    "CEST": 200, "MEST": 200, "MESZ": 200, "MET DST": 200, "EET": 200, "EEST": 300, "EET DST": 300, "MSK": 300,
    "MSD": 400, "JST": 900, "KST": 900, "HKT": 800, "SGT": 800, "AEST": 1000, "AEDT": 1100, "NZST": 1200, "NZDT": 1300,
    "NST": -330, "NDT": -230, "AST": -400, "ADT": -300, "EST": -500, "EDT": -400, "CST": -600, "CDT": -500,
    "MST": -700, "MDT": -600, "PST": -800, "PDT": -700, "AKST": -900, "AKDT": -800, "HST": -1000,
}  # fmt: skip
_ANY_OFFSET = frozenset({"UT", "UTC", "GMT"})


def iso_date(text: str) -> str:
    """When a Date field says that the mail was written, as ISO 8601; without a zone it is left without one.

    What cannot be read is returned as it stands. Never raises.
    """
    plain = text[:_LONGEST]
    for _ in range(_NESTED):
        plain, found = _COMMENT.subn(" ", plain)
        if not found:
            break
    plain = _SPACE.sub(" ", plain).strip()
    for form in _FORMS:
        if (match := form.match(plain)) and (moment := _moment(match.groupdict())):
            return moment.isoformat()
    return _by_library(plain) or text


def _moment(said: dict[str, str | None]) -> datetime | None:
    month = int(said.get("digits") or 0) or _month((said.get("month") or "").lower())
    hour = int(said["hour"] or 0)
    if said["half"] and 1 <= hour <= 12:
        hour = hour % 12 + (12 if said["half"].lower() == "p" else 0)
    second = int(said["second"] or 0)
    part = int((said["part"] or "").ljust(6, "0")[:6])
    clock = (hour, int(said["minute"] or 0), min(second, 59), part)
    try:
        zone = _zone((said.get("early") or said["name"] or "").upper(), said["sign"], said["offset"])
        moment = datetime(_year(said["year"] or ""), month, int(said["day"] or 0), *clock, tzinfo=zone)
        # A leap second (RFC 5322, 3.3) is the first second of what follows.
        return moment + timedelta(seconds=second == 60) if second <= 60 else None
    except (ValueError, OverflowError):
        return None


def _month(name: str) -> int:
    return _NUMBERS.get(name[:4]) or _NUMBERS.get(name[:3], 0)


def _year(digits: str) -> int:
    """RFC 5322, 4.3: of two digits 00 to 49 are this century's; three digits count from 1900."""
    year = int(digits)
    if len(digits) == 4:
        return year
    if len(digits) == 3 and not 100 <= year < 200:
        raise ValueError(digits)
    return year + (2000 if year < 50 else 1900)


def _zone(name: str, sign: str | None, offset: str | None) -> timezone | None:
    """None for no zone and for an unknown name. `EST+0200` says two things: the number is the later, so it counts."""
    if sign and offset:
        digits = offset.replace(":", "")
        hours, minutes = (int(digits), 0) if len(digits) < 3 else (int(digits[:-2]), int(digits[-2:]))
        if len(digits) < 3 and name not in _ANY_OFFSET:
            return None
        distance = timedelta(hours=hours, minutes=minutes)
        return timezone(-distance if sign == "-" else distance) if minutes < 60 else None
    if name not in _ZONES:
        return None
    hours, minutes = divmod(abs(_ZONES[name]), 100)
    distance = timedelta(hours=hours, minutes=minutes)
    return timezone(distance if _ZONES[name] >= 0 else -distance)


def _by_library(text: str) -> str:
    """The standard library's reading of what has none of the forms above, or ""."""
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
    return (when.replace(tzinfo=UTC) if when.tzinfo is None and text.endswith("-0000") else when).isoformat()
