"""Who may serve on a database: one instance at a time, and the operating system knows when it has died.

On SQLite the proof is a lock (`flock`) on a file beside the database, on PostgreSQL an advisory lock of a session of
its own. Both are let go by the kernel or the server when the process ends, however it ends, so a crash leaves nothing
to clean up, and a process id in a file is never trusted.
"""

import fcntl
import os
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

SERVING_LOCK = 0x6B697273
"""Key of PostgreSQL's advisory lock; locks belong to one database, so the key need not name it."""


class AlreadyServed(RuntimeError):
    """Another instance serves on this database; the text is one sentence for the operator."""


class Ownership:
    """The right to serve on the database at `url`, from `acquire` to `release` or the end of the process."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._lock_file: int | None = None
        self._engine: Engine | None = None
        self._connection: Connection | None = None

    def acquire(self) -> None:
        """Take the right. Raises `AlreadyServed` when another instance has it."""
        if self._url.get_backend_name() == "sqlite":
            self._lock_beside_the_file()
        else:
            self._lock_in_the_server()

    def holds(self) -> bool:
        """Whether the right is still ours: a lost connection to PostgreSQL has lost it too."""
        if self._connection is None:
            return self._lock_file is not None
        try:
            self._connection.execute(text("SELECT 1"))
        except Exception:  # noqa: BLE001 - however the connection fails, the server has let the lock go
            return False
        return True

    def release(self) -> None:
        """Give the right back. Idempotent."""
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None
        if self._connection is not None and self._engine is not None:
            self._connection.close()
            self._engine.dispose()
            self._connection = self._engine = None

    def _lock_beside_the_file(self) -> None:
        if not self._url.database or self._url.database == ":memory:":
            return  # no other process can see a database in memory
        # The file stays when the lock goes: to delete it would let two instances lock two files of one name.
        descriptor = os.open(f"{Path(self._url.database).resolve()}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyServed(f"another instance is already serving on {self._url.database}; stop it first") from None
        self._lock_file = descriptor

    def _lock_in_the_server(self) -> None:
        # Autocommit: an open transaction for the life of the process would keep the server from cleaning up.
        engine = create_engine(self._url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        connection = engine.connect()
        if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": SERVING_LOCK}).scalar_one():
            connection.close()
            engine.dispose()
            raise AlreadyServed(
                f"another instance is already serving on the database {self._url.database}; stop it first"
            )
        self._engine, self._connection = engine, connection
