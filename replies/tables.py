"""The copy as tables for a spreadsheet: one CSV for each kind of thing, headed in the reader's language.

UTF-8 with a byte order mark, semicolons, CRLF, and the language's own decimal sign: that is what a Finnish spreadsheet
opens rightly by itself (with a point, `12.5` becomes the twelfth of May). A cell that would begin with a sign by which
a spreadsheet takes it for a formula gets an apostrophe before it (THREATS 22); a negative number stays a number.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from replies.held import Speaker
from replies.package_words import say
from store.models import Dossier, Held

_RUNS = tuple("=+-@\t\r\n＝＋－＠")
"""Also in full width: East Asian spreadsheets take these for formulas too."""
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Table:
    """One file of rows; `name` without personal data, `columns` in words."""

    name: str
    columns: tuple[str, ...]
    rows: Iterable[Sequence[str]]


def tables(dossier: Dossier, speaker: Speaker) -> Iterator[Table]:
    """Every table of the dossier, in the order of its categories."""
    taken: set[str] = set()
    for category in dossier.categories:
        by_kind: dict[str, list[Held]] = {}
        for item in category.items:
            by_kind.setdefault(item.kind, []).append(item)
        for kind, items in by_kind.items():
            yield _table(table_name(category.key, kind, taken), category.key, kind, items, speaker)
    yield from _logs(dossier, speaker)


def table_name(category: str, kind: str, taken: set[str]) -> str:
    """`invoices-payment`: of letters and digits alone, and given to nothing else; adds it to `taken`."""
    name = "-".join(part for part in (_slug(category), _slug(kind)) if part) or "table"
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free)
    return free


def csv_file(table: Table) -> bytes:
    """The octets of a table."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([_cell(words) for words in table.columns])
    for row in table.rows:
        writer.writerow([_cell(value) for value in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "replace")


def _cell(value: str) -> str:
    """`value` so that a spreadsheet shows it and runs nothing."""
    return f"'{value}" if value.startswith(_RUNS) and not _NUMBER.fullmatch(value) else value


def _table(name: str, category: str, kind: str, items: list[Held], speaker: Speaker) -> Table:
    keys = list(dict.fromkeys(key for item in items for key, _ in item.fields))
    has_masks = any(item.masked for item in items)
    columns = [_column(speaker.label(category, kind, key), speaker.unit(key)) for key in keys]
    columns += [say("copy", word, speaker.language) for word in ("source", "recorded")]
    if has_masks:
        columns.append(say("copy", "masked", speaker.language))
    return Table(f"{name}.csv", _distinct(columns, keys), _rows(items, keys, speaker, has_masks))


def _rows(items: list[Held], keys: list[str], speaker: Speaker, has_masks: bool) -> Iterator[list[str]]:
    for item in items:
        fields = dict(item.fields)
        row = [speaker.in_table(key, fields[key]) if key in fields else "" for key in keys]
        row += [speaker.source(item.source), item.recorded_on.isoformat()]
        if has_masks:
            told = (f"{speaker.reason(reason)} ({count})" for reason, count in item.masked)
            row.append("; ".join(told))
        yield row


def _logs(dossier: Dossier, speaker: Speaker) -> Iterator[Table]:
    """Recipients, views and what was left out."""
    language = speaker.language

    def heads(*keys: str) -> tuple[str, ...]:
        return tuple(say("copy", key, language) for key in keys)

    if dossier.disclosures:
        rows = [
            (one.recipient, speaker.purpose(one.purpose), one.first_on.isoformat(), one.last_on.isoformat())
            for one in dossier.disclosures
        ]
        yield Table("recipients.csv", heads("recipient", "purpose", "first_on", "last_on"), rows)
    if dossier.views:
        viewed = [(on.isoformat(), speaker.purpose(purpose)) for on, purpose in dossier.views]
        yield Table("viewed.csv", heads("day", "purpose"), viewed)
    if left := speaker.left_out(dossier):
        omitted = [(one.why, one.category, str(one.count) if one.count else "") for one in left]
        yield Table("left-out.csv", heads("why", "category", "count"), omitted)


def _column(label: str, unit: str) -> str:
    return f"{label} ({unit})" if unit else label


def _distinct(columns: list[str], keys: list[str]) -> tuple[str, ...]:
    """No two columns of one name: the second tells its key."""
    seen: set[str] = set()
    named = []
    for place, column in enumerate(columns):
        name = column if column not in seen or place >= len(keys) else f"{column} ({keys[place]})"
        seen.add(name)
        named.append(name)
    return tuple(named)


def _slug(key: str) -> str:
    plain = unicodedata.normalize("NFKD", key).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_A_NAME.sub("-", plain).strip("-")[:40]
