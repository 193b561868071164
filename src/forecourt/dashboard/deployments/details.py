"""A deployment's own page: everything about it that is no table of its own."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request

from forecourt.dashboard.calls import Calls, Document, Refused, path
from forecourt.dashboard.deployments.frame import LIVE, common, crumbs, where
from forecourt.dashboard.deployments.listing import CLUSTER_RUNTIMES, PROFILES, RUNTIMES, SECTION
from forecourt.dashboard.deployments.reading import IMAGE, annotation, api, at, is_protected, title
from forecourt.dashboard.deployments.revisions import revisions_of, without_data
from forecourt.dashboard.deployments.rows import row_of
from forecourt.dashboard.deployments.snippets import snippets
from forecourt.dashboard.pages import Page
from forecourt.projects import DISPLAY_NAME

_CONNECTION = "opendatahub.io/connections"
_REGISTERED = ("modelregistry.opendatahub.io/", "modelregistry.kubeflow.org/")
_HIDDEN = ("token", "secret", "password", "key")


class Details:
    """Shows the deployments that `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def show(self, request: Request) -> Page:
        """Show what a deployment is, how it is doing, and how to ask it."""
        item = await self._calls.get(api(*where(request)))
        known, tokens, runtimes, of_all, profiles = await asyncio.gather(
            revisions_of(self._calls, *where(request)),
            self._calls.get(api(*where(request), "tokens")),
            *(self._calls.get(each) for each in (RUNTIMES, CLUSTER_RUNTIMES, PROFILES)),
        )
        row = row_of(
            item,
            runtimes=runtimes["items"] + of_all["items"],
            profiles=profiles["items"],
            tokens=[one["name"] for one in tokens["items"]],
        )
        data = common(item, "details", row) | {
            "model": _model(item),
            "origin": _origin(item),
            "conditions": at(item, "status", "conditions") or [],
            "failure": at(item, "status", "modelStatus", "lastFailureInfo"),
            "canary": _canary(known),
            "revision": without_data(known[-1]) if known else None,
            "snippets": snippets(item, row["endpoints"], protected=is_protected(item)),
        }
        return Page("deployments/details.html", row["title"], data, SECTION, crumbs(item), blocks=LIVE)

    async def status(self, request: Request) -> Page:
        """Show the steps of a deployment on its way to being ready."""
        item = await self._calls.get(api(*where(request)))
        blocks = ("deployment-dialog", "steps")
        way = crumbs(item, "Status")
        return Page("deployments/status.html", title(item), common(item, "details"), SECTION, way, blocks)

    async def fit(self, request: Request) -> Page:
        """Show whether a deployment fits this machine: what it needs of memory, and what is there."""
        item = await self._calls.get(api(*where(request)))
        namespace = item["metadata"]["namespace"]
        asked = {"metadata": {"name": item["metadata"]["name"]}, "spec": item["spec"]}
        asked["metadata"]["annotations"] = item["metadata"].get("annotations") or {}
        fit: Document = {}
        error = None
        try:
            fit = await self._calls.post("/api/forecourt/v1/namespaces" + path(namespace, "fit"), asked)
        except Refused as refused:
            error = {"message": refused.message, "hint": refused.hint}
        data = common(item, "details") | {"fit": fit, "error": error}
        return Page(
            "deployments/fit.html", f"Fit of {title(item)}", data, SECTION, crumbs(item, "Fit"), blocks=("fit",)
        )


def _model(item: Document) -> dict[str, Any]:
    model = at(item, "spec", "predictor", "model") or {}
    return {
        "arguments": [str(one) for one in model.get("args") or []],
        "environment": [_variable(one) for one in model.get("env") or []],
        "image": at(item, "status", "annotations", IMAGE) or "",
        "type": annotation(item, "opendatahub.io/model-type"),
        "mode": at(item, "status", "deploymentMode") or "",
        "strategy": at(item, "spec", "predictor", "deploymentStrategy", "type") or "",
        "concurrency": at(item, "spec", "predictor", "scaleTarget"),
    }


def _variable(one: Document) -> dict[str, str]:
    """Return a variable; one whose name says that its value is secret is not shown."""
    name = str(one.get("name") or "")
    if one.get("valueFrom"):
        return {"name": name, "value": "from a connection"}
    hidden = any(word in name.lower() for word in _HIDDEN)
    return {"name": name, "value": "••••••" if hidden else str(one.get("value") or "")}


def _origin(item: Document) -> dict[str, Any]:
    """Return where its model comes from, with the page that shows it."""
    uri = str(at(item, "spec", "predictor", "model", "storageUri") or "")
    labels = at(item, "metadata", "labels") or {}
    namespace = item["metadata"]["namespace"]
    ids = {
        what: next((labels[p + what] for p in _REGISTERED if labels.get(p + what)), "")
        for what in ("registered-model-id", "model-version-id")
    }
    links = []
    if uri.startswith("catalog://"):
        parts = urlsplit(uri)
        href = f"/catalog/{quote(parts.netloc, safe='')}/{quote(parts.path.lstrip('/'))}"
        links.append({"href": href, "text": "Model catalog"})
    if ids["model-version-id"]:
        links.append({"href": "/registry/versions" + path(ids["model-version-id"]), "text": "Registered version"})
    elif ids["registered-model-id"]:
        links.append({"href": "/registry/models" + path(ids["registered-model-id"]), "text": "Registered model"})
    connection = annotation(item, _CONNECTION)
    if connection:
        links.append({"href": f"/projects{path(namespace)}/connections", "text": f"Connection {connection}"})
    return {"links": links, "display": annotation(item, DISPLAY_NAME)}


def _canary(known: list[Document]) -> list[Document]:
    """Return the revisions that share the requests; nothing where one has them all."""
    sharing = [without_data(one) for one in known if one["percent"] is not None]
    return sharing if len(sharing) > 1 else []
