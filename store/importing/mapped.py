"""Rows of a table and a mapping in, entries of the register out; what cannot be one is named by line and column."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from store.importing.mapping import FileMapping, hint
from store.importing.sheets import Line, Sheet
from store.register_lines import Problem
from store.register_shape import (
    ACCEPT_INVALID,
    ContactEntry,
    DisclosureEntry,
    Entry,
    IdentifierEntry,
    ReadingEntry,
    RecordEntry,
    RoleEntry,
)

Found = tuple[int, str, str, BaseModel]
"""Line, table, customer number and what is said of that customer."""

_ENTRIES: dict[str, type[BaseModel]] = {
    "customers": Entry,
    "contacts": ContactEntry,
    "identifiers": IdentifierEntry,
    "roles": RoleEntry,
    "records": RecordEntry,
    "readings": ReadingEntry,
    "disclosures": DisclosureEntry,
}
_VALUES_OF = {"contacts": "value", "identifiers": "value"}
"""The field without which a row of the table is simply not there: a customer without a telephone."""
_TYPES = (
    dict.fromkeys(("ended_on", "valid_from", "valid_to", "first_on", "last_on"), "date")
    | dict.fromkeys(("recorded_at", "on_file_since", "verified_at", "read_at"), "moment")
    | dict.fromkeys(("mwh", "cubic_metres"), "number")
    | {"turvakielto": "yes_no", "categories": "list"}
)
_YES = frozenset({"true", "1", "yes", "y", "kyllä", "k", "on", "ja", "j", "x"})
_NO = frozenset({"false", "0", "no", "n", "ei", "e", "nej", "-"})
_NUMBER = re.compile(r"[+-]?(\d{1,3}(?:[ \u00a0\u202f']\d{3})+|\d+)?(?:([.,])(\d*))?")
_WORDS = {"yyyy": "%Y", "mm": "%m", "dd": "%d", "hh": "%H", "MM": "%M", "ss": "%S", "d": "%d", "m": "%m", "yy": "%y"}
_FREE = "fields."


def unknown_columns(columns: list[str], mappings: list[FileMapping]) -> list[str]:
    """One reason for each column that no mapping of the file knows, and each that a mapping misses."""
    used = set().union(*(mapping.used() for mapping in mappings))
    reasons = [
        f"the column {name or '(without a name)'} is not in the mapping{hint(name, used)}; ignore = [...] leaves it out"
        for name in columns
        if name not in used
    ]
    ignored = set().union(*(set(mapping.ignore) for mapping in mappings))
    return reasons + [
        f"there is no column {name}{hint(name, columns)}" for name in sorted(used - set(columns) - ignored)
    ]


def entries(sheet: Sheet, mapping: FileMapping, *, accept_invalid: bool = False) -> Iterator[Found | Problem]:
    """What the rows of a table say, by the mapping."""
    reader = _Reader(sheet.columns, mapping, accept_invalid=accept_invalid)
    for line in sheet.lines:
        yield from reader.read(line)


class _Reader:
    """A mapping made ready for the columns of one table."""

    def __init__(self, columns: list[str], mapping: FileMapping, *, accept_invalid: bool) -> None:
        self.mapping, self.table, self.entry = mapping, mapping.table, _ENTRIES[mapping.table]
        self.context = ACCEPT_INVALID if accept_invalid else None
        self.rows_by = next(((name, one.by) for name, one in mapping.split.items() if not one.into), None)
        self.cuts = [(name, one) for name, one in mapping.split.items() if one.into]
        self.columns = columns
        self.filled = mapping.fields()
        self.ways = [(field, self._way(field)) for field in self.filled]
        self.plain = not self.cuts and self.rows_by is None
        self.optional = _VALUES_OF.get(self.table)

    def _way(self, field: str) -> Callable[[dict[str, str]], Any]:
        mapping = self.mapping
        if field in mapping.constant and not self.filled[field]:
            fixed = mapping.constant[field]
            return lambda _: fixed
        kind = mapping.types.get(field, _TYPES.get(field, "text"))
        convert = _converter(kind, mapping)
        columns = self.filled[field]
        if field in mapping.join:
            pattern = mapping.join[field]
            return lambda cells: convert(_joined(pattern, cells))
        column = columns[0]
        said = {key.casefold(): value for key, value in mapping.values.get(column, {}).items()}
        if not said:
            return lambda cells: convert(cells[column])
        return lambda cells: _translated(cells[column], said, convert)

    def read(self, line: Line) -> Iterator[Found | Problem]:
        """What one row says: nothing, one entry, or several where a cell holds several."""
        if isinstance(line, Problem):
            yield line
            return
        number, values = line
        cells = dict(zip(self.columns, (value.strip() for value in values), strict=True))
        if self.plain:
            yield from self._entry(number, cells)
            return
        for column, split in self.cuts:
            parts = [part.strip() for part in cells[column].split(split.by, len(split.into) - 1)]
            cells |= dict(zip(split.into, parts + [""] * (len(split.into) - len(parts)), strict=True))
        if self.rows_by is None:
            yield from self._entry(number, cells)
            return
        name, by = self.rows_by
        for part in cells[name].split(by):
            yield from self._entry(number, cells | {name: part.strip()})

    def _entry(self, number: int, cells: dict[str, str]) -> Iterator[Found | Problem]:
        given: dict[str, Any] = {}
        for field, way in self.ways:
            try:
                value = way(cells)
            except ValueError as error:
                yield Problem(number, self._named(field), str(error))
                return
            if value is not None and value != "":
                given[field] = value
        if self.optional and self.optional not in given:
            return
        customer = str(given.get("customer_number", ""))
        if not customer:
            yield Problem(number, self._named("customer_number"), "is empty")
            return
        try:
            yield number, self.table, customer, self.entry.model_validate(self._shaped(given), context=self.context)
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_context=False, include_input=False):
                field = str(fault["loc"][0]) if fault["loc"] else "value"
                yield Problem(number, self._named(field), fault["msg"].removeprefix("Value error, "))

    def _shaped(self, given: dict[str, Any]) -> dict[str, Any]:
        """The fields in the shape of the entry: whose it is left out, what a record holds by itself, the key made."""
        if self.mapping.key:
            keys = [str(given[name]) for name in self.mapping.key if name in given]
            given["external_id"] = "/".join(keys)
        if self.table != "customers":
            del given["customer_number"]
        if self.table == "records":
            free = {name: given.pop(name) for name in list(given) if name.startswith(_FREE)}
            given["fields"] = {name.removeprefix(_FREE): value for name, value in free.items()}
        return given

    def _named(self, field: str) -> str:
        """The columns of the file that fill a field: those a clerk can see."""
        return " + ".join(self.filled.get(field, ())) or field


def _translated(cell: str, said: dict[str, Any], convert: Callable[[str], Any]) -> Any:
    if cell.casefold() in said:
        return said[cell.casefold()]
    if cell and "*" in said:
        return said["*"]
    return convert(cell)


def _joined(pattern: str, cells: dict[str, str]) -> str:
    """The pattern filled in; a line of it for which nothing is there is left out."""
    lines = []
    for part in pattern.split("\n"):
        line = " ".join(re.sub(r"{([^{}]+)}", lambda place: cells[place.group(1)], part).split())
        if line.strip(" ,;"):
            lines.append(line.strip(" ,;") if line != line.strip(",;") else line)
    return "\n".join(lines)


def _converter(kind: str, mapping: FileMapping) -> Callable[[str], Any]:
    if kind == "number":
        return lambda cell: _number(cell, mapping.decimal)
    if kind in {"date", "moment"}:
        patterns = tuple(_pattern(one) for one in mapping.dates)
        if kind == "date":
            return lambda cell: _date(cell, patterns)
        zone = ZoneInfo(mapping.time_zone)
        return lambda cell: _moment(cell, patterns, zone)
    if kind == "yes_no":
        return _yes_no
    if kind == "list":
        return lambda cell: [part.strip() for part in re.split(r"[,;]", cell) if part.strip()] or None
    return lambda cell: cell.replace("\r\n", "\n")


def _pattern(words: str) -> str:
    """`dd.mm.yyyy hh:MM` as Python writes it; one with `%` is Python's already."""
    if "%" in words:
        return words
    return re.sub(r"yyyy|yy|mm|MM|dd|hh|ss|d|m", lambda word: _WORDS[word.group()], words)


