"""The reconcile loop: what the database says is wanted goes to the driver, what the driver sees goes to the database.

It looks at everything there is whenever something changed, and now and then all the same, so that it does not matter
what it missed, or what a server that was killed had begun.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from forecourt.errors import ForecourtError, NotFound
from forecourt.objects import ObjectStore, now
from forecourt.serving.driver import Driver, Key
from forecourt.serving.history import History
from forecourt.serving.model import InferenceService, ServingRuntime
from forecourt.serving.offering import Offering
from forecourt.serving.runtimes import known_runtimes
from forecourt.serving.selection import RuntimeNotSelected, select_runtime
from forecourt.serving.status import Failure, Observed, status_of

_LOOK_SECONDS = 30.0  # between two looks that nothing asked for
_RETRY_SECONDS = 2.0  # after a write that failed
_PAUSE_SECONDS = 0.1  # between two writes, so that a pull's progress does not keep the disk busy

log = logging.getLogger(__name__)


class Reconciler:
    """Keeps deployments as the database wants them, through a driver, while `run` runs."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._history = History(objects)
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._told = asyncio.Event()
        self._unwritten: dict[Key, Observed] = {}
        self._refused: dict[Key, tuple[int, str]] = {}
        self._removing: dict[Key, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Look at everything again, soon; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._wake.set)

    def report(self, key: Key, seen: Observed) -> None:
        """Take what is seen of a deployment; its status is written soon. A driver's `Report`."""
        self._unwritten[key] = seen
        self._told.set()

    async def run(self, driver: Driver) -> None:
        """Find again what runs, then reconcile until cancelled."""
        await driver.start(await asyncio.to_thread(self._services))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self._wake, lambda: self._look(driver), _LOOK_SECONDS))
            group.create_task(self._repeat(self._told, self._write, None))

    async def _repeat(self, event: asyncio.Event, work: Callable[[], Awaitable[None]], seconds: float | None) -> None:
        while True:
            event.clear()
            try:
                await work()
            except Exception:
                log.exception("Reconciling failed; it will be tried again.")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await event.wait()

    def _services(self) -> list[InferenceService]:
        return self._objects.list(InferenceService)

    async def _look(self, driver: Driver) -> None:
        offering = await asyncio.to_thread(Offering.of, self._objects)
        for service in await asyncio.to_thread(self._services):
            key = Key.of(service)
            if service.metadata.deletion_timestamp:
                if key not in self._removing:
                    self._removing[key] = asyncio.create_task(self._remove(key, driver))
                continue
            known, before = await asyncio.to_thread(self._read, service)
            usable = offering.applied(known, serving=_runtime_of(service))
            try:
                runtime = select_runtime(service, usable, driver.refusal, offering.rank)
                stable = (before, select_runtime(before, usable, driver.refusal, offering.rank)) if before else None
            except RuntimeNotSelected as error:
                self._refuse(key, service.metadata.generation or 1, error)
            else:
                self._refused.pop(key, None)
                driver.apply(service, runtime, stable)

    def _read(self, service: InferenceService) -> tuple[list[ServingRuntime], InferenceService | None]:
        """Return the runtimes that are there for a deployment, and what goes on beside it where it is a canary."""
        self._history.record(service)
        return known_runtimes(self._objects, service.namespace), self._history.stable(service)

    def _refuse(self, key: Key, generation: int, error: RuntimeNotSelected) -> None:
        """Report that no runtime serves this; once, as long as nothing changes about it."""
        message = f"{error.message} {error.hint}".strip()
        if self._refused.get(key) == (generation, message):
            return
        self._refused[key] = (generation, message)
        failure = Failure(error.failure_reason, message, now())
        self.report(
            key, Observed("InvalidSpec", message, wanted=1, invalid=True, failure=failure, generation=generation)
        )

    async def _remove(self, key: Key, driver: Driver) -> None:
        try:
            await driver.remove(key)
            self._unwritten.pop(key, None)
            self._refused.pop(key, None)
            if await asyncio.to_thread(self._objects.purge, InferenceService, key.namespace, key.name, key.uid):
                await asyncio.to_thread(self._objects.remove_owned, key.namespace, key.uid)
                self._history.forget(key.uid)
        except Exception:
            log.exception("%s/%s could not be removed; it will be tried again.", key.namespace, key.name)
        finally:
            del self._removing[key]

    async def _write(self) -> None:
        for key, seen in list(self._unwritten.items()):
            try:
                await asyncio.to_thread(self._write_one, key, seen)
            except ForecourtError:  # the database does not answer, or its disk is full
                self._loop.call_later(_RETRY_SECONDS, self._told.set)
                raise
            if self._unwritten.get(key) is seen:  # else there is news already
                del self._unwritten[key]
        if self._unwritten:
            self._told.set()
        await asyncio.sleep(_PAUSE_SECONDS)

    def _write_one(self, key: Key, seen: Observed) -> None:
        try:
            service = self._objects.get(InferenceService, key.namespace, key.name)
        except NotFound:
            return
        if service.metadata.uid == key.uid:
            current = seen.generation == service.metadata.generation
            status = status_of(
                seen,
                before=service.status_document,
                now=now(),
                revision=self._history.record(service).name if current else "",
            )
            self._objects.write_status(InferenceService, key.namespace, key.name, status)


def _runtime_of(service: InferenceService) -> str:
    """Return the name of the runtime that serves it, as its status says."""
    status = service.status
    return (status.serving_runtime_name or status.cluster_serving_runtime_name or "") if status else ""
