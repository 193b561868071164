"""Runs the jobs that are asked for, a few at a time, and writes down how far they are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from forecourt.errors import ForecourtError, NotFound
from forecourt.objects import ObjectStore, keep_following, now
from forecourt.processes.jobs.model import Job
from forecourt.processes.jobs.progress import Cancelled, Telling

Work = Callable[[Job, Telling], Awaitable[dict[str, Any]]]
"""Does a job, tells of it, and returns its result; raises `ForecourtError`, and `Cancelled` where it was told to."""

_AT_ONCE = 2
_WRITE_SECONDS = 0.5  # between two writes of a job's progress
_GOODBYE_SECONDS = 2.0  # that work has to come to an end with the server
_KEPT = 100  # jobs that are over, the last

log = logging.getLogger(__name__)


class Jobs:
    """Does the jobs of an object store, while `run` runs; `works` does each type."""

    def __init__(self, objects: ObjectStore, works: Mapping[str, Work]) -> None:
        self._objects = objects
        self._works = works
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._running: dict[str, tuple[asyncio.Task[None], Telling]] = {}

    async def run(self) -> None:
        """Do what is asked for until cancelled; what runs then runs again at the next start."""
        try:
            await keep_following(self._follow, "Jobs could not be followed")
        finally:
            for task, telling in self._running.values():
                telling.cancel()
                task.cancel()
            await asyncio.gather(*(task for task, _ in self._running.values()), return_exceptions=True)

    async def _follow(self) -> None:
        jobs, version = await asyncio.to_thread(self._objects.list_at, Job)
        for job in jobs:
            await self._see(job)
        async for event, job in self._objects.watch(Job, since=version):
            if event != "DELETED":
                await self._see(job)

    async def _see(self, job: Job) -> None:
        uid = job.metadata.uid or ""
        running = self._running.get(uid)
        leaving = job.spec.cancelled or bool(job.metadata.deletion_timestamp)
        if running and leaving:
            running[1].cancel()
        elif running is None and job.metadata.deletion_timestamp:
            await asyncio.to_thread(self._objects.purge, Job, job.namespace, job.name, uid)
        elif running is None and not job.over:
            if leaving:
                await self._write(job, {"phase": "Cancelled", "finished": now(), "message": "Left off before it began"})
                return
            changed = asyncio.Event()
            loop = asyncio.get_running_loop()
            telling = Telling(lambda: _soon(loop, changed.set))
            task = asyncio.create_task(self._do(job, telling, changed))
            self._running[uid] = task, telling
            task.add_done_callback(lambda _: self._running.pop(uid, None))

    async def _do(self, job: Job, telling: Telling, changed: asyncio.Event) -> None:
        """Do a job to its end, whatever that is, and write it down."""
        before = (job.status.to_dict() if job.status else {}) | {"hint": "", "result": None}
        status: dict[str, Any] = before | {"phase": "Pending", "message": "Waiting for its turn"}
        try:
            await self._write(job, status)
            async with self._turns:
                status |= {"phase": "Running", "started": before.get("started") or now()}
                status["attempts"] = status.get("attempts", 0) + 1
                result = await self._worked(job, telling, changed, status)
            status |= telling.status() | {"phase": "Succeeded", "finished": now(), "message": "", "result": result}
        except (Cancelled, asyncio.CancelledError):
            if not await asyncio.shield(asyncio.to_thread(self._left_off, job)):
                raise  # the server ends; the job goes on with the next one
            status |= telling.status() | {"phase": "Cancelled", "finished": now(), "message": "Left off"}
        except ForecourtError as error:
            status |= telling.status() | {"phase": "Failed", "finished": now()}
            status |= {"message": error.message, "hint": error.hint}
        except Exception:
            log.exception("The job %s failed", job.name)
            status |= {"phase": "Failed", "finished": now(), "message": "Something broke inside Forecourt."}
            status["hint"] = "The server's log has more: forecourt logs --server"
        await asyncio.shield(self._finish(job, status))

    async def _worked(
        self, job: Job, telling: Telling, changed: asyncio.Event, status: Mapping[str, Any]
    ) -> dict[str, Any]:
        work = asyncio.ensure_future(self._works[job.spec.type](job, telling))
        try:
            while not work.done():
                changed.clear()
                await self._write(job, dict(status) | telling.status())
                waiting = asyncio.create_task(changed.wait())
                await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if not work.done():
                    await asyncio.wait({work}, timeout=_WRITE_SECONDS)
            return work.result()
        finally:
            if not work.done():  # the server ends: a thread has a moment to come to its next word
                telling.cancel()
                await asyncio.wait({work}, timeout=_GOODBYE_SECONDS)
                work.cancel()

    def _left_off(self, job: Job) -> bool:
        """Say whether somebody asked for its end, rather than the server's."""
        try:
            there = self._objects.get(Job, job.namespace, job.name)
        except NotFound:
            return True
        return there.spec.cancelled or bool(there.metadata.deletion_timestamp)

    async def _finish(self, job: Job, status: dict[str, Any]) -> None:
        await self._write(job, status)
        await asyncio.to_thread(self._tidy, job)

    def _tidy(self, job: Job) -> None:
        """Remove the job where it was deleted meanwhile, and the oldest of those that are over."""
        self._objects.purge(Job, job.namespace, job.name, job.metadata.uid or "")
        over = [one for one in self._objects.list(Job) if one.over]
        over.sort(key=lambda one: (one.status and one.status.finished) or "")
        for old in over[:-_KEPT]:
            with contextlib.suppress(NotFound):
                self._objects.mark_deleted(Job, old.namespace, old.name)
                self._objects.purge(Job, old.namespace, old.name, old.metadata.uid or "")

    async def _write(self, job: Job, status: dict[str, Any]) -> None:
        said = {key: value for key, value in status.items() if value not in (None, "", [])}
        with contextlib.suppress(NotFound):
            await asyncio.to_thread(self._objects.write_status, Job, job.namespace, job.name, said)


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
        loop.call_soon_threadsafe(call)