@lru_cache(maxsize=50_000)
def _date(cell: str, patterns: tuple[str, ...]) -> date | None:
    if not cell:
        return None
    for pattern in patterns:
        try:
            return datetime.strptime(cell, pattern).date()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise ValueError("is no date in one of the forms of the mapping") from None


@lru_cache(maxsize=50_000)
def _moment(cell: str, patterns: tuple[str, ...], zone: ZoneInfo) -> datetime | None:
    """A moment; one without a zone is local, a mere date its first minute."""
    if not cell:
        return None
    for pattern in patterns:
        try:
            return datetime.strptime(cell, pattern).replace(tzinfo=zone).astimezone(UTC)
        except ValueError:
            continue
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError("is no time in one of the forms of the mapping") from None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _number(cell: str, decimal: str) -> str | None:
    """A number with a decimal point, without the signs that group its thousands; kept as it is written."""
    if not cell:
        return None
    bare = cell.removesuffix("€").strip()
    match = _NUMBER.fullmatch(bare)
    if match is None or not (match.group(1) or match.group(3)) or match.group(2) not in {None, decimal}:
        raise ValueError(f"is no number with the decimal sign {decimal}")
    whole = re.sub(r"[ \u00a0\u202f']", "", match.group(1) or "0")
    sign = "-" if bare.startswith("-") else ""
    return f"{sign}{whole}" + (f".{match.group(3)}" if match.group(3) else "")


def _yes_no(cell: str) -> bool | None:
    word = cell.casefold()
    if not word:
        return None
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError("is neither yes nor no")
