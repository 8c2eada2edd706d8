"""The mapping: a TOML file, written by a clerk, that says which column of which file is which field of the register.

Everything in it is checked before a file is opened; a name that is none is refused with the nearest that is one.
"""

import difflib
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from store.models import Source

FIELDS: dict[str, tuple[str, ...]] = {
    "customers": (
        *("customer_number", "kind", "name", "language", "turvakielto"),
        *("source", "recorded_at", "ended_on"),
    ),
    "contacts": (
        *("customer_number", "kind", "value", "status", "source", "on_file_since", "verified_at"),
        "external_id",
    ),
    "identifiers": ("customer_number", "kind", "value", "source", "recorded_at", "external_id"),
    "roles": ("customer_number", "kind", "for", "mandate", "source", "valid_from", "valid_to", "external_id"),
    "records": (
        *("customer_number", "category", "kind", "source", "recorded_at", "valid_from", "valid_to", "external_id"),
    ),
    "readings": ("customer_number", "meter", "read_at", "mwh", "cubic_metres", "quality", "source"),
    "disclosures": (
        *("customer_number", "recipient", "purpose", "categories", "first_on", "last_on", "source"),
        "external_id",
    ),
}
"""Fields of each table; records have `fields.NAME` besides, one for each value held."""
_FREE = "fields."
_PLACE = re.compile(r"{([^{}]+)}")


