"""What shares a commit shares its fate only where it must: when the disk fails, nobody is told that it is stored."""

import asyncio
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError
from sqlmodel import Session, select

from store.database import Database
from store.messages import NewRaw, store_raws
from store.models import RawMessageRow
from store.schema import upgrade


@contextmanager
def no_file_above(octets: int) -> Iterator[None]:
    """Writes beyond that length fail in this process, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def raw(key: str, size: int) -> NewRaw:
    return NewRaw(
        key=key,
        channel="email",
        door="smtp",
        media_type="message/rfc822",
        content=b"x" * size,
        sha256=key,
        envelope_sender="",
        envelope_recipients=[],
        peer="",
        received_at=datetime.now(UTC),
    )


def keeping(new: NewRaw) -> Callable[[Session], list[bool]]:
    """A piece of work of its own, so that each has its savepoint."""
    return lambda session: store_raws(session, [new])


def stored(session: Session) -> set[str]:
    return {row.key for row in session.exec(select(RawMessageRow))}


async def test_a_write_that_breaks_the_transaction_takes_nobodys_word_for_stored(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'full.db'}")
    upgrade(database)
    database.open()
    gate = threading.Event()
    try:
        before = asyncio.create_task(database.write(lambda _: gate.wait(20)))
        await asyncio.sleep(0.1)  # the writer is busy: what comes now shares the next commit
        # The large one is more than SQLite keeps in memory until the commit, so its own statement meets the full disk.
        sizes = {"first": 500, "large": 9_000_000, "last": 500}
        writes = [asyncio.create_task(database.write(keeping(raw(key, size)))) for key, size in sizes.items()]
        await asyncio.sleep(0.1)
        with no_file_above(3_000_000):
            gate.set()
            await before
            answers = await asyncio.gather(*writes, return_exceptions=True)
        told = {key for key, answer in zip(sizes, answers, strict=True) if answer == [True]}
        assert isinstance(answers[1], OperationalError)
        assert told == await database.read(stored)
        again = await asyncio.gather(*(database.write(keeping(raw(key, size))) for key, size in sizes.items()))
        assert again == [[True]] * 3
        assert await database.read(stored) == set(sizes)
    finally:
        gate.set()
        database.close()


async def test_a_server_that_goes_in_the_middle_takes_nobodys_word_for_stored(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    database.open()
    gate = threading.Event()

    def end_connection(session: Session) -> list[bool]:
        session.connection().execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return [True]

    try:
        before = asyncio.create_task(database.write(lambda _: gate.wait(20)))
        await asyncio.sleep(0.1)
        works = [keeping(raw("first", 500)), end_connection, keeping(raw("last", 500))]
        writes = [asyncio.create_task(database.write(work)) for work in works]
        await asyncio.sleep(0.1)
        gate.set()
        await before
        answers = await asyncio.gather(*writes, return_exceptions=True)
        assert [isinstance(answer, DBAPIError | PendingRollbackError) for answer in answers] == [True] * 3
        assert await database.read(stored) == set()
        assert await database.write(keeping(raw("first", 500))) == [True]
    finally:
        gate.set()
        database.close()
