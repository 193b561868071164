"""The serving runtimes that ship with Forecourt, and those that a namespace can use."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from forecourt.objects import ObjectStore
from forecourt.serving.model import ClusterServingRuntime, ServingRuntime, load_all

DIRECTORY = Path(__file__).parents[1] / "runtimes"


@cache
def shipped_runtimes() -> tuple[ServingRuntime, ...]:
    """Return the runtimes that ship, by name; they are read-only, and there in every namespace."""
    found = (one for file in sorted(DIRECTORY.glob("*.yaml")) for one in load_all(file.read_bytes()))
    return tuple(runtime for runtime in found if isinstance(runtime, ServingRuntime))


def usable_runtimes(objects: ObjectStore, namespace: str) -> list[ServingRuntime]:
    """Return the runtimes that `namespace` can use: its own, those that ship, and those of the whole cluster.

    One that a person made stands for the shipped one of its name.
    """
    own = objects.list(ServingRuntime, namespace)
    names = {runtime.name for runtime in own}
    shipped = (runtime for runtime in shipped_runtimes() if runtime.name not in names)
    return [*own, *shipped, *objects.list(ClusterServingRuntime)]
