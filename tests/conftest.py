"""What every test may ask for: a fresh database on SQLite and on a real PostgreSQL, and a clock that is set by hand.

PostgreSQL is started here, one cluster a test process and only when a test first asks for it, on a free loopback port.
It dies with the test process, even when that is killed. A machine without PostgreSQL fails these tests; it never skips
them.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from store import schema
from store.database import Database

ROOMY = 1 << 30
"""Free bytes that a folder in memory must have to hold the cluster."""
STARTS_WITHIN = 30.0
"""Seconds that PostgreSQL may take before the tests give up on it."""


class Clock:
    """A clock that stands until a test moves it. `now()` is aware UTC."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The same as `now()`, for parts that take a plain function."""
        return self._now

    def now(self) -> datetime:
        """The moment the clock stands at."""
        return self._now

    def set(self, moment: datetime) -> None:
        """Put the clock to `moment`, which must be aware."""
        self._now = moment.astimezone(UTC)

    def advance(self, **step: float) -> datetime:
        """Move on by `timedelta(**step)`; return the new moment."""
        self._now += timedelta(**step)
        return self._now


@pytest.fixture
def clock() -> Clock:
    """A clock at 2026-03-02 10:00 UTC, a Monday."""
    return Clock()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and no rows; tests copy it."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a running PostgreSQL cluster of our own, without a database name at its end."""
    with tempfile.TemporaryDirectory(prefix="kirjaamo-pg-", dir=_roomy_folder()) as name, _cluster(Path(name)) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> str:
    """Name of a database with all tables and no rows; tests are given copies."""
    name = "kirjaamo_template"
    _administer(postgres_url, f"CREATE DATABASE {name}")
    _migrate(f"{postgres_url}/{name}")
    return name


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """URL of a fresh SQLite database with all tables."""
    path = tmp_path / "kirjaamo.sqlite"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgres_url: str, postgres_template: str) -> Iterator[str]:
    """URL of a fresh PostgreSQL database with all tables."""
    name = f"test_{uuid.uuid4().hex}"
    _administer(postgres_url, f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield f"{postgres_url}/{name}"
    _administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of a fresh database with all tables; the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh open database; the test runs on SQLite and on PostgreSQL."""
    with _opened(database_url) as opened:
        yield opened


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """A fresh open SQLite database, where the kind does not matter."""
    with _opened(sqlite_url) as opened:
        yield opened


@contextlib.contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    database.open()
    try:
        yield database
    finally:
        database.close()


def _migrate(url: str) -> None:
    database = Database(url)
    schema.upgrade(database)
    database.close()


def _administer(url: str, statement: str) -> None:
    with psycopg.connect(_plain(f"{url}/postgres"), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload,unused-ignore]  # psycopg wants literals; the names are ours


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def _roomy_folder() -> str | None:
    """Memory, where there is enough of it: durable commits then cost next to nothing. Else the usual place."""
    memory = Path("/dev/shm")  # noqa: S108 - only a folder of a random name is made in it
    if memory.is_dir() and shutil.disk_usage(memory).free > ROOMY:
        return str(memory)
    return None


@contextlib.contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    """A PostgreSQL server of our own in `folder`, ended with this process however that ends."""
    programs = _programs()
    data, log = folder / "data", folder / "log"
    as_owner = ["setpriv", "--pdeathsig=INT"]
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        as_owner += ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
    folder.chmod(0o700)
    subprocess.run(
        [
            *as_owner,
            programs / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "-N",
        ],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    port = _free_port()
    with log.open("wb") as sink:
        server = subprocess.Popen(
            [*as_owner, programs / "postgres", "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1"],
            stdout=sink,
            stderr=sink,
            cwd=folder,
        )
        try:
            url = f"postgresql+psycopg://postgres@127.0.0.1:{port}"
            _wait_for(url, server, log)
            yield url
        finally:
            server.terminate()
            try:
                server.wait(STARTS_WITHIN)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            psycopg.connect(_plain(f"{url}/postgres")).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                pytest.fail(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        else:
            return


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.fail("the tests need PostgreSQL: install Debian's package `postgresql`")
    return found[-1].parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
