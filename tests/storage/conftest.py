"""What the tests of fetching share: a machine, servers that models come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from catalog.remote.hub import Hub, running
from storage.servers import Fetcher, FileServer, serving_files

from forecourt.oci import Anonymous, Clients, Patience


@pytest.fixture(autouse=True)
def _no_logins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the person's own keys out, and wait less than in life."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An empty hub on loopback."""
    with running() as hub:
        yield hub


@pytest.fixture
def files() -> Iterator[FileServer]:
    """A server of plain files, empty."""
    with serving_files() as server:
        yield server


@pytest.fixture
def fetcher(tmp_path: Path) -> Iterator[Fetcher]:
    """A machine that fetches."""
    with Clients(Anonymous()) as clients:
        yield Fetcher(tmp_path / "machine", clients)


@pytest.fixture
def quick(fetcher: Fetcher) -> None:
    """Wait less than in life for who is silent."""
    fetcher.patience = Patience(connect=2, answer=0.4, attempts=3, pause=0.01, longest_pause=1)
