"""A project's deployments: their rows for its overview, and which connections they use."""

from __future__ import annotations

from collections.abc import Iterable

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.deployments import state_of
from forecourt.dashboard.projects.project import SERVICES
from forecourt.projects import DISPLAY_NAME

_CONNECTIONS = "opendatahub.io/connections"
_OUTCOMES = {"Ready": "successful", "Sleeping": "successful", "Failed": "failed"}


async def services(calls: Calls, project: str) -> list[Document]:
    """Return a project's deployments as they are kept."""
    found: list[Document] = (await calls.get(SERVICES + path(project, "inferenceservices")))["items"]
    return found


def with_outcomes(items: Iterable[Document]) -> list[tuple[str, Document]]:
    """Return deployments, the newest first, each after ``successful``, ``failed`` or ``other``."""
    newest = sorted(items, key=lambda one: one["metadata"].get("creationTimestamp") or "", reverse=True)
    return [(_OUTCOMES.get(state_of(one).name, "other"), one) for one in newest]


async def users(calls: Calls, project: str) -> dict[str, list[Document]]:
    """Return the deployments that use a connection, by the connection's name."""
    used: dict[str, list[Document]] = {}
    for item in await services(calls, project):
        predictor = (item.get("spec") or {}).get("predictor") or {}
        storage = (predictor.get("model") or {}).get("storage") or {}
        pulls = [one.get("name") for one in predictor.get("imagePullSecrets") or []]
        for name in {_notes(item).get(_CONNECTIONS), storage.get("key"), *pulls} - {"", None}:
            used.setdefault(str(name), []).append({"name": item["metadata"]["name"], "title": _title(item)})
    return used


def _title(item: Document) -> str:
    return str(_notes(item).get(DISPLAY_NAME) or item["metadata"]["name"])


def _notes(item: Document) -> Document:
    return item["metadata"].get("annotations") or {}
