"""What an `InferenceService` says, read from its document: pure functions, forgiving of what is not there."""

from __future__ import annotations

from typing import Any

from forecourt.dashboard.calls import Document, path
from forecourt.projects import DISPLAY_NAME

SERVICES = "/apis/serving.kserve.io/v1beta1"
STOP = "serving.kserve.io/stop"
AUTH = "security.opendatahub.io/enable-auth"
VISIBILITY, EXPOSED = "networking.kserve.io/visibility", "exposed"
CAUSE = "kubernetes.io/change-cause"
PROFILE, PROFILE_NAMESPACE = "opendatahub.io/hardware-profile-name", "opendatahub.io/hardware-profile-namespace"
IMAGE = "forecourt.dev/image"


def api(namespace: str, name: str, *further: str) -> str:
    """Return where the API has a deployment, or something of it."""
    return f"{SERVICES}/namespaces" + path(namespace, "inferenceservices", name, *further)


def page(namespace: str, name: str, *further: str) -> str:
    """Return where the dashboard has a deployment, or a part of it."""
    return "/deployments" + path(namespace, name, *further)


def at(value: Any, *keys: str) -> Any:
    """Follow keys into a document; None where one is not there."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def annotation(item: Document, name: str) -> str:
    """Return an annotation; the empty text where there is none."""
    return str(at(item, "metadata", "annotations", name) or "")


def condition(item: Document, kind: str) -> Document:
    """Return a condition of the status; empty where it has none of that type."""
    conditions = at(item, "status", "conditions") or []
    found: Document = next((one for one in conditions if one.get("type") == kind), {})
    return found


def title(item: Document) -> str:
    """Return what people call it."""
    return annotation(item, DISPLAY_NAME) or str(item["metadata"]["name"])


def is_stopped(item: Document) -> bool:
    """Say whether someone has stopped it."""
    return annotation(item, STOP).lower() == "true"


def is_protected(item: Document) -> bool:
    """Say whether it asks for a token."""
    return annotation(item, AUTH).lower() == "true"


def is_exposed(item: Document) -> bool:
    """Say whether requests from other machines reach it."""
    return bool(at(item, "metadata", "labels", VISIBILITY) == EXPOSED)


def runtime_name(item: Document) -> str:
    """Return the serving runtime that was chosen for it, or that it asks for."""
    status = item.get("status") or {}
    chosen = status.get("servingRuntimeName") or status.get("clusterServingRuntimeName")
    return str(chosen or at(item, "spec", "predictor", "model", "runtime") or "")


def bounds(item: Document) -> tuple[int, int]:
    """Return between how many replicas it is to have; the same twice where it does not follow its load."""
    predictor = at(item, "spec", "predictor") or {}
    least = predictor.get("minReplicas")
    least = 1 if least is None else int(least)
    return least, max(int(predictor.get("maxReplicas") or 0), least, 1)


def location(item: Document) -> str:
    """Return where its model is: a URI, or a path in the bucket of a connection."""
    predictor = at(item, "spec", "predictor") or {}
    model = predictor.get("model") or {}
    uris = [one.get("uri") for one in predictor.get("storageUris") or []]
    storage = model.get("storage") or {}
    of_the_bucket = f"{storage.get('key', '')}: {storage.get('path', '')}" if storage else ""
    return str(model.get("storageUri") or of_the_bucket or next(iter(uris), "") or "")
