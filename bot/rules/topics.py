"""What an ordinary request is about: an invoice copy, a balance, a meter reading, a change of owner.

Kinds of request say whose desk a matter belongs on; topics say which of the customer's own data answer it, and how
soon. They stand in `data/topics.toml`. A topic is told only when exactly one fits: a wrong one would draft an answer
to what nobody asked, while none leaves the plain first answer. Nothing here knows who wrote.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from bot.rules.vocabulary import DATA, LANGUAGES, fold
from store.models import RequestKind

MAX_TEXT = 4_000
"""Characters that are read; what an ordinary request is about, it says at once."""
MAX_NAMED = 8
SENT_IN = "SENT_IN"
"""Stands among what a message names when it gives a meter reading rather than asks for one."""

_SENTENCES = re.compile(r"(?<!\d)[.](?!\d)|[!?;\n]+|[.](?=\s+[A-ZÅÄÖ])")
_NUMBER = re.compile(r"(?<![\w.,+-])\d(?:[\d ]{2,22}\d)(?![\w-]|[.,]\d|\s?(?:€|eur))", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")
_DAY = re.compile(r"(?<!\d)(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)")
_MONTH_NUMBER = re.compile(r"(?<![\d./])(1[0-2]|0?[1-9])/(20\d\d)(?!\d)")
_COUNTER = re.compile(r"(?<![\w.,-])\d{1,7}(?:[.,]\d{1,3})?\s?(?:mwh|kwh|m3|m³)(?!\w)", re.IGNORECASE)
_BARE_COUNTER = re.compile(
    r"(?:lukema|mittari|mätar|avläs|meter|reading)[^\d\n]{0,60}(?!(?:19|20)\d\d\b)\d{3,7}(?:[.,]\d{1,3})?(?![\w-])",
    re.IGNORECASE,
)
_MONTHS = (
    *("tammik januari january", "helmik februari february", "maalisk", "huhtik april", "toukok", "kesäk juni june"),
    *("heinäk juli july", "elok augusti august", "syysk september", "lokak oktober october", "marrask november"),
    "jouluk december",
)
_MONTH = re.compile(
    r"\b(?:"
    + "|".join(f"(?P<m{place}>{'|'.join(stems.split())})" for place, stems in enumerate(_MONTHS, start=1))
    + r")\w{0,12}(?:\s+(?P<year>20\d\d))?"
)
_MONTH_WITH_YEAR = re.compile(r"\b(?:(?P<m3>mars|march)|(?P<m5>maj|may))\s+(?P<year>20\d\d)")
"""Months whose names are other words too, unless a year follows."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What a request is about, and the reason why that is thought."""

    name: str
    """Key of `data/topics.toml`, and the name of the template that answers it."""
    reason: str
    target: int
    """Service target, working days."""


@dataclass(frozen=True, slots=True)
class _Rule:
    topic: Topic
    kinds: frozenset[RequestKind]
    when: tuple[re.Pattern[str], ...]
    unless: re.Pattern[str] | None
    nowhere: re.Pattern[str] | None

    def fits(self, sentences: Sequence[str], whole: str) -> bool:
        """Whether one sentence has all that it takes."""
        if self.nowhere is not None and self.nowhere.search(whole):
            return False
        return any(
            all(group.search(sentence) for group in self.when)
            and not (self.unless is not None and self.unless.search(sentence))
            for sentence in sentences
        )


def topic_of(text: str, kind: RequestKind) -> Topic | None:
    """The one topic that a request of `kind` in `text` is about; None where none or several fit."""
    sentences = [fold(part) for part in _SENTENCES.split(text[:MAX_TEXT]) if part.strip()]
    whole = "\n".join(sentences)
    found = [rule.topic for rule in _rules() if kind in rule.kinds and rule.fits(sentences, whole)]
    return found[0] if len(found) == 1 else None


def named_in(text: str, topic: str, received_on: date) -> tuple[str, ...]:
    """What a message names of its topic: numbers and `YYYY-MM` months of an invoice, or that a reading was sent in.

    A month without a year is the latest that had begun by `received_on`.
    """
    text = text[:MAX_TEXT]
    if topic == "meter_reading":
        lines = [_DAY.sub("", line) for line in text.splitlines() if "?" not in line]
        sent = any(_COUNTER.search(line) or _BARE_COUNTER.search(line) for line in lines)
        return (SENT_IN,) if sent else ()
    if topic != "invoice_copy":
        return ()
    numbers = [number[0].replace(" ", "") for number in _NUMBER.finditer(text)]
    return tuple(dict.fromkeys([*(one for one in numbers if not _YEAR.fullmatch(one)), *_months(text, received_on)]))[
        :MAX_NAMED
    ]


def _months(text: str, received_on: date) -> list[str]:
    found = [f"{year}-{int(month):02}" for month, year in _MONTH_NUMBER.findall(text)]
    found += [f"{year}-{int(month):02}" for _, month, year in _DAY.findall(text) if 1 <= int(month) <= 12]
    lowered = text.lower()
    for pattern in (_MONTH, _MONTH_WITH_YEAR):
        for met in pattern.finditer(lowered):
            number = _number_of(met)
            latest = received_on.year if number <= received_on.month else received_on.year - 1
            found.append(f"{met['year'] or latest}-{number:02}")
    return found


def _number_of(met: re.Match[str]) -> int:
    return next(int(name[1:]) for name, word in met.groupdict().items() if word and name != "year")


@cache
def _rules() -> tuple[_Rule, ...]:
    """The topics, read once."""
    book = tomllib.loads((DATA / "topics.toml").read_text("utf-8"))
    return tuple(_rule(entry, book["words"]) for entry in book["topic"])


def _rule(entry: dict[str, Any], words: dict[str, dict[str, str]]) -> _Rule:
    def either(names: str) -> re.Pattern[str]:
        return _pattern([stem for name in names.split() for each in LANGUAGES for stem in words[name][each].split()])

    return _Rule(
        topic=Topic(entry["name"], entry["reason"], entry["target"]),
        kinds=frozenset(RequestKind(kind) for kind in entry["kinds"]),
        when=tuple(either(group) for group in entry["when"]),
        unless=either(entry["unless"]) if "unless" in entry else None,
        nowhere=either(entry["nowhere"]) if "nowhere" in entry else None,
    )


def _pattern(stems: Sequence[str]) -> re.Pattern[str]:
    """Stems as one expression over folded text; every part of it is bounded, so a search stays linear."""
    begins = sorted({_folded(stem) for stem in stems if not stem.startswith("*")})
    inside = sorted({_folded(stem) for stem in stems if stem.startswith("*")})
    either = [rf"\b(?:{'|'.join(begins)})"] if begins else []
    return re.compile("|".join([*either, *inside]))


def _folded(stem: str) -> str:
    parts = [re.escape(fold(part)) for part in stem.strip("*$").split("_")]
    return r"\w{0,20}[\s-]+".join(parts) + (r"\b" if stem.endswith("$") else "")


def topics() -> tuple[Topic, ...]:
    """Every topic there is."""
    return tuple(rule.topic for rule in _rules())
