"""Can a serving runtime run on this machine, and if not, why: one sentence.

A runtime says so itself, in annotations that a cluster ignores:

``forecourt.dev/local-command``
    the program that stands in for its container's image and command; without it, it runs on a cluster only.
``forecourt.dev/local-platforms``
    where its packages can be had, as patterns of ``system/machine``, by spaces or lines: ``linux/x86_64 darwin/*``;
    without it, everywhere.
``forecourt.dev/local-accelerators``
    devices by the names that Kubernetes has for them, as a JSON list: one of them must be here. Without it, those of
    ``opendatahub.io/recommended-accelerators``, which OpenShift AI's templates carry; ``[]`` says that none is needed.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from forecourt import projects
from forecourt.errors import InvalidObject
from forecourt.projects import AMD, GAUDI, NVIDIA
from forecourt.serving.model import ServingRuntime

COMMAND = "forecourt.dev/local-command"
PLATFORMS = "forecourt.dev/local-platforms"
ACCELERATORS = "forecourt.dev/local-accelerators"
RECOMMENDED_ACCELERATORS = "opendatahub.io/recommended-accelerators"

_CALLED = {NVIDIA: "an NVIDIA GPU", AMD: "an AMD GPU", GAUDI: "an Intel Gaudi accelerator"}


@dataclass(frozen=True, slots=True)
class Machine:
    """What a runtime may ask of a machine: ``linux/x86_64``, and its accelerators by their names in Kubernetes."""

    platform: str
    accelerators: frozenset[str] = frozenset()


@cache
def this_machine() -> Machine:
    """Look at the machine that this process runs on; what it has is not expected to change while we run."""
    here = projects.this_machine()
    names = frozenset(one.identifier for one in here.accelerators)
    return Machine(f"{sys.platform}/{platform.machine().lower()}", names)


def why_not(runtime: ServingRuntime, machine: Machine | None = None) -> str:
    """Say in a sentence why `runtime` cannot run on `machine`, which is this one by default; nothing where it can."""
    machine = machine or this_machine()
    name = runtime.name
    try:
        wanted = accelerators_of(runtime)
    except InvalidObject as error:
        return f"What the serving runtime {name} needs cannot be read: {error.message}."
    if wanted and not machine.accelerators.intersection(wanted):
        return f"The serving runtime {name} needs {_one_of(wanted)}, and this machine has none."
    patterns = runtime.metadata.annotation(PLATFORMS).replace(",", " ").split()
    if patterns and not any(fnmatchcase(machine.platform, pattern) for pattern in patterns):
        there = " and ".join(patterns)
        return f"The serving runtime {name} has packages for {there} only, and this machine is {machine.platform}."
    if runtime.spec.worker_spec is not None:
        return f"The serving runtime {name} spans several nodes, and this is one machine."
    if not runtime.metadata.annotation(COMMAND):
        return f"The serving runtime {name} does not say how it runs on this machine."
    return ""


def accelerators_of(runtime: ServingRuntime) -> tuple[str, ...]:
    """Return the accelerators of which `runtime` needs one on a machine, by their names in Kubernetes.

    Raises `InvalidObject` where the annotation that says so is no list of names.
    """
    annotations = runtime.metadata.annotations or {}
    for annotation in (ACCELERATORS, RECOMMENDED_ACCELERATORS):
        if annotation in annotations:
            return _names(annotation, annotations[annotation])
    return ()


def recommended_accelerators(runtime: ServingRuntime) -> tuple[str, ...]:
    """Return the accelerators that a runtime is made for, as OpenShift AI's templates say; raises `InvalidObject`."""
    return _names(RECOMMENDED_ACCELERATORS, runtime.metadata.annotation(RECOMMENDED_ACCELERATORS))


def _names(annotation: str, text: str) -> tuple[str, ...]:
    try:
        names = json.loads(text or "[]")
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidObject(
            f"metadata.annotations[{annotation}]: Invalid value: {text!r} is no JSON list of names",
            hint=f"Write it so: '[\"{NVIDIA}\"]'.",
        )
    return tuple(names)


def _one_of(names: Iterable[str]) -> str:
    return " or ".join(f"{_CALLED[name]} ({name})" if name in _CALLED else name for name in names)
