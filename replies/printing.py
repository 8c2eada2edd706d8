"""How a value looks in a reply: one line, no sign that nobody sees, dates and decimals as the language writes them.

Everything that a template prints passes through `printed`; whatever a customer, a register or a mail put into a value,
it stays a value on one line (THREATS 22, 46).
"""

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal

from jinja2 import Undefined

from replies.notice import ReplyLanguage

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def one_line(value: str) -> str:
    """`value` on one line and without what a reader cannot see: controls, bidirectional marks, zero-width signs."""
    if value.isprintable():  # then it holds none of these, nor any space but the plain one
        return " ".join(value.split())
    spaced = re.sub(r"\s+", " ", value)
    return " ".join("".join(char for char in spaced if unicodedata.category(char) not in _UNSEEN).split())


def print_date(day: date, language: ReplyLanguage) -> str:
    """`22.11.2026` in Finnish and Swedish, `22 November 2026` in English."""
    if language == "en":
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return f"{day.day}.{day.month}.{day.year}"


def print_month(year: int, month: int, language: ReplyLanguage) -> str:
    """`3/2026` in Finnish and Swedish, `March 2026` in English."""
    return f"{_MONTHS[month - 1]} {year}" if language == "en" else f"{month}/{year}"


def print_number(number: Decimal, language: ReplyLanguage) -> str:
    """With a decimal comma in Finnish and Swedish; never with an exponent."""
    text = format(number, "f")
    return text if language == "en" else text.replace(".", ",")


def printed(value: object, language: ReplyLanguage) -> object:
    """What `value` looks like in a reply.

    Raises `TypeError` for what has no look: None, truth values, a moment (choose its local date first), objects.
    """
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, Undefined):
        return value  # StrictUndefined raises when it is printed
    if isinstance(value, date) and not isinstance(value, datetime):
        return print_date(value, language)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return print_number(Decimal(str(value)), language)
    raise TypeError(f"a template prints a {type(value).__name__}, which has no look of its own")
