"""What a message tells of its writer, ready for look-up in the register. None of it is proof (THREATS 6).

Addresses, numbers, phones and names, normalised as the register keeps them. Knowing them only says whom to look at; who
wrote is for `identification` to say. A henkilötunnus is never a clue: it is cut out before anything else is read.
Work is bounded: so much text, so many of each.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import TypeVar

from stdnum.fi import ytunnus

from bot.rules.verdicts import Policy
from mail.message import InboundMessage
from store.models import Clues, IdentifierKind
from store.models.facts import identifier_key, name_key, normalise_email, normalise_phone

_Clue = TypeVar("_Clue")

MAX_TEXT = 20_000
MAX_OF_EACH = 20

HETU = re.compile(
    r"(?<!\w)(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])(\d\d)([-+\u2013A-FU-Y])(\d{3})([0-9A-FHJ-NPR-Y])(?!\w)", re.IGNORECASE
)
_BUSINESS = re.compile(r"(?<![\w-])(?:FI ?)?\d{6,7}-?\d(?![\w-])")
_PROPERTY = re.compile(r"(?<![\w-])\d{3}-\d{1,3}-\d{1,4}-\d{1,4}(?:-[Mm]\d{1,4})?(?![\w-])|(?<!\d)\d{14}(?!\d)")
_RUN = re.compile(r"(?<![\w+-])(?:[A-Z]{1,4}-?)?\d[\dA-Z/-]*(?: \d+)*")
_CONTEXT = 36
"""Characters before a number that may say what it is."""
_NAMED = (
    (IdentifierKind.CUSTOMER_NUMBER, re.compile(r"asiakas ?(?:n|tunnu)|kund ?(?:n|id)|customer ?(?:n|id|ref)")),
    (IdentifierKind.PAYMENT_REFERENCE, re.compile(r"viite|referens|reference|ref\b")),
    (IdentifierKind.INVOICE, re.compile(r"lasku|faktur|invoice|bill")),
    (IdentifierKind.CONTRACT, re.compile(r"sopimu|avtal|contract|agreement")),
    (IdentifierKind.METER, re.compile(r"mittari|mätar|meter")),
)
_PHONE = re.compile(r"(?<![\w+-])(?:\+\d|00\d|\(?0\d)[\d ()-]{4,18}\d(?![\w-])")
_CHECKED = frozenset({IdentifierKind.CUSTOMER_NUMBER, IdentifierKind.PAYMENT_REFERENCE})
_CAPITAL = r"[A-ZÀ-ÖØ-ÞŠŽ]"
_NAME = re.compile(rf"(?<!\w){_CAPITAL}[\w'’-]{{1,30}}(?:[ \t]{_CAPITAL}(?:[\w'’-]{{1,30}}|\.)){{1,4}}(?!\w)")
_LABELLED = re.compile(r"^[ \t]*(?:nimi|namn|name|asiakas|kund|customer)[ \t]*:[ \t]*([^\n,;:]{3,60})", re.I | re.M)
_GENITIVES = (("kkaan", "kas"), ("ksen", "s"), ("sen", "nen"), ("n", ""), ("s", ""))


def clues(message: InboundMessage, policy: Policy) -> Clues:
    """All that the message says of its writer, each clue once, in the order of trust."""
    text = HETU.sub(" ", f"{message.subject}\n{message.text or message.new_text}"[:MAX_TEXT])
    return Clues(
        address=normalise_email(message.from_address) if message.channel == "email" else "",
        identifiers=_first(_identifiers(text, policy.customer_number_pattern)),
        name_keys=_first(_names(message.from_text, text)),
        phones=_first(_phones(text)),
    )


def holds_identity_code(text: str) -> bool:
    """Whether a henkilötunnus with a right check character stands in the text (DOMAIN 4). It is flagged, never used."""
    return any(_is_identity_code(match) for match in islice(HETU.finditer(text[:MAX_TEXT]), MAX_OF_EACH))


def _is_identity_code(match: re.Match[str]) -> bool:
    day, month, year, _, number, check = match.groups()
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(day + month + year + number) % 31] == check.upper()


def _first(found: Iterable[_Clue]) -> tuple[_Clue, ...]:
    return tuple(dict.fromkeys(one for one in islice(found, 10 * MAX_OF_EACH) if one))[:MAX_OF_EACH]


@lru_cache(maxsize=8)
def _customer_number(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _identifiers(text: str, pattern: str) -> Iterator[tuple[IdentifierKind, str]]:
    """Numbers by the word that stands before them, and those that show by themselves what they are."""
    number = _customer_number(pattern)
    for match in _RUN.finditer(text):
        run = match.group()
        first = run.partition(" ")[0]
        kind = _kind_before(text, match.start())
        if kind is IdentifierKind.PAYMENT_REFERENCE:
            if _is_reference(key := identifier_key(kind, run)):
                yield kind, key
        elif kind is IdentifierKind.CUSTOMER_NUMBER:
            if number.fullmatch(first):
                yield kind, identifier_key(kind, first)
        elif len(first) == 6 and first.isdecimal() and first == run and number.fullmatch(first):
            # Six digits standing alone look like a customer number and like little else.
            yield IdentifierKind.CUSTOMER_NUMBER, first
        if kind is not None and kind not in _CHECKED and len(first) >= 4:
            yield kind, identifier_key(kind, first)
    for match in _BUSINESS.finditer(text):
        key = identifier_key(IdentifierKind.BUSINESS_ID, match.group())
        if ytunnus.is_valid(key):
            yield IdentifierKind.BUSINESS_ID, key
    for match in _PROPERTY.finditer(text):
        yield IdentifierKind.PROPERTY, identifier_key(IdentifierKind.PROPERTY, match.group())


def _kind_before(text: str, at: int) -> IdentifierKind | None:
    """What the nearest telling word before the number, on the same line, says that it is."""
    before = text[max(0, at - _CONTEXT) : at].rpartition("\n")[2].lower()
    nearest, kind = -1, None
    for named, words in _NAMED:
        for match in words.finditer(before):
            if match.start() > nearest:
                nearest, kind = match.start(), named
    return kind


def _is_reference(digits: str) -> bool:
    """Finnish payment reference: 3-19 digits and a check digit by weights 7, 3, 1 from the right (DOMAIN 4)."""
    if not 4 <= len(digits) <= 20 or not digits.isdecimal():
        return False
    total = sum(int(digit) * (7, 3, 1)[place % 3] for place, digit in enumerate(reversed(digits[:-1])))
    return (10 - total % 10) % 10 == int(digits[-1])


def _phones(text: str) -> Iterator[str]:
    for match in _PHONE.finditer(text):
        if number := normalise_phone(match.group()):
            yield number


def _names(from_text: str, text: str) -> Iterator[str]:
    """Keys of all that may be a name: the From phrase, labelled lines, then runs of capitalised words, last ones first.

    Signatures stand at the end, so the end is read first; a run gives itself and its parts of two and three words.
    """
    phrase = from_text.partition("<")[0].strip(" \"'")
    if phrase.split() and "@" not in phrase:
        yield from _keys(phrase.split()[:5])
    for match in _LABELLED.finditer(text):
        yield name_key(match.group(1))
    runs = [match.group().split() for match in islice(_NAME.finditer(text), 200)]
    for run in reversed(runs):
        yield from _keys(run)


def _keys(words: list[str]) -> Iterator[str]:
    lengths = sorted({len(words), 2, 3}, reverse=True)
    for length in lengths:
        for at in range(len(words) - length + 1 if length <= len(words) else 0):
            part = words[at : at + length]
            yield name_key(" ".join(part))
            yield from (name_key(" ".join([*part[:-1], form])) for form in _nominatives(part[-1]))


def _nominatives(word: str) -> Iterator[str]:
    """What a surname in the genitive may be: Virtasen is Virtanen, Mallikkaan is Mallikas. Only proposes candidates."""
    for ending, nominative in _GENITIVES:
        if word.endswith(ending) and len(word) > len(ending) + 3:
            yield word.removesuffix(ending) + nominative
            return
