"""The plan of one import: a private SQLite file in which a file's rows wait until all of them are known to be right.

Nothing of it is in the register, so that filling it holds no lock there however long it takes. It is written to disk
whole before the first row is put in; from then on the import is finished after any death (`store.importing.journal`).
Whoever can read the register's own file can read this one, nobody else; it is deleted when the import is done.
"""
# ruff: noqa: S608 - names of tables and columns are the house's own; values are bound

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite

from store.importing.tables import TABLES, Kept
from store.register_lines import Problem

FLUSH = 4_000
"""Rows that are gathered before they are written."""
NEW, SAME, REPLACE, REVIEW = "new", "same", "replace", "review"
"""What is to be done with a staged row."""


class Stage:
    """The staging file at `path`, made anew or opened again to go on."""

    def __init__(self, path: Path, *, anew: bool = True) -> None:
        self.path = path
        if anew:
            self.remove()
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        self.connection = sqlite.connect(str(path), isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA synchronous=OFF")
        self.connection.execute("PRAGMA journal_mode=TRUNCATE")
        self.connection.execute("PRAGMA cache_size=-65536")
        self._waiting: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._into = {kept.name: _insert(kept) for kept in TABLES}
        if anew:
            self._create()

    def _create(self) -> None:
        run = self.connection.execute
        for kept in TABLES:
            columns = "".join(f", {name}" for name in kept.columns)
            run(
                f"CREATE TABLE s_{kept.name} (n INTEGER PRIMARY KEY, line INT, customer TEXT, other TEXT, k TEXT,"
                f" what TEXT NOT NULL DEFAULT '{NEW}', target INT, reason TEXT, given TEXT{columns})"
            )
        run("CREATE TABLE IF NOT EXISTS person (k TEXT PRIMARY KEY, id INT) WITHOUT ROWID")
        run("CREATE TABLE ending (n INTEGER PRIMARY KEY, kept TEXT, target INT, customer_id INT, what TEXT)")
        run("CREATE TABLE told (k TEXT PRIMARY KEY) WITHOUT ROWID")
        run("CREATE TABLE note (sha256 TEXT)")

    def clear(self) -> None:
        """Make room for the next file; who is in the register stays known."""
        for name in (*(f"s_{kept.name}" for kept in TABLES), "ending", "told", "note"):
            self.connection.execute(f"DROP TABLE {name}")
        self._waiting.clear()
        self._create()

    def add(
        self, kept: Kept, line: int, customer: str, row: dict[str, Any], *, other: str = "", given: str = ""
    ) -> None:
        """Stage one row."""
        waiting = self._waiting[kept.name]
        key = kept.key(row, other)
        waiting.append((line, customer, other, key, given, *kept.staged(row)))
        if len(waiting) >= FLUSH:
            self._write(kept.name)

    def flush(self) -> None:
        """Write what was gathered."""
        for name in list(self._waiting):
            self._write(name)

    def _write(self, name: str) -> None:
        self.connection.execute("BEGIN")
        self.connection.executemany(self._into[name], self._waiting.pop(name, []))
        self.connection.execute("COMMIT")

    def settle(self, most: int) -> list[Problem]:
        """Bring rows of one key together: what says the same is kept once, what contradicts itself is a problem."""
        problems: list[Problem] = []
        run = self.connection.execute
        run(
            "UPDATE s_record SET k = s_record.k || '.' || twin.place FROM (SELECT n, row_number() OVER"
            " (PARTITION BY customer, k ORDER BY n) AS place FROM s_record WHERE external_id LIKE '#%') AS twin"
            " WHERE twin.n = s_record.n AND twin.place > 1"
        )
        own = "substr(k, length(category) + length(kind) + 3)"
        run(f"UPDATE s_record SET external_id = {own} WHERE external_id LIKE '#%' AND external_id <> {own}")
        for kept in TABLES:
            if kept.collapses:
                run(f"DELETE FROM s_{kept.name} WHERE n NOT IN (SELECT min(n) FROM s_{kept.name} GROUP BY customer, k)")
                continue
            twins = run(
                f"SELECT max(line) FROM s_{kept.name} GROUP BY customer, k HAVING count(*) > 1 LIMIT {most}"
            ).fetchall()
            problems += [Problem(line, kept.name, "stands in this file twice") for (line,) in twins]
        return sorted(problems, key=lambda problem: problem.line)

    def rows(self, kept: Kept, after: int, most: int, *, what: str | None = None) -> list[dict[str, Any]]:
        """The next staged rows, as mappings with `customer_id` where the customer is known."""
        names = ("n", "line", "customer", "other", "k", "what", "target", "reason", "given", *kept.columns)
        listed = ", ".join(f"s.{name}" for name in names)
        which = f" AND s.what = '{what}'" if what else f" AND s.what <> '{SAME}'"
        found = self.connection.execute(
            f"SELECT {listed}, p.id, o.id FROM s_{kept.name} s LEFT JOIN person p ON p.k = s.customer"
            f" LEFT JOIN person o ON o.k = s.other WHERE s.n > ?{which} ORDER BY s.n LIMIT ?",
            (after, most),
        )
        return [dict(zip((*names, "customer_id", "other_id"), row, strict=True)) for row in found]

    def is_all_new(self, kept: Kept) -> bool:
        """Whether nothing is to be done with the rows of a table but to put them in."""
        asked = f"SELECT 1 FROM s_{kept.name} WHERE what <> ? LIMIT 1"
        return self.connection.execute(asked, (NEW,)).fetchone() is None

    def new_rows(
        self, kept: Kept, owners: tuple[str, ...], import_id: int, after: int, most: int
    ) -> list[tuple[Any, ...]]:
        """The next rows of a table that is all new, as they are put in, the number of each first."""
        listed = ", ".join(("s.n", *owners, "?", *(f"s.{name}" for name in kept.columns)))
        other = " LEFT JOIN person o ON o.k = s.other" if len(owners) > 1 else ""
        person = " LEFT JOIN person p ON p.k = s.customer" if owners else ""
        found: list[tuple[Any, ...]] = self.connection.execute(
            f"SELECT {listed} FROM s_{kept.name} s{person}{other} WHERE s.n > ? ORDER BY s.n LIMIT ?",
            (import_id, after, most),
        ).fetchall()
        return found

    def decide(self, kept: Kept, decisions: Iterable[tuple[str, int | None, str, int]]) -> None:
        """Write what is to be done: (what, target, reason, n)."""
        self.connection.execute("BEGIN")
        self.connection.executemany(f"UPDATE s_{kept.name} SET what = ?, target = ?, reason = ? WHERE n = ?", decisions)
        self.connection.execute("COMMIT")

    def set_fields(self, n: int, sets: list[str], asks: list[str]) -> None:
        """Of a staged customer: which fields are to be set, and which are to be asked about."""
        self.connection.execute(
            "UPDATE s_customer SET given = ?, other = ? WHERE n = ?", (",".join(sets), ",".join(asks), n)
        )

    def end(self, kept: Kept, target: int, customer_id: int, what: str) -> None:
        """Plan the end of a row of the register, or a review of it."""
        row = (kept.name, target, customer_id, what)
        self.connection.execute("INSERT INTO ending (kept, target, customer_id, what) VALUES (?, ?, ?, ?)", row)

    def endings(self, after: int, most: int) -> list[tuple[int, str, int, int, str]]:
        """The next planned ends: (n, table, row, customer, what)."""
        found: list[tuple[int, str, int, int, str]] = self.connection.execute(
            "SELECT n, kept, target, customer_id, what FROM ending WHERE n > ? ORDER BY n LIMIT ?", (after, most)
        ).fetchall()
        return found

    def index_targets(self, kept: Kept) -> None:
        """Have `targets` answered quickly."""
        self.connection.execute(f"CREATE INDEX IF NOT EXISTS of_{kept.name} ON s_{kept.name} (target)")

    def targets(self, kept: Kept, ids: list[int]) -> set[int]:
        """Which of these rows of the register the file names."""
        places = ", ".join("?" * len(ids))
        found = self.connection.execute(f"SELECT target FROM s_{kept.name} WHERE target IN ({places})", ids)
        return {target for (target,) in found}

    def distinct(self, kept: Kept, columns: list[str]) -> list[tuple[Any, ...]]:
        """The different values of some columns."""
        found: list[tuple[Any, ...]] = self.connection.execute(
            f"SELECT DISTINCT {', '.join(columns)} FROM s_{kept.name}"
        ).fetchall()
        return found

    def strangers(self, most: int) -> list[Problem]:
        """Rows whose customer is in neither the register nor the file (nor, in a rehearsal, in a file before)."""
        problems: list[Problem] = []
        for kept in TABLES[1:]:
            for column, name in (("customer", "customer_number"), ("other", "for")):
                problems += [
                    Problem(line, name, "names a customer who is not in the register")
                    for (line,) in self.connection.execute(
                        f"SELECT line FROM s_{kept.name} WHERE {column} <> ''"
                        f" AND {column} NOT IN (SELECT k FROM person)"
                        f" AND {column} NOT IN (SELECT customer FROM s_customer)"
                        f" AND {column} NOT IN (SELECT k FROM told) ORDER BY line LIMIT ?",
                        (most,),
                    )
                ]
        return sorted(problems, key=lambda problem: problem.line)

    def tell(self, keys: Iterable[str]) -> None:
        """Count these customers as there: a rehearsal's files before this one would have brought them."""
        self.connection.executemany("INSERT OR IGNORE INTO told VALUES (?)", ((key,) for key in keys))

    def new_customers(self) -> list[str]:
        """Customers that the file would bring."""
        return [key for (key,) in self.connection.execute("SELECT customer FROM s_customer WHERE what = ?", (NEW,))]

    def count(self, kept: Kept, what: str) -> int:
        """How many staged rows are to be done something with."""
        found: int = self.connection.execute(f"SELECT count(*) FROM s_{kept.name} WHERE what = ?", (what,)).fetchone()[
            0
        ]
        return found

    def all_count(self, kept: Kept) -> int:
        """How many rows of a table are staged."""
        found: int = self.connection.execute(f"SELECT count(*) FROM s_{kept.name}").fetchone()[0]
        return found

    def keys(self) -> Iterator[list[str]]:
        """All customers that the file names and whose id is not known yet, in portions."""
        named = " UNION ".join(
            f"SELECT {column} FROM s_{kept.name}" for kept in TABLES for column in ("customer", "other")
        )
        self.connection.execute("CREATE TEMP TABLE IF NOT EXISTS sought (k TEXT PRIMARY KEY)")
        self.connection.execute("DELETE FROM sought")
        self.connection.execute(
            f"INSERT INTO sought SELECT customer FROM ({named}) WHERE customer <> '' AND customer NOT IN"
            " (SELECT k FROM person)"
        )
        last = ""
        while portion := self.connection.execute(
            "SELECT k FROM sought WHERE k > ? ORDER BY k LIMIT 5000", (last,)
        ).fetchall():
            last = portion[-1][0]
            yield [key for (key,) in portion]

    def know(self, ids: Iterable[tuple[str, int]]) -> None:
        """Remember customers' ids."""
        self.connection.execute("BEGIN")
        self.connection.executemany("INSERT OR IGNORE INTO person VALUES (?, ?)", ids)
        self.connection.execute("COMMIT")

    def marked(self, mark: str) -> list[str]:
        """Customers who are named by something else than their number."""
        named = " UNION ".join(f"SELECT customer FROM s_{kept.name} WHERE customer LIKE ?" for kept in TABLES)
        return [key for (key,) in self.connection.execute(named, [f"{mark}%"] * len(TABLES))]

    def rename(self, marked: str, key: str) -> None:
        """Name a customer by their number."""
        for kept in TABLES:
            self.connection.execute(f"UPDATE s_{kept.name} SET customer = ? WHERE customer = ?", (key, marked))

    def write_note(self, sha256: str) -> None:
        """Write which file this is the plan of."""
        self.connection.execute("INSERT INTO note VALUES (?)", (sha256,))

    def note(self) -> str:
        """Which file this is the plan of."""
        found = self.connection.execute("SELECT sha256 FROM note").fetchone()
        return str(found[0]) if found else ""

    def make_durable(self) -> None:
        """Have the whole file on the disk."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def is_whole(self) -> bool:
        """Whether the file can be gone on with, after a death of the machine too."""
        try:
            return bool(self.connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
        except sqlite.DatabaseError:
            return False

    def close(self) -> None:
        """Let go of the file, and leave it."""
        self.connection.close()

    def remove(self) -> None:
        """Delete the file. Idempotent."""
        if hasattr(self, "connection"):
            self.connection.close()
        for path in (self.path, self.path.with_name(self.path.name + "-journal")):
            path.unlink(missing_ok=True)


def _insert(kept: Kept) -> str:
    names = ("line", "customer", "other", "k", "given", *kept.columns)
    return f"INSERT INTO s_{kept.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
