"""The serving runtimes that ship with Forecourt, and those that a namespace can use."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from forecourt.objects import ObjectStore
from forecourt.serving.model import ClusterServingRuntime, ServingRuntime, load_all
from forecourt.serving.offering import Offering

DIRECTORY = Path(__file__).parents[1] / "runtimes"


@cache
def shipped_runtimes() -> tuple[ServingRuntime, ...]:
    """Return the runtimes that ship, by name; they are read-only, and there in every namespace."""
    found = (one for file in sorted(DIRECTORY.glob("*.yaml")) for one in load_all(file.read_bytes()))
    return tuple(runtime for runtime in found if isinstance(runtime, ServingRuntime))


def known_runtimes(objects: ObjectStore, namespace: str) -> list[ServingRuntime]:
    """Return the runtimes that are there for `namespace`: its own, those of the whole cluster, and those that ship.

    One that a person made stands for the shipped one of its name.
    """
    made = [*objects.list(ServingRuntime, namespace), *objects.list(ClusterServingRuntime)]
    names = {runtime.name for runtime in made}
    return [*made, *(runtime for runtime in shipped_runtimes() if runtime.name not in names)]


def usable_runtimes(objects: ObjectStore, namespace: str, *, serving: str = "") -> list[ServingRuntime]:
    """Return the same as they are offered: in the order that is set, those that are not offered as disabled.

    The one that is `serving` a deployment already goes on serving it.
    """
    return Offering.of(objects).applied(known_runtimes(objects, namespace), serving=serving)
