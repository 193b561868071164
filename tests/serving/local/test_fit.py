"""Whether a replica fits this machine, what it is given, and what becomes of one that takes more: real processes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from serving.local.places import KEY, Place, a_place, runtime, service

from forecourt.errors import InvalidObject
from forecourt.processes import CAN_PIN
from forecourt.projects import Accelerator, Machine, free_memory, this_machine
from forecourt.serving.driver import Key
from forecourt.serving.fit import OVERCOMMIT
from forecourt.serving.local.equipment import Equipment
from forecourt.serving.model import Container, InferenceService
from forecourt.serving.status import status_of
from forecourt.settings import Settings

MIB = 1024 * 1024
AFFINITY, DEVICES = "forecourt.dev/cpu-affinity", "forecourt.dev/devices"
needs_pinning = pytest.mark.skipif(not CAN_PIN, reason="this system cannot hold programs to processors")


@pytest.fixture
async def place(settings: Settings, tmp_path: Path) -> AsyncIterator[Place]:
    async with a_place(settings, tmp_path) as place:
        await place.driver.start([])
        yield place
        await place.driver.close(stop=True)


def with_weights(place: Place, size: int) -> None:
    """Give the model weights of a size, which take no space: nobody reads them."""
    with (place.model / "weights.tiny").open("wb") as file:
        file.truncate(size)


def asking(
    *args: str, memory: str = "", limits: dict[str, Any] | None = None, replicas: int = 1, **notes: str
) -> InferenceService:
    wanted = service(*args, replicas=replicas)
    document = wanted.to_dict()
    document["metadata"]["annotations"] |= notes
    if memory or limits:
        document["spec"]["predictor"]["model"]["resources"] = {
            "limits": (limits or {}) | ({"memory": memory} if memory else {})
        }
    return InferenceService.from_dict(document)


# Memory


async def test_a_model_larger_than_the_machine_is_not_started_and_the_status_has_the_numbers(place: Place) -> None:
    with_weights(place, 10 * 10**12)
    place.driver.apply(service(), runtime())
    await place.until(lambda: KEY in place.seen and place.seen[KEY].reason == "DoesNotFit")
    seen = place.seen[KEY]
    assert seen.message.startswith("It needs at least 10.0 TB: weights 10.0 TB; free are ")
    assert f"{OVERCOMMIT}: allowed" in seen.message
    assert not place.pids()
    status = status_of(seen, before={}, now="2026-01-01T00:00:00Z")
    assert status["modelStatus"]["transitionStatus"] == "InvalidSpec"
    assert status["modelStatus"]["lastFailureInfo"]["reason"] == "InvalidPredictorSpec"
    ready = next(each for each in status["conditions"] if each["type"] == "PredictorReady")
    assert (ready["status"], ready["reason"]) == ("False", "DoesNotFit")


async def test_it_starts_by_itself_once_it_fits(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from forecourt.serving.local import claims

    monkeypatch.setattr("forecourt.serving.local.deployment._LOOK_SECONDS", 0.1)
    monkeypatch.setattr(claims, "free_memory", lambda: 10 * MIB)
    with_weights(place, 100 * MIB)
    place.driver.apply(service(), runtime())
    await place.until(lambda: KEY in place.seen and place.seen[KEY].reason == "DoesNotFit")
    assert place.seen[KEY].blocked
    assert not place.seen[KEY].invalid
    monkeypatch.undo()
    await place.ready()
    assert place.seen[KEY].failure is None


async def test_one_that_does_not_fit_is_started_where_that_is_allowed(place: Place) -> None:
    with_weights(place, 10 * 10**12)
    place.driver.apply(asking(**{OVERCOMMIT: "allowed"}), runtime())
    seen = await place.ready()
    assert seen.warning[0] == "MemoryIsTight"
    assert "Started although it does not fit" in seen.warning[1]


async def test_one_that_fits_barely_is_started_with_a_warning(place: Place) -> None:
    with_weights(place, 95 * MIB)
    place.driver.apply(asking(memory="100Mi"), runtime())
    seen = await place.ready()
    assert seen.warning[1].startswith("Memory is tight: it needs at least 99.6 MB")
    status = status_of(seen, before={}, now="2026-01-01T00:00:00Z")
    ready = next(each for each in status["conditions"] if each["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "MemoryIsTight")


async def test_a_limit_below_what_is_needed_is_refused(place: Place) -> None:
    with_weights(place, 200 * MIB)
    place.driver.apply(asking(memory="100Mi"), runtime())
    await place.until(lambda: KEY in place.seen and place.seen[KEY].reason == "DoesNotFit")
    assert "its limit is 105 MB" in place.seen[KEY].message
    assert place.seen[KEY].invalid


async def test_what_replicas_are_still_to_take_is_not_free(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from forecourt.serving.local import claims

    monkeypatch.setattr(claims, "free_memory", lambda: 300 * MIB)
    with_weights(place, 200 * MIB)
    place.driver.apply(service(), runtime())
    await place.ready()
    other = service(name="other")
    place.driver.apply(other, runtime())
    await place.until(lambda: Key.of(other) in place.seen and place.seen[Key.of(other)].reason == "DoesNotFit")
    assert "m uses" in place.seen[Key.of(other)].message


async def test_a_truncated_header_is_left_to_the_runtime(place: Place) -> None:
    (place.model / "model.gguf").write_bytes(b"GGUF\x03\x00")
    place.driver.apply(service(), runtime())
    await place.ready()


async def test_a_replica_that_uses_more_than_its_limit_is_killed_as_kubernetes_does(place: Place) -> None:
    place.driver.apply(asking("--eat=150", memory="100Mi"), runtime())
    await place.until(lambda: KEY in place.seen and place.seen[KEY].reason == "OOMKilled")
    failure = place.seen[KEY].failure
    assert failure
    assert failure.exit_code == 137
    assert failure.message.startswith("OOMKilled: the serving runtime used 1")
    assert "its limit is 105 MB" in failure.message
    assert place.seen[KEY].message.endswith("s later.")


async def test_a_replica_within_its_limit_goes_on(place: Place) -> None:
    place.driver.apply(asking("--eat=20", memory="400Mi"), runtime())
    seen = await place.ready()
    assert (seen.failure, seen.warning) == (None, ("", ""))


# Processors


@needs_pinning
async def test_a_replica_runs_on_its_processors_only(place: Place) -> None:
    mine = os.sched_getaffinity(0)
    last = max(mine)
    place.driver.apply(asking(limits={"cpu": 64}, **{AFFINITY: str(last)}), runtime())
    await place.ready()
    [pid] = place.pids()
    assert os.sched_getaffinity(pid) == {last}
    assert psutil.Process(pid).environ()["FORECOURT_CPUS"] == "1"
    assert os.sched_getaffinity(0) == mine


@needs_pinning
async def test_processors_that_are_not_there_are_said_in_the_status(place: Place) -> None:
    place.driver.apply(asking(**{AFFINITY: "0,4000"}), runtime())
    await place.until(lambda: KEY in place.seen and place.seen[KEY].invalid)
    assert f"metadata.annotations[{AFFINITY}]: Invalid value: there is no CPU 4000" in place.seen[KEY].message


def test_where_the_system_has_no_affinity_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecourt.serving.local.equipment.CAN_PIN", False)
    kit = Equipment.of(asking(**{AFFINITY: "0"}), Container())
    assert not kit.cpus
    assert "cannot hold programs" in kit.warning


@pytest.mark.parametrize("value", ["x", "1-", "3,,4", "-1", "99999999999"])
def test_a_list_that_is_none_is_refused(value: str) -> None:
    for annotation in (AFFINITY, DEVICES):
        with pytest.raises(InvalidObject, match="no list of numbers"):
            Equipment.of(asking(**{annotation: value}), Container())


# Accelerators

TWO = Machine(2, 2**34, tuple(Accelerator("nvidia.com/gpu", index, "NVIDIA T4", 16 * 10**9) for index in (0, 1)))


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that says it has two GPUs; no program here uses them."""
    for module in ("equipment", "claims", "plan"):
        monkeypatch.setattr(f"forecourt.serving.local.{module}.this_machine", lambda: TWO)
    monkeypatch.setattr("forecourt.serving.local.claims.device_memory", dict)


