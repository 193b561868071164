"""What a deployment did is kept with its ModelCar, and goes where the image goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from serving.objects import service

from forecourt.db import Database
from forecourt.errors import StorageFull
from forecourt.objects import ObjectStore
from forecourt.serving.endpoints import Endpoints
from forecourt.serving.model import STOP, InferenceService
from forecourt.serving.records import Records

IMAGE = f"localhost:5000/demo/m@sha256:{'a' * 64}"


@dataclass
class Written:
    """The deployments of a store, and what was written down of them."""

    objects: ObjectStore
    endpoints: Endpoints
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    broken: bool = False

    def write(self, image: str, record: dict[str, Any]) -> None:
        if self.broken:
            raise StorageFull("No space is left.")
        self.images.add(image)
        self.records[record["id"]] = record

    def ready(self, revision: str, image: str = IMAGE) -> None:
        self.endpoints.publish("default", "chat", [], waiting=False)
        status = {
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:07Z"}],
            "annotations": {"forecourt.dev/image": image} if image else {},
            "components": {"predictor": {"latestRolledoutRevision": revision}},
            "servingRuntimeName": "llamacpp",
        }
        self.objects.write_status(InferenceService, "default", "chat", status)

    async def until(self, *revisions: str, ended: str = "") -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                known = {one["revision"]: one for one in self.records.values()}
                last = known.get(revisions[-1], {})
                if set(revisions) == set(known) and last.get("endedBecause", "") == ended:
                    return last
                await asyncio.sleep(0.01)


@pytest.fixture
async def written(tmp_path: Path) -> AsyncIterator[Written]:
    database = Database(f"sqlite:///{tmp_path}/forecourt.db")
    database.upgrade()
    written = Written(ObjectStore(database), Endpoints())
    written.objects.create(service())
    records = Records(written.objects, written.endpoints, written.write, "2 CPUs, 24 GiB")
    running = asyncio.create_task(records.run())
    yield written
    running.cancel()
    await asyncio.wait({running})
    database.close()


async def test_a_deployment_is_written_down_when_it_is_ready(written):
    written.ready("chat-00001")
    record = await written.until("chat-00001")
    assert written.images == {IMAGE}
    assert record["deployment"] == "chat"
    assert (record["runtime"], record["hardware"], record["replicas"]) == ("llamacpp", "2 CPUs, 24 GiB", 1)
    assert "secondsToReady" in record
    assert "ended" not in record


async def test_what_it_answered_is_counted_until_it_ends(written):
    written.ready("chat-00001")
    await written.until("chat-00001")
    endpoint = written.endpoints.get("default", "chat")
    for failed in (False, False, True):
        endpoint.begin()
        endpoint.end(failed=failed)
    written.objects.update(
        InferenceService, "default", "chat", lambda one: one.with_metadata(annotations={STOP: "true"})
    )
    record = await written.until("chat-00001", ended="stopped")
    assert (record["requests"], record["failedRequests"]) == (3, 1)


async def test_each_revision_has_a_record_of_its_own(written):
    written.ready("chat-00001")
    await written.until("chat-00001")
    written.ready("chat-00002", IMAGE.replace("a" * 64, "b" * 64))
    await written.until("chat-00001", "chat-00002")
    assert next(iter(written.records.values()))["endedBecause"] == "replaced"
    assert len(written.images) == 2


async def test_one_that_is_deleted_has_its_end_written_down(written):
    written.ready("chat-00001")
    await written.until("chat-00001")
    written.objects.mark_deleted(InferenceService, "default", "chat")
    assert (await written.until("chat-00001", ended="deleted"))["ended"]


async def test_what_is_no_modelcar_is_not_written_down(written):
    written.ready("chat-00001", image="")
    await asyncio.sleep(0.1)
    assert written.records == {}


async def test_where_it_cannot_be_written_the_deployment_goes_on(written):
    written.broken = True
    written.ready("chat-00001")
    await asyncio.sleep(0.1)
    written.broken = False
    written.objects.mark_deleted(InferenceService, "default", "chat")
    assert (await written.until("chat-00001", ended="deleted"))["deployment"] == "chat"
