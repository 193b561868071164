"""Deployments as processes on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from forecourt.processes import Process, occupants
from forecourt.serving.availability import why_not
from forecourt.serving.driver import Key, Report, Running, Stable
from forecourt.serving.local.deployment import LocalDeployment
from forecourt.serving.local.logs import read_logs
from forecourt.serving.local.site import Site
from forecourt.serving.model import InferenceService, ServingRuntime

_ROTATE_SECONDS = 5.0

log = logging.getLogger(__name__)


class LocalDriver:
    """Runs each deployment's replicas as processes that outlive the server; a `Driver`."""

    def __init__(self, site: Site, report: Report) -> None:
        self._site = site
        self._report = report
        self._deployments: dict[Key, LocalDeployment] = {}
        self._found: dict[str, list[Process]] = {}
        self._rotation: asyncio.Task[None] | None = None

    async def start(self, services: Sequence[InferenceService]) -> None:
        """Find again what runs of `services`; end the replicas of deployments that are no more."""
        known = {service.metadata.uid for service in services}
        strangers = []
        for process in await asyncio.to_thread(self._site.processes.adopt):
            uid = process.labels.get("uid", "")
            if not process.alive():
                process.forget()
            elif uid in known:
                self._found.setdefault(uid, []).append(process)
            else:
                strangers.append(process)
        for process in strangers:
            log.info("Ending process %s: its deployment is no more.", process.pid)
            await process.stop(self._site.settings.stop_seconds)
            process.forget()
        self._rotation = asyncio.create_task(self._rotate())

    def refusal(self, runtime: ServingRuntime) -> str:
        """Say why `runtime` cannot run on this machine; nothing where it can."""
        return why_not(runtime)

    def environments_in_use(self) -> dict[str, list[str]]:
        """Return which deployments (``namespace/name``) hold which environments, by key.

        One that sleeps, or starts again, holds its own; so does one whose replica is on its way out. Blocks.
        """
        found: dict[str, set[str]] = {}
        for key, deployment in list(self._deployments.items()):
            for environment in deployment.environments:
                found.setdefault(environment, set()).add(f"{key.namespace}/{key.name}")
        settings = self._site.settings
        for environment, ids in occupants(settings.home, settings.environments).items():
            held = found.setdefault(environment, set())
            for each in ids:
                labels = self._site.processes.labels(each)
                held.add(f"{labels['namespace']}/{labels['name']}" if "namespace" in labels else each)
        return {environment: sorted(deployments) for environment, deployments in found.items()}

    def models_in_use(self) -> dict[Path, list[str]]:
        """Return which deployments (``namespace/name``) read their model from which directory; for the event loop."""
        found: dict[Path, list[str]] = {}
        for key, deployment in self._deployments.items():
            for directory in deployment.models:
                found.setdefault(directory, []).append(f"{key.namespace}/{key.name}")
        return {directory: sorted(deployments) for directory, deployments in found.items()}

    @property
    def preparing(self) -> bool:
        """Whether a model is being fetched, or a process that was found is not yet known to be a deployment's."""
        return bool(self._found) or any(deployment.preparing for deployment in self._deployments.values())

    def running(self) -> Mapping[Key, Sequence[Running]]:
        """Return the replicas that run of each deployment, of those that are stopped or asleep none."""
        return {key: [each.running for each in one.replicas] for key, one in self._deployments.items()}

    def apply(self, service: InferenceService, runtime: ServingRuntime, stable: Stable | None = None) -> None:
        """Make it so that `service` runs with `runtime`, beside what is `stable` where that is given."""
        key = Key.of(service)
        deployment = self._deployments.get(key)
        if deployment is None:
            deployment = self._deployments[key] = LocalDeployment(key, self._site, self._report)
        deployment.want(service, runtime, stable)
        for process in self._found.pop(key.uid, ()):
            deployment.adopt(process)

    async def remove(self, key: Key) -> None:
        """End a deployment's replicas, and drop the model's files where no other reads them."""
        if deployment := self._deployments.get(key):
            await deployment.stop()
            self._deployments.pop(key, None)
        for process in self._found.pop(key.uid, ()):
            await process.stop(self._site.settings.stop_seconds)
            process.forget()
        await self._drop_models()

    async def logs(self, key: Key, *, replica: int | None, tail: int | None, follow: bool) -> AsyncIterator[bytes]:
        """Yield what the replicas printed; lines of several are told apart by a prefix."""

        def files() -> dict[str, Path]:
            found = self._site.processes.logs(f"{key.name}-{key.uid[:8]}-")
            return {name: path for name, path in found.items() if replica is None or name.endswith(f"-{replica}")}

        async for lines in read_logs(files, tail=tail, follow=follow):
            yield lines

    async def close(self, *, stop: bool) -> None:
        """Stop watching; with `stop`, end every replica too."""
        if self._rotation:
            self._rotation.cancel()
        async with asyncio.TaskGroup() as group:
            for deployment in self._deployments.values():
                group.create_task(deployment.stop() if stop else deployment.leave())
        self._deployments.clear()

    async def _drop_models(self) -> None:
        """Remove the directories under `models` that no deployment reads; the store keeps what images need."""
        if self.preparing:
            return
        used = set().union(*(deployment.models for deployment in self._deployments.values()))
        with contextlib.suppress(FileNotFoundError):
            for directory in self._site.settings.models.iterdir():
                # What begins with a dot is how models come here: what is known of their sources, what is being made.
                if directory not in used and not directory.name.startswith("."):
                    await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    async def _rotate(self) -> None:
        while True:
            await asyncio.sleep(_ROTATE_SECONDS)
            await asyncio.to_thread(self._site.processes.rotate)
