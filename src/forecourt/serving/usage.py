"""Which deployments are served by a runtime, and that one in use is not removed under them."""

from __future__ import annotations

from forecourt.errors import Conflict
from forecourt.objects import ObjectStore
from forecourt.serving.model import InferenceService, ServingRuntime


def served_by(objects: ObjectStore, runtime: ServingRuntime) -> list[str]:
    """Return the deployments that are served by a runtime, or name it, as ``namespace/name``."""
    found = []
    for service in objects.list(InferenceService, runtime.namespace or None):
        status, model = service.status, service.spec.predictor.model
        asked = model.runtime if model else None
        served = status.serving_runtime_name or status.cluster_serving_runtime_name if status else None
        if runtime.name == (asked or served):
            found.append(f"{service.namespace}/{service.name}")
    return found


def refuse_in_use(objects: ObjectStore, runtime: ServingRuntime) -> None:
    """Raise `Conflict` that names the deployments which a runtime serves."""
    if users := served_by(objects, runtime):
        raise Conflict(
            f"The serving runtime {runtime.name} is in use by {', '.join(users)}.",
            hint="Delete these, or have them served by another runtime, first. To remove it all the same: "
            f"forecourt runtimes remove {runtime.name} --force",
        )
