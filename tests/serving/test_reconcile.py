"""The reconcile loop, between a real database and a driver that only remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from forecourt.db import Database
from forecourt.errors import NotFound
from forecourt.objects import ObjectStore
from forecourt.serving.driver import Key, Stable
from forecourt.serving.model import InferenceService, ServingRuntime
from forecourt.serving.offering import change_offering
from forecourt.serving.reconcile import Reconciler
from forecourt.serving.status import Observed


class Remembering:
    """A place where models can run that only keeps what it was asked for."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.applied: dict[str, str] = {}
        self.removed: list[str] = []
        self.refused: dict[str, str] = {}

    async def start(self, services: Sequence[InferenceService]) -> None:
        self.found = [service.name for service in services]

    def refusal(self, runtime: ServingRuntime) -> str:
        return self.refused.get(runtime.name, "")

    def apply(self, service: InferenceService, runtime: ServingRuntime, stable: Stable | None = None) -> None:
        self.applied[service.name] = runtime.name

    async def remove(self, key: Key) -> None:
        self.removed.append(key.name)

    async def logs(self, key: Key, *, replica: int | None, tail: int | None, follow: bool) -> AsyncIterator[bytes]:
        yield b""

    async def close(self, *, stop: bool) -> None:
        pass


def service(name: str, model_format: str = "gguf") -> InferenceService:
    model = {"modelFormat": {"name": model_format}, "storageUri": "oci://localhost:5000/demo/m:1"}
    document = {"metadata": {"name": name, "namespace": "default"}, "spec": {"predictor": {"model": model}}}
    kind = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
    return InferenceService.from_dict(kind | document)


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    database = Database(f"sqlite:///{tmp_path / 'forecourt.db'}")
    database.upgrade()
    return ObjectStore(database)


@asynccontextmanager
async def reconciling(objects: ObjectStore, driver: Remembering) -> AsyncIterator[Reconciler]:
    reconciler = Reconciler(objects)
    task = asyncio.create_task(reconciler.run(driver))
    try:
        yield reconciler
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_what_is_stored_is_found_again_and_applied_with_its_runtime(objects: ObjectStore) -> None:
    objects.create(service("a"))
    driver = Remembering()
    async with reconciling(objects, driver):
        await until(lambda: driver.applied == {"a": "llamacpp"})
    assert driver.found == ["a"]


async def test_what_is_new_is_applied_when_woken(objects: ObjectStore) -> None:
    driver = Remembering()
    async with reconciling(objects, driver) as reconciler:
        objects.create(service("b"))
        reconciler.wake()
        await until(lambda: "b" in driver.applied)


async def test_what_is_deleted_ends_before_it_is_forgotten(objects: ObjectStore) -> None:
    objects.create(service("a"))
    driver = Remembering()
    async with reconciling(objects, driver) as reconciler:
        await until(lambda: "a" in driver.applied)
        objects.mark_deleted(InferenceService, "default", "a")
        reconciler.wake()
        await until(lambda: driver.removed == ["a"])

        def gone() -> bool:
            try:
                objects.get(InferenceService, "default", "a")
            except NotFound:
                return True
            return False

        await until(gone)


async def test_what_the_driver_sees_becomes_the_status(objects: ObjectStore) -> None:
    made = objects.create(service("a"))
    async with reconciling(objects, Remembering()) as reconciler:
        reconciler.report(Key.of(made), Observed("Loading", "loading the model", wanted=1, loading=True))

        def told() -> bool:
            status = objects.get(InferenceService, "default", "a").status
            condition = status.condition("PredictorReady") if status else None
            return condition is not None and condition.message == "loading the model"

        await until(told)


async def test_a_format_that_no_runtime_serves_is_told_as_kserve_does(objects: ObjectStore) -> None:
    objects.create(service("a", model_format="clay-tablet"))
    driver = Remembering()
    async with reconciling(objects, driver):

        def told() -> bool:
            status = objects.get(InferenceService, "default", "a").status
            info = status.model_status.last_failure_info if status and status.model_status else None
            return info is not None and info.reason == "NoSupportingRuntime" and "clay-tablet" in (info.message or "")

        await until(told)
    assert driver.applied == {}


async def test_a_runtime_that_cannot_run_here_is_told_and_another_is_taken_where_none_was_named(
    objects: ObjectStore,
) -> None:
    driver = Remembering()
    driver.refused = {"vllm-cuda-runtime": "It needs a GPU.", "vllm-rocm-runtime": "It needs a GPU, too."}
    objects.create(service("chosen", model_format="vLLM"))
    named = service("named", model_format="vLLM").to_dict()
    named["spec"]["predictor"]["model"]["runtime"] = "vllm-cuda-runtime"
    objects.create(InferenceService.from_dict(named))
    async with reconciling(objects, driver):

        def told() -> bool:
            status = objects.get(InferenceService, "default", "named").status
            info = status.model_status.last_failure_info if status and status.model_status else None
            return (
                info is not None and info.reason == "NoSupportingRuntime" and "It needs a GPU." in (info.message or "")
            )

        await until(told)
        await until(lambda: driver.applied == {"chosen": "vllm-cpu-x86-runtime"})


async def test_a_runtime_that_is_not_offered_is_not_chosen_and_serves_on_where_it_does(objects: ObjectStore) -> None:
    made = objects.create(service("running"))
    driver = Remembering()
    async with reconciling(objects, driver) as reconciler:
        await until(lambda: driver.applied == {"running": "llamacpp"})
        seen = Observed("Ready", "", wanted=1, ready=1, runtime="llamacpp", runtime_is_namespaced=True)
        reconciler.report(Key.of(made), seen)
        await until(lambda: objects.get(InferenceService, "default", "running").status_document)
        change_offering(objects, lambda offering: offering.with_enabled("llamacpp", False))
        objects.create(service("late"))
        reconciler.wake()
        await until(lambda: objects.get(InferenceService, "default", "late").status_document)
    late = objects.get(InferenceService, "default", "late").status_document["modelStatus"]
    assert late["lastFailureInfo"]["reason"] == "NoSupportingRuntime"
    assert driver.applied == {"running": "llamacpp"}
    running = objects.get(InferenceService, "default", "running").status_document["modelStatus"]
    assert running["transitionStatus"] == "UpToDate"
