"""A file of any kind as entries of the register: JSON Lines in the published shape, CSV or XLSX by a mapping, Finvoice.

What kind it is, its name says; a table needs a mapping, for no two systems call their columns alike.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from store.importing.finvoice import invoices
from store.importing.mapped import Found, entries, unknown_columns
from store.importing.mapping import FileMapping, Mapping
from store.importing.sheets import Sheet, UnreadableFile, open_csv, open_xlsx
from store.register_lines import Problem, parsed
from store.register_shape import ACCEPT_INVALID, Entry, IdentifierEntry

Labels = dict[str, dict[str, str]]


@dataclass(slots=True)
class Reading:
    """A file that is being read."""

    found_rows: Iterable[Found | Problem]
    found: str
    octets: int
    octets_read: Callable[[], int] = lambda: 0
    labels: Labels = field(default_factory=dict)
    """`category.kind.field` to its name in each language, as a mapping gives them."""


def open_source(path: Path, mapping: Mapping | None, *, accept_invalid: bool = False) -> Reading:
    """Begin to read a file. What keeps all of it from being read is a problem of its first line."""
    size = path.stat().st_size
    suffix = path.suffix.lower()
    if suffix in {".jsonl", ".ndjson", ".json"}:
        return _lines(path, size, accept_invalid=accept_invalid)
    if suffix == ".xml":
        return Reading(invoices(path), "Finvoice", size)
    chosen = mapping.of(path) if mapping else []
    if not chosen:
        why = "no [[file]] of the mapping has this name" if mapping else "a table needs a mapping (--mapping)"
        return Reading([Problem(1, "", why)], "", size)
    try:
        sheets = [(_sheet(path, suffix, one), one) for one in chosen]
    except UnreadableFile as error:
        return Reading([Problem(1, "", str(error))], "", size)
    wrong = [Problem(one.header, "", reason) for one, reason in _unknown(sheets)]
    if wrong:
        return Reading(wrong, sheets[0][0].found, size)
    rows = chain.from_iterable(entries(sheet, one, accept_invalid=accept_invalid) for sheet, one in sheets)
    return Reading(rows, sheets[0][0].found, size, labels=_labels(chosen))


def _unknown(sheets: list[tuple[Sheet, FileMapping]]) -> Iterator[tuple[FileMapping, str]]:
    """What is wrong with the columns, looked at for each sheet of a workbook by itself."""
    for name in dict.fromkeys(one.sheet for _, one in sheets):
        same = [(sheet, one) for sheet, one in sheets if one.sheet == name]
        for reason in unknown_columns(same[0][0].columns, [one for _, one in same]):
            yield same[0][1], reason


def _sheet(path: Path, suffix: str, mapping: FileMapping) -> Sheet:
    if suffix in {".xlsx", ".xlsm"}:
        return open_xlsx(path, sheet=mapping.sheet, header=mapping.header)
    return open_csv(
        path,
        encoding=mapping.encoding,
        separator=mapping.separator,
        quote=mapping.quote,
        header=mapping.header,
    )


def _labels(mappings: list[FileMapping]) -> Labels:
    return {
        f"{one.constant.get('category', '*')}.{one.constant.get('kind', '*')}.{name.removeprefix('fields.')}": words
        for one in mappings
        for name, words in one.labels.items()
    }


def _lines(path: Path, size: int, *, accept_invalid: bool) -> Reading:
    file = path.open("rb")
    return Reading(_entries(file, accept_invalid=accept_invalid), "JSON Lines", size, file.tell)


def _entries(file: BinaryIO, *, accept_invalid: bool) -> Iterator[Found | Problem]:
    context = ACCEPT_INVALID if accept_invalid else None
    with file:
        for line, raw in parsed(iter(file.readline, b"")):
            if isinstance(raw, Problem):
                yield raw
                continue
            try:
                entry = Entry.model_validate(raw, context=context)
            except ValidationError as error:
                yield from _faults(line, error)
                continue
            yield from _parts(line, entry)


def _faults(line: int, error: ValidationError) -> Iterator[Problem]:
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(str(part) for part in fault["loc"])
        yield Problem(line, place, fault["msg"].removeprefix("Value error, "))


def _parts(line: int, entry: Entry) -> Iterator[Found]:
    """The customer, then all that it has; what does not say where it comes from comes from where the customer does."""
    number = entry.customer_number
    yield line, "customers", number, entry
    for table in ("contacts", "identifiers", "roles", "records", "readings", "disclosures"):
        parts: list[Any] = getattr(entry, table)
        for part in parts:
            yield line, table, number, _inherited(entry, part) if table == "identifiers" else part


def _inherited(entry: Entry, part: IdentifierEntry) -> IdentifierEntry:
    if entry.source is None and entry.recorded_at is None:
        return part
    said = {"source": part.source or entry.source, "recorded_at": part.recorded_at or entry.recorded_at}
    return part.model_copy(update=said)
