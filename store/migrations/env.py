"""Run by alembic for every command: on the connection that `store.schema` hands in, inside its transaction."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel.sql.sqltypes import AutoString

from store.models import metadata
from store.models.base import UtcDateTime, Word


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write the house's own types as the plain ones they are kept in, so that a revision outlives the models."""
    if kind == "type":
        if isinstance(item, UtcDateTime):
            return "sa.DateTime(timezone=True)"
        if isinstance(item, Word):
            return "sa.String(length=32)"
        if isinstance(item, AutoString):
            return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False


connection: sa.Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    render_item=render_item,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
