"""A synthetic register as files, to try an import with."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from store.sample import sample_customers
from store.sample_files import write_tables

MANY = 2_000
"""Customers above which a sample has one invoice each, and no readings unless they are asked for."""


def write_sample(count: int, folder: Path, *, months: int, seed: int = 1) -> list[Path]:
    """Write `count` invented customers as tables with their mapping, and as `register.jsonl`; returns all paths."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "register.jsonl"
    invoices = 4 if count <= MANY else 1
    with path.open("w", encoding="utf-8") as lines:

        def noted() -> Iterator[dict[str, Any]]:
            for customer in sample_customers(count, seed, months=months, invoices=invoices):
                lines.write(json.dumps(customer, ensure_ascii=False) + "\n")
                yield customer

        tables = write_tables(noted(), folder)
    return [path, *tables, folder / "mapping.toml"]
