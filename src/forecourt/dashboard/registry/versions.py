"""A version's page: what it is and where its files are, its artifacts, what serves it, and its audit trail."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.pages import Crumb, Page
from forecourt.dashboard.registry.models import edited
from forecourt.dashboard.registry.naming import named
from forecourt.dashboard.registry.reading import (
    API,
    HOME,
    MODELS,
    OURS,
    SECTION,
    STAGES,
    VERSIONS,
    shown_model,
    shown_version,
    version_href,
    versions_menu,
)
from forecourt.dashboard.registry.serving import deployments_of
from forecourt.dashboard.registry.trail import trail

TABS = {
    "": "Details",
    "artifacts": "Artifacts",
    "lineage": "Lineage",
    "deployments": "Deployments",
    "history": "History",
}
_MOST_ARTIFACTS = 200


async def frame(calls: Calls, identity: str, tab: str) -> dict[str, Any]:
    """Return what all pages of a version show: the version, its model, the way to its others. Raises `Refused`."""
    found = await calls.get(f"{API}/{VERSIONS}{path(identity)}")
    model, menu, aliases = await asyncio.gather(
        calls.get(f"{API}/{MODELS}{path(found['registeredModelId'])}"),
        versions_menu(calls, found["registeredModelId"]),
        _aliases(calls, found),
    )
    shown, version = shown_model(model), shown_version(found, model["name"])
    own = version_href(identity)
    version["aliases"] = aliases
    return {
        "model": {key: shown[key] for key in ("id", "name", "href", "archived")},
        "version": version,
        "thing": version,
        "collection": "versions",
        "menu": menu,
        "tab": tab or "details",
        "tabs": [
            {"href": f"{own}/{name}" if name else own, "title": title, "current": name == tab}
            for name, title in TABS.items()
        ],
    }


def crumbs(data: dict[str, Any]) -> tuple[Crumb, ...]:
    """Return the way to a version's page."""
    model = data["model"]
    return (HOME, Crumb(model["name"], model["href"] + "/versions"), Crumb(data["version"]["name"]))


class Versions:
    """The pages of versions that `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def show(self, request: Request) -> Page:
        """Show one of a version's tabs; raises `Refused` where there is no such version."""
        return await self.page(request, edit=request.query_params.get("edit", ""))

    async def page(self, request: Request, *, edit: str = "", status: int = 200, **form: Any) -> Page:
        """Return a version's page: with what is edited, and what was typed of it."""
        identity, said = request.path_params["id"], request.path_params.get("tab", "")
        tab = said if said in TABS else ""
        data = await frame(self._calls, identity, tab) | {"edit": edit}
        version = data["version"]
        match tab:
            case "artifacts":
                data |= {"artifacts": [_artifact(one) for one in await self._artifacts(identity)]}
            case "deployments":
                data |= await deployments_of(self._calls, request, version_id=identity)
            case "history":
                data |= await trail(self._calls, request.query_params, resourceId=identity)
            case _:
                data |= await self._details(version, edit, form)
        blocks = ("registry-deployments",) if tab == "deployments" else ()
        title = f"{data['model']['name']} {version['name']}"
        template = f"registry/version_{tab or 'details'}.html"
        return Page(template, title, data, SECTION, crumbs(data), blocks, status)

    async def _details(self, version: dict[str, Any], edit: str, form: dict[str, Any]) -> dict[str, Any]:
        artifacts, lineage = await asyncio.gather(
            self._artifacts(version["id"]), self._calls.get(f"{OURS}/{VERSIONS}{path(version['id'])}/lineage")
        )
        files = next((one for one in artifacts if one.get("artifactType") == "model-artifact"), None)
        typed = {
            "description": version["description"],
            "author": version["author"],
            "stage": version["stage"],
            "seen": version["updated"],
        }
        return {
            "files": files and located(files),
            "sources": [_origin(one) for one in lineage["sources"] + lineage["trainedBy"]],
            "parents": [_origin(one) for one in lineage["parents"]],
            "evidence": [_origin(one) for one in lineage["evidence"]],
            "stages": [("", "None"), *((one, one.capitalize()) for one in STAGES)],
            **edited(version, edit, typed, form),
        }

    async def _artifacts(self, identity: str) -> list[Document]:
        found = await self._calls.get(f"{API}/{VERSIONS}{path(identity)}/artifacts", pageSize=_MOST_ARTIFACTS)
        items: list[Document] = found["items"]
        return items


def located(artifact: Document) -> dict[str, Any]:
    """Return where a model's files are: an object store's place in its parts, or a URI; and their format."""
    uri = artifact.get("uri") or ""
    parts = urlsplit(uri)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    store = None
    if parts.scheme == "s3":
        store = {
            "endpoint": asked.get("endpoint", ""),
            "region": asked.get("defaultRegion") or asked.get("region") or "",
            "bucket": parts.netloc,
            "path": parts.path.lstrip("/"),
        }
    digest = (artifact.get("customProperties") or {}).get("digest", {}).get("string_value") or ""
    return {
        "uri": uri,
        "store": store,
        "format": artifact.get("modelFormatName") or "",
        "format_version": artifact.get("modelFormatVersion") or "",
        "digest": digest or (uri.partition("@")[2] if "@sha256:" in uri else ""),
        "storage_key": artifact.get("storageKey") or "",
        "storage_path": artifact.get("storagePath") or "",
        "service_account": artifact.get("serviceAccountName") or "",
    }


def _artifact(artifact: Document) -> dict[str, Any]:
    value = artifact.get("value")
    properties = artifact.get("customProperties") or {}
    return {
        "id": artifact["id"],
        "name": artifact.get("name") or "",
        "type": artifact.get("artifactType") or "",
        "description": artifact.get("description") or "",
        "uri": artifact.get("uri") or "",
        "value": "" if value is None else str(value),
        "format": " ".join(filter(None, (artifact.get("modelFormatName"), artifact.get("modelFormatVersion")))),
        "state": artifact.get("state") or "",
        "properties": len(properties),
        "updated": artifact.get("lastUpdateTimeSinceEpoch"),
    }


def _origin(arrow: Document) -> dict[str, Any]:
    kind = "version" if arrow.get("modelVersionId") else "run" if arrow["relation"] == "trained-by" else "origin"
    shown = named({**arrow, "kind": "evidence" if arrow["relation"] == "evidence" else kind})
    return {
        "id": arrow.get("id", ""),
        "relation": arrow["relation"],
        "kind": shown.kind,
        "label": shown.title if kind == "version" else shown.label,
        "title": shown.title,
        "icon": shown.icon,
        "href": shown.href,
        "detail": arrow.get("detail", ""),
    }


async def _aliases(calls: Calls, version: Document) -> list[str]:
    found = await calls.get(f"{OURS}/{MODELS}{path(version['registeredModelId'])}/aliases")
    return [one["alias"] for one in found["items"] if one["modelVersionId"] == version["id"]]
