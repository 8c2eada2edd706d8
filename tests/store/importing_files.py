"""Taking files in as the command does, and looking at what the register then has."""

import json
from collections.abc import Mapping as Words
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel, select

from store.database import Database
from store.importing import Batch, CutOff, Options, Outcome
from store.importing.mapping import Mapping, parse_mapping

FIRST = datetime(2026, 3, 2, 10, tzinfo=UTC)
LATER = datetime(2026, 4, 2, 10, tzinfo=UTC)
LAST = datetime(2026, 5, 2, 10, tzinfo=UTC)


def take_all(database: Database, *files: Path, at: datetime = FIRST, **options: Any) -> list[Outcome | CutOff]:
    """What became of each file."""
    return list(Batch(database, Options(**options), clock=lambda: at).take(files))


def take(database: Database, file: Path, at: datetime = FIRST, **options: Any) -> Outcome:
    """What became of one file."""
    (outcome,) = take_all(database, file, at=at, **options)
    assert isinstance(outcome, Outcome)
    return outcome


def counts(outcome: Outcome) -> dict[str, dict[str, int]]:
    """What was found to differ; the file must have been taken in."""
    assert outcome.problems == []
    return outcome.difference.plain()


def jsonl(folder: Path, *entries: Words[str, Any], name: str = "register.jsonl") -> Path:
    """A file in the published shape."""
    path = folder / name
    path.write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries), "utf-8")
    return path


def aino(**more: Any) -> dict[str, Any]:
    """Aino as her customer system knows her."""
    return {"customer_number": "100234", "kind": "person", "name": "Aino Esimerkkilä", **more}


def rows(database: Database, model: type[SQLModel]) -> list[Any]:
    """All rows of a table, in the order of their numbers."""
    return database.read_now(lambda session: list(session.exec(select(model).order_by(model.id))))  # type: ignore[attr-defined]


def mapped(table: str, name: str = "*", **entry: Any) -> Mapping:
    """A mapping of one file."""
    return parse_mapping({"file": [{"name": name, "table": table, **entry}]})
