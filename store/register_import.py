"""Putting a register in at once: new customers only, in the caller's transaction, all of it or nothing.

This is for the demo, for tests and for a customer that staff add; files come in by `store.importing`, which also knows
how to change what is there already. The shape is `store.register_shape.Entry`.

The first import into an empty register is a baseline: its contacts count as on file from of old, so that mail which
already waits can be answered to them. Contacts that come later begin a waiting period (DOMAIN 7.2, 2).
"""

import gc
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Table, insert, select
from sqlmodel import Session

from store.models import ContactPoint, Customer, Disclosure, Identifier, Reading, Record, Role, Source, table_of
from store.register_lines import Problem, parsed
from store.register_rows import (
    Terms,
    contact_row,
    customer_row,
    disclosure_row,
    identifier_row,
    reading_row,
    record_row,
    role_row,
)
from store.register_shape import Entry, RoleEntry

MOST_PROBLEMS = 100
"""How many problems of a file are listed: enough to mend it, too few to fill a screen for ever."""
BATCH = 1_000


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
    return _Import(session, source, now, file, baseline=baseline).take(parsed(lines))


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


class _Import:
    """One run: it validates all, writes in batches while nothing is wrong, and refuses at the end if anything is."""

    def __init__(
        self, session: Session, source: Source, now: datetime, file: str, *, baseline: bool | None = None
    ) -> None:
        self.session, self.file = session, file
        self.problems: list[Problem] = []
        self.counts: dict[str, int] = {}
        self.seen: set[str] = set()
        self.roles: list[tuple[int, str, RoleEntry]] = []
        self.is_first = session.execute(select(table_of(Customer).c.id).limit(1)).first() is None
        self.terms = Terms(source, now, self.is_first if baseline is None else baseline)

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
        terms = self.terms
        self._insert(table_of(Customer), (customer_row(terms, entry) for _, entry in entries))
        ids = self._ids_of(entry.customer_number for _, entry in entries)
        owned = [({"customer_id": ids[entry.customer_number]}, entry) for _, entry in entries]
        for table, rows in (
            (ContactPoint, (i | contact_row(terms, part) for i, entry in owned for part in entry.contacts)),
            (Identifier, (i | identifier_row(terms, part, entry) for i, entry in owned for part in entry.identifiers)),
            (Record, (i | record_row(terms, part) for i, entry in owned for part in entry.records)),
            (Reading, (i | reading_row(terms, part) for i, entry in owned for part in entry.readings)),
            (Disclosure, (i | disclosure_row(terms, part) for i, entry in owned for part in entry.disclosures)),
        ):
            self._insert(table_of(table), rows)
        self.roles += [(line, entry.customer_number, part) for line, entry in entries for part in entry.roles]

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
                {"customer_id": ids[part.for_], "holder_id": ids[holder]} | role_row(self.terms, part)
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
