from __future__ import annotations

from collections.abc import Iterator

import pytest
from catalog.remote.hub import Hub, running


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An empty hub on loopback."""
    with running() as hub:
        yield hub
