"""The columns of `get`: for each kind those of KServe's own CRD, as kubectl shows them, and more with ``-o wide``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from forecourt.cli.output import age, console, print_table
from forecourt.cli.resources import INFERENCE_SERVICE, SERVING_RUNTIME, Resource

Document = dict[str, Any]
Column = tuple[str, Callable[[Document], object]]


def condition(item: Document, name: str) -> Document:
    """Return a condition of an object's status; empty where it has none of that name."""
    conditions = (item.get("status") or {}).get("conditions") or []
    found: Document = next((one for one in conditions if one.get("type") == name), {})
    return found


def phase(item: Document) -> str:
    """Return in a word what a deployment does: the reason why it is not ready, else that it is."""
    if (item["metadata"].get("annotations") or {}).get("serving.kserve.io/stop") == "true":
        return "Stopped" if condition(item, "Stopped").get("status") == "True" else "Stopping"
    if item["metadata"].get("deletionTimestamp"):
        return "Terminating"
    if condition(item, "Ready").get("status") == "True":
        return "Ready"
    states = _at(item, "status.modelStatus.states") or {}
    if states.get("targetModelState") == "FailedToLoad":
        return "FailedToLoad"
    return str(condition(item, "PredictorReady").get("reason") or condition(item, "Ready").get("reason") or "Pending")


def _at(item: Document, path: str) -> Any:
    value: Any = item
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _field(path: str) -> Callable[[Document], object]:
    return lambda item: _at(item, path)


def runtime(item: Document) -> object:
    """Return the serving runtime that was chosen for a deployment, or that it asks for."""
    status = item.get("status") or {}
    chosen = status.get("servingRuntimeName") or status.get("clusterServingRuntimeName")
    return chosen or _at(item, "spec.predictor.model.runtime")


def _formats(item: Document) -> str:
    formats = _at(item, "spec.supportedModelFormats") or []
    return ",".join(dict.fromkeys(str(one.get("name")) for one in formats))


def _container(item: Document, field: str) -> object:
    containers = _at(item, "spec.containers") or [{}]
    return containers[0].get(field)


_NAME: Column = ("Name", _field("metadata.name"))
_AGE: Column = ("Age", lambda item: age(str(_at(item, "metadata.creationTimestamp"))))

_COLUMNS: dict[Resource, tuple[Sequence[Column], Sequence[Column]]] = {
    INFERENCE_SERVICE: (
        (
            _NAME,
            ("URL", _field("status.url")),
            ("Ready", lambda item: condition(item, "Ready").get("status") or "Unknown"),
            ("Status", phase),
            _AGE,
        ),
        (
            (
                "Runtime",
                lambda item: _at(item, "status.servingRuntimeName") or _at(item, "spec.predictor.model.runtime"),
            ),
            ("Format", _field("spec.predictor.model.modelFormat.name")),
            ("Storage-URI", _field("spec.predictor.model.storageUri")),
        ),
    ),
    SERVING_RUNTIME: (
        (
            _NAME,
            ("Disabled", lambda item: str(bool(_at(item, "spec.disabled"))).lower()),
            ("Modeltype", lambda item: _formats(item).split(",")[0]),
            ("Containers", lambda item: _container(item, "name")),
            _AGE,
        ),
        (("Formats", _formats), ("Image", lambda item: _container(item, "image"))),
    ),
}


def print_objects(
    kind: Resource, items: Iterable[Document], *, wide: bool = False, namespaces: bool = False, headers: bool = True
) -> None:
    """Print objects as a table; say so on standard error where there are none."""
    plain, more = _COLUMNS[kind]
    columns = [*([("Namespace", _field("metadata.namespace"))] if namespaces else []), *plain, *(more if wide else ())]
    rows = [[value(item) for _, value in columns] for item in items]
    if not rows:
        console.note("No resources found.")
        return
    print_table([title for title, _ in columns], rows, headers=headers)