class MappingRefused(ValueError):
    """A mapping that cannot be used; the text is one sentence that names the place."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


class Split(_Part):
    """One column cut into several: into named ones, or, where none are named, into rows of their own."""

    by: Annotated[str, Field(min_length=1)]
    into: list[str] = []


class FileMapping(_Part):
    """How files of one name are read into one table of the register."""

    name: str
    table: str
    sheet: str = ""
    encoding: str = ""
    separator: str = ""
    quote: str = ""
    header: Annotated[int, Field(ge=1, le=100)] = 1
    decimal: Literal[",", "."] = "."
    dates: list[str] = []
    time_zone: str = "Europe/Helsinki"
    columns: dict[str, str | list[str]] = {}
    constant: dict[str, Any] = {}
    join: dict[str, str] = {}
    split: dict[str, Split] = {}
    values: dict[str, dict[str, Any]] = {}
    types: dict[str, Literal["text", "number", "date", "moment", "yes_no"]] = {}
    key: list[str] = []
    labels: dict[str, dict[str, str]] = {}
    ignore: list[str] = []

    def fields(self) -> dict[str, list[str]]:
        """Each field that is filled, with the columns that fill it."""
        found: dict[str, list[str]] = {name: [] for name in self.constant}
        for column, fields in self.columns.items():
            for field in [fields] if isinstance(fields, str) else fields:
                found.setdefault(field, []).append(column)
        for field, pattern in self.join.items():
            found.setdefault(field, []).extend(_PLACE.findall(pattern))
        return found

    def used(self) -> set[str]:
        """All columns that this mapping knows what to do with."""
        made = {name for one in self.split.values() for name in one.into}
        return ({c for columns in self.fields().values() for c in columns} | {*self.split, *self.ignore}) - made


class Mapping(_Part):
    """A whole mapping file."""

    file: Annotated[list[FileMapping], Field(min_length=1)]

    def of(self, path: Path) -> list[FileMapping]:
        """The entries that speak of this file, in the order in which they stand."""
        return [entry for entry in self.file if fnmatch(path.name.casefold(), entry.name.casefold())]


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping. Raises `MappingRefused`."""
    try:
        raw = tomllib.loads(path.read_text("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise MappingRefused(f"{path.name}: {error}") from None
    except UnicodeDecodeError:
        raise MappingRefused(f"{path.name}: is not UTF-8") from None
    return parse_mapping(raw, path.name)


def parse_mapping(raw: dict[str, Any], name: str = "mapping") -> Mapping:
    """Check a mapping that is parsed; what stands before the first file holds for all. Raises `MappingRefused`."""
    common = {key: value for key, value in raw.items() if key != "file"}
    files = raw.get("file")
    if not isinstance(files, list) or not all(isinstance(one, dict) for one in files):
        raise MappingRefused(f"{name}: needs at least one [[file]]")
    try:
        mapping = Mapping.model_validate({"file": [_folded(common | one) for one in files]})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
        known = FileMapping.model_fields if first["type"] == "extra_forbidden" else {}
        raise MappingRefused(f"{name}, {place}: {first['msg']}{hint(str(first['loc'][-1]), known)}") from None
    for number, entry in enumerate(mapping.file, start=1):
        if wrong := _fault(entry):
            raise MappingRefused(f"{name}, file {number} ({entry.name}): {wrong}")
    return mapping


def hint(word: str, known: Any) -> str:
    """` (did you mean ...?)`, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def fold(column: str) -> str:
    """A column's name as it is compared: trimmed, single spaces, lower case."""
    return " ".join(column.split()).casefold()


def _folded(raw: dict[str, Any]) -> dict[str, Any]:
    """The entry with all column names as they are compared; what has the wrong shape is left for the check."""
    found = dict(raw)
    for place in ("columns", "split", "values"):
        if isinstance(found.get(place), dict):
            found[place] = {fold(key): value for key, value in found[place].items()}
    if isinstance(found.get("ignore"), list):
        found["ignore"] = [fold(str(one)) for one in found["ignore"]]
    if isinstance(found.get("join"), dict):
        found["join"] = {
            key: _PLACE.sub(lambda place: "{" + fold(place.group(1)) + "}", str(value))
            for key, value in found["join"].items()
        }
    for split in (found.get("split") or {}).values() if isinstance(found.get("split"), dict) else ():
        if isinstance(split, dict) and isinstance(split.get("into"), list):
            split["into"] = [fold(str(one)) for one in split["into"]]
    return found


def _fault(entry: FileMapping) -> str:
    """What is wrong with an entry, or ""."""
    if entry.table not in FIELDS:
        return f"there is no table {entry.table}{hint(entry.table, FIELDS)}: choose one of {', '.join(FIELDS)}"
    return _wrong_field(entry) or _wrong_value(entry)


def _wrong_field(entry: FileMapping) -> str:
    known, filled = FIELDS[entry.table], entry.fields()
    for field in [*filled, *entry.types]:
        free = entry.table == "records" and field.startswith(_FREE) and len(field) > len(_FREE)
        if field not in known and not free:
            return f"{entry.table} have no field {field}{hint(field, known)}"
    for field, columns in filled.items():
        if len(columns) > 1 and field not in entry.join:
            return f"the field {field} is filled twice; put the columns together under join"
    for field in required(entry.table):
        if field not in filled:
            return f"nothing fills the field {field}"
    if unknown := [name for name in entry.key if name not in filled]:
        return f"key names {unknown[0]}, which nothing fills{hint(unknown[0], filled)}"
    return ""


def _wrong_value(entry: FileMapping) -> str:
    if (source := entry.constant.get("source")) is not None and source not in set(Source):
        return f"there is no source {source}{hint(str(source), set(Source))}"
    if len([one for one in entry.split.values() if not one.into]) > 1:
        return "only one column can be split into rows"
    try:
        ZoneInfo(entry.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return f"there is no time zone {entry.time_zone}"
    return ""


def required(table: str) -> tuple[str, ...]:
    """Fields without which a row of the table says nothing."""
    return {
        "customers": ("customer_number", "kind", "name"),
        "contacts": ("customer_number", "kind", "value"),
        "identifiers": ("customer_number", "kind", "value"),
        "roles": ("customer_number", "kind", "for"),
        "records": ("customer_number", "category", "kind"),
        "readings": ("customer_number", "meter", "read_at", "mwh"),
        "disclosures": ("customer_number", "recipient", "purpose", "categories", "first_on", "last_on"),
    }[table]
