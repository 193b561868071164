"""A deployment as a row of a table: the columns of OpenShift AI's list of deployments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from forecourt.dashboard.calls import Document
from forecourt.dashboard.deployments.reading import (
    PROFILE,
    annotation,
    at,
    bounds,
    condition,
    is_exposed,
    is_protected,
    is_stopped,
    location,
    page,
    runtime_name,
    title,
)
from forecourt.dashboard.deployments.state import state_of, steps_of
from forecourt.projects import DISPLAY_NAME

_PENDING = ("Starting", "Unknown")


def row_of(
    item: Document,
    *,
    runtimes: Iterable[Document] = (),
    profiles: Iterable[Document] = (),
    project: str = "",
    tokens: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return what a row shows of an `InferenceService`.

    `runtimes` are documents of `ServingRuntime` and `profiles` of `HardwareProfile`, among them those it may use;
    `project` is what people call its project, and `tokens` are the names of its tokens, where they are known.
    """
    metadata, state = item["metadata"], state_of(item)
    namespace, name = str(metadata["namespace"]), str(metadata["name"])
    model = at(item, "spec", "predictor", "model") or {}
    return {
        "name": name,
        "namespace": namespace,
        "id": f"{namespace}--{name}",
        "title": title(item),
        "description": annotation(item, "openshift.io/description"),
        "href": page(namespace, name),
        "project": {"name": namespace, "title": project or namespace},
        "runtime": _runtime(item, runtimes),
        "endpoints": endpoints_of(item, runtimes),
        "profile": _profile(item, profiles),
        "deployed": _deployed(item),
        "state": state.to_dict(),
        "steps": steps_of(item),
        "stopped": is_stopped(item),
        "deleting": bool(metadata.get("deletionTimestamp")),
        "framework": _framework(model),
        "location": location(item),
        "replicas": replicas_of(item),
        "resources": _resources(model.get("resources") or {}),
        "tokens": {"required": is_protected(item), "names": None if tokens is None else list(tokens)},
    }


def endpoints_of(item: Document, runtimes: Iterable[Document] = ()) -> dict[str, Any]:
    """Return where a deployment answers: within this machine or cluster, and outside of it.

    `state` is ``available``, ``pending`` while it starts, or ``unavailable`` where it has failed or is stopped.
    """
    state, status = state_of(item).name, item.get("status") or {}
    url, inside = str(status.get("url") or ""), str(at(status, "address", "url") or "")
    outside = url if is_exposed(item) and url != inside and ".svc.cluster.local" not in url else ""
    found = _of_that_name(runtimes, runtime_name(item), item["metadata"]["namespace"])
    there = state in ("Ready", "Sleeping") or at(status, "modelStatus", "states", "activeModelState") == "Loaded"
    return {
        "state": "available" if there and url else "pending" if state in _PENDING else "unavailable",
        "internal": inside or url,
        "external": outside,
        "exposed": is_exposed(item),
        "protocol": annotation(found, "opendatahub.io/apiProtocol") or "REST",
    }


def replicas_of(item: Document) -> dict[str, Any]:
    """Return how many replicas a deployment is to have, how many there are, and how many have failed of late."""
    least, most = bounds(item)
    copies = at(item, "status", "modelStatus", "copies") or {}
    return {
        "least": least,
        "most": most,
        "there": copies.get("totalCopies") or 0,
        "failed": copies.get("failedCopies") or 0,
        "text": str(least) if least == most else f"{least} to {most}",
    }


def ordered(
    items: Iterable[Document],
    key: str,
    *,
    descending: bool,
    runtimes: Iterable[Document] = (),
    profiles: Iterable[Document] = (),
    projects: Mapping[str, str] | None = None,
) -> list[Document]:
    """Return deployments in the order of a column of their rows; those that are equal there by their titles.

    `projects` has what people call each project; see `row_of` for the others.
    """
    called = projects or {}
    by: Mapping[str, Callable[[Document], Any]] = {
        "name": lambda item: (),
        "project": lambda item: (called.get(item["metadata"]["namespace"]) or item["metadata"]["namespace"]).casefold(),
        "runtime": lambda item: _runtime(item, runtimes)["title"].casefold(),
        "profile": lambda item: _profile(item, profiles)["title"].casefold(),
        "deployed": _deployed,
        "status": lambda item: state_of(item).name,
    }
    first = sorted(items, key=lambda item: title(item).casefold(), reverse=descending and key == "name")
    return sorted(first, key=by[key], reverse=descending)


def _runtime(item: Document, runtimes: Iterable[Document]) -> dict[str, str]:
    name = runtime_name(item)
    found = _of_that_name(runtimes, name, item["metadata"]["namespace"])
    version = annotation(found, "opendatahub.io/runtime-version")
    return {"name": name, "title": annotation(found, DISPLAY_NAME) or name, "version": version}


def _profile(item: Document, profiles: Iterable[Document]) -> dict[str, str]:
    name = annotation(item, PROFILE)
    found = _of_that_name(profiles, name, item["metadata"]["namespace"])
    known = annotation(found, "opendatahub.io/display-name") or annotation(found, DISPLAY_NAME)
    return {"name": name, "title": known or name}


def _deployed(item: Document) -> str:
    """Return when it last came to be ready, or else when it was asked for."""
    ready = condition(item, "Ready")
    came = ready.get("lastTransitionTime") if ready.get("status") == "True" else ""
    return str(came or item["metadata"].get("creationTimestamp") or "")


def _framework(model: Document) -> str:
    chosen = model.get("modelFormat") or {}
    return " - ".join(str(chosen[key]) for key in ("name", "version") if chosen.get(key))


def _resources(resources: Document) -> dict[str, list[dict[str, str]]]:
    return {
        kind: [{"name": str(name), "amount": str(amount)} for name, amount in (resources.get(kind) or {}).items()]
        for kind in ("requests", "limits")
    }


def _of_that_name(documents: Iterable[Document], name: str, namespace: str) -> Document:
    """Return the one that a project means by a name: its own, else another; an empty document where there is none."""
    found: Document = {}
    for one in documents:
        if at(one, "metadata", "name") == name and (not found or at(one, "metadata", "namespace") == namespace):
            found = one
    return found
