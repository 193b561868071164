"""One server, and one environment for each runtime, for all tests of the runtimes: they take long to make."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from runtimes import smollm2_as_hf
from servers import Server, serving

from forecourt.processes import Environment, Environments
from forecourt.serving.local.annotations import LocalAnnotations
from forecourt.serving.runtimes import shipped_runtimes

TORCH = "https://download.pytorch.org/whl/cpu/torch/"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server; uv's downloads are shared with whatever else shares them."""
    home = tmp_path_factory.mktemp("forecourt") / "home"
    own = {"FORECOURT_DRAIN_SECONDS": "1", "FORECOURT_STOP_SECONDS": "3"}
    if "UV_CACHE_DIR" in os.environ:
        own["UV_CACHE_DIR"] = os.environ["UV_CACHE_DIR"]
    with serving(home, **own) as server:
        yield server
    for name in ("environments", "cache"):  # gigabytes, which pytest would keep for the next three runs
        shutil.rmtree(home / name, ignore_errors=True)


@pytest.fixture(scope="session")
def torch_wheels() -> None:
    """Skip what needs a torch for processors where nothing says where to have it and its index does not answer."""
    if any(name.startswith("UV_") and re.search("TORCH_BACKEND|FIND_LINKS|INDEX", name) for name in os.environ):
        return
    try:
        httpx.head(TORCH, timeout=10, follow_redirects=True).raise_for_status()
    except httpx.HTTPError as error:
        pytest.skip(f"needs {TORCH}, or UV_FIND_LINKS with a torch for processors: {error}")


@pytest.fixture(scope="session")
def environment_of(server: Server) -> Callable[[str], Environment]:
    """The environment of a shipped runtime, the same that the server uses."""

    def make(name: str) -> Environment:
        [runtime] = [runtime for runtime in shipped_runtimes() if runtime.name == name]
        local = LocalAnnotations.of(runtime)
        environments = Environments(server.home / "environments", server.home / "cache")
        return asyncio.run(environments.ensure(local.requirements, overrides=local.overrides))

    return make


@pytest.fixture(scope="session")
def smollm2_hf(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """SmolLM2-135M-Instruct as Hugging Face lays models out."""
    directory = smollm2_as_hf.write(smollm2, tmp_path_factory.mktemp("hf") / "smollm2")
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def smollm2_gguf(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the GGUF file alone."""
    directory = tmp_path_factory.mktemp("gguf")
    try:
        os.link(smollm2, directory / smollm2.name)
    except OSError:  # another file system
        shutil.copy(smollm2, directory)
    return directory
