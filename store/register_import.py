"""Taking in the register: JSON Lines in one published shape, one customer a line, all of a file or nothing.

The shape is `store.register_shape.Entry`.

The first import into an empty register is a baseline: its contacts count as on file from of old (`BASELINE`), so that
mail which already waits can be answered to them. Contacts that come later begin a waiting period (DOMAIN 7.2, 2).
"""

import gc
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Table, insert, select
from sqlmodel import Session

from store.models import (
    ContactPoint,
    Customer,
    Disclosure,
    Identifier,
    Reading,
    Record,
    Role,
    Source,
    identifier_key,
    name_key,
    table_of,
)
from store.register_shape import ContactEntry, DisclosureEntry, Entry, RecordEntry, RoleEntry, normalise_contact

BASELINE = datetime(1900, 1, 1, tzinfo=UTC)
"""Since when a contact of the first import counts as on file, unless the file says since when."""
WAITING_PERIOD = timedelta(days=90)
"""How long a new or changed contact may not receive data (DOMAIN 7.2, 2)."""
WITHOUT_WAITING = frozenset({Source.POPULATION_REGISTER, Source.CONTRACT})
"""Sources that no writer of a message can feign: their contacts may be used at once."""
MOST_PROBLEMS = 100
"""How many problems of a file are listed: enough to mend it, too few to fill a screen for ever."""
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a file, and where. It names the field, never the value."""

    line: int
    field: str
    reason: str


class ImportRefused(ValueError):
    """A file that was not taken in, no line of it; `problems` holds the first of all that is wrong with it."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(problems)
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(f"{file}, line {first.line}, {first.field or 'the whole line'}: {first.reason}{more}")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import has brought, in rows."""

    customers: int
    contacts: int
    identifiers: int
    records: int
    readings: int


def usable_from(source: Source, since: datetime) -> datetime:
    """When a contact that came on file at `since` may first receive data."""
    return since if source in WITHOUT_WAITING else since + WAITING_PERIOD


def import_jsonl(
    session: Session,
    lines: Iterable[str | bytes],
    source: Source = Source.MIGRATION,
    *,
    now: datetime,
    file: str = "register.jsonl",
    baseline: bool | None = None,
) -> Imported:
    """Take in a file of customers who are not in the register yet, in the session's transaction.

    `source` is that of every value whose own is not given; `now` (aware) the moment of recording where none is given.
    `baseline` says whether the contacts count as on file from of old; None: when the register is empty.
    Raises `ImportRefused`; the caller's transaction must then end without a commit, as `Database.write*` does.
    """
    return _Import(session, source, now, file, baseline=baseline).take(_parsed(lines))


def add_customer(session: Session, entry: Mapping[str, Any], *, source: Source = Source.STAFF, now: datetime) -> int:
    """Add one customer in the shape of a line; return its id. Raises `ImportRefused`."""
    _Import(session, source, now, "entry").take([(1, dict(entry))])
    customer = table_of(Customer)
    key: int = session.execute(select(customer.c.id).where(customer.c.key == entry["customer_number"])).scalar_one()
    return key


def import_entries(
    session: Session, entries: Iterable[Mapping[str, Any]], source: Source = Source.MIGRATION, *, now: datetime
) -> Imported:
    """As `import_jsonl`, for entries that are already parsed."""
    return _Import(session, source, now, "entries").take(enumerate(entries, start=1))


def _parsed(lines: Iterable[str | bytes]) -> Iterator[tuple[int, Any]]:
    """Number and JSON value of each line that is not blank; a `Problem` in place of what cannot be read."""
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode("utf-8") if isinstance(line, bytes) else line
            text = text.removeprefix("\ufeff") if number == 1 else text
            if text.strip():
                yield number, _storable(json.loads(text, parse_constant=_refuse_constant), text)
        except UnicodeDecodeError as error:
            yield number, Problem(number, "", f"not UTF-8 at octet {error.start + 1}")
        except json.JSONDecodeError as error:
            yield number, Problem(number, "", f"not JSON: {error.msg} at character {error.colno}")
        except ValueError as error:
            yield number, Problem(number, "", str(error))
        except RecursionError:
            yield number, Problem(number, "", "not JSON that can be read: nested too deeply")


def _storable(value: Any, text: str) -> Any:
    """Refuse what JSON can write and a database cannot keep: NUL and half a surrogate pair."""
    if "\\u0000" in text or "\0" in text:
        raise ValueError("holds a NUL character")
    if "\\ud" in text.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("holds half a character (an unpaired surrogate)") from None
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"not JSON: {name} is no number")


class _Import:
    """One run: it validates all, writes in batches while nothing is wrong, and refuses at the end if anything is."""

    def __init__(
        self, session: Session, source: Source, now: datetime, file: str, *, baseline: bool | None = None
    ) -> None:
        self.session, self.source, self.now, self.file = session, source, now, file
        self.problems: list[Problem] = []
        self.counts: dict[str, int] = {}
        self.seen: set[str] = set()
        self.roles: list[tuple[int, str, RoleEntry]] = []
        self.is_first = session.execute(select(table_of(Customer).c.id).limit(1)).first() is None
        self.is_baseline = self.is_first if baseline is None else baseline

    def take(self, entries: Iterable[tuple[int, Any]]) -> Imported:
        # The rows made here are in no circles; to have them searched for some would cost 40 % of the time.
        collects = gc.isenabled()
        gc.disable()
        try:
            return self._take(iter(entries))
        finally:
            if collects:
                gc.enable()

    def _take(self, remaining: Iterator[tuple[int, Any]]) -> Imported:
        while batch := list(islice(remaining, BATCH)):
            valid = [(line, entry) for line, value in batch if (entry := self._validated(line, value)) is not None]
            self._refuse_known(valid)
            if not self.problems:
                self._write(valid)
            if len(self.problems) >= MOST_PROBLEMS:
                break
        if not self.problems:
            self._write_roles()
        if self.problems:
            raise ImportRefused(self.file, self.problems[:MOST_PROBLEMS])
        count = self.counts.get
        return Imported(
            customers=count("customer", 0),
            contacts=count("contact_point", 0),
            identifiers=count("identifier", 0),
            records=count("record", 0),
            readings=count("reading", 0),
        )

    def _validated(self, line: int, value: Any) -> Entry | None:
        if isinstance(value, Problem):
            self.problems.append(value)
            return None
        try:
            entry = Entry.model_validate(value)
        except ValidationError as error:
            for found in error.errors(include_url=False, include_context=False, include_input=False):
                field = ".".join(str(part) for part in found["loc"])
                self.problems.append(Problem(line, field, found["msg"].removeprefix("Value error, ")))
            return None
        if entry.customer_number in self.seen:
            self.problems.append(Problem(line, "customer_number", "stands in this file twice"))
        self.seen.add(entry.customer_number)
        return entry

    def _refuse_known(self, entries: list[tuple[int, Entry]]) -> None:
        if self.is_first:
            return
        known = self._ids_of(entry.customer_number for _, entry in entries)
        self.problems.extend(
            Problem(line, "customer_number", "is in the register already")
            for line, entry in entries
            if entry.customer_number in known
        )

    def _write(self, entries: list[tuple[int, Entry]]) -> None:
        self._insert(table_of(Customer), (self._customer(entry) for _, entry in entries))
        ids = self._ids_of(entry.customer_number for _, entry in entries)
        owned = [(ids[entry.customer_number], entry) for _, entry in entries]
        self._insert(table_of(ContactPoint), (self._contact(i, part) for i, entry in owned for part in entry.contacts))
        self._insert(table_of(Identifier), (row for i, entry in owned for row in self._identifiers(i, entry)))
        self._insert(table_of(Record), (self._record(i, part) for i, entry in owned for part in entry.records))
        self._insert(table_of(Reading), ({"customer_id": i, **dict(part)} for i, e in owned for part in e.readings))
        self._insert(table_of(Disclosure), (_disclosure(i, part) for i, e in owned for part in e.disclosures))
        self.roles += [(line, entry.customer_number, part) for line, entry in entries for part in entry.roles]

    def _customer(self, entry: Entry) -> dict[str, Any]:
        return {
            "key": entry.customer_number,
            "kind": entry.kind,
            "name": entry.name,
            "name_key": name_key(entry.name),
            "language": entry.language,
            "turvakielto": entry.turvakielto,
            "source": entry.source or self.source,
            "recorded_at": entry.recorded_at or self.now,
            "ended_on": entry.ended_on,
        }

    def _contact(self, customer_id: int, part: ContactEntry) -> dict[str, Any]:
        source = part.source or self.source
        since = part.on_file_since or (BASELINE if self.is_baseline else self.now)
        if not self.is_baseline:
            since = max(since, self.now)  # a file cannot make a contact older than our knowledge of it
        return {
            "customer_id": customer_id,
            "kind": part.kind,
            "value": part.value,
            "normalised": normalise_contact(part.kind, part.value),
            "status": part.status,
            "source": source,
            "on_file_since": since,
            "usable_from": since if self.is_baseline else usable_from(source, since),
            "verified_at": part.verified_at,
        }

    def _identifiers(self, customer_id: int, entry: Entry) -> Iterator[dict[str, Any]]:
        for part in entry.identifiers:
            yield {
                "customer_id": customer_id,
                "kind": part.kind,
                "value": part.value,
                "normalised": identifier_key(part.kind, part.value),
                "source": part.source or entry.source or self.source,
                "recorded_at": entry.recorded_at or self.now,
            }

    def _record(self, customer_id: int, part: RecordEntry) -> dict[str, Any]:
        return {
            "customer_id": customer_id,
            "category": part.category,
            "kind": part.kind,
            "fields": part.fields,
            "source": part.source or self.source,
            "recorded_at": part.recorded_at or self.now,
            "valid_from": part.valid_from,
            "valid_to": part.valid_to,
        }

    def _write_roles(self) -> None:
        """Roles come last: a line may name a customer of a later line."""
        ids = self._ids_of({key for _, holder, part in self.roles for key in (holder, part.for_)})
        unknown = [(line, part) for line, _, part in self.roles if part.for_ not in ids]
        self.problems += [
            Problem(line, "roles.for", "names a customer who is not in the register") for line, _ in unknown
        ]
        if unknown:
            return
        self._insert(
            table_of(Role),
            (
                {
                    "customer_id": ids[part.for_],
                    "holder_id": ids[holder],
                    "kind": part.kind,
                    "mandate": part.mandate,
                    "source": part.source or self.source,
                    "recorded_at": self.now,
                    "valid_from": part.valid_from,
                    "valid_to": part.valid_to,
                }
                for _, holder, part in self.roles
            ),
        )

    def _ids_of(self, keys: Iterable[str]) -> dict[str, int]:
        customer, wanted, ids = table_of(Customer), iter(keys), {}
        while part := list(islice(wanted, BATCH)):
            for row in self.session.execute(select(customer.c.key, customer.c.id).where(customer.c.key.in_(part))):
                ids[row.key] = row.id
        return ids

    def _insert(self, table: Table, rows: Iterable[dict[str, Any]]) -> None:
        listed = list(rows)
        if listed:
            self.session.connection().execute(insert(table), listed)
            self.counts[table.name] = self.counts.get(table.name, 0) + len(listed)


def _disclosure(customer_id: int, part: DisclosureEntry) -> dict[str, Any]:
    return {"customer_id": customer_id, **dict(part), "categories": ",".join(part.categories)}
