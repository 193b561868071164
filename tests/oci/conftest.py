from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from registries import Registry, serve

from forecourt.oci import ContentStore, Repositories


@pytest.fixture
async def registry(store: ContentStore, tmp_path: Path) -> AsyncIterator[Registry]:
    """An empty registry over `store`."""
    async with serve(store, Repositories(tmp_path / "registry", store)) as running:
        yield running
