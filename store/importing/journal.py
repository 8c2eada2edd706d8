"""One import at a time, the file it waits in, and what becomes of one that was cut off.

The lock is the system's and goes with the process. A staging file whose import never began to write is deleted; one
whose import was cut off is gone on with; one that is lost leaves the import `lost`, and the same file, taken in again,
brings what is missing, for what is in already is found unchanged.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import insert, make_url, select, text, update
from sqlmodel import Session

from store import events
from store.database import Database
from store.models import Customer, ImportState, RegisterImport, Setting, Source, table_of

IMPORT_LOCK = 0x6B69726C
"""Advisory lock of PostgreSQL under which one import runs at a time."""
NOTICED_SECONDS = 3.0
"""How long a server may take to notice that a process has died, and to let its lock go."""
_BASELINE = "register_baseline"
_OPEN, _CLOSED = "open", "closed"
_IMPORT, _SETTING, _CUSTOMER = table_of(RegisterImport), table_of(Setting), table_of(Customer)


class ImportRuns(RuntimeError):
    """Another import is at work on this register; the text is one sentence for the operator."""


def staging_path(database: Database) -> Path:
    """Where rows wait: beside SQLite's file; for a server, in the system's folder for such files."""
    url = make_url(database.url)
    if url.get_backend_name() == "sqlite" and url.database:
        return Path(f"{Path(url.database).resolve()}.import")
    name = sha256(f"{url.host}:{url.port}/{url.database}".encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"kirjaamo-{os.geteuid()}-{name}.import"


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """Be the only import on this register. Raises `ImportRuns`."""
    sentence = "another import is at work on this register; wait until it has ended"
    if database.engine.dialect.name == "sqlite":
        descriptor = os.open(f"{staging_path(database)}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise ImportRuns(sentence) from None
        finally:
            os.close(descriptor)
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        ends = time.monotonic() + NOTICED_SECONDS
        while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": IMPORT_LOCK}).scalar_one():
            if time.monotonic() > ends:
                raise ImportRuns(sentence)
            time.sleep(0.05)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": IMPORT_LOCK})


def is_baseline(session: Session) -> bool:
    """Whether what comes now is the first import: into an empty register, or while the first batch is not wholly in."""
    connection = session.connection()
    state = connection.execute(select(_SETTING.c.value).where(_SETTING.c.key == _BASELINE)).scalar_one_or_none()
    if state is not None:
        return bool(state == _OPEN)
    return connection.execute(select(_CUSTOMER.c.id).limit(1)).first() is None


def set_baseline(session: Session, *, is_open: bool) -> None:
    """Say that the first batch has begun, or that it was wholly taken in and no later one is the first."""
    connection = session.connection()
    value = _OPEN if is_open else _CLOSED
    changed = connection.execute(update(_SETTING).where(_SETTING.c.key == _BASELINE).values(value=value))
    if changed.rowcount == 0:
        connection.execute(insert(_SETTING).values(key=_BASELINE, value=value))


def begin(session: Session, *, baseline: bool, **facts: Any) -> int:
    """Write that an import is being put in; return its id."""
    if baseline:
        set_baseline(session, is_open=True)
    row = insert(_IMPORT).values(state=ImportState.APPLYING, baseline=baseline, position="", **facts)
    key: int = session.connection().execute(row.returning(_IMPORT.c.id)).scalar_one()
    return key


def finish(session: Session, import_id: int, at: datetime) -> None:
    """Write that an import is in, and its line of the trail."""
    connection = session.connection()
    done = update(_IMPORT).where(_IMPORT.c.id == import_id).values(state=ImportState.DONE, ended_at=at)
    connection.execute(done)
    row = connection.execute(select(_IMPORT).where(_IMPORT.c.id == import_id)).one()
    data = {
        "import": import_id,
        "sha256": row.sha256,
        "source": Source(row.source).value,
        "baseline": row.baseline,
        "customers": row.counts.get("customer", {}).get("new", 0),
        "counts": row.counts,
    }
    events.append(session, at=at, actor="cli", kind="register_imported", data=data)


def cut_off(session: Session) -> Any:
    """The import that was cut off while it was put in, or None."""
    query = select(_IMPORT).where(_IMPORT.c.state == ImportState.APPLYING).order_by(_IMPORT.c.id)
    return session.connection().execute(query).first()


def give_up(session: Session, import_id: int, at: datetime) -> None:
    """Write that the plan of an import is gone."""
    lost = update(_IMPORT).where(_IMPORT.c.id == import_id).values(state=ImportState.LOST, ended_at=at)
    session.connection().execute(lost)
    events.append(session, at=at, actor="cli", kind="register_import_lost", data={"import": import_id})
