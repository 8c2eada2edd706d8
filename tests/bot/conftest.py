"""The house for the tests of the stages, and the look that is taken at every store after every test.

The fixtures `database` and `sqlite_database` are the usual ones with the sample register and four members of staff in
them. When a test has ended they are searched for what must never leave; a test cannot switch that off.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlmodel import Session

from store import staff
from store.database import Database
from store.models import StaffMember, StaffRole
from store.sample import load_sample
from tests.bot.house import House
from tests.bot.leaks import assert_nothing_leaks

CUSTOMERS = 14
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def settle_in(url: str) -> None:
    """Put the sample register and the staff into an empty store."""
    database = Database(url)
    try:
        load_sample(database, CUSTOMERS, months=3, now=LONG_AGO)
        database.write_now(_add_staff)
    finally:
        database.close()


def _add_staff(session: Session) -> None:
    people = (
        ("dora", "Dora", StaffRole.CLERK),
        ("emil", "Emil", StaffRole.APPROVER),
        ("tarkastaja", "Tarkastaja", StaffRole.AUDITOR),
        ("entinen", "Entinen", StaffRole.APPROVER),
    )
    for login, name, role in people:
        staff.add_member(session, login=login, name=name, role=role, now=LONG_AGO, committed_on=date(2026, 1, 7))
    former = session.get_one(StaffMember, 4)
    former.disabled_at = LONG_AGO


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """An SQLite file with the sample register and the staff."""
    path = tmp_path_factory.mktemp("house") / "house.sqlite"
    shutil.copyfile(sqlite_template, path)
    settle_in(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str, postgres_template: str) -> str:
    """Name of a PostgreSQL database with the sample register and the staff."""
    name = "kirjaamo_house"
    plain = postgres_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(f"{plain}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")  # type: ignore[call-overload,unused-ignore]  # psycopg wants literals; the names are ours
    settle_in(f"{postgres_url}/{name}")
    return name


@pytest.fixture
def database(database: Database) -> Iterator[Database]:
    """A store with the sample register, searched for leaks when the test has ended."""
    yield database
    database.read_now(assert_nothing_leaks)


@pytest.fixture
def sqlite_database(sqlite_database: Database) -> Iterator[Database]:
    """The same, where the kind of store does not matter."""
    yield sqlite_database
    sqlite_database.read_now(assert_nothing_leaks)


@pytest.fixture
def house(database: Database, clock: Any) -> House:
    """The stages over a store; the test runs on SQLite and on PostgreSQL."""
    return House(database, clock)


@pytest.fixture
def small_house(sqlite_database: Database, clock: Any) -> House:
    """The stages over SQLite alone."""
    return House(sqlite_database, clock)
