"""Append-only notes of what was seen from outside, in files that outlive whoever is killed while writing them."""

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any


class Ledger:
    """One file of JSON lines. Each note is one write, so threads and processes may share the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, **facts: Any) -> None:
        """Add one line; once this returns, a kill of the process cannot take it back."""
        os.write(self._descriptor, json.dumps(facts, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """All lines so far; one that a kill has cut short is left out."""
        for line in self._path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield json.loads(line)


def hash_of_words(text: str) -> str:
    """Hash of a text that does not depend on how its lines end."""
    return sha256("\n".join(text.splitlines()).encode()).hexdigest()
