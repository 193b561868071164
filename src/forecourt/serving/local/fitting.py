"""Whether a deployment would fit this machine, told before there is one: for the API and for the command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from forecourt.errors import Conflict, InvalidObject
from forecourt.projects import free_memory, this_machine
from forecourt.serving.availability import why_not
from forecourt.serving.fit import Structure, judge
from forecourt.serving.local.claims import Claims
from forecourt.serving.local.plan import Recipe
from forecourt.serving.model import InferenceService, ServingRuntime
from forecourt.serving.selection import select_runtime

Document = dict[str, Any]


def fit(
    service: InferenceService, runtimes: Sequence[ServingRuntime], structure: Structure, claims: Claims | None = None
) -> Document:
    """Return what a deployment would need here, item by item, and whether it fits beside what `claims` know of.

    Sizes are in bytes. Raises `InvalidObject` where no runtime serves it here, or what it asks for is not there.
    """
    runtime = select_runtime(service, runtimes, why_not)
    recipe = Recipe.of(service, runtime)
    claims = claims or Claims()
    kit = recipe.equipment
    need = recipe.need(structure, free_memory())
    devices = claims.devices(kit.accelerator, kit.count, kit.named) or ()
    room = claims.room("", kit.memory, devices, 0)
    replicas = max(1, service.replicas)
    beside = (replicas - 1) * (need.host if need.on_device else need.private)
    verdict = judge(need, replace(room, free=max(0, room.free - beside)))
    message = verdict.message
    if replicas > 1 and not verdict.fits:
        message = f"{message} That is the last of {replicas} replicas, beside the others."
    return {
        "fits": verdict.fits,
        "tight": verdict.tight,
        "message": message,
        "hint": verdict.hint,
        "runtime": runtime.name,
        "replicas": replicas,
        "known": need.known,
        "needs": {
            "total": need.total,
            "shared": need.mapped,
            "items": [{"name": one.name, "bytes": one.bytes, "note": one.note} for one in need.items],
        },
        "grows": need.growth,
        "free": room.free,
        "machine": this_machine().memory,
        "limit": room.limit or None,
        "unknown": [*need.unknown, *filter(None, [kit.warning])],
    }


@dataclass(frozen=True, slots=True)
class Fitting:
    """Answers whether deployments would fit. Each part is a function of whoever puts the server together.

    `admit` completes a deployment as it would be kept, `runtimes` are those of a namespace, `structure` reads the
    headers of the model of a deployment.
    """

    admit: Callable[[InferenceService, None], InferenceService]
    runtimes: Callable[[str], Sequence[ServingRuntime]]
    structure: Callable[[InferenceService], Structure]
    claims: Claims

    def __call__(self, namespace: str, document: Document) -> Document:
        """Return what `fit` does for an `InferenceService`, which is not kept; blocks while headers are read."""
        metadata = document.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise InvalidObject("metadata: Invalid value: it is no map.")
        metadata = dict(metadata)
        if (said := metadata.setdefault("namespace", namespace)) != namespace:
            raise Conflict(f"The deployment is of the namespace {said}, and the path says {namespace}.")
        metadata.setdefault("name", "fit")
        service = self.admit(InferenceService.from_dict({**document, "metadata": metadata}), None)
        return fit(service, self.runtimes(namespace), self.structure(service), self.claims)
