"""Hardware profiles: what a deployment may ask for, and what it gets where it asks for nothing.

Open Data Hub's `HardwareProfile` (infrastructure.opendatahub.io/v1). On a cluster its webhook writes the counts into a
deployment's resources and the scheduling into its pods. On one machine the number of CPUs is the number of threads,
and two annotations of a profile say more: ``forecourt.dev/cpu-affinity`` (``0-3,8``) and ``forecourt.dev/devices``
(``0,1``: which accelerators).
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

from forecourt.errors import InvalidObject
from forecourt.objects import quantity, refuse, validate_metadata, validate_quantity
from forecourt.projects.accelerators import AMD, GAUDI, NVIDIA
from forecourt.projects.machine import Machine, this_machine
from forecourt.projects.model import HardwareProfile, Identifier, Quantity

APPS_NAMESPACE = "opendatahub"
"""Where the profiles and connection types are that every project can use."""
AFFINITY = "forecourt.dev/cpu-affinity"
DEVICES = "forecourt.dev/devices"

_LIST = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
_GIB = 1024**3
_NAMES = {NVIDIA: "NVIDIA GPU", AMD: "AMD GPU", GAUDI: "Intel Gaudi"}


def validate_profile(wanted: HardwareProfile, _before: object = None) -> None:
    """Check a profile that is to be kept; raises `InvalidObject` that names the field."""
    validate_metadata(wanted)
    seen: set[str] = set()
    for index, one in enumerate(wanted.spec.identifiers):
        path = f"spec.identifiers[{index}]"
        if not one.identifier:
            raise InvalidObject(f"{path}.identifier: Required value")
        if one.identifier in seen:
            refuse(f"{path}.identifier", one.identifier, "must be there once")
        seen.add(one.identifier)
        for name, count in (("minCount", one.min_count), ("defaultCount", one.default_count)):
            validate_quantity(f"{path}.{name}", count)
        if one.max_count is not None:
            validate_quantity(f"{path}.maxCount", one.max_count)
        least, usual, most = quantity(one.min_count), quantity(one.default_count), _most(one)
        if least > usual:
            refuse(f"{path}.minCount", one.min_count, f"must not be more than defaultCount, which is {usual}")
        if most is not None and usual > most:
            refuse(f"{path}.defaultCount", one.default_count, f"must not be more than maxCount, which is {most}")
    _validate_scheduling(wanted)
    for annotation in (AFFINITY, DEVICES):
        value = wanted.metadata.annotation(annotation)
        if value and not _LIST.fullmatch(value):
            refuse(f"metadata.annotations[{annotation}]", value, "must be numbers and ranges by commas: 0-3,8")


def numbers(text: str) -> tuple[int, ...]:
    """Return the numbers of a list with ranges: ``0-2,5`` is 0, 1, 2, 5."""
    found: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


def within(profile: HardwareProfile, identifier: str, asked: Quantity) -> str:
    """Return what is wrong with an amount that a deployment asks for, or nothing."""
    for one in profile.spec.identifiers:
        if one.identifier != identifier:
            continue
        most = _most(one)
        if quantity(asked) < quantity(one.min_count):
            return f"{one.display_name}: {asked} is less than {one.min_count}, the least of {profile.display_name}"
        if most is not None and quantity(asked) > most:
            return f"{one.display_name}: {asked} is more than {one.max_count}, the most of {profile.display_name}"
        return ""
    return f"{profile.display_name} grants no {identifier}"


@cache
def proposed_profiles() -> tuple[HardwareProfile, ...]:
    """Return profiles for what this machine has, which are there until others of their names are made."""
    return tuple(proposals(this_machine()))


def proposals(machine: Machine) -> list[HardwareProfile]:
    """Return profiles for a machine: a small one, half of it, all of it, and one for each kind of accelerator."""
    memory = max(1, machine.memory // _GIB)
    small = (1, min(2, memory), 1, min(4, memory))
    half = (1, max(1, memory // 4), max(1, machine.cores // 2), max(1, memory // 2))
    whole = (1, max(1, memory // 4), machine.cores, memory)
    profiles = [
        _profile("small", "Small", "One processor, for small models", machine, *small),
        _profile("default-profile", "Default", "Half of this machine", machine, *half),
        _profile("whole-machine", "Whole machine", "All processors and all memory of this machine", machine, *whole),
    ]
    for identifier in dict.fromkeys(one.identifier for one in machine.accelerators):
        those = [one for one in machine.accelerators if one.identifier == identifier]
        name = identifier.partition(".")[0] + "-gpu"
        accelerator = {
            "displayName": _NAMES.get(identifier, identifier),
            "identifier": identifier,
            "minCount": 1,
            "defaultCount": 1,
            "maxCount": len(those),
            "resourceType": "Accelerator",
        }
        profiles.append(_profile(name, those[0].name, f"With {those[0].name}", machine, *half, more=[accelerator]))
    return profiles


def _profile(
    name: str,
    display_name: str,
    description: str,
    machine: Machine,
    least_cores: int,
    least_memory: int,
    cores: int,
    memory: int,
    more: list[dict[str, object]] | None = None,
) -> HardwareProfile:
    return HardwareProfile.from_dict(
        {
            "apiVersion": "infrastructure.opendatahub.io/v1",
            "kind": "HardwareProfile",
            "metadata": {
                "name": name,
                "namespace": APPS_NAMESPACE,
                "annotations": {
                    "opendatahub.io/display-name": display_name,
                    "opendatahub.io/description": description,
                    "opendatahub.io/disabled": "false",
                    "opendatahub.io/dashboard-feature-visibility": '["model-serving"]',
                },
            },
            "spec": {
                "identifiers": [
                    {
                        "displayName": "CPU",
                        "identifier": "cpu",
                        "minCount": least_cores,
                        "defaultCount": cores,
                        "maxCount": machine.cores,
                        "resourceType": "CPU",
                    },
                    {
                        "displayName": "Memory",
                        "identifier": "memory",
                        "minCount": f"{least_memory}Gi",
                        "defaultCount": f"{memory}Gi",
                        "maxCount": f"{max(1, machine.memory // _GIB)}Gi",
                        "resourceType": "Memory",
                    },
                    *(more or ()),
                ]
            },
        }
    )


def _most(one: Identifier) -> Decimal | None:
    return None if one.max_count is None else quantity(one.max_count)


def _validate_scheduling(wanted: HardwareProfile) -> None:
    """Hold the two rules of the CRD: a branch for its type, and only that."""
    scheduling = wanted.spec.scheduling
    if scheduling is None:
        return
    if scheduling.type == "Queue" and (scheduling.kueue is None or scheduling.node is not None):
        refuse("spec.scheduling", scheduling.type, "must have kueue, and no node")
    if scheduling.type == "Node" and scheduling.kueue is not None:
        refuse("spec.scheduling", scheduling.type, "must have node, and no kueue")
