"""What a staged file would change: each row held against what the register has, without a lock and without a write.

A row is found again by its key among those of its customer. What is the same stays; what differs gets a successor; what
was put right at the customer's demand is not touched, but raises a review, and so does a value that comes back although
it was ended as wrong, and a turvakielto that a file would lift.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlmodel import Session

from store.database import Database
from store.importing.stage import NEW, REPLACE, REVIEW, SAME, Stage
from store.importing.tables import CONTACT, CUSTOMER, DISCLOSURE, IDENTIFIER, READING, RECORD, ROLE, TABLES, Kept, plain
from store.models import ContactStatus, Customer, Review, table_of
from store.reviews import CORRECTED, PROTECTION_ENDS, RETURNS, digest

BATCH = 2_000
MOST_EXAMPLES = 20
PROTECTION = "turvakielto"

_CUSTOMER, _REVIEW = table_of(Customer), table_of(Review)
Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Difference:
    """What a file would change, in rows for each table, with examples that name customers by number only."""

    counts: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    examples: list[str] = field(default_factory=list)

    def note(self, kept: Kept, what: str, customer: str) -> None:
        """Count one row; the first that change something are examples."""
        self.counts[kept.name][what] += 1
        if what != "unchanged" and len(self.examples) < MOST_EXAMPLES:
            self.examples.append(f"customer {customer}: {kept.name.replace('_', ' ')} {what}")

    def plain(self) -> dict[str, dict[str, int]]:
        """The counts as they are kept."""
        return {name: dict(counts) for name, counts in self.counts.items()}


def learn_ids(database: Database, stage: Stage) -> None:
    """Look up the ids of all customers that the staged file names and the register has."""
    for keys in stage.keys():  # noqa: SIM118 - no mapping
        query = select(_CUSTOMER.c.key, _CUSTOMER.c.id).where(_CUSTOMER.c.key.in_(keys))
        stage.know([(row.key, row.id) for row in database.read_now(lambda session, q=query: session.execute(q).all())])  # type: ignore[misc]


def compare(database: Database, stage: Stage, progress: Progress, *, complete: bool) -> Difference:
    """Decide what is to be done with every staged row, and what ends because a whole file leaves it out."""
    difference = Difference()
    knows_none = stage.connection.execute("SELECT 1 FROM person LIMIT 1").fetchone() is None
    for kept in TABLES:
        total = stage.all_count(kept)
        if not total:
            continue
        if knows_none or _is_fresh(database, stage, kept):
            difference.counts[kept.name]["new"] = total
            rows = stage.rows(kept, 0, MOST_EXAMPLES - len(difference.examples))
            difference.examples += [f"customer {row['customer']}: {kept.name.replace('_', ' ')} new" for row in rows]
            continue
        after, done = 0, 0
        while rows := stage.rows(kept, after, BATCH, what=NEW):
            after, done = rows[-1]["n"], done + len(rows)
            known = database.read_now(lambda session, k=kept, r=rows: _Known(session, k, r))  # type: ignore[misc]
            _decide(stage, kept, rows, known, difference)
            progress(kept.name, done, total)
        if complete and kept not in {CUSTOMER, READING}:
            _end_missing(database, stage, kept, difference)
    return difference


def _is_fresh(database: Database, stage: Stage, kept: Kept) -> bool:
    """Whether the register has nothing yet of the kinds that the file holds, so that all of it is new."""
    if kept is CUSTOMER:
        return False
    query = select(kept.table.c.id).where(_scope(stage, kept)).limit(1)
    return database.read_now(lambda session: session.execute(query).first()) is None


class _Known:
    """What the register has of the customers of some staged rows."""

    def __init__(self, session: Session, kept: Kept, rows: list[dict[str, Any]]) -> None:
        ids = {row["customer_id"] for row in rows if row["customer_id"] is not None}
        self.live: dict[tuple[int, str], dict[str, Any]] = {}
        self.wrong: dict[tuple[int, str], dict[str, Any]] = {}
        self.ended: set[tuple[int, str]] = set()
        self.reviews: set[str] = set()
        if not ids:
            return
        table = kept.table
        owner = table.c.id if kept is CUSTOMER else table.c.holder_id if kept is ROLE else table.c.customer_id
        query = select(table).where(owner.in_(ids))
        if kept is ROLE:
            query = select(table, _CUSTOMER.c.key.label("other")).join(_CUSTOMER, _CUSTOMER.c.id == table.c.customer_id)
            query = query.where(owner.in_(ids))
        query = query.where(*_narrowed(kept, rows))
        for row in session.connection().execute(query).mappings():
            customer = row["id"] if kept is CUSTOMER else row["holder_id"] if kept is ROLE else row["customer_id"]
            for key in keys_of(kept, row):
                self._put((customer, key), dict(row))
        self.reviews = set(
            session.connection().execute(select(_REVIEW.c.digest).where(_REVIEW.c.customer_id.in_(ids))).scalars()
        )

    def _put(self, key: tuple[int, str], row: dict[str, Any]) -> None:
        if row.get("ended_at") is None and row.get("status") != ContactStatus.ENDED:
            self.live[key] = row
        else:
            self.ended.add(key)
            if row["corrected_at"] is not None:
                self.wrong[key] = row


def _narrowed(kept: Kept, rows: list[dict[str, Any]]) -> Iterator[ColumnElement[bool]]:
    """Of what a customer has by the thousand, only what the rows may be compared with."""
    table = kept.table
    if kept is READING:
        moments = sorted(row["read_at"] for row in rows)
        first, last = (datetime.fromisoformat(f"{one}+00:00") for one in (moments[0], moments[-1]))
        yield table.c.meter.in_({row["meter"] for row in rows})
        yield table.c.read_at.between(first, last)
    elif kept is RECORD:
        yield table.c.external_id.in_({row["external_id"] for row in rows})


def keys_of(kept: Kept, row: Any) -> list[str]:
    """The keys by which a row of the register may be found: contacts and numbers by their value too."""
    keys = [kept.key(row, row.get("other", ""))]
    if kept in {CONTACT, IDENTIFIER} and row["external_id"]:
        keys.append(kept.key({**row, "external_id": ""}, ""))
    return keys


def _decide(stage: Stage, kept: Kept, rows: list[dict[str, Any]], known: _Known, difference: Difference) -> None:
    decisions: list[tuple[str, int | None, str, int]] = []
    for row in rows:
        if kept is CUSTOMER:
            what, target, reason = _of_customer(stage, row, known)
        else:
            what, target, reason = _of_value(stage, kept, row, known)
        said = {NEW: "new", SAME: "unchanged", REPLACE: "changed", REVIEW: "reviews"}[what]
        difference.note(kept, said, row["customer"])
        if what == REPLACE and reason:
            difference.note(kept, "reviews", row["customer"])
        if what != NEW:
            decisions.append((what, target, reason, row["n"]))
    stage.decide(kept, decisions)


def _of_value(stage: Stage, kept: Kept, row: dict[str, Any], known: _Known) -> tuple[str, int | None, str]:
    key = (row["customer_id"], row["k"])
    live = known.live.get(key)
    if live is None and kept in {CONTACT, IDENTIFIER}:
        key = (row["customer_id"], kept.key({**row, "external_id": ""}, ""))
        live = known.live.get(key)
    if live is None:
        return _returning(kept, row, known, key)
    compared = [name for name in kept.compared if name != "status" or "status" in row["given"].split(",")]
    if all(row[name] == plain(live[name]) for name in compared):
        return SAME, live["id"], ""
    if live["corrected_at"] is not None:
        return _review(kept, row, live["id"], CORRECTED, known)
    if kept is CONTACT and row["status"] == ContactStatus.ENDED:
        stage.end(kept, live["id"], live["customer_id"], REPLACE)
        return SAME, live["id"], ""
    return REPLACE, live["id"], ""


def _returning(kept: Kept, row: dict[str, Any], known: _Known, key: tuple[int, str]) -> tuple[str, int | None, str]:
    """A value that the register has not, or has no more."""
    if kept is CONTACT and row["status"] == ContactStatus.ENDED and key in known.ended:
        return SAME, None, ""
    if (wrong := known.wrong.get(key)) is not None:
        return _review(kept, row, wrong["id"], RETURNS, known)
    return NEW, None, ""


def _review(kept: Kept, row: dict[str, Any], target: int, reason: str, known: _Known) -> tuple[str, int | None, str]:
    if digest(kept.name, target, proposal(kept, row)) in known.reviews:
        return SAME, target, ""
    return REVIEW, target, reason


def proposal(kept: Kept, row: dict[str, Any], fields: Iterable[str] = ()) -> dict[str, Any]:
    """The new values that a review proposes: of a customer the fields in question, of all else the whole row."""
    return {name: row[name] for name in (fields or kept.columns)}


def _of_customer(stage: Stage, row: dict[str, Any], known: _Known) -> tuple[str, int | None, str]:
    """Field by field: only what the file gives counts; turvakielto is set at once and never lifted by a file."""
    live = known.live.get((row["customer_id"], row["k"]))
    if live is None:
        return NEW, None, ""
    given = set(row["given"].split(","))
    differs = [name for name in CUSTOMER.compared if name in given and row[name] != plain(live[name])]
    lifts = PROTECTION in differs and bool(live[PROTECTION])
    asks = [PROTECTION] if lifts else []
    sets = [name for name in differs if name not in asks]
    if live["corrected_at"] is not None:
        asks += [name for name in sets if name != PROTECTION]
        sets = [name for name in sets if name == PROTECTION]
    if asks and digest(CUSTOMER.name, live["id"], proposal(CUSTOMER, row, asks)) in known.reviews:
        asks = []
    stage.set_fields(row["n"], sets, asks)
    reason = (PROTECTION_ENDS if lifts else CORRECTED) if asks else ""
    return (REPLACE if sets else REVIEW if asks else SAME), live["id"], reason


def _end_missing(database: Database, stage: Stage, kept: Kept, difference: Difference) -> None:
    """A file that is the whole of its table ends what it leaves out: live rows that an import brought, of its kinds."""
    stage.index_targets(kept)
    scope = _scope(stage, kept)
    table, last = kept.table, 0
    while True:
        query = (
            select(table.c.id, table.c.customer_id, table.c.corrected_at, _CUSTOMER.c.key)
            .join(_CUSTOMER, _CUSTOMER.c.id == (table.c.holder_id if kept is ROLE else table.c.customer_id))
            .where(table.c.id > last, table.c.ended_at.is_(None), table.c.import_id.is_not(None), scope)
            .order_by(table.c.id)
            .limit(BATCH)
        )
        rows = database.read_now(lambda session, q=query: session.execute(q).all())  # type: ignore[misc]
        if not rows:
            return
        last = rows[-1].id
        held = stage.targets(kept, [row.id for row in rows])
        for row in rows:
            if row.id not in held:
                what = REPLACE if row.corrected_at is None else REVIEW
                stage.end(kept, row.id, row.customer_id, what)
                difference.note(kept, "ended" if what == REPLACE else "reviews", row.key)


def _scope(stage: Stage, kept: Kept) -> ColumnElement[bool]:
    """Only kinds that the file holds: a file of e-mail addresses ends no telephone."""
    columns = ["category", "kind"] if kept is RECORD else [] if kept in {DISCLOSURE, READING} else ["kind"]
    found = stage.distinct(kept, columns) if columns else []
    if not columns:
        return kept.table.c.id > 0
    return or_(*(and_(*(kept.table.c[n] == v for n, v in zip(columns, row, strict=True))) for row in found))
