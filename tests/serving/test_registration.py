"""Deployments of registered versions are written into the registry, as they come, change and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from serving.objects import service

from forecourt.db import Database
from forecourt.objects import ObjectStore
from forecourt.registry import Registry
from forecourt.registry.changes import SYSTEM
from forecourt.registry.changing import create, put_artifact
from forecourt.registry.model import (
    INFERENCE_SERVICE,
    MODEL_ARTIFACT,
    MODEL_VERSION,
    REGISTERED_MODEL,
    SERVE_MODEL,
    SERVING_ENVIRONMENT,
)
from forecourt.registry.pages import Listing
from forecourt.serving.model import STOP, InferenceService
from forecourt.serving.registration import PREFIXES, Registration, registry_labels

READY = {"conditions": [{"type": "Ready", "status": "True"}], "url": "http://127.0.0.1:8080/serving/default/chat"}
FAILED = {
    "modelStatus": {
        "transitionStatus": "BlockedByFailedLoad",
        "states": {"activeModelState": "", "targetModelState": "FailedToLoad"},
    }
}


class House:
    """A registry with a model of two versions, and the deployments beside it."""

    def __init__(self, database: Database) -> None:
        self.registry = Registry(database)
        self.objects = ObjectStore(database)
        with database.transaction() as connection:
            model = create(connection, SYSTEM, REGISTERED_MODEL, {"name": "granite"})
            self.model = str(model.id)
            self.versions = []
            for name in ("1", "2"):
                fields = {"name": name, "registeredModelId": self.model}
                version = create(connection, SYSTEM, MODEL_VERSION, fields)
                artifact = {"name": "files", "uri": f"oci://localhost:5000/granite:{name}"}
                put_artifact(connection, SYSTEM, MODEL_VERSION, version.id, MODEL_ARTIFACT, artifact, None)
                self.versions.append(str(version.id))

    def rows(self, kind: Any) -> list[dict[str, Any]]:
        return [found.document for found in self.registry.page(Listing((kind,)), None, 100)]

    def state(self) -> list[tuple[str, str, str]]:
        """Of each inference service the version it names, what is wanted, and how each version that it served is."""
        serves = ",".join(f"{one['modelVersionId']} {one['lastKnownState']}" for one in self.rows(SERVE_MODEL))
        return [(one["modelVersionId"], one["desiredState"], serves) for one in self.rows(INFERENCE_SERVICE)]

    def deploy(self, name: str = "chat", version: int | None = 0, **model: Any) -> InferenceService:
        labels = registry_labels(self.model, self.versions[version]) if version is not None else {}
        return self.objects.create(service(name, **model).with_metadata(labels=labels))


@pytest.fixture
def house(tmp_path: Path) -> House:
    database = Database(f"sqlite:///{tmp_path}/forecourt.db")
    database.upgrade()
    return House(database)


@asynccontextmanager
async def registering(house: House) -> AsyncIterator[None]:
    task = asyncio.create_task(Registration(house.objects, house.registry).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_deployment_is_an_inference_service_in_its_namespace(house: House) -> None:
    async with registering(house):
        made = house.deploy()
        await until(lambda: house.state() == [(house.versions[0], "DEPLOYED", f"{house.versions[0]} NEW")])
    (row,) = house.rows(INFERENCE_SERVICE)
    assert row["name"] == f"chat/{made.metadata.uid}"
    assert row["registeredModelId"] == house.model
    assert [one["name"] for one in house.rows(SERVING_ENVIRONMENT)] == ["default"]


async def test_its_label_says_its_inference_service(house: House) -> None:
    async with registering(house):
        house.deploy()
        label = f"{PREFIXES[0]}inference-service-id"
        await until(lambda: label in (house.objects.get(InferenceService, "default", "chat").metadata.labels or {}))
    labels = house.objects.get(InferenceService, "default", "chat").metadata.labels or {}
    assert labels[label] == house.rows(INFERENCE_SERVICE)[0]["id"]


async def test_its_state_follows(house: House) -> None:
    async with registering(house):
        house.deploy()
        for status, state in ((FAILED, "FAILED"), (READY, "RUNNING")):
            house.objects.write_status(InferenceService, "default", "chat", status)
            await until(lambda state=state: house.state() and house.state()[0][2:] == (f"{house.versions[0]} {state}",))
    properties = house.rows(INFERENCE_SERVICE)[0]["customProperties"]
    assert properties["url"]["string_value"] == READY["url"]


async def test_one_that_is_stopped_is_not_deployed_and_one_that_is_started_again_serves_anew(house: House) -> None:
    version = house.versions[0]

    def annotated(value: str) -> Callable[[InferenceService], InferenceService]:
        return lambda before: before.with_metadata(annotations={STOP: value})

    async with registering(house):
        house.deploy()
        await until(lambda: house.state() == [(version, "DEPLOYED", f"{version} NEW")])
        house.objects.update(InferenceService, "default", "chat", annotated("true"))
        await until(lambda: house.state() == [(version, "UNDEPLOYED", f"{version} COMPLETE")])
        house.objects.update(InferenceService, "default", "chat", annotated("false"))
        await until(lambda: house.state() == [(version, "DEPLOYED", f"{version} COMPLETE,{version} NEW")])


async def test_another_version_takes_the_place_of_the_one_before(house: House) -> None:
    old, new = house.versions
    async with registering(house):
        house.deploy()
        await until(lambda: house.state() == [(old, "DEPLOYED", f"{old} NEW")])
        labels = registry_labels(house.model, new)
        house.objects.update(InferenceService, "default", "chat", lambda before: before.with_metadata(labels=labels))
        await until(lambda: house.state() == [(new, "DEPLOYED", f"{old} COMPLETE,{new} NEW")])


async def test_what_is_deleted_stays_as_undeployed(house: House) -> None:
    version = house.versions[0]
    async with registering(house):
        made = house.deploy()
        await until(lambda: house.state() == [(version, "DEPLOYED", f"{version} NEW")])
        house.objects.mark_deleted(InferenceService, "default", "chat")
        house.objects.purge(InferenceService, "default", "chat", made.metadata.uid or "")
        await until(lambda: house.state() == [(version, "UNDEPLOYED", f"{version} COMPLETE")])
        house.deploy()
        await until(lambda: len(house.state()) == 2)
    assert [one[1] for one in house.state()] == ["UNDEPLOYED", "DEPLOYED"]


async def test_what_went_while_nobody_looked_is_found_out(house: House) -> None:
    async with registering(house):
        made = house.deploy()
        await until(lambda: house.state())
    house.objects.mark_deleted(InferenceService, "default", "chat")
    house.objects.purge(InferenceService, "default", "chat", made.metadata.uid or "")
    async with registering(house):
        await until(lambda: [one[1] for one in house.state()] == ["UNDEPLOYED"])


async def test_what_other_clients_registered_is_theirs(house: House) -> None:
    with house.registry.database.transaction() as connection:
        environment = create(connection, SYSTEM, SERVING_ENVIRONMENT, {"name": "cluster"})
        fields = {"name": "theirs", "registeredModelId": house.model, "servingEnvironmentId": str(environment.id)}
        create(connection, SYSTEM, INFERENCE_SERVICE, fields | {"modelVersionId": house.versions[0]})
    async with registering(house):
        house.deploy()
        await until(lambda: len(house.state()) == 2)
    assert [one["desiredState"] for one in house.rows(INFERENCE_SERVICE)] == ["DEPLOYED", "DEPLOYED"]


async def test_a_uri_of_the_registry_says_the_version_too(house: House) -> None:
    async with registering(house):
        house.deploy("by-uri", version=None, storageUri="model-registry://granite/2")
        await until(lambda: house.state() == [(house.versions[1], "DEPLOYED", f"{house.versions[1]} NEW")])


@pytest.mark.parametrize(
    "labels", [{}, {f"{PREFIXES[0]}model-version-id": "999"}, {f"{PREFIXES[1]}registered-model-id": "nonsense"}]
)
async def test_a_deployment_of_nothing_that_is_registered_is_passed_over(house: House, labels: dict[str, str]) -> None:
    async with registering(house):
        house.objects.create(service("other").with_metadata(labels=labels))
        house.deploy()
        await until(lambda: house.state())
    assert len(house.state()) == 1
