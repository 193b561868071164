"""What the form of a catalog source says, and what it is filled with: between fields and an entry of a sources.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from forecourt.dashboard.calls import Document
from forecourt.dashboard.forms import Form
from forecourt.errors import ForecourtError

TYPES = {
    "hf": ("Hugging Face repository", "Models of an organization on Hugging Face's hub, or on a hub like it"),
    "yaml": ("YAML file", "Models that you describe yourself, in Kubeflow's format"),
    "catalog": ("Another model catalog", "What the catalog of another Forecourt or Kubeflow shows"),
    "oci-modelcars": ("ModelCars in a registry", "Images of models, found in an OCI registry"),
}
_FIELDS = {
    "id": "id",
    "name": "name",
    "labels": "labels",
    "type": "type",
    "includedModels": "included",
    "excludedModels": "excluded",
    "allowedOrganization": "organization",
    "accessToken": "token",
    "apiKeyEnvVar": "variable",
    "maxModels": "most",
    "url": "url",
    "source": "remote",
    "registry": "registry",
    "repositories": "repositories",
    "syncInterval": "interval",
    "yamlCatalogPath": "path",
    "benchmarksPath": "benchmarks",
    "catalogData": "yaml",
}
_TEXTS = {
    "hf": ("allowedOrganization", "maxModels", "url", "apiKeyEnvVar", "syncInterval"),
    "yaml": ("yamlCatalogPath", "benchmarksPath"),
    "catalog": ("url", "source", "apiKeyEnvVar", "syncInterval"),
    "oci-modelcars": ("registry", "syncInterval"),
}
_NAMED = re.compile(r"'?(\w+)'? (?:must|has|is)|the property (\w+)")
_KEPT = re.compile(r"[A-Z]+_API_KEY_KEPT_\w+")

EXAMPLE = """\
source: Our models
models:
  - name: acme/granite-3.1-8b-instruct-w4a16
    provider: Acme
    description: Granite, made small for one GPU
    license: apache-2.0
    language: [en]
    tasks: [text-generation]
    readme: |
      # Granite
      What people should know of it.
    artifacts:
      - uri: oci://registry.example.com/acme/granite:1.0
    customProperties:
      size: {metadataType: MetadataStringValue, string_value: 8B}
"""


def filled(source: Document, data: str | None) -> dict[str, str]:
    """Return what the form of a source that is there begins with."""
    properties = source.get("properties") or {}
    variable = str(properties.get("apiKeyEnvVar") or "")
    return {
        "name": source["name"],
        "id": source["id"],
        "type": source["type"],
        "enabled": "true" if source["enabled"] else "",
        "labels": ", ".join(source.get("labels") or ()),
        "included": "\n".join(source.get("includedModels") or ()),
        "excluded": "\n".join(source.get("excludedModels") or ()),
        "organization": str(properties.get("allowedOrganization") or ""),
        "variable": "" if _KEPT.fullmatch(variable) else variable,
        "most": str(properties.get("maxModels") if properties.get("maxModels") is not None else ""),
        "url": str(properties.get("url") or ""),
        "remote": str(properties.get("source") or ""),
        "registry": str(properties.get("registry") or ""),
        "repositories": "\n".join(properties.get("repositories") or ()),
        "insecure": "true" if properties.get("insecure") else "",
        "interval": str(properties.get("syncInterval") or ""),
        "path": "" if data is not None else str(properties.get("yamlCatalogPath") or ""),
        "benchmarks": str(properties.get("benchmarksPath") or ""),
        "yaml": data or "",
    }


def entry(form: Form, source_id: str, before: Document | None = None) -> Document:
    """Return the source that a form says, as a request has it.

    A token that is kept stays unless another is typed, or it is to be forgotten.
    """
    kind = form["type"] if form["type"] in TYPES else ""
    properties: Document = {name: form[_FIELDS[name]] for name in _TEXTS.get(kind, ()) if form[_FIELDS[name]]}
    if kind == "oci-modelcars":
        properties["repositories"] = _lines(form["repositories"]) or ["*"]
        properties |= {"insecure": True} if form["insecure"] else {}
    found: Document = {
        "id": source_id,
        "name": form["name"] or source_id,
        "type": form["type"],
        "enabled": bool(form["enabled"]),
        "properties": properties,
    }
    labels = [each.strip() for each in form["labels"].split(",") if each.strip()]
    lists = {
        "labels": labels,
        "includedModels": _lines(form["included"]),
        "excludedModels": _lines(form["excluded"]),
    }
    found |= {key: value for key, value in lists.items() if value}
    if kind == "yaml" and (text := form["file"] or form["yaml"]):
        properties.pop("yamlCatalogPath", None)
        found["catalogData"] = text + "\n"
    if kind in ("hf", "catalog"):
        known = str(((before or {}).get("properties") or {}).get("apiKeyEnvVar") or "")
        if form["token"]:
            found["accessToken"] = form["token"]
        elif _KEPT.fullmatch(known) and not form["forget"] and not form["variable"]:
            properties["apiKeyEnvVar"] = known
    return found


def problems(error: ForecourtError) -> tuple[dict[str, str], dict[str, str] | None]:
    """Return what an error says of a field, and what it says of the form as a whole."""
    _, _, text = error.message.partition(": ")
    if error.message.startswith("The source: ") or error.message.startswith(tuple(_FIELDS)):
        match = _NAMED.search(text or error.message)
        field = _FIELDS.get((match[1] or match[2]) if match else "", "")
        if field:
            return {field: f"{text or error.message} {error.hint}".strip()}, None
    if error.message.startswith("catalogData, line"):
        return {"yaml": f"{error.message} {error.hint}".strip()}, None
    return {}, {"message": error.message, "hint": error.hint}


def without_secrets(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed, for a page that shows it again."""
    return {key: value for key, value in typed.items() if key != "token"}


def _lines(text: str) -> list[str]:
    return [each.strip() for each in re.split(r"[\n,]", text) if each.strip()]
