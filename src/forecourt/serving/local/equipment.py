"""What of this machine a replica is given: processors, accelerators, memory; what cannot be is refused.

On a cluster the kubelet sees to all three. Here a process is held to its CPUs by the system, sees its accelerators by
the variable that their makers' libraries look into, and is ended when it uses more memory than its limit.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Self

from forecourt.errors import InvalidObject
from forecourt.objects import quantity
from forecourt.processes import CAN_PIN
from forecourt.projects import AFFINITY, DEVICES, Machine, numbers, this_machine
from forecourt.serving.model import Container, InferenceService

VISIBLE = {
    "nvidia.com/gpu": "CUDA_VISIBLE_DEVICES",
    "amd.com/gpu": "HIP_VISIBLE_DEVICES",
    "habana.ai/gaudi": "HABANA_VISIBLE_DEVICES",
}
"""The variable that says which accelerators of a kind a program sees."""

_LIST = re.compile(r"\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*")


@dataclass(frozen=True, slots=True)
class Equipment:
    """`cpus` are the only ones it runs on (none: all), `memory` its limit in bytes (0: none).

    It gets `count` accelerators of the kind `accelerator`, out of `named` where some are named. Without a count it sees
    all that are named, and they are not its alone.
    """

    cpus: tuple[int, ...] = ()
    memory: int = 0
    accelerator: str = ""
    count: int = 0
    named: tuple[int, ...] = ()
    warning: str = ""

    @classmethod
    def of(cls, service: InferenceService, container: Container, machine: Machine | None = None) -> Self:
        """Read what a deployment asks for; raises `InvalidObject` where this machine has no such thing."""
        limits = (container.resources.limits if container.resources else None) or {}
        memory = _amount("memory", limits.get("memory", 0))
        cpus, named = (_listed(service, annotation) for annotation in (AFFINITY, DEVICES))
        warning = ""
        if cpus and not CAN_PIN:
            cpus, warning = (), f"This system cannot hold programs to processors: {AFFINITY} is without effect."
        elif cpus and (missing := sorted(set(cpus) - os.sched_getaffinity(0))):
            there = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
            raise InvalidObject(
                f"metadata.annotations[{AFFINITY}]: Invalid value: there is no CPU {missing[0]} to run on.",
                hint=f"This machine has the CPUs {there}.",
            )
        accelerator = next((kind for kind in VISIBLE if _amount(kind, limits.get(kind, 0))), "")
        count = _amount(accelerator, limits[accelerator]) if accelerator else 0
        if accelerator or named:
            machine = machine or this_machine()
            accelerator = accelerator or next((one.identifier for one in machine.accelerators), "")
            _check(accelerator, count, named, machine)
        return cls(cpus, memory, accelerator, count, named, warning)

    @property
    def essence(self) -> list[str]:
        """What of it, beside the container's resources, needs a replica to be started anew when it changes."""
        said = ("cpus", self.cpus), ("devices", self.named)
        return [f"{what} {','.join(map(str, listed))}" for what, listed in said if listed]

    def variables(self, devices: tuple[int, ...]) -> dict[str, str]:
        """Return the variables that show a replica its accelerators."""
        if not devices or self.accelerator not in VISIBLE:
            return {}
        return {VISIBLE[self.accelerator]: ",".join(map(str, devices))}


def _check(accelerator: str, count: int, named: tuple[int, ...], machine: Machine) -> None:
    there = {one.index for one in machine.accelerators if one.identifier == accelerator}
    if missing := sorted(set(named) - there):
        has = f"It has {', '.join(map(str, sorted(there)))} of {accelerator}." if there else "It has none."
        raise InvalidObject(
            f"metadata.annotations[{DEVICES}]: Invalid value: this machine has no accelerator {missing[0]}.", hint=has
        )
    pool = len(set(named) or there)
    if count > pool:
        raise InvalidObject(
            f"spec.predictor.model.resources.limits[{accelerator}]: {count} are asked for, and "
            + (f"{pool} are named." if named else f"this machine has {pool or 'none'}."),
            hint="Ask for fewer, or take the deployment to a cluster that has them.",
        )


def _listed(service: InferenceService, annotation: str) -> tuple[int, ...]:
    text = service.metadata.annotation(annotation).replace(" ", "")
    if text and not _LIST.fullmatch(text):
        raise InvalidObject(
            f"metadata.annotations[{annotation}]: Invalid value: {text!r} is no list of numbers.",
            hint="Write numbers and ranges by commas: 0-3,8",
        )
    return tuple(dict.fromkeys(numbers(text)))


def _amount(what: str, given: str | int | float) -> int:
    """Return a whole number of bytes or pieces; what is no quantity has been refused before, and counts as none."""
    try:
        return max(0, int(quantity(given)))
    except (ValueError, OverflowError):
        return 0
