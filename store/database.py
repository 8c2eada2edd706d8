"""One writer with group commit, a few readers, and the only commit of the house.

A transaction is a plain function that is handed a `Session`: nothing in it can await, so no transaction is ever held
over the network. `await database.write(work)` queues it for the one writer thread. The thread takes all that wait, runs
each in a savepoint of its own inside one transaction, commits once, and only then tells those who wait: one fsync pays
for many (on SQLite the commit is where the time goes), and one that fails takes no other down with it. Small work that
comes in crowds shares a savepoint and its statements too (`write_together`).

SQLite (a current one of its own: older ones may corrupt a WAL on reset) runs in WAL with synchronous=FULL, so that what
was committed survives a power cut; PostgreSQL must have its own equivalents on, or `open` refuses. Several processes
may read and write one database; who may *serve* on it is the lock in `store.ownership`.
"""

import asyncio
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, TypeVar, cast

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import Session

T = TypeVar("T")
Item = TypeVar("Item")

GROUP = 64
"""How many pieces of work share a commit at the most: bounds how long the first of them waits."""
HAND_OVER_SECONDS = 0.0005
"""After how long a thread that waits for the interpreter gets it (5 ms by default). The writer needs it for a moment
after every statement: with the default, ten connections were served a quarter fewer mails a second."""
BUSY_MILLISECONDS = 4_000
"""How long SQLite waits for another process's lock: under the 5 s in which a peer must have its 451 (CRASH-PLAN 5)."""


class StoreUnusable(RuntimeError):
    """The database cannot be opened or is not durable as configured; the text is one sentence for the operator."""


_OF_ITS_CONTENT = frozenset({"54"})
"""SQLSTATE classes of PostgreSQL that are an `OperationalError` but the fault of one row: a limit was exceeded."""


