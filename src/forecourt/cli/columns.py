"""The columns of `get`: for each kind those of KServe's own CRD, as kubectl shows them, and more with ``-o wide``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from forecourt.cli.access import is_exposed, is_protected
from forecourt.cli.output import age, console, print_table
from forecourt.cli.resources import (
    CLUSTER_SERVING_RUNTIME,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    HARDWARE_PROFILE,
    INFERENCE_SERVICE,
    NAMESPACE,
    ROLE_BINDING,
    SECRET,
    SERVING_RUNTIME,
    Resource,
)

Document = dict[str, Any]
Column = tuple[str, Callable[[Document], object]]

DISPLAY_NAME = "openshift.io/display-name"
DESCRIPTION = "openshift.io/description"
CONNECTION_TYPE = "opendatahub.io/connection-type-ref"
HIDDEN_KEYS = "forecourt.dev/hidden-keys"


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
    if (ready := condition(item, "Ready")).get("status") == "True":
        return "Asleep" if ready.get("reason") == "Asleep" else "Ready"
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


def bounds(item: Document) -> tuple[int, int]:
    """Return between how many replicas a deployment is to have; the same twice where it does not follow its load."""
    predictor = _at(item, "spec.predictor") or {}
    least = predictor.get("minReplicas")
    least = 1 if least is None else int(least)
    return least, max(int(predictor.get("maxReplicas") or 0), least, 1)


def replicas(item: Document) -> str:
    """Return how many replicas answer of how many there are to be: ``1/2``, or ``1/0-3`` where they follow the load."""
    there = _at(item, "status.modelStatus.copies.totalCopies") or 0
    least, most = bounds(item)
    return f"{there}/{least}" if least == most else f"{there}/{least}-{most}"


def model(item: Document) -> object:
    """Return where a deployment's model is: its URI, or a path behind its connection."""
    predictor = _at(item, "spec.predictor") or {}
    said = predictor.get("model") or {}
    storage = said.get("storage") or {}
    path = f"{storage.get('key', '')}:{storage.get('path', '')}" if storage else ""
    uris = [one.get("uri") for one in predictor.get("storageUris") or []]
    return said.get("storageUri") or path or next(iter(uris), None)


def annotation(item: Document, name: str) -> str:
    """Return an annotation; the empty text where there is none."""
    return str((item["metadata"].get("annotations") or {}).get(name) or "")


def _formats(item: Document) -> str:
    formats = _at(item, "spec.supportedModelFormats") or []
    return ",".join(dict.fromkeys(str(one.get("name")) for one in formats))


def _container(item: Document, field: str) -> object:
    containers = _at(item, "spec.containers") or [{}]
    return containers[0].get(field)


def hidden_keys(item: Document) -> list[str]:
    """Return the keys of a secret whose values are not shown."""
    import json

    try:
        return [str(key) for key in json.loads(annotation(item, HIDDEN_KEYS) or "[]")]
    except (ValueError, TypeError):
        return []


def _subjects(item: Document, kind: str) -> list[str]:
    return [str(one.get("name")) for one in item.get("subjects") or [] if one.get("kind") == kind]


def _yes(so: bool) -> str:
    return "yes" if so else "no"


_NAME: Column = ("Name", _field("metadata.name"))
_AGE: Column = ("Age", lambda item: age(str(_at(item, "metadata.creationTimestamp"))))

_RUNTIME_COLUMNS: tuple[Sequence[Column], Sequence[Column]] = (
    (
        _NAME,
        ("Disabled", lambda item: str(bool(_at(item, "spec.disabled"))).lower()),
        ("Modeltype", lambda item: _formats(item).split(",")[0]),
        ("Containers", lambda item: _container(item, "name")),
        _AGE,
    ),
    (("Formats", _formats), ("Image", lambda item: _container(item, "image"))),
)

