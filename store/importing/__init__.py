"""Files into the register: read and checked whole in a file of their own, compared, then put in piece by piece.

Each file is taken in as a whole or not at all: until every row of it is known to be right, nothing of it is in the
register, and once the first row is in, the rest follows, after a death too. A file that is taken in again changes
nothing; a newer one changes what differs, by key, and leaves the history.

All files of one call are one batch. The first batch into an empty register is the baseline, until one was wholly taken
in: its contacts count as on file from of old (DESIGN, "What confirms what").
"""

import gc
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session

from store.database import Database
from store.importing import journal
from store.importing.apply import Applying
from store.importing.compare import Difference, Progress, compare, learn_ids
from store.importing.finvoice import BUSINESS
from store.importing.mapping import Mapping
from store.importing.sources import Reading, open_source
from store.importing.stage import Stage
from store.importing.tables import OF_FILE
from store.models import Customer, Identifier, IdentifierKind, Source, identifier_key, table_of
from store.register_import import MOST_PROBLEMS
from store.register_labels import keep_labels
from store.register_lines import Problem
from store.register_rows import (
    Terms,
    contact_row,
    customer_row,
    disclosure_row,
    has_form,
    identifier_row,
    reading_row,
    record_row,
    role_row,
)

_BUILDERS: dict[str, Callable[[Terms, Any], dict[str, Any]]] = {
    "customers": customer_row,
    "contacts": contact_row,
    "identifiers": identifier_row,
    "roles": role_row,
    "records": record_row,
    "readings": reading_row,
    "disclosures": disclosure_row,
}
_LOCAL = ZoneInfo("Europe/Helsinki")
_EVERY = 2_000


@dataclass(frozen=True, slots=True)
class Options:
    """What a call asks for."""

    source: Source = Source.MIGRATION
    mapping: Mapping | None = None
    dry_run: bool = False
    complete: bool = False
    """The file is the whole of its table: what an import brought and the file leaves out ends."""
    accept_invalid: bool = False
    """Numbers and contacts of a wrong form are kept as they stand, found by no look-up, used for nothing."""


@dataclass(slots=True)
class Outcome:
    """What became of a file. With `problems` nothing of it was taken in."""

    file: Path
    found: str = ""
    """Encoding and separator, or what else had to be told by looking."""
    difference: Difference = field(default_factory=Difference)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    invalid: list[Problem] = field(default_factory=list)
    """Rows that were taken in although a value has a wrong form."""
    invalid_count: int = 0
    baseline: bool = False
    longest_hold: float = 0.0


@dataclass(frozen=True, slots=True)
class CutOff:
    """An import that died while it was put in, and whether it could be finished."""

    file: str
    finished: bool


class Batch:
    """The files of one call, on their way into the register."""

    def __init__(
        self,
        database: Database,
        options: Options,
        *,
        clock: Callable[[], datetime],
        progress: Progress = lambda _name, _done, _total: None,
    ) -> None:
        self.database, self.options, self.clock, self.progress = database, options, clock, progress
        self._rehearsed: list[str] = []
        self._is_applying = False

    def take(self, files: Iterable[Path]) -> Iterator[CutOff | Outcome]:
        """First what was cut off before, then file after file. Raises `ImportRuns`, `OSError`.

        Files with customers come first, for the others name them. A file with problems ends the batch.
        """
        with journal.alone(self.database):
            if (before := self._go_on()) is not None:
                yield before
            stage = Stage(self._staging())
            try:
                yield from self._each(stage, sorted(files, key=self._rank))
            finally:
                if self._is_applying:
                    stage.close()  # stopped or failed half-way: the plan stays, and the next import finishes it
                else:
                    stage.remove()

    def _each(self, stage: Stage, files: list[Path]) -> Iterator[Outcome]:
        baseline = self.database.read_now(journal.is_baseline)
        for path in files:
            outcome = self._one(stage, path, baseline=baseline)
            yield outcome
            if outcome.problems:
                return
            stage.clear()
        if baseline and not self.options.dry_run:
            self.database.write_now(lambda session: journal.set_baseline(session, is_open=False))

    def _rank(self, path: Path) -> int:
        mapping = self.options.mapping
        entries = mapping.of(path) if mapping else []
        return 0 if not entries or any(entry.table == "customers" for entry in entries) else 1

    def _go_on(self) -> CutOff | None:
        """Finish the import that was cut off, if there is one. A dry run leaves it alone."""
        row = self.database.read_now(journal.cut_off)
        path = journal.staging_path(self.database)
        if row is None or self.options.dry_run:
            return None
        # In a folder that all may write to, only a file of our own is believed.
        stage = Stage(path, anew=False) if path.exists() and path.stat().st_uid == os.geteuid() else None
        if stage is None or not stage.is_whole() or stage.note() != row.sha256:
            self.database.write_now(lambda session: journal.give_up(session, row.id, self.clock()))
            return CutOff(row.file, finished=False)
        self._apply(stage, row.id, source=row.source, now=row.began_at, position=row.position)
        stage.remove()
        return CutOff(row.file, finished=True)

    def _one(self, stage: Stage, path: Path, *, baseline: bool) -> Outcome:
        outcome = Outcome(path, baseline=baseline)
        now = self.clock()
        terms = Terms(self.options.source, now, baseline)
        reading = open_source(path, self.options.mapping, accept_invalid=self.options.accept_invalid)
        outcome.found = reading.found
        _Gathering(stage, terms, outcome, self.options, self.progress).gather(reading)
        if not outcome.problems:
            _note(outcome, stage.settle(MOST_PROBLEMS))
        if not outcome.problems:
            self._resolve(stage, outcome)
        if outcome.problems:
            return outcome
        outcome.difference = compare(self.database, stage, self.progress, complete=self.options.complete)
        if self.options.dry_run:
            self._rehearsed += stage.new_customers()
        else:
            self._put_in(stage, path, outcome, reading, now)
        return outcome

    def _staging(self) -> Path:
        path = journal.staging_path(self.database)
        return path.with_suffix(".rehearsal") if self.options.dry_run else path

    def _resolve(self, stage: Stage, outcome: Outcome) -> None:
        for number in stage.marked(BUSINESS):
            keys = self.database.read_now(lambda session, n=number: _holders(session, n.removeprefix(BUSINESS)))  # type: ignore[misc]
            if len(keys) == 1:
                stage.rename(number, keys[0])
        stage.tell(self._rehearsed)
        learn_ids(self.database, stage)
        _note(outcome, stage.strangers(MOST_PROBLEMS))

    def _put_in(self, stage: Stage, path: Path, outcome: Outcome, reading: Reading, now: datetime) -> None:
        counts = outcome.difference.plain()
        with path.open("rb") as file:
            sha256 = file_digest(file, "sha256").hexdigest()
        stage.write_note(sha256)
        stage.make_durable()

        def begin(session: Session) -> int:
            keep_labels(session, reading.labels)
            return journal.begin(
                session,
                baseline=outcome.baseline,
                file=path.name,
                sha256=sha256,
                source=self.options.source,
                counts=counts,
                began_at=now,
            )

        import_id = self.database.write_now(begin)
        self._is_applying = True
        outcome.longest_hold = self._apply(stage, import_id, source=self.options.source, now=now, position="")
        self._is_applying = False

    def _apply(self, stage: Stage, import_id: int, *, source: Source, now: datetime, position: str) -> float:
        applying = Applying(self.database, stage, import_id, source=source, now=now, progress=self.progress)
        applying.run(position)
        self.database.write_now(lambda session: journal.finish(session, import_id, self.clock()))
        return applying.longest


