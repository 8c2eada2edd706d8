"""The shape of the tables: it grows from nothing, it is what the models say, and a strange one is refused."""

from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from store import schema
from store.database import Database
from store.models import metadata


def _checks(database: Database) -> dict[str, set[tuple[str, str]]]:
    """Words that each table lets in, as the database understood them."""
    found = inspect(database.engine)
    return {
        table: {(str(check["name"]), check["sqltext"]) for check in found.get_check_constraints(table)}
        for table in metadata.tables
    }


def test_a_migrated_database_has_exactly_the_tables_of_the_models(database: Database) -> None:
    schema.check(database)
    assert set(inspect(database.engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_a_migrated_database_lets_in_exactly_the_words_of_the_models(database: Database, tmp_path: Path) -> None:
    migrated = _checks(database)
    with database.engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert migrated == _checks(database)


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    schema.upgrade(database)
    assert schema.is_current(database)
    assert schema.current(database) == schema.newest()


def test_an_empty_database_is_refused_until_it_is_upgraded(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/100 % new.sqlite")
    assert schema.current(database) is None
    with pytest.raises(schema.SchemaDiffers, match="run `kirjaamo db upgrade`"):
        schema.require_current(database)
    schema.upgrade(database)
    schema.require_current(database)
    database.close()


def test_an_older_database_is_refused_with_the_command_that_helps(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    with pytest.raises(schema.SchemaDiffers, match="run `kirjaamo db upgrade`"):
        schema.require_current(database)


def test_a_database_of_newer_code_is_neither_served_nor_upgraded(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(schema.SchemaDiffers, match="does not know"):
        schema.require_current(database)
    with pytest.raises(schema.SchemaDiffers, match="does not know"):
        schema.upgrade(database)


def test_an_upgrade_that_fails_leaves_no_half_of_it(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/half.sqlite")
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE ticket (id INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        schema.upgrade(database)
    assert inspect(database.engine).get_table_names() == ["ticket"]
    database.close()


def test_foreign_keys_are_watched_again_after_an_upgrade(database: Database) -> None:
    schema.upgrade(database)
    with (
        pytest.raises(Exception, match=r"(?i)foreign key"),
        database.engine.begin() as connection,
    ):
        connection.execute(
            text(
                "INSERT INTO clock_segment (request_id, kind, from_on, reason, actor) "
                "VALUES (77, 'running', '2026-01-01', '', 'law')"
            )
        )
