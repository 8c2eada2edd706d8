"""The tables that an import fills: which columns it brings, which of them count as a change, which key a row has.

Values are staged as the databases take them in text: moments in UTC, dates in ISO 8601, JSON as text, yes as 1.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, Date, Table
from sqlmodel import SQLModel

from store.models import ContactPoint, Customer, Disclosure, Identifier, Reading, Record, Role, table_of
from store.models.base import UtcDateTime

Values = Mapping[str, Any]
_MADE_PLAIN = (UtcDateTime, Date, JSON)


@dataclass(frozen=True, slots=True)
class Kept:
    """One table of the register as an import sees it."""

    name: str
    table: Table
    columns: tuple[str, ...]
    """What is staged, and put in with the customer's id and the import's."""
    compared: tuple[str, ...]
    """Columns in which a difference is a change; all others tell where a value came from."""
    key: Callable[[Values, str], str]
    """The key of a row among those of its customer; a role's other party is handed in."""
    collapses: bool
    """Whether two rows of one key in a file say the same thing, rather than contradict each other."""
    bare: frozenset[str]
    """Columns whose values are staged as they are, which saves a look at each of them."""

    def staged(self, row: Values) -> list[Any]:
        """The row's values as they are staged."""
        bare = self.bare
        return [row[name] if name in bare else plain(row[name]) for name in self.columns]


def plain(value: Any) -> Any:
    """A value as it is staged and compared."""
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value) if isinstance(value, str) else value


@lru_cache(maxsize=1 << 16)
def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _by_value(row: Values, _: str) -> str:
    own = row["external_id"]
    return f"{row['kind']}={own}" if own else f"{row['kind']}:{row['normalised'] or row['value']}"


def _kept(model: type[SQLModel], compared: str, key: Callable[[Values, str], str], *, collapses: bool = False) -> Kept:
    table = table_of(model)
    left_out = {"id", "customer_id", "holder_id", "import_id", "corrected_at", "ended_at", "bounced_at"}
    columns = tuple(column.name for column in table.c if column.name not in left_out)
    bare = frozenset(name for name in columns if not isinstance(table.c[name].type, _MADE_PLAIN))
    return Kept(table.name, table, columns, tuple(compared.split()), key, collapses, bare)


CUSTOMER = _kept(Customer, "kind name language turvakielto ended_on", lambda row, _: str(row["key"]))
CONTACT = _kept(ContactPoint, "normalised status", _by_value, collapses=True)
IDENTIFIER = _kept(Identifier, "normalised", _by_value, collapses=True)
ROLE = _kept(
    Role,
    "mandate valid_from valid_to",
    lambda row, other: f"{row['kind']}>{other}>{row['external_id'] or plain(row['valid_from']) or ''}",
)
RECORD = _kept(
    Record,
    "fields valid_from valid_to",
    lambda row, _: f"{row['category']}/{row['kind']}/{row['external_id']}",
)
READING = _kept(Reading, "mwh cubic_metres quality", lambda row, _: f"{row['meter']}@{plain(row['read_at'])}")
DISCLOSURE = _kept(
    Disclosure,
    "categories first_on last_on",
    lambda row, _: str(row["external_id"]) or f"{row['recipient']}|{row['purpose']}|{plain(row['first_on'])}",
)
TABLES = (CUSTOMER, CONTACT, IDENTIFIER, ROLE, RECORD, READING, DISCLOSURE)
"""In the order in which they are put in."""
OF_NAME = {kept.name: kept for kept in TABLES}
OF_FILE = {
    "customers": CUSTOMER,
    "contacts": CONTACT,
    "identifiers": IDENTIFIER,
    "roles": ROLE,
    "records": RECORD,
    "readings": READING,
    "disclosures": DISCLOSURE,
}
"""By the names that mappings use."""
