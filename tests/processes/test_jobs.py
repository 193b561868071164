"""Jobs: done in the background, told of, cancelled, and gone on with."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from forecourt.db import Database
from forecourt.errors import InvalidObject, Unavailable
from forecourt.objects import ObjectStore
from forecourt.processes.jobs import Job, Jobs, Telling, Work, job_resource
from forecourt.settings import Settings


@pytest.fixture
def objects(settings: Settings) -> Iterator[ObjectStore]:
    settings.home.mkdir()
    database = Database(settings.database)
    database.upgrade()
    yield ObjectStore(database)
    database.close()


def _asked(objects: ObjectStore, name: str = "one", **parameters: Any) -> Job:
    spec = {"type": "work", "title": "Work", "parameters": parameters}
    return objects.create(Job.from_dict({"metadata": {"name": name, "namespace": "default"}, "spec": spec}))


@contextlib.asynccontextmanager
async def _running(objects: ObjectStore, work: Work) -> AsyncIterator[None]:
    task = asyncio.create_task(Jobs(objects, {"work": work}).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _until(objects: ObjectStore, holds: Callable[[Job], object], name: str = "one") -> Job:
    async with asyncio.timeout(10):
        while not holds(found := objects.get(Job, "default", name)):
            await asyncio.sleep(0.02)
        return found


def _on_a_thread(work: Callable[[Telling], dict[str, Any]]) -> Callable[[Job, Telling], Awaitable[dict[str, Any]]]:
    async def do(_: Job, telling: Telling) -> dict[str, Any]:
        return await asyncio.to_thread(work, telling)

    return do


async def test_a_job_that_is_asked_for_is_done_and_its_result_is_kept(objects: ObjectStore) -> None:
    async def work(job: Job, telling: Telling) -> dict[str, Any]:
        telling.begin("model.gguf", 100)
        telling.advance("model.gguf", 100)
        telling.done("model.gguf", "fetched")
        return {"said": job.spec.parameters["word"]}

    async with _running(objects, work):
        _asked(objects, word="hello")
        job = await _until(objects, lambda job: job.over)
    assert job.status
    assert (job.phase, job.status.result) == ("Succeeded", {"said": "hello"})
    assert [(step.name, step.done, step.note) for step in job.status.steps] == [("model.gguf", 100, "fetched")]
    assert job.status.started
    assert job.status.finished


async def test_how_far_it_is_can_be_seen_while_it_runs(objects: ObjectStore) -> None:
    go_on = asyncio.Event()

    async def work(_: Job, telling: Telling) -> dict[str, Any]:
        telling.say("fetching")
        telling.begin("weights", 1000)
        telling.advance("weights", 250)
        await go_on.wait()
        return {}

    async with _running(objects, work):
        _asked(objects)
        job = await _until(objects, lambda job: job.status and job.status.done)
        assert job.status
        assert (job.phase, job.status.message, job.status.done, job.status.total) == ("Running", "fetching", 250, 1000)
        go_on.set()
        await _until(objects, lambda job: job.phase == "Succeeded")


async def test_what_failed_says_why_and_what_to_do(objects: ObjectStore) -> None:
    async def work(_: Job, telling: Telling) -> dict[str, Any]:
        raise Unavailable("The hub does not answer.", hint="Try again later.")

    async with _running(objects, work):
        _asked(objects)
        job = await _until(objects, lambda job: job.over)
    assert job.status
    assert (job.phase, job.status.message, job.status.hint) == (
        "Failed",
        "The hub does not answer.",
        "Try again later.",
    )


async def test_a_defect_is_not_told_with_its_traceback(objects: ObjectStore) -> None:
    async def work(_: Job, telling: Telling) -> dict[str, Any]:
        raise KeyError("secret")

    async with _running(objects, work):
        _asked(objects)
        job = await _until(objects, lambda job: job.over)
    assert job.status
    assert job.phase == "Failed"
    assert "secret" not in job.status.message


async def test_one_that_is_cancelled_ends_on_its_thread_too(objects: ObjectStore) -> None:
    ended = []

    def work(telling: Telling) -> dict[str, Any]:
        try:
            while True:
                telling.say("working")
        finally:
            ended.append(True)

    async with _running(objects, _on_a_thread(work)):
        _asked(objects)
        job = await _until(objects, lambda job: job.phase == "Running")
        cancelled = job.spec.model_copy(update={"cancelled": True})
        objects.replace(job.model_copy(update={"spec": cancelled}))
        await _until(objects, lambda job: job.phase == "Cancelled")
    assert ended


async def test_one_that_is_deleted_while_it_runs_is_left_off_and_goes(objects: ObjectStore) -> None:
    def work(telling: Telling) -> dict[str, Any]:
        while True:
            telling.say("working")

    async with _running(objects, _on_a_thread(work)):
        _asked(objects)
        await _until(objects, lambda job: job.phase == "Running")
        objects.mark_deleted(Job, "default", "one")
        async with asyncio.timeout(10):
            while objects.list(Job):
                await asyncio.sleep(0.02)


async def test_one_that_ran_when_the_server_ended_runs_again(objects: ObjectStore) -> None:
    began: list[int] = []

    async def work(job: Job, telling: Telling) -> dict[str, Any]:
        began.append(len(began))
        if len(began) == 1:
            await asyncio.sleep(60)
        return {}

    async with _running(objects, work):
        _asked(objects)
        await _until(objects, lambda job: job.phase == "Running")
    assert objects.get(Job, "default", "one").phase == "Running"
    async with _running(objects, work):
        job = await _until(objects, lambda job: job.over)
    assert job.status
    assert (job.phase, job.status.attempts) == ("Succeeded", 2)


async def test_a_few_run_at_a_time_and_the_others_wait(objects: ObjectStore) -> None:
    at_once, most = 0, 0

    async def work(_: Job, telling: Telling) -> dict[str, Any]:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.05)
        at_once -= 1
        return {}

    async with _running(objects, work):
        for number in range(5):
            _asked(objects, f"job-{number}")
        for number in range(5):
            await _until(objects, lambda job: job.phase == "Succeeded", f"job-{number}")
    assert most == 2


def test_only_known_types_are_taken_and_what_was_asked_for_does_not_change() -> None:
    resource = job_resource({"work": lambda _: None})
    job = Job.from_dict({"metadata": {"name": "one"}, "spec": {"type": "work"}})
    resource.validate(job, None)
    other = Job.from_dict({"metadata": {"name": "one"}, "spec": {"type": "other"}})
    with pytest.raises(InvalidObject, match=r"spec\.type"):
        resource.validate(other, None)
    changed = Job.from_dict({"metadata": {"name": "one"}, "spec": {"type": "work", "title": "Another"}})
    with pytest.raises(InvalidObject, match="does not change"):
        resource.validate(changed, job)
    cancelled = Job.from_dict({"metadata": {"name": "one"}, "spec": {"type": "work", "cancelled": True}})
    resource.validate(cancelled, job)
    with pytest.raises(InvalidObject, match="left off"):
        resource.validate(job, cancelled)
