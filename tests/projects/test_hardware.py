"""Hardware profiles: what may be asked for, what is given, and what this machine proposes."""

from __future__ import annotations

from typing import Any

import pytest

from forecourt.errors import InvalidObject
from forecourt.objects import quantity
from forecourt.projects import Accelerator, HardwareProfile, Machine, numbers, this_machine, within
from forecourt.projects.hardware import proposals, validate_profile

PROFILES = "/apis/infrastructure.opendatahub.io/v1/namespaces/opendatahub/hardwareprofiles"


def identifier(name: str = "cpu", least: Any = 1, usual: Any = 2, most: Any = 4) -> dict[str, Any]:
    counts = {"minCount": least, "defaultCount": usual} | ({} if most is None else {"maxCount": most})
    return {"displayName": name.upper(), "identifier": name} | counts


def profile(*identifiers: dict[str, Any], annotations: dict[str, str] | None = None, **spec: Any) -> HardwareProfile:
    return HardwareProfile.from_dict(
        {
            "apiVersion": "infrastructure.opendatahub.io/v1",
            "kind": "HardwareProfile",
            "metadata": {"name": "mine", "namespace": "opendatahub", "annotations": annotations or {}},
            "spec": {"identifiers": list(identifiers)} | spec,
        }
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), (3, 3), ("500m", "0.5"), ("4Gi", 4 * 1024**3), ("1k", 1000), ("1.5Gi", 1.5 * 1024**3), ("2e3", 2000)],
)
def test_quantities_are_numbers(text, number):
    assert quantity(text) == quantity(str(number))
    assert float(quantity(text)) == float(number)


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "four", "1Q", "0x1"])
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="no quantity"):
        quantity(text)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (profile(identifier(least=3)), "spec.identifiers[0].minCount"),
        (profile(identifier(usual=5)), "spec.identifiers[0].defaultCount"),
        (profile(identifier(), identifier()), "spec.identifiers[1].identifier"),
        (profile(identifier("memory", "much", "2Gi", "4Gi")), "spec.identifiers[0].minCount"),
        (profile(identifier(""), annotations={}), "spec.identifiers[0].identifier"),
        (profile(scheduling={"type": "Queue"}), "spec.scheduling"),
        (profile(scheduling={"type": "Node", "kueue": {"localQueueName": "q"}}), "spec.scheduling"),
        (profile(annotations={"forecourt.dev/cpu-affinity": "a-b"}), "metadata.annotations"),
        (profile(annotations={"forecourt.dev/devices": "0;1"}), "metadata.annotations"),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(wrong, field):
    with pytest.raises(InvalidObject) as failure:
        validate_profile(wrong)
    assert failure.value.message.startswith(field)


def test_what_is_asked_for_lies_between_the_least_and_the_most():
    mine = profile(identifier(), identifier("memory", "1Gi", "2Gi", "4Gi"), identifier("nvidia.com/gpu", 1, 1, None))
    assert within(mine, "cpu", "2") == ""
    assert "less than 1" in within(mine, "cpu", "500m")
    assert "more than 4Gi" in within(mine, "memory", "5Gi")
    assert within(mine, "nvidia.com/gpu", 64) == ""
    assert "grants no amd.com/gpu" in within(mine, "amd.com/gpu", 1)


def test_a_machine_is_offered_in_parts():
    gpus = tuple(Accelerator("nvidia.com/gpu", index, "NVIDIA L4", 24 * 1024**3) for index in range(2))
    found = {one.name: one for one in proposals(Machine(16, 64 * 1024**3, gpus))}
    assert list(found) == ["small", "default-profile", "whole-machine", "nvidia-gpu"]
    whole = {one.identifier: one for one in found["whole-machine"].spec.identifiers}
    assert (whole["cpu"].default_count, whole["memory"].default_count) == (16, "64Gi")
    gpu = found["nvidia-gpu"].spec.identifiers[-1]
    assert (gpu.identifier, gpu.default_count, gpu.max_count) == ("nvidia.com/gpu", 1, 2)
    assert found["nvidia-gpu"].display_name == "NVIDIA L4"
    for one in found.values():
        validate_profile(one)


@pytest.mark.parametrize("machine", [Machine(1, 1024**3), Machine(2, 2 * 1024**3), Machine(1, 512 * 1024**2)])
def test_small_machines_are_offered_no_more_than_they_have(machine):
    for one in proposals(machine):
        validate_profile(one)


def test_this_machine_is_offered(http):
    listed = http.get(PROFILES).json()["items"]
    assert {"small", "default-profile", "whole-machine"} <= {one["metadata"]["name"] for one in listed}
    assert this_machine().cores >= 1


def test_lists_of_numbers_have_ranges():
    assert numbers("0-2,5") == (0, 1, 2, 5)
    assert numbers("") == ()


def test_one_can_be_made_changed_and_removed(http):
    made = http.post(PROFILES, json=profile(identifier()).to_dict())
    assert made.status_code == 201
    assert http.get(f"{PROFILES}/mine").json()["spec"]["identifiers"][0]["maxCount"] == 4
    assert http.delete(f"{PROFILES}/mine").status_code == 200
    assert http.get(f"{PROFILES}/mine").status_code == 404
