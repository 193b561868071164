"""A project's deployments, as its overview and its list show them."""

from __future__ import annotations

from typing import Any

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.projects.project import SERVICES
from forecourt.projects import DISPLAY_NAME

_STOP = "serving.kserve.io/stop"
_CONNECTIONS = "opendatahub.io/connections"
_SUCCESSFUL = ("Ready", "Asleep")


async def deployments(calls: Calls, project: str) -> list[Document]:
    """Return a project's deployments, the newest first."""
    found = (await calls.get(SERVICES + path(project, "inferenceservices")))["items"]
    found.sort(key=lambda one: one["metadata"].get("creationTimestamp") or "", reverse=True)
    return [shown(one) for one in found]


async def users(calls: Calls, project: str) -> dict[str, list[Document]]:
    """Return the deployments that use a connection, by the connection's name."""
    used: dict[str, list[Document]] = {}
    for item in (await calls.get(SERVICES + path(project, "inferenceservices")))["items"]:
        predictor = (item.get("spec") or {}).get("predictor") or {}
        storage = (predictor.get("model") or {}).get("storage") or {}
        pulls = [one.get("name") for one in predictor.get("imagePullSecrets") or []]
        for name in {_notes(item).get(_CONNECTIONS), storage.get("key"), *pulls} - {"", None}:
            used.setdefault(str(name), []).append({"name": item["metadata"]["name"], "title": _title(item)})
    return used


def shown(item: Document) -> Document:
    """Return a deployment as pages of a project show it."""
    metadata, status = item["metadata"], item.get("status") or {}
    state, message = _state(item)
    model = _at(item, "spec", "predictor", "model") or {}
    runtime = status.get("servingRuntimeName") or status.get("clusterServingRuntimeName") or model.get("runtime")
    return {
        "name": metadata["name"],
        "title": _title(item),
        "href": f"/deployments/{metadata['namespace']}/{metadata['name']}",
        "runtime": runtime or "",
        "state": state,
        "message": message,
        "outcome": "successful" if state in _SUCCESSFUL else "failed" if state == "Failed" else "other",
        "endpoint": status.get("url") or "",
        "created": metadata.get("creationTimestamp"),
    }


def _state(item: Document) -> tuple[str, str]:
    """Return a deployment's state in the dashboard's words, and what it waits for or has failed with."""
    status = item.get("status") or {}
    conditions = {one.get("type"): one for one in status.get("conditions") or []}
    ready, predictor = conditions.get("Ready") or {}, conditions.get("PredictorReady") or {}
    model = status.get("modelStatus") or {}
    if item["metadata"].get("deletionTimestamp"):
        return "Deleting", ""
    if _notes(item).get(_STOP) == "true":
        return ("Stopped" if (conditions.get("Stopped") or {}).get("status") == "True" else "Stopping"), ""
    if ready.get("status") == "True":
        return ("Asleep" if ready.get("reason") == "Asleep" else "Ready"), str(ready.get("message") or "")
    if _at(model, "states", "targetModelState") == "FailedToLoad":
        failure = model.get("lastFailureInfo") or {}
        return "Failed", str(failure.get("message") or predictor.get("message") or "")
    return "Starting", str(predictor.get("message") or "")


def _title(item: Document) -> str:
    return str(_notes(item).get(DISPLAY_NAME) or item["metadata"]["name"])


def _notes(item: Document) -> Document:
    return item["metadata"].get("annotations") or {}


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
