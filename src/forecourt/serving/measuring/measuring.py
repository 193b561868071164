"""Looks at every deployment, each ten seconds, and writes down what it did.

Counts come from the gateway, processor time from the system, memory from whoever weighs the replicas anyway, tokens
from the runtime's own metrics where requests were under way. A deployment of which nothing is asked is written down
once, and then every ten minutes; one that does not run, not at all.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

import aiohttp

from forecourt.errors import ForecourtError
from forecourt.objects import ObjectStore, keep_following
from forecourt.processes import cpu_seconds
from forecourt.serving.driver import Key, Running
from forecourt.serving.endpoints import Endpoints
from forecourt.serving.gateway import Counts
from forecourt.serving.measuring.sample import Sample
from forecourt.serving.measuring.store import Measurements
from forecourt.serving.measuring.timeline import TIERS
from forecourt.serving.measuring.tokens import tokens_generated
from forecourt.serving.measuring.watched import Reading, Watched
from forecourt.serving.model import InferenceService

STEP = TIERS[0].step

log = logging.getLogger(__name__)


class Measuring:
    """Measures while `run` runs. `counts` gives the gateway's counts, `running` what runs of each deployment."""

    def __init__(
        self,
        objects: ObjectStore,
        measurements: Measurements,
        endpoints: Endpoints,
        counts: Callable[[], Mapping[tuple[str, str], Counts]],
        running: Callable[[], Mapping[Key, Sequence[Running]]],
        session: aiohttp.ClientSession,
    ) -> None:
        self._objects = objects
        self._measurements = measurements
        self._endpoints = endpoints
        self._counts = counts
        self._running = running
        self._session = session
        self._watched: dict[str, Watched] = {}
        self._gone: set[str] = set()
        self._began = time.time()
        self._looked = time.monotonic()

    async def run(self) -> None:
        """Measure until cancelled; what was seen until then is written, and that nothing is known from there on."""
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_following(self._follow, "What was measured of deleted deployments stays"))
            group.create_task(self._measure())

    async def _measure(self) -> None:
        # The ten seconds in which the server starts are left to the one before it: the first look is after the next.
        start = int(time.time()) // STEP * STEP + STEP
        try:
            while True:
                await asyncio.sleep(max(0.0, start + STEP - time.time()))
                await self.look(start)
                start = max(start + STEP, int(time.time()) // STEP * STEP)
        finally:
            now = int(time.time())
            await asyncio.shield(self.look(now - now % STEP, last=True))

    async def look(self, start: int, *, last: bool = False) -> None:
        """Write down what happened since the last look, in the ten seconds from `start` on."""
        try:
            samples = await self._samples(start, last=last)
            await asyncio.to_thread(self._measurements.add, start, samples)
        except ForecourtError as error:
            log.warning("What deployments did could not be written down: %s", error)
        except Exception:
            log.exception("What deployments did could not be measured; it will be tried again.")

    async def _samples(self, start: int, *, last: bool) -> dict[str, Sample]:
        moment = time.monotonic()
        seconds, self._looked = max(0.001, moment - self._looked), moment
        running, counts = self._running(), self._counts()
        pids = [each.pid for replicas in running.values() for each in replicas]
        cpu = await asyncio.to_thread(cpu_seconds, pids) if pids else {}
        found = {}
        for key, replicas in running.items():
            watched = self._watched.setdefault(key.uid, Watched(self._began))
            endpoint = self._endpoints.get(key.namespace, key.name)
            now = Reading(
                counts.get((key.namespace, key.name), Counts()),
                endpoint.load.area(moment) if endpoint else 0.0,
                {each.id: cpu[each.pid] for each in replicas if each.pid in cpu},
            )
            if watched.busy(now) and not last:
                tokens = await self._tokens([each for each in replicas if each.ready])
                now = Reading(now.counts, now.area, now.cpu, tokens)
            sample = watched.kept(watched.take(now, replicas, round(seconds, 2)), replicas, start, last=last)
            if sample is not None and key.uid not in self._gone:
                found[key.uid] = sample
        for uid in self._watched.keys() - {key.uid for key in running}:
            del self._watched[uid]
        return found

    async def _tokens(self, replicas: Sequence[Running]) -> dict[str, float]:
        counted = await asyncio.gather(*(tokens_generated(self._session, each.url) for each in replicas))
        return {each.id: count for each, count in zip(replicas, counted, strict=True) if count is not None}

    async def _follow(self) -> None:
        """Let go of what was measured of deployments that are deleted."""
        services, version = await asyncio.to_thread(self._objects.list_at, InferenceService)
        await asyncio.to_thread(self._measurements.keep_only, {one.metadata.uid or "" for one in services})
        async for event, service in self._objects.watch(InferenceService, since=version):
            if event == "DELETED" and service.metadata.uid:
                self._gone.add(service.metadata.uid)
                await asyncio.to_thread(self._measurements.forget, service.metadata.uid)
