"""What became of each deployment of a ModelCar, written down with the image, so that it travels with the model.

A record is one JSON object: ``id``, ``deployment`` (its name), ``revision``, ``runtime``, ``hardware``, ``replicas``,
``deployed`` and ``ready`` (RFC 3339, UTC), ``secondsToReady``, ``ended`` and ``endedBecause`` (``deleted``,
``replaced``, ``stopped``) once it has, ``requests``, ``failedRequests``. It begins when a revision is first ready, and
is written again when that ends and now and then meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from forecourt.errors import ForecourtError
from forecourt.objects import ObjectStore, keep_following, now
from forecourt.serving.endpoints import Endpoints, Load
from forecourt.serving.history import rolled_out
from forecourt.serving.model import InferenceService
from forecourt.serving.status import IMAGE

Write = Callable[[str, dict[str, Any]], None]
"""Takes an image, ``registry/repository@sha256:…``, and a record; blocks."""

_AGAIN_SECONDS = 3600.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Open:
    """A record that is not at its end, and the counts of requests when it began."""

    image: str
    record: dict[str, Any]
    load: Load
    began: tuple[int, int]
    written: float = field(default_factory=time.monotonic)


class Records:
    """Writes down what deployments do, while `run` runs."""

    def __init__(self, objects: ObjectStore, endpoints: Endpoints, write: Write, hardware: str) -> None:
        self._objects = objects
        self._endpoints = endpoints
        self._write = write
        self._hardware = hardware
        self._open: dict[str, _Open] = {}

    async def run(self) -> None:
        """Follow the deployments until cancelled; then what is open is written once more."""
        try:
            await keep_following(self._follow, "What deployments do could not be written down")
        finally:
            for one in self._open.values():
                await asyncio.shield(self._put(one))

    async def _follow(self) -> None:
        services, version = await asyncio.to_thread(self._objects.list_at, InferenceService)
        for service in services:
            await self._see(service)
        async for event, service in self._objects.watch(InferenceService, since=version):
            if event == "DELETED" or service.metadata.deletion_timestamp:
                await self._end(service, "deleted")
            else:
                await self._see(service)

    async def _see(self, service: InferenceService) -> None:
        uid = service.metadata.uid or ""
        image = ((service.status and service.status.annotations) or {}).get(IMAGE, "")
        revision = rolled_out(service)
        there = self._open.get(uid)
        if service.stopped:
            await self._end(service, "stopped")
        elif service.ready and image and revision:
            if there and there.record["revision"] != revision:
                await self._end(service, "replaced")
                there = None
            if there is None:
                await self._begin(service, image, revision)
            elif time.monotonic() - there.written > _AGAIN_SECONDS:
                await self._put(there)

    async def _begin(self, service: InferenceService, image: str, revision: str) -> None:
        endpoint = self._endpoints.get(service.namespace, service.name)
        if endpoint is None:
            return
        ready = service.status and service.status.condition("Ready")
        deployed = service.metadata.creation_timestamp or now()
        first = revision.endswith("-00001")
        came = (ready and ready.last_transition_time) or now()
        uid = service.metadata.uid or ""
        record = {
            "id": f"{uid[:8]}-{revision}",
            "deployment": service.name,
            "revision": revision,
            "runtime": (service.status and service.status.serving_runtime_name) or service.model.runtime or "",
            "hardware": self._hardware,
            "replicas": service.replicas,
            "deployed": deployed if first else came,
            "ready": came,
            "requests": 0,
            "failedRequests": 0,
        }
        if first:
            record["secondsToReady"] = _seconds(deployed, came)
        load = endpoint.load
        self._open[uid] = opened = _Open(image, record, load, (load.answered, load.failed))
        await self._put(opened)

    async def _end(self, service: InferenceService, why: str) -> None:
        if opened := self._open.pop(service.metadata.uid or "", None):
            opened.record |= {"ended": now(), "endedBecause": why}
            await self._put(opened)

    async def _put(self, opened: _Open) -> None:
        load, (answered, failed) = opened.load, opened.began
        opened.record |= {"requests": load.answered - answered, "failedRequests": load.failed - failed}
        opened.written = time.monotonic()
        try:
            await asyncio.to_thread(self._write, opened.image, dict(opened.record))
        except ForecourtError as error:
            log.warning("%s is not written down with %s: %s", opened.record["deployment"], opened.image, error)


def _seconds(earlier: str, later: str) -> float:
    first, last = (datetime.fromisoformat(each.replace("Z", "+00:00")).astimezone(UTC) for each in (earlier, later))
    return max(0.0, (last - first).total_seconds())
