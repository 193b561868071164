from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_registries import plain_registry as plain_registry
from tiny_models import Machine, write_transformers

from forecourt.oci import Anonymous, Clients, Reference


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "one")


@pytest.fixture
def other(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "two")


@pytest.fixture
def client_for() -> Iterator[Clients]:
    with Clients(Anonymous()) as clients:
        yield clients


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model as transformers saves one."""
    directory = tmp_path / "model"
    directory.mkdir()
    return write_transformers(directory)


@pytest.fixture
def reference() -> Reference:
    return Reference.parse("localhost:5000/demo/tiny:1.0")
