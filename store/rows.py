"""One row written without the ORM's unit of work, for the path on which every mail writes a handful of them.

Making an object of a model and flushing it costs several times the insert itself. The models stay the one description
of the tables: what is not given here takes the default that the model names.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, cast

from sqlalchemy import insert
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Session, SQLModel

from store.models import table_of


def add_row(session: Session, model: type[SQLModel], /, **values: Any) -> int:
    """Insert a row of `model` and return its id. Raises what the database raises for a value that is missing.

    Objects that the session still holds back are not flushed for it: flush them first where the row refers to one.
    """
    row = {name: default() for name, default in _defaults(model).items() if name not in values} | values
    row_id: int = session.connection().execute(_insert(model), row).scalar_one()
    return row_id


@cache
def _insert(model: type[SQLModel]) -> ReturningInsert[Any]:
    table = table_of(model)
    return insert(table).returning(table.c.id)


@cache
def _defaults(model: type[SQLModel]) -> dict[str, Callable[[], Any]]:
    """How to make each default. Asking the field itself looks at the factory's signature every time."""
    return {
        name: cast("Callable[[], Any]", field.default_factory)
        if field.default_factory
        else partial(_same, field.default)
        for name, field in model.model_fields.items()
        if name != "id" and not field.is_required()
    }


def _same(value: Any) -> Any:
    return value