_COLUMNS: dict[Resource, tuple[Sequence[Column], Sequence[Column]]] = {
    INFERENCE_SERVICE: (
        (
            _NAME,
            ("URL", _field("status.url")),
            ("Ready", lambda item: condition(item, "Ready").get("status") or "Unknown"),
            ("Status", phase),
            ("Replicas", replicas),
            _AGE,
        ),
        (
            (
                "Runtime",
                lambda item: _at(item, "status.servingRuntimeName") or _at(item, "spec.predictor.model.runtime"),
            ),
            ("Format", _field("spec.predictor.model.modelFormat.name")),
            ("Storage-URI", model),
            ("Exposed", lambda item: _yes(is_exposed(item))),
            ("Auth", lambda item: "token" if is_protected(item) else "none"),
        ),
    ),
    SERVING_RUNTIME: _RUNTIME_COLUMNS,
    CLUSTER_SERVING_RUNTIME: _RUNTIME_COLUMNS,
    NAMESPACE: (
        (
            _NAME,
            ("Status", lambda item: "Terminating" if item["metadata"].get("deletionTimestamp") else "Active"),
            _AGE,
        ),
        (("Display-name", lambda item: annotation(item, DISPLAY_NAME)),),
    ),
    SECRET: (
        (
            _NAME,
            ("Type", lambda item: annotation(item, CONNECTION_TYPE) or _at(item, "type") or "Opaque"),
            ("Data", lambda item: len(_at(item, "data") or {}) + len(hidden_keys(item))),
            _AGE,
        ),
        (("Hidden", lambda item: ",".join(hidden_keys(item))),),
    ),
    CONFIG_MAP: (
        (_NAME, ("Data", lambda item: len(_at(item, "data") or {})), _AGE),
        (("Display-name", lambda item: annotation(item, DISPLAY_NAME)),),
    ),
    HARDWARE_PROFILE: (
        (
            _NAME,
            ("Display-name", lambda item: annotation(item, "opendatahub.io/display-name")),
            ("Grants", lambda item: ",".join(one["identifier"] for one in _at(item, "spec.identifiers") or [])),
            ("Disabled", lambda item: annotation(item, "opendatahub.io/disabled") or "false"),
            _AGE,
        ),
        (),
    ),
    ROLE_BINDING: (
        (_NAME, ("Role", lambda item: "ClusterRole/" + str(_at(item, "roleRef.name"))), _AGE),
        (
            ("Users", lambda item: ", ".join(_subjects(item, "User"))),
            ("Groups", lambda item: ", ".join(_subjects(item, "Group"))),
        ),
    ),
    CONTROLLER_REVISION: (
        (
            _NAME,
            (
                "Controller",
                lambda item: next((one["name"] for one in item["metadata"].get("ownerReferences") or []), None),
            ),
            ("Revision", _field("revision")),
            _AGE,
        ),
        (("Model", lambda item: model(item.get("data") or {})),),
    ),
}

_ELSEWHERE = {
    CONFIG_MAP: "The connection types that ship are in the namespace opendatahub: forecourt connections types",
    HARDWARE_PROFILE: "Those for all projects are in the namespace opendatahub: forecourt hardware-profiles list",
    ROLE_BINDING: "Nobody has a role here but this server's administrators.",
    INFERENCE_SERVICE: "Deploy a model: forecourt deploy URI; those of all projects: forecourt get isvc -A",
    SECRET: "Make a connection: forecourt connections create --help",
}
"""What to do where there are none."""


def print_objects(
    kind: Resource,
    items: Iterable[Document],
    *,
    wide: bool = False,
    namespaces: bool = False,
    headers: bool = True,
    scope: str = "",
) -> None:
    """Print objects as a table; say so on standard error where there are none, in the namespace `scope`."""
    plain, more = _COLUMNS[kind]
    columns = [*([("Namespace", _field("metadata.namespace"))] if namespaces else []), *plain, *(more if wide else ())]
    rows = [[value(item) for _, value in columns] for item in items]
    if not rows:
        where = f" in the project {scope}" if scope and kind.namespaced else ""
        console.note(f"No resources found{where}.")
        if hint := _ELSEWHERE.get(kind):
            console.note(hint)
        return
    print_table([title for title, _ in columns], rows, headers=headers)