def is_away(error: BaseException) -> bool:
    """Whether an error says that the store cannot be had now (locked, down, full), whatever it was asked to do."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, StoreUnusable)
    state = getattr(error.orig, "sqlstate", None) or ""
    lost = isinstance(error, OperationalError) or error.connection_invalidated
    return lost and state[:2] not in _OF_ITS_CONTENT


@dataclass(slots=True)
class _Job(Generic[T]):
    work: Callable[[Session, Sequence[Any]], Sequence[T]]
    item: Any
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[T]"
    result: T | None = None
    error: BaseException | None = None


class Database:
    """The store's door: `write` and `read` for the service, `write_now` and `read_now` for commands."""

    def __init__(self, url: str, *, readers: int = 2) -> None:
        self.url = url
        self._writer = _engine(url, immediate=True)
        self._reader = _engine(url, immediate=False, pool_size=readers)
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._read_pool = ThreadPoolExecutor(max_workers=readers, thread_name_prefix="store-read")

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations."""
        return self._writer

    def open(self) -> None:
        """Assert durability and start the writer thread. Raises `StoreUnusable`."""
        try:
            with self._writer.connect() as connection:
                _assert_durable(connection)
        except OperationalError as error:
            said = " ".join(str(error.orig).split())
            raise StoreUnusable(f"the database cannot be opened: {said}") from error
        sys.setswitchinterval(HAND_OVER_SECONDS)
        self._thread = threading.Thread(target=self._write_loop, name="store-write", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish what was begun, then let go of the database. Idempotent."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        self._read_pool.shutdown()
        self._writer.dispose()
        self._reader.dispose()

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a transaction; return its result once that is durable. Its exception rolls back it alone."""
        return await self._queue(lambda session, _items: (work(session),), None)

    async def write_together(self, work: Callable[[Session, Sequence[Item]], Sequence[T]], item: Item) -> T:
        """As `write`, for one of many alike: `work` gets all items that wait for it and returns a result for each.

        When it fails, it is run again for each item alone, so that here too one that fails takes no other down.
        """
        return await self._queue(work, item)

    async def _queue(self, work: Callable[[Session, Sequence[Any]], Sequence[T]], item: object) -> T:
        loop = asyncio.get_running_loop()
        job: _Job[T] = _Job(work, item, loop, loop.create_future())
        self._jobs.put(job)
        result: T = await job.done
        return result

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` on a reader; it sees the last commit and can change nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._read_pool, self.read_now, work)

    def read_now(self, work: Callable[[Session], T]) -> T:
        """As `read`, in the caller's thread: for commands."""
        with Session(self._reader, expire_on_commit=False) as session:
            return work(session)

    def write_now(self, work: Callable[[Session], T]) -> T:
        """As `write`, in the caller's thread and a transaction of its own: for commands and migrations."""
        with Session(self._writer, expire_on_commit=False) as session:
            result = work(session)
            session.commit()
            return result

    def _write_loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            group, stop = [job], False
            while len(group) < GROUP and not stop:
                try:
                    waiting = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if waiting is None:
                    stop = True
                else:
                    group.append(waiting)
            self._commit(group)
            if stop:
                return

    def _commit(self, group: list[_Job[Any]]) -> None:
        try:
            with self._writer.connect() as connection, connection.begin():
                for _, alike in groupby(group, key=lambda job: job.work):
                    _attempt(connection, list(alike))
        except BaseException as error:  # noqa: BLE001 - the commit failed: everyone who waits must hear it
            for job in group:
                job.error = job.error or error
        for loop in {job.loop for job in group}:
            _wake(loop, [job for job in group if job.loop is loop])


def _attempt(connection: Connection, jobs: list[_Job[Any]]) -> None:
    """Run the same piece of work for these jobs inside a savepoint, so that a failure is its own."""
    try:
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            results = jobs[0].work(session, [job.item for job in jobs])
            for job, result in zip(jobs, results, strict=True):
                job.result = result
            session.commit()
    except Exception as error:
        if not _is_open(connection):
            raise
        if len(jobs) == 1:
            jobs[0].error = error
            return
        for job in jobs:
            _attempt(connection, [job])


def _is_open(connection: Connection) -> bool:
    """Whether the transaction is still there, with what those before have done in it.

    On a full disk or an I/O error SQLite may roll back all of it, savepoints too, and the next statement would begin
    another one (sqlite.org/lang_transaction.html, 3). PostgreSQL refuses every further statement by itself.
    """
    driver = cast("Any", connection.connection.dbapi_connection) if connection.dialect.name == "sqlite" else None
    return driver is None or bool(driver.in_transaction)


def _wake(loop: asyncio.AbstractEventLoop, jobs: list[_Job[Any]]) -> None:
    try:
        loop.call_soon_threadsafe(_settle, jobs)
    except RuntimeError:
        return  # the loop has closed: nobody waits any more, and what was committed stays


def _settle(jobs: list[_Job[Any]]) -> None:
    for job in jobs:
        if job.done.cancelled():
            continue
        if job.error is not None:
            job.done.set_exception(job.error)
        else:
            job.done.set_result(job.result)


def _engine(url: str, *, immediate: bool, pool_size: int = 1) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_size=pool_size, max_overflow=1, pool_pre_ping=True)
    engine = create_engine(
        url, module=sqlite, pool_size=pool_size, max_overflow=1, connect_args={"check_same_thread": False}
    )
    event.listen(engine, "connect", _prepare_sqlite if immediate else _prepare_sqlite_reader)
    begin = "BEGIN IMMEDIATE" if immediate else "BEGIN"
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # The driver must not open transactions by itself, or BEGIN IMMEDIATE and savepoints lose their meaning.
    cast("Any", connection).isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MILLISECONDS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_sqlite_reader(connection: DBAPIConnection, record: object) -> None:
    _prepare_sqlite(connection, record)
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _assert_durable(connection: Connection) -> None:
    """Refuse a database that could lose what it has confirmed (CRASH-PLAN 3.2)."""
    if connection.dialect.name == "sqlite":
        mode = connection.execute(text("PRAGMA journal_mode")).scalar_one()
        level = connection.execute(text("PRAGMA synchronous")).scalar_one()
        if mode != "wal" or level != 2:
            raise StoreUnusable(f"SQLite must run with journal_mode=WAL and synchronous=FULL, not {mode}, {level}")
        return
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        value = connection.execute(text(f"SHOW {setting}")).scalar_one()
        if value not in {"on", "local", "remote_write", "remote_apply"}:
            raise StoreUnusable(f"PostgreSQL must run with {setting} on, not {value}")