def visible(place: Place) -> set[str]:
    return {psutil.Process(pid).environ().get("CUDA_VISIBLE_DEVICES", "") for pid in place.pids()}


@pytest.mark.usefixtures("two_gpus")
async def test_each_replica_gets_an_accelerator_of_its_own_and_the_third_waits(place: Place) -> None:
    place.driver.apply(asking(limits={"nvidia.com/gpu": 1}, replicas=3), runtime())
    await place.until(lambda: KEY in place.seen and place.seen[KEY].ready == 2)
    assert visible(place) == {"0", "1"}
    assert place.seen[KEY].reason == "WaitingForAccelerator"
    assert place.seen[KEY].message == "waiting for 1 x nvidia.com/gpu: too few are free. They are taken by m."


@pytest.mark.usefixtures("two_gpus")
async def test_named_accelerators_are_the_ones_that_it_sees(place: Place) -> None:
    place.driver.apply(asking(**{DEVICES: "1"}), runtime())
    await place.ready()
    assert visible(place) == {"1"}


@pytest.mark.usefixtures("two_gpus")
def test_more_accelerators_than_there_are_can_never_be() -> None:
    with pytest.raises(InvalidObject, match="3 are asked for, and this machine has 2"):
        Equipment.of(asking(), Container.from_dict({"resources": {"limits": {"nvidia.com/gpu": "3"}}}))
    with pytest.raises(InvalidObject, match="no accelerator 5"):
        Equipment.of(asking(**{DEVICES: "5"}), Container())


def test_each_kind_of_accelerator_has_its_variable() -> None:
    for kind, variable in (
        ("nvidia.com/gpu", "CUDA_VISIBLE_DEVICES"),
        ("amd.com/gpu", "HIP_VISIBLE_DEVICES"),
        ("habana.ai/gaudi", "HABANA_VISIBLE_DEVICES"),
    ):
        assert Equipment(accelerator=kind).variables((0, 2)) == {variable: "0,2"}


def test_the_machine_has_what_the_tests_assume() -> None:
    assert 0 < free_memory() <= this_machine().memory < 10 * 10**12
