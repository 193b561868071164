"""Fixtures for the catalog's API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from catalog.api.real import Service

from forecourt.catalog import refreshing


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A server's catalog without any source, whose own may read from the folder ``files``; it looks at files often."""
    monkeypatch.setattr(refreshing, "_LOOK_SECONDS", 0.1)
    files = tmp_path / "files"
    files.mkdir()
    with closing(Service(tmp_path / "home", catalog_folders=str(files))) as service:
        yield service
