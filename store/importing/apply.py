"""Putting a staged file into the register, in many short transactions, so that intake never waits long for the lock.

Each transaction writes so many rows as fit into `HOLD_SECONDS`, and in the same commit the place that was reached.
After it the import stands back as long as it held the lock (SQLite has one, and who waits for it looks now and then).
What was cut off goes on from that place; nothing can go wrong in the rows themselves, for all of them were checked
before the first was put in. A row that a person has changed in the meantime is not touched: it raises a review.
"""
# ruff: noqa: S608 - names of tables and columns are the house's own; values are bound

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlmodel import Session

from store.database import Database, is_away
from store.importing.compare import Progress, proposal
from store.importing.stage import NEW, REPLACE, REVIEW, Stage
from store.importing.tables import CUSTOMER, OF_NAME, READING, ROLE, TABLES, Kept
from store.models import RegisterImport, Review, Source, table_of
from store.register_changes import end_rows, supersede
from store.reviews import CORRECTED, digest, typed

HOLD_SECONDS = 0.05
"""How long a transaction should hold the lock."""
FIRST, LEAST, MOST = 300, 50, 6_000
"""Rows of the first transaction, and of the smallest and largest."""
TRIES = 30
"""How often a transaction is tried again that did not get the lock."""
ENDING = "ending"
_ROOMY = "PRAGMA cache_size = -131072"
"""Names and numbers come in no order: 128 MiB of this process keep the pages of their indexes at hand."""

_IMPORT, _REVIEW = table_of(RegisterImport), table_of(Review)


