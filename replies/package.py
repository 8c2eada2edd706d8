"""The copy of a person's data: a PDF to read and a ZIP for machines (GDPR Art. 15(3)), or the portable part (Art. 20).

    build_copy       everything, as `readable` (PDF) and `machine` (ZIP: JSON with its schema, a CSV for each kind)
    build_portable   what the person provided or the meter observed, on contract or consent: the ZIP alone

Pure, and the same bytes for the same dossier: an approval names their hash (INV-2). No name of a file holds personal
data.
"""

import io
import json
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from replies.held import Speaker, cleaned
from replies.notice import Notice, ReplyLanguage
from replies.package_words import say
from replies.printing import print_date
from replies.readable import Sheet, readable_copy
from replies.schema import FORMAT, VERSION, PackageKind, moment_text, package_schema
from replies.tables import csv_file, table_name, tables
from store.models import Dossier, Held

DATA, SCHEMA, README, TABLES = "dossier.json", "schema.json", "README.txt", "csv"
_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""The oldest that a ZIP can say: when a file was made would change its bytes."""


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file of an answer."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """For which answer a package is made."""

    reference: str
    notice: Notice
    language: ReplyLanguage
    time_zone: str = "Europe/Helsinki"


def build_copy(dossier: Dossier, answer: Answer, name: str) -> tuple[PackedFile, PackedFile]:
    """`NAME.pdf` and `NAME.zip`. Raises `replies.typesetting.NotPrintable`."""
    dossier = cleaned(dossier)
    title = say("title", "access", answer.language)
    sheet = Sheet(title, answer.reference, answer.notice, answer.language, answer.time_zone)
    pdf = readable_copy(dossier, sheet, _table_files(dossier))
    return (
        PackedFile(f"{name}.pdf", "application/pdf", pdf),
        PackedFile(f"{name}.zip", "application/zip", _machine(dossier, answer, "access")),
    )


def build_portable(dossier: Dossier, answer: Answer, name: str) -> PackedFile:
    """`NAME.zip` with the portable part of the dossier."""
    return PackedFile(
        f"{name}.zip", "application/zip", _machine(portable(cleaned(dossier), answer.notice), answer, "portability")
    )


def portable(dossier: Dossier, notice: Notice) -> Dossier:
    """What Art. 20 covers of a dossier, by `portability.toml`; all that remains keeps its place and its source."""
    rules = _portability()
    grounds = {one.key: frozenset(one.legal_basis) for one in notice.categories}

    def covers(category: str, item: Held) -> bool:
        return (
            bool(grounds.get(category, frozenset()) & rules["grounds"])
            and item.source in rules["sources"]
            and item.kind not in rules["made_by_us"]
        )

    categories = tuple(
        replace(one, items=tuple(item for item in one.items if covers(one.key, item))) for one in dossier.categories
    )
    return replace(dossier, categories=categories, disclosures=(), views=(), left_out=())


@cache
def _portability() -> dict[str, frozenset[str]]:
    rules = tomllib.loads(Path(__file__).with_name("portability.toml").read_text("utf-8"))
    return {name: frozenset(values) for name, values in rules.items()}


def _machine(dossier: Dossier, answer: Answer, kind: PackageKind) -> bytes:
    speaker = Speaker(answer.notice, answer.language, ZoneInfo(answer.time_zone), dossier.labels)
    members = [(f"{TABLES}/{table.name}", csv_file(table)) for table in tables(dossier, speaker)]
    members += [
        (DATA, _data(dossier, answer, speaker, kind).encode("utf-8", "replace")),
        (SCHEMA, f"{json.dumps(package_schema(), ensure_ascii=False, indent=2)}\n".encode()),
    ]
    members.append((README, _readme(dossier, answer, kind, [name for name, _ in members]).encode()))
    return _zip(sorted(members))


def _zip(members: list[tuple[str, bytes]]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in members:
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # else it would tell on which system it was made
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, octets)
    return content.getvalue()


def _data(dossier: Dossier, answer: Answer, speaker: Speaker, kind: PackageKind) -> str:
    """`dossier.json` by `replies.schema`, each thing on a line of its own."""
    notice, language = answer.notice, answer.language
    head = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "reference": answer.reference,
        "language": language,
        "as_of": moment_text(dossier.as_of),
        "controller": {
            "name": notice.controller.name,
            "business_id": notice.controller.business_id,
            "email": notice.contact_person.email,
        },
        "notice": {
            "version": notice.version,
            "dated": notice.dated.isoformat(),
            "url": notice.url,
            "fingerprint": notice.fingerprint,
        },
        "register": notice.register_.name[language],
        "labels": _labels(dossier, speaker),
        "recipients": [
            {
                "name": one.recipient,
                "purpose": one.purpose,
                "first_on": one.first_on.isoformat(),
                "last_on": one.last_on.isoformat(),
            }
            for one in dossier.disclosures
        ],
        "viewed": [{"on": on.isoformat(), "purpose": purpose} for on, purpose in dossier.views],
        "left_out": _left_out(dossier),
    }
    categories = ",\n".join(_category(one.key, one.items, speaker, answer) for one in dossier.categories)
    text = json.dumps(head, ensure_ascii=False, indent=1)
    return f'{text[:-2]},\n "categories": [\n{categories}\n ]\n}}\n'


def _category(key: str, items: tuple[Held, ...], speaker: Speaker, answer: Answer) -> str:
    known = next((one for one in answer.notice.categories if one.key == key), None)
    head = {
        "key": key,
        "label": speaker.category_name(key),
        "purpose": known.purpose[answer.language] if known else "",
        "legal_basis": list(known.legal_basis) if known else [],
        "retention": known.retention[answer.language] if known else "",
    }
    lines = ",\n".join(json.dumps(_item(item, speaker), ensure_ascii=False) for item in items)
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "items": [\n{lines}\n]}}'


def _item(item: Held, speaker: Speaker) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": item.kind,
        "fields": {key: speaker.in_json(key, value) for key, value in item.fields},
        "source": item.source,
        "recorded_on": item.recorded_on.isoformat(),
    }
    if item.masked:
        told["masked"] = dict(item.masked)
    return told


def _labels(dossier: Dossier, speaker: Speaker) -> dict[str, dict[str, str]]:
    """Words for every key that the data use, in the order in which they come."""
    words: dict[str, dict[str, str]] = {"kinds": {}, "fields": {}, "units": {}, "sources": {}, "reasons": {}}
    seen: set[tuple[str, str, str]] = set()
    for category in dossier.categories:
        for item in category.items:
            words["sources"].setdefault(item.source, speaker.source(item.source))
            words["reasons"] |= {reason: speaker.reason(reason) for reason, _ in item.masked}
            for key, _ in item.fields:
                place = (category.key, item.kind, key)
                if place in seen:
                    continue
                seen.add(place)
                words["kinds"][item.kind] = speaker.kind(item.kind)
                words["fields"][".".join(place)] = speaker.label(*place)
                if unit := speaker.unit(key):
                    words["units"][".".join(place)] = unit
    words["reasons"] |= {one.reason: speaker.reason(one.reason) for one in dossier.left_out}
    return words


def _left_out(dossier: Dossier) -> list[dict[str, Any]]:
    return [{"reason": one.reason, "category": one.category, "count": one.count or None} for one in dossier.left_out]


def _table_files(dossier: Dossier) -> dict[tuple[str, str], str]:
    """In which table of the ZIP each kind stands, as `tables` names them."""
    taken: set[str] = set()
    places = dict.fromkeys((one.key, item.kind) for one in dossier.categories for item in one.items)
    return {place: f"{TABLES}/{table_name(*place, taken)}.csv" for place in places}


def _readme(dossier: Dossier, answer: Answer, kind: PackageKind, members: list[str]) -> str:
    language = answer.language
    as_of = print_date(dossier.as_of.astimezone(ZoneInfo(answer.time_zone)).date(), language)
    controller = answer.notice.controller.name

    def paragraphs() -> Iterator[str]:
        yield say("title", kind, language)
        yield say("readme", kind, language)
        yield say("readme", "from", language, controller=controller, as_of=as_of, reference=answer.reference)
        yield say("readme", "json", language, file=DATA)
        yield say("readme", "schema", language, file=SCHEMA, version=VERSION)
        yield say("readme", "csv", language)
        if kind == "access":
            yield say("readme", "pdf", language)
        yield "\n".join((say("readme", "files", language), *(f"- {name}" for name in sorted(members))))

    return "\r\n\r\n".join(paragraphs()).replace("\r\n", "\n").replace("\n", "\r\n") + "\r\n"
