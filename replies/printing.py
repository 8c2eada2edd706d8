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
_IDENTITY_CODE_LENGTH = 11
_LIKE_AN_IDENTITY_CODE = re.compile(r"[0-3]\d{5}[-+A-FU-Y]\d{3}", re.IGNORECASE)
"""Found in half the time, and almost never there."""
_IDENTITY_CODE = re.compile(
    r"(?<!\w)((?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d\d[-+A-FU-Y])\d{3}[0-9A-Z](?!\w)", re.IGNORECASE
)


def one_line(value: str) -> str:
    """`value` on one line and without what a reader cannot see: controls, bidirectional marks, zero-width signs."""
    if value.isprintable():  # then it holds none of these, nor any space but the plain one
        return " ".join(value.split())
    spaced = re.sub(r"\s+", " ", value)
    return " ".join("".join(char for char in spaced if unicodedata.category(char) not in _UNSEEN).split())


def mask_identity_codes(value: str) -> tuple[str, int]:
    """`value` with every henkilötunnus cut to `010190-****`, and how many there were (Tietosuojalaki 29 §)."""
    if len(value) < _IDENTITY_CODE_LENGTH:  # most values; a dossier has hundreds
        return value, 0
    return _IDENTITY_CODE.subn(r"\1****", value)


def holds_identity_code(text: str) -> bool:
    """Whether anything in `text` looks like a henkilötunnus. The check sign is not reckoned."""
    return _LIKE_AN_IDENTITY_CODE.search(text) is not None and _IDENTITY_CODE.search(text) is not None


def print_date(day: date, language: ReplyLanguage) -> str:
    """`22.11.2026` in Finnish and Swedish, `22 November 2026` in English."""
    if language == "en":
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return f"{day.day}.{day.month}.{day.year}"


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
