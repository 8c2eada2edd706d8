"""Numbers whose form alone says what they are (DOMAIN 4): recognised, checked, brought to one form, masked.

A henkilötunnus keeps its century sign, for the sign tells people apart (decree 690/2022). One that stands in a message
is masked wherever it is shown and is never a search term; nothing but its form is ever looked at here.

Scanned letters mistake letters for digits. `find` tries such a run again with the usual mistakes mended, but only where
a check character then agrees, and says that it did.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import phonenumbers
from stdnum import iban, iso11649
from stdnum.fi import ytunnus


class Form(StrEnum):
    """A kind of number that can be told by its form."""

    IDENTITY_CODE = "identity_code"
    BUSINESS_ID = "business_id"
    VAT = "vat"
    EINVOICE_ADDRESS = "einvoice_address"
    PAYMENT_REFERENCE = "payment_reference"
    CREDITOR_REFERENCE = "creditor_reference"
    IBAN = "iban"
    PROPERTY = "property"
    POSTAL_CODE = "postal_code"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was recognised."""

    form: Form
    normalised: str
    """The one form in which it is compared: `010180-9015`, `0185891-4`, fourteen digits of a property, E.164."""
    start: int = 0
    end: int = 0
    """Where it stands in the text that was searched."""
    repaired: bool = False
    """True where letters had to be read as digits, as in scanned text."""


LENGTH_LIMIT = 64
"""Signs above which nothing is any of these numbers."""
_CHECK_SIGNS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_CENTURIES = {"+": 1800} | dict.fromkeys("-YXWVU", 1900) | dict.fromkeys("ABCDEF", 2000)
_IDENTITY_CODE = re.compile(r"(\d\d)(\d\d)(\d\d)([-+YXWVUABCDEF])(\d{3})([0-9A-Y])", re.ASCII)
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")
_MISREAD = str.maketrans({"O": "0", "Q": "0", "D": "0", "I": "1", "L": "1", "|": "1", "Z": "2", "S": "5", "B": "8"})
_PROPERTY = re.compile(
    r"(\d{3})-(\d{1,3})-(\d{1,4})-(\d{1,4})(?:-M(\d{1,4}))?|(\d{3})(\d{3})(\d{4})(\d{4})(?:M(\d{4}))?"
)


def recognise(form: Form, value: str, today: date) -> str | None:
    """`value` as a number of this form, brought to one form; None when it is none.

    `today` is the local date: nobody is born after it.
    """
    if len(value) > LENGTH_LIMIT:
        return None
    return _READERS[form](_DASHES.sub("-", unicodedata.normalize("NFKC", value)).strip().upper(), today)


def _identity_code(value: str, today: date) -> str | None:
    """Decree 128/2010, 2 §, with the signs of decree 690/2022. Numbers 900-999 are nobody's, yet well formed."""
    match = _IDENTITY_CODE.fullmatch(value)
    if match is None:
        return None
    day, month, year, sign, number, check = match.groups()
    if check != _CHECK_SIGNS[int(day + month + year + number) % 31] or int(number) < 2:
        return None
    try:
        born = date(_CENTURIES[sign] + int(year), int(month), int(day))
    except ValueError:
        return None
    return value if born <= today else None


def _business_id(value: str, _: date) -> str | None:
    digits = value.replace(" ", "").replace("-", "")
    if not digits.isascii() or not digits.isdecimal() or len(digits) not in {7, 8}:
        return None
    if len(digits) == 7 and "-" not in value:
        return None  # a short one shows by its hyphen alone that a zero is missing
    digits = digits.rjust(8, "0")
    return f"{digits[:7]}-{digits[7]}" if ytunnus.is_valid(digits) else None


def _vat(value: str, today: date) -> str | None:
    bare = value.replace(" ", "").replace("-", "")
    found = _business_id(bare[2:], today) if bare.startswith("FI") and len(bare) == 10 else None
    return f"FI{found.replace('-', '')}" if found else None


def _einvoice_address(value: str, today: date) -> str | None:
    """OVT: 0037, the business id without its hyphen, and up to five signs of the company's own."""
    bare = value.replace(" ", "")
    known = re.fullmatch(r"0037(\d{8})[0-9A-Z]{0,5}", bare) and _business_id(bare[4:12], today)
    return bare if known else None


def _payment_reference(value: str, _: date) -> str | None:
    """3-19 digits and a check digit by the weights 7, 3, 1 from the right; leading zeros are a machine's."""
    digits = re.sub(r"\s", "", value).lstrip("0")
    if not digits.isascii() or not digits.isdecimal() or not 4 <= len(digits) <= 20:
        return None
    total = sum(int(digit) * (7, 3, 1)[place % 3] for place, digit in enumerate(reversed(digits[:-1])))
    return digits if (10 - total % 10) % 10 == int(digits[-1]) else None


def _creditor_reference(value: str, today: date) -> str | None:
    """ISO 11649 around a Finnish payment reference."""
    bare = re.sub(r"\s", "", value)
    known = bare.startswith("RF") and iso11649.is_valid(bare) and _payment_reference(bare[4:], today)
    return bare if known else None


def _iban(value: str, _: date) -> str | None:
    bare = re.sub(r"\s", "", value)
    return bare if iban.is_valid(bare) else None


