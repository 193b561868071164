"""One project as its pages show it: what it is called, its tabs, the way to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.pages import Crumb, Page
from forecourt.projects import DASHBOARD, DEFAULT_PROJECT, DISPLAY_NAME

NAMESPACES = "/api/v1/namespaces"
SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces"
SECTION = "projects"
HOME = Crumb("Data science projects", "/projects")
DESCRIPTION = "openshift.io/description"
OWNER = "openshift.io/requester"


async def asked_for(calls: Calls, request: Request) -> Document:
    """Return the project that a page is of; raises `Refused` where it is not there."""
    return shown(await calls.get(NAMESPACES + path(request.path_params["project"])))


def shown(namespace: Document) -> Document:
    """Return a project as pages show it."""
    metadata = namespace["metadata"]
    annotations = metadata.get("annotations") or {}
    labels = metadata.get("labels") or {}
    return {
        "name": metadata["name"],
        "title": annotations.get(DISPLAY_NAME) or metadata["name"],
        "description": annotations.get(DESCRIPTION, ""),
        "owner": annotations.get(OWNER, ""),
        "ai": labels.get(DASHBOARD) == "true",
        "created": metadata.get("creationTimestamp"),
        "deleting": bool(metadata.get("deletionTimestamp")),
        "gone": False,
        "stays": metadata["name"] == DEFAULT_PROJECT,
        "labels": labels,
    }


def page(
    template: str,
    project: Document,
    tab: str,
    data: Mapping[str, Any],
    *,
    title: str = "",
    blocks: tuple[str, ...] = (),
    status: int = 200,
) -> Page:
    """Return a page of a project: one of its tabs, or with a title something within it."""
    here = f"/projects/{project['name']}"
    crumbs = [HOME, Crumb(project["title"], here if title else "")]
    if title:
        crumbs.append(Crumb(title))
    return Page(
        template,
        title or project["title"],
        {"project": project, "tab": tab, **data},
        SECTION,
        tuple(crumbs),
        blocks,
        status,
    )
