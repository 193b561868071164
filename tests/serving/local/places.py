"""A machine with a driver, as the server has it, and the tiny runtime that it starts: real processes."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from forecourt.oci import Progress
from forecourt.processes import Environment, Environments, Processes
from forecourt.serving.driver import Key
from forecourt.serving.endpoints import Endpoints
from forecourt.serving.local.driver import LocalDriver
from forecourt.serving.local.site import Site
from forecourt.serving.model import InferenceService, ServingRuntime
from forecourt.serving.source import Fetched, Source
from forecourt.serving.status import Observed
from forecourt.settings import Settings

TINY = Path(__file__).with_name("tiny_runtime.py")


class HostEnvironment(Environments):
    """The tests' own environment: the tiny runtime needs nothing installed."""

    async def ensure(self, requirements: Any, **_: Any) -> Environment:
        return Environment(Path(sys.prefix), Path(sys.executable), Path(sys.executable).parent)


def runtime(**changes: Any) -> ServingRuntime:
    container = {
        "name": "kserve-container",
        "image": "example.com/tiny:1",
        "args": ["--host=$(HOST)", "--port=$(PORT)", "--model=/mnt/models"],
        "env": [{"name": "HOST", "value": "0.0.0.0"}, {"name": "PORT", "value": "8080"}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1},
    }
    return ServingRuntime.from_dict(
        {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": "ClusterServingRuntime",
            "metadata": {"name": "tiny", "annotations": {"forecourt.dev/local-command": f"python {TINY}"}},
            "spec": {"supportedModelFormats": [{"name": "tiny", "autoSelect": True}], "containers": [container]},
        }
        | changes
    )


def service(*args: str, replicas: int = 1, stop: bool = False, name: str = "m", **predictor: Any) -> InferenceService:
    annotations = {"serving.kserve.io/stop": "true"} if stop else {}
    model = {"modelFormat": {"name": "tiny"}, "storageUri": "file:///model", "args": list(args)}
    return InferenceService.from_dict(
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": name, "namespace": "default", "uid": f"uid-of-{name}", "annotations": annotations},
            "spec": {"predictor": {"minReplicas": replicas, "model": model} | predictor},
        }
    )


KEY = Key.of(service())


class Place:
    """A machine with a driver, as the server has it; `seen` is what the driver reported last."""

    def __init__(self, settings: Settings, model: Path, session: aiohttp.ClientSession, external: str = "") -> None:
        self.seen: dict[Key, Observed] = {}
        self.story: list[str] = []
        self.endpoints = Endpoints()
        self.changed = asyncio.Event()
        self.fetches = 0
        self.model = model

        def fetch(source: Source, progress: Progress) -> Fetched:
            self.fetches += 1
            progress.begin("weights", 100)
            progress.advance("weights", 100)
            return Fetched(model)

        self.processes = Processes(settings.processes, log_bytes=100_000, log_files=2)
        environments = HostEnvironment(settings.environments, settings.cache)
        url = "http://127.0.0.1:8080"
        site = Site(settings, self.processes, environments, self.endpoints, fetch, session, url, external)
        self.driver = LocalDriver(site, self.report)

    def report(self, key: Key, seen: Observed) -> None:
        self.seen[key] = seen
        self.story.append(seen.reason)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.changed.clear()
                try:
                    async with asyncio.timeout(0.05):
                        await self.changed.wait()
                except TimeoutError:
                    pass

    async def ready(self, count: int = 1) -> Observed:
        await self.until(lambda: KEY in self.seen and self.seen[KEY].ready == self.seen[KEY].serving == count)
        return self.seen[KEY]

    async def ask(self, path: str = "/") -> Any:
        endpoint = self.endpoints.get("default", "m")
        assert endpoint
        assert endpoint.replicas
        async with aiohttp.ClientSession() as session, session.get(endpoint.replicas[0].url + path) as answer:
            return await answer.json()

    def pids(self) -> set[int]:
        """Every process of the tiny runtime that this home has, whoever knows of it."""
        found = set()
        for process in psutil.process_iter(["cmdline"]):
            with contextlib.suppress(psutil.Error):
                ours = {str(TINY), f"--model={self.model}"} <= set(process.info["cmdline"] or ())
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.add(process.pid)
        return found


@asynccontextmanager
async def a_place(settings: Settings, tmp_path: Path, external: str = "", **changes: Any) -> AsyncIterator[Place]:
    (tmp_path / "model").mkdir(exist_ok=True)
    (tmp_path / "model" / "weights.tiny").touch()
    quick = settings.model_copy(update={"drain_seconds": 2.0, "stop_seconds": 1.0} | changes)
    async with aiohttp.ClientSession() as session:
        yield Place(quick, tmp_path / "model", session, external)