def _property(value: str, _: date) -> str | None:
    """Municipality, area, group and unit as the database writes them; a parcel (määräala) keeps its `M` and number."""
    match = _PROPERTY.fullmatch(value.replace(" ", ""))
    if match is None:
        return None
    parts = [part for part in match.groups() if part is not None]
    whole = "".join(part.rjust(width, "0") for part, width in zip(parts, (3, 3, 4, 4), strict=False))
    return whole + (f"M{parts[4]:0>4}" if len(parts) > 4 else "")


def _postal_code(value: str, _: date) -> str | None:
    bare = value.removeprefix("FI-").removeprefix("FIN-").strip()
    return bare if re.fullmatch(r"[0-9]{5}", bare) else None


def _phone(value: str, _: date) -> str | None:
    try:
        parsed = phonenumbers.parse(value, "FI")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


_READERS: dict[Form, Callable[[str, date], str | None]] = {
    Form.IDENTITY_CODE: _identity_code,
    Form.BUSINESS_ID: _business_id,
    Form.VAT: _vat,
    Form.EINVOICE_ADDRESS: _einvoice_address,
    Form.PAYMENT_REFERENCE: _payment_reference,
    Form.CREDITOR_REFERENCE: _creditor_reference,
    Form.IBAN: _iban,
    Form.PROPERTY: _property,
    Form.POSTAL_CODE: _postal_code,
    Form.PHONE: _phone,
}

_DASH = r"[-\u2010-\u2015\u2212]"
_DIGIT = r"[0-9OQDILZSB|]"
"""What scanning makes of a digit."""
_SEARCHES: tuple[tuple[Form, re.Pattern[str]], ...] = tuple(
    (form, re.compile(rf"(?<![\w+-])(?:{pattern})(?![\w]|-\w)", re.IGNORECASE))
    for form, pattern in (
        (Form.IDENTITY_CODE, rf"{_DIGIT}{{6}}(?:{_DASH}|[+A-FU-Y]){_DIGIT}{{3}}[0-9A-Z|]"),
        (Form.CREDITOR_REFERENCE, r"RF\d\d(?: ?\d){4,20}"),
        (Form.IBAN, r"[A-Z]{2}\d\d(?: ?[0-9A-Z]){11,30}"),
        (Form.VAT, r"FI ?\d{7}-?\d"),
        (Form.EINVOICE_ADDRESS, r"0037\d{8}[0-9A-Z]{0,5}"),
        (
            Form.PROPERTY,
            rf"\d{{3}}{_DASH}\d{{1,3}}{_DASH}\d{{1,4}}{_DASH}\d{{1,4}}(?:{_DASH}M\d{{1,4}})?|\d{{14}}(?:M\d{{4}})?",
        ),
        (Form.BUSINESS_ID, rf"{_DIGIT}{{6,7}}{_DASH}{_DIGIT}"),
    )
)
"""What shows by itself what it is. References, postal codes and phones need the words around them."""
_IDENTITY_CODES = tuple(search for search in _SEARCHES if search[0] is Form.IDENTITY_CODE)
_REPAIRABLE = frozenset({Form.IDENTITY_CODE, Form.BUSINESS_ID})
"""Forms whose check character tells whether a repair was right."""


def find(text: str, today: date) -> list[Number]:
    """All that shows by its form what it is, in the order of the text; where two forms fit, the first of the list."""
    return _found(text, today, _SEARCHES)


def _found(text: str, today: date, searches: Iterable[tuple[Form, re.Pattern[str]]]) -> list[Number]:
    found: list[Number] = []
    taken = bytearray(len(text))
    for form, pattern in searches:
        for match in pattern.finditer(text):
            if any(taken[match.start() : match.end()]):
                continue
            if (number := _read(form, match, today)) is not None:
                found.append(number)
                taken[number.start : number.end] = b"\1" * (number.end - number.start)
    return sorted(found, key=lambda number: number.start)


def _read(form: Form, match: re.Match[str], today: date) -> Number | None:
    for written, repaired in _readings(form, match.group()):
        if (normalised := recognise(form, written, today)) is not None:
            return Number(form, normalised, match.start(), match.end(), repaired)
    return None


def _readings(form: Form, run: str) -> Iterator[tuple[str, bool]]:
    """The run as it stands, then as a scan may have misread it."""
    yield run, False
    if form not in _REPAIRABLE:
        return
    upper = _DASHES.sub("-", run.upper())
    if form is Form.BUSINESS_ID:
        yield upper.translate(_MISREAD), True
        return
    digits, sign, number, check = upper[:6].translate(_MISREAD), upper[6], upper[7:10].translate(_MISREAD), upper[10]
    yield f"{digits}{sign}{number}{check}", True
    yield f"{digits}{sign}{number}{check.translate(_MISREAD)}", True


def mask(text: str, today: date) -> str:
    """`text` with every valid henkilötunnus cut to `010180-****`, misread ones too (Tietosuojalaki 29 §)."""
    pieces, at = [], 0
    for number in _found(text, today, _IDENTITY_CODES):
        pieces += [text[at : number.start], f"{number.normalised[:7]}****"]
        at = number.end
    return "".join([*pieces, text[at:]]) if pieces else text