class Applying:
    """One import on its way into the register."""

    def __init__(
        self,
        database: Database,
        stage: Stage,
        import_id: int,
        *,
        source: Source,
        now: datetime,
        progress: Progress,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.database, self.stage, self.import_id = database, stage, import_id
        self.source, self.now, self.progress, self.sleep = source, now, progress, sleep
        self.is_sqlite = database.engine.dialect.name == "sqlite"
        self.size = FIRST
        self.longest = 0.0
        """The longest that a transaction has held the lock, in seconds."""

    def run(self, position: str) -> None:
        """Put in all that is left behind `position`."""
        place, _, reached = position.partition(":")
        order = [*(kept.name for kept in TABLES), ENDING]
        for name in order[order.index(place) if place else 0 :]:
            after = int(reached) if name == place else 0
            if name == ENDING:
                self._end(after)
            else:
                self._put(OF_NAME[name], after)

    def _put(self, kept: Kept, after: int) -> None:
        total = self.stage.all_count(kept)
        self.size = FIRST
        if total and self.stage.is_all_new(kept):
            self._put_new(kept, after, total)
        else:
            self._put_each(kept, after, total)
        if kept is CUSTOMER and total:
            self._learn_new()

    def _put_new(self, kept: Kept, after: int, total: int) -> None:
        """The common case of a first import, without a look at each row."""
        owners = () if kept is CUSTOMER else ("o.id", "p.id") if kept is ROLE else ("p.id",)
        while rows := self.stage.new_rows(kept, owners, self.import_id, after, self.size):
            after, values = rows[-1][0], [row[1:] for row in rows]
            self._commit(f"{kept.name}:{after}", lambda connection, k=kept, v=values: self._copy(connection, k, v))  # type: ignore[misc]
            self.progress(kept.name, after, total)

    def _put_each(self, kept: Kept, after: int, total: int) -> None:
        while total and (rows := self.stage.rows(kept, after, self.size)):
            after = rows[-1]["n"]
            self._commit(f"{kept.name}:{after}", lambda connection, k=kept, r=rows: self._write(connection, k, r))  # type: ignore[misc]
            self.progress(kept.name, after, total)

    def _learn_new(self) -> None:
        for keys in self.stage.keys():  # noqa: SIM118 - no mapping
            query = select(CUSTOMER.table.c.key, CUSTOMER.table.c.id).where(CUSTOMER.table.c.key.in_(keys))
            self.stage.know(
                [(row.key, row.id) for row in self.database.read_now(lambda session, q=query: session.execute(q).all())]  # type: ignore[misc]
            )

    def _end(self, after: int) -> None:
        while found := self.stage.endings(after, self.size):
            after = found[-1][0]
            self._commit(f"{ENDING}:{after}", lambda connection, f=found: self._write_ends(connection, f))  # type: ignore[misc]

    def _commit(self, position: str, work: Callable[[Connection], None]) -> None:
        began = 0.0

        def transaction(session: Session) -> None:
            nonlocal began
            connection = session.connection()
            began = time.monotonic()
            connection.exec_driver_sql(_ROOMY if self.is_sqlite else "SET LOCAL TimeZone = 'UTC'")
            work(connection)
            connection.execute(update(_IMPORT).where(_IMPORT.c.id == self.import_id).values(position=position))

        for attempt in range(TRIES):
            try:
                self.database.write_now(transaction)
                break
            except Exception as error:
                if not is_away(error) or attempt == TRIES - 1:
                    raise
                self.sleep(1.0)
        held = time.monotonic() - began
        self.longest = max(self.longest, held)
        self.size = max(LEAST, min(MOST, int(self.size * min(1.5, HOLD_SECONDS / max(held, 0.001)))))
        if self.is_sqlite:
            self.sleep(max(held, 0.01))

    def _write(self, connection: Connection, kept: Kept, rows: Sequence[dict[str, Any]]) -> None:
        new = [row for row in rows if row["what"] == NEW]
        replaced = [row for row in rows if row["what"] == REPLACE]
        asked = [row for row in rows if row["what"] == REVIEW or (kept is CUSTOMER and row["what"] == REPLACE)]
        if replaced:
            replaced, late = self._still_live(connection, kept, replaced)
            asked += late
            if kept is CUSTOMER:
                self._change_customers(connection, replaced)
            elif kept is READING:
                self._change_readings(connection, replaced)
            else:
                end_rows(connection, kept.table, [row["target"] for row in replaced], self.now)
                new += [self._as_of_now(row) for row in replaced]
        if new:
            self._insert(connection, kept, new)
        for row in asked:
            fields = [name for name in row["other"].split(",") if name] if kept is CUSTOMER else ()
            if kept is CUSTOMER and not fields:
                continue
            self._ask(connection, kept, row["target"], row["customer_id"], row["reason"], proposal(kept, row, fields))

    def _still_live(
        self, connection: Connection, kept: Kept, rows: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Those whose row still stands as it was compared, and those that a person has touched since."""
        if kept is CUSTOMER:
            return rows, []
        table = kept.table
        ended = [table.c.ended_at] if "ended_at" in table.c else []
        query = select(table.c.id, table.c.corrected_at, *ended).where(table.c.id.in_([row["target"] for row in rows]))
        touched = {row[0] for row in connection.execute(query) if any(value is not None for value in row[1:])}
        late = [row | {"reason": CORRECTED} for row in rows if row["target"] in touched]
        return [row for row in rows if row["target"] not in touched], late

    def _as_of_now(self, row: dict[str, Any]) -> dict[str, Any]:
        """A successor is recorded when it takes its place, however old its source says it is."""
        moment = self.now.strftime("%Y-%m-%d %H:%M:%S.%f")
        return row | ({"recorded_at": moment} if "recorded_at" in row else {})

    def _change_customers(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        table = CUSTOMER.table
        query = select(table).where(table.c.id.in_([row["target"] for row in rows]))
        before = {row["id"]: row for row in connection.execute(query).mappings()}
        changed = []
        for row in rows:
            fresh = {name: before[row["target"]][name] for name in (*CUSTOMER.compared, "name_key")}
            sets = row["given"].split(",")
            fresh |= {name: typed(table, name, row[name]) for name in sets}
            if "name" in sets:
                fresh["name_key"] = row["name_key"]
            told = {"source": row["source"], "recorded_at": self.now, "import_id": self.import_id}
            changed.append(fresh | told | {"id": row["target"]})
        if changed:
            supersede(connection, table, changed, self.now)

    def _change_readings(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        names = (*READING.compared, "source")
        changed = [{name: row[name] for name in names} | {"id": row["target"]} for row in rows]
        if changed:
            supersede(connection, READING.table, [one | {"import_id": self.import_id} for one in changed], self.now)

    def _insert(self, connection: Connection, kept: Kept, rows: Sequence[dict[str, Any]]) -> None:
        values = []
        for row in rows:
            whose: tuple[int, ...] = ()
            if kept is ROLE:
                whose = (row["other_id"], row["customer_id"])  # whose matters these are, and who acts
            elif kept is not CUSTOMER:
                whose = (row["customer_id"],)
            values.append((*whose, self.import_id, *(row[name] for name in kept.columns)))
        self._copy(connection, kept, values)

    def _copy(self, connection: Connection, kept: Kept, values: Sequence[tuple[Any, ...]]) -> None:
        owner = () if kept is CUSTOMER else ("customer_id", "holder_id") if kept is ROLE else ("customer_id",)
        names = (*owner, "import_id", *kept.columns)
        if self.is_sqlite:
            places = ", ".join("?" * len(names))
            connection.exec_driver_sql(f"INSERT INTO {kept.name} ({', '.join(names)}) VALUES ({places})", values)
            return
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {kept.name} ({', '.join(names)}) FROM STDIN") as copy:
            for value in values:
                copy.write_row(value)

    def _write_ends(self, connection: Connection, found: Sequence[tuple[int, str, int, int, str]]) -> None:
        for kept in TABLES:
            own = [one for one in found if one[1] == kept.name]
            if ends := [target for _, _, target, _, what in own if what == REPLACE]:
                end_rows(connection, kept.table, ends, self.now)
            for _, _, target, customer_id, what in own:
                if what == REVIEW:
                    self._ask(connection, kept, target, customer_id, CORRECTED, {})

    def _ask(
        self,
        connection: Connection,
        kept: Kept,
        target: int,
        customer_id: int,
        reason: str,
        proposed: dict[str, Any],
    ) -> None:
        """Raise a review, once."""
        same = digest(kept.name, target, proposed)
        known = select(_REVIEW.c.id).where(_REVIEW.c.customer_id == customer_id, _REVIEW.c.digest == same)
        if connection.execute(known).first() is not None:
            return
        connection.execute(
            insert(_REVIEW).values(
                customer_id=customer_id,
                subject=kept.name,
                row_id=target,
                reason=reason,
                proposed=proposed,
                digest=same,
                source=proposed.get("source", self.source),
                import_id=self.import_id,
                raised_at=self.now,
            )
        )
