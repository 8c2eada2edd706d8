"""The phrases of mail programs, read once from the data files beside this module, ready for looking up.

Which languages and programs are known is a matter of the data alone; the code knows shapes.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Phrases:
    """What stands around quotations, in every language that the data files know."""

    wrote: re.Pattern[str]
    begins: re.Pattern[str]
    telling: frozenset[str]
    objects: frozenset[str]
    original: frozenset[str]
    forwarded: frozenset[str]
    fields: dict[str, frozenset[str]]
    """Name of a header field in lower case, to what it may mean: some names mean two things in two languages."""
    answers: re.Pattern[str]
    """The writer says that answers stand among what is quoted."""
    below: re.Pattern[str]
    """The same, or he only points at what is below."""
    above: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Footers:
    """What devices, antivirus programs and companies add below a text."""

    leads: frozenset[str]
    devices: tuple[str, ...]
    words: frozenset[str]
    senders: tuple[str, ...]
    persons: frozenset[str]
    whole: re.Pattern[str]
    virus: tuple[tuple[str, ...], tuple[str, ...]]
    sure: re.Pattern[str]
    also: tuple[str, ...]
    environment: tuple[str, ...]


def _any(patterns: list[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _words(phrases: list[str]) -> str:
    longest_first = sorted(set(phrases), key=len, reverse=True)
    return r"(?<!\w)(?:" + "|".join(re.escape(phrase) for phrase in longest_first) + r")(?!\w)"


@cache
def phrases() -> Phrases:
    """The phrases around quotations."""
    data = tomllib.loads((_HERE / "phrases.toml").read_text("utf-8"))
    fields: dict[str, set[str]] = {}
    for kind, names in data["fields"].items():
        for name in names:
            fields.setdefault(name, set()).add(kind)
    said = data["answers"]["said"]
    wrote = _words(data["wrote"]) + "|" + "|".join(re.escape(word) for word in data["wrote_anywhere"])
    return Phrases(
        wrote=re.compile(wrote, re.I),
        begins=re.compile(r"\W{0,3}" + _words(data["begins"]), re.I),
        telling=frozenset(data["telling"]),
        objects=frozenset(data["objects"]),
        original=frozenset(data["original"]),
        forwarded=frozenset(data["forwarded"]),
        fields={name: frozenset(kinds) for name, kinds in fields.items()},
        answers=re.compile(rf"\b(?:{_any(said)})", re.I),
        below=re.compile(rf"\b(?:{_any(said + data['answers']['pointed'])})", re.I),
        above=re.compile(rf"\W{{0,8}}(?:{_any(data['answers']['above'])})\b", re.I),
    )


@cache
def footers() -> Footers:
    """The footers of devices and companies."""
    data = tomllib.loads((_HERE / "footers.toml").read_text("utf-8"))
    disclaimer = data["disclaimer"]
    return Footers(
        leads=frozenset(data["leads"]),
        devices=tuple(data["devices"]),
        words=frozenset(data["words"]),
        senders=tuple(f"{sender} " for sender in data["senders"]),
        persons=frozenset(disclaimer["persons"]),
        whole=re.compile(_any(data["whole"]), re.I),
        virus=(tuple(data["virus"]["what"]), tuple(data["virus"]["whose"])),
        sure=re.compile(_any(disclaimer["sure"]), re.I),
        also=tuple(disclaimer["also"]),
        environment=tuple(disclaimer["environment"]),
    )