class _Gathering:
    """All rows of one file on their way into its staging file; problems and doubtful values noted."""

    def __init__(self, stage: Stage, terms: Terms, outcome: Outcome, options: Options, progress: Progress) -> None:
        self.stage, self.terms, self.outcome, self.options, self.progress = stage, terms, outcome, options, progress
        self.today = terms.now.astimezone(_LOCAL).date()

    def gather(self, reading: Reading) -> None:
        # What is made here is in no circles; to have it searched for some would cost a good part of the time.
        collects = gc.isenabled()
        gc.disable()
        try:
            self._gather(reading)
        finally:
            if collects:
                gc.enable()

    def _gather(self, reading: Reading) -> None:
        for number, found in enumerate(reading.found_rows, start=1):
            if isinstance(found, Problem):
                _note(self.outcome, [found])
                continue
            line, table, customer, part = found
            self._take(line, table, customer, part)
            if number % _EVERY == 0:
                self.progress("read", reading.octets_read(), reading.octets)
        self.stage.flush()

    def _take(self, line: int, table: str, customer: str, part: Any) -> None:
        row = _BUILDERS[table](self.terms, part)
        if self._is_doubtful(table, row):
            problem = Problem(line, f"{table}.value", f"has not the form of {row['kind']}")
            if not self.options.accept_invalid:
                _note(self.outcome, [problem])
                return
            self.outcome.invalid_count += 1
            if len(self.outcome.invalid) < MOST_PROBLEMS:
                self.outcome.invalid.append(problem)
            row["normalised"] = ""
        other = part.for_ if table == "roles" else ""
        given = ",".join(part.model_fields_set) if table in {"customers", "contacts"} else ""
        self.stage.add(OF_FILE[table], line, customer, row, other=other, given=given)

    def _is_doubtful(self, table: str, row: dict[str, Any]) -> bool:
        if table == "contacts":
            return not row["normalised"]
        return table == "identifiers" and not has_form(row["kind"], row["value"], self.today)


def _note(outcome: Outcome, problems: list[Problem]) -> None:
    outcome.problem_count += len(problems)
    outcome.problems += problems[: max(0, MOST_PROBLEMS - len(outcome.problems))]


def _holders(session: Session, business_id: str) -> list[str]:
    identifier, customer = table_of(Identifier), table_of(Customer)
    query = (
        select(customer.c.key)
        .join(identifier, identifier.c.customer_id == customer.c.id)
        .where(
            identifier.c.kind == IdentifierKind.BUSINESS_ID,
            identifier.c.normalised == identifier_key(IdentifierKind.BUSINESS_ID, business_id),
            identifier.c.ended_at.is_(None),
        )
        .distinct()
        .limit(2)
    )
    return list(session.connection().execute(query).scalars())
