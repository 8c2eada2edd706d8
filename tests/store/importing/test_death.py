"""An import that is killed: before it writes, the register is as it was; after that, the next one finishes it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import Session

from store.database import Database
from store.importing import Batch, CutOff, Options, journal
from store.models import ContactPoint, Customer, ImportState, Reading, RegisterImport, table_of
from tests.store.importing_files import LATER, aino, counts, jsonl, rows, take, take_all

READINGS = 6_000
DIES = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from store.database import Database
from store.importing import Batch, Options

url, file, where, after = sys.argv[1:]

def progress(name, done, total):
    if name == where and done > int(after):
        os.kill(os.getpid(), signal.SIGKILL)

for outcome in Batch(Database(url), Options(), clock=lambda: datetime(2026, 3, 2, 10, tzinfo=UTC), progress=progress).take([Path(file)]):
    print(outcome.problems)
"""  # noqa: E501 - a program, not prose


def die(database: Database, file: Path, where: str, after: int) -> None:
    """Import in another process, which is killed there at the first progress past `after`."""
    done = subprocess.run(
        [sys.executable, "-c", DIES, database.url, file, where, str(after)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Many readings of one customer, and others."""
    readings = [
        {"meter": "LM1", "read_at": f"20{year:02}-01-{day:02}T{hour:02}:00:00Z", "mwh": year}
        for year in range(1, 26)
        for day in range(1, 11)
        for hour in range(24)
    ]
    people = [
        aino(customer_number=str(number), contacts=[{"kind": "email", "value": f"{number}@posti.test"}])
        for number in range(1, 3_000)
    ]
    return jsonl(tmp_path, aino(readings=readings), *people)


def state(database: Database) -> list[tuple[ImportState, bool]]:
    """Each import, and whether something of it is in."""

    def work(session: Session) -> list[tuple[ImportState, bool]]:
        table = table_of(RegisterImport)
        return [(row.state, bool(row.position)) for row in session.execute(select(table).order_by(table.c.id))]

    return database.read_now(work)


def test_one_that_dies_while_it_reads_has_changed_nothing(database: Database, file: Path) -> None:
    die(database, file, "read", 0)
    assert rows(database, Customer) == []
    assert state(database) == []
    assert counts(take(database, file))["reading"] == {"new": READINGS}


@pytest.mark.parametrize(("where", "after"), [("customer", 0), ("contact_point", 500), ("reading", 2_000)])
def test_one_that_dies_while_it_writes_is_finished_by_the_next_and_once(
    database: Database, file: Path, tmp_path: Path, where: str, after: int
) -> None:
    die(database, file, where, after)
    assert state(database) == [(ImportState.APPLYING, True)]
    assert len(rows(database, Reading)) < READINGS
    assert list(take_all(database, at=LATER)) == [CutOff("register.jsonl", finished=True)]
    assert (len(rows(database, Customer)), len(rows(database, Reading))) == (3_000, READINGS)
    assert len(rows(database, ContactPoint)) == 2_999
    assert state(database) == [(ImportState.DONE, True)]
    assert not journal.staging_path(database).exists()
    assert set(counts(take(database, file, LATER))["reading"]) == {"unchanged"}


def test_one_that_is_stopped_while_it_writes_keeps_its_plan(database: Database, file: Path) -> None:
    def stop(name: str, done: int, _total: int) -> None:
        if name == "reading" and done > 2_000:
            raise KeyboardInterrupt

    batch = Batch(database, Options(), clock=lambda: LATER, progress=stop)
    with pytest.raises(KeyboardInterrupt):
        list(batch.take([file]))
    assert state(database) == [(ImportState.APPLYING, True)]
    assert list(take_all(database, at=LATER)) == [CutOff("register.jsonl", finished=True)]
    assert len(rows(database, Reading)) == READINGS


def test_one_whose_plan_is_lost_says_so_and_the_same_file_brings_the_rest(database: Database, file: Path) -> None:
    die(database, file, "reading", 2_000)
    journal.staging_path(database).unlink()
    before, outcome = take_all(database, file, at=LATER)
    assert before == CutOff("register.jsonl", finished=False)
    assert [one for one, _ in state(database)] == [ImportState.LOST, ImportState.DONE]
    assert len(rows(database, Reading)) == READINGS
    assert {one.usable_from.year for one in rows(database, ContactPoint)} == {1900}, "it is still the first import"
    assert hasattr(outcome, "problems")


def test_a_rehearsal_leaves_one_that_was_cut_off_alone(database: Database, file: Path) -> None:
    die(database, file, "reading", 2_000)
    take_all(database, file, dry_run=True)
    assert state(database) == [(ImportState.APPLYING, True)]
    assert journal.staging_path(database).exists()
