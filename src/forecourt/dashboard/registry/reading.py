"""Registered models and versions as pages show them, from what the registry's API says of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.pages import Crumb, address
from forecourt.errors import NotFound
from forecourt.registry.metadata import from_metadata

API = "/api/model_registry/v1"
OURS = "/api/forecourt/v1/registry"
MODELS, VERSIONS = "registered_models", "model_versions"
SECTION = "registry"
HOME = Crumb("Model registry", "/registry")
ARCHIVE = Crumb("Archived models", "/registry/archive")
STAGE = "stage"
STAGES = ("development", "staging", "production")
KINDS = {
    "MetadataStringValue": "text",
    "MetadataIntValue": "integer",
    "MetadataDoubleValue": "number",
    "MetadataBoolValue": "boolean",
}
"""What a property's type is called, by Kubeflow's name of it; others are shown and not edited."""


COLLECTIONS = {"models": MODELS, "versions": VERSIONS}
"""What the API calls what pages are of, by the word in their address."""


def asked_for(request: Request) -> tuple[str, str]:
    """Return ``models`` or ``versions``, and the id, that an address names; raises `NotFound`."""
    what = str(request.path_params["what"])
    if what not in COLLECTIONS:
        raise NotFound(f"There is nothing at {request.url.path}.", hint="Begin with the model registry.")
    return what, str(request.path_params["id"])


def model_href(identity: str) -> str:
    """Return the address of a model's page."""
    return "/registry/models" + path(identity)


def version_href(identity: str) -> str:
    """Return the address of a version's page."""
    return "/registry/versions" + path(identity)


def uri_of(model: str, version: str = "") -> str:
    """Return the ``model-registry://`` URI of a version, or of a model's newest."""
    return "model-registry://" + "/".join(quote(word, safe="") for word in (model, version) if word)


def shown_model(model: Document) -> dict[str, Any]:
    """Return a registered model as pages show it."""
    texts = ("owner", "provider", "license", "licenseLink", "libraryName", "maturity", "readme")
    return {
        **_shown(model),
        "href": model_href(model["id"]),
        **{name: model.get(name) or "" for name in texts},
        "tasks": model.get("tasks") or [],
        "language": model.get("language") or [],
        "deploy": address("/deploy", {"from": uri_of(model["name"])}),
    }


def shown_version(version: Document, model: str) -> dict[str, Any]:
    """Return a version of the model of that name as pages show it."""
    uri = uri_of(model, version["name"])
    return {
        **_shown(version),
        "href": version_href(version["id"]),
        "model_id": version["registeredModelId"],
        "author": version.get("author") or "",
        "stage": stage_of(version),
        "uri": uri,
        "deploy": address("/deploy", {"from": uri}),
    }


def stage_of(version: Document) -> str:
    """Return a version's stage; empty where it is in none."""
    said = (version.get("customProperties") or {}).get(STAGE, {}).get("string_value")
    return said if said in STAGES else ""


def _shown(document: Document) -> dict[str, Any]:
    properties = []
    labels = []
    stage = stage_of(document)
    for name, value in sorted((document.get("customProperties") or {}).items(), key=lambda one: one[0].casefold()):
        said = from_metadata(value)
        if said == "":
            labels.append(name)
        elif not (name == STAGE and said == stage):
            kind = KINDS.get(value.get("metadataType"), "")
            properties.append({"name": name, "value": _written(said), "kind": kind})
    return {
        "id": document["id"],
        "name": document["name"],
        "description": document.get("description") or "",
        "external_id": document.get("externalId") or "",
        "archived": document.get("state") == "ARCHIVED",
        "labels": labels,
        "properties": properties,
        "created": document.get("createTimeSinceEpoch"),
        "updated": document.get("lastUpdateTimeSinceEpoch"),
    }


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


async def versions_menu(calls: Calls, model_id: str) -> list[dict[str, Any]]:
    """Return the newest versions of a model, to go to one from another."""
    query = {"pageSize": 50, "orderBy": "CREATE_TIME"}
    found = await calls.get(f"{OURS}/{MODELS}{path(model_id)}/versions", **query)
    return [
        {
            "id": one["modelVersion"]["id"],
            "name": one["modelVersion"]["name"],
            "href": version_href(one["modelVersion"]["id"]),
            "aliases": one["aliases"],
            "archived": one["modelVersion"].get("state") == "ARCHIVED",
        }
        for one in found["items"]
    ]
