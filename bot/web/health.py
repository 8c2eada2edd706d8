"""How well the service is, as the desk is told it: for `/readyz`."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Health:
    """How well the service is. The names of `parts` are of the program, never of people."""

    ready: bool
    parts: Mapping[str, bool]
    troubles: Mapping[str, str] = field(default_factory=dict)
    """Of a part that is not well, what ails it."""
