"""What ``model-registry://`` and ``catalog://`` lead to: where the files are, and how they are deployed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]

REGISTRY, CATALOG = "model-registry://", "catalog://"

_CATALOGUED = "/api/forecourt/v1/catalog/models"
_VLLM = "vLLM"
_GGUF = "gguf"


@dataclass(frozen=True, slots=True)
class Deployable:
    """Where a model's files are, and what a deployment of them is called, labelled and started with."""

    uri: str
    title: str = ""
    """What people call it; empty where only its URI is known."""
    model_format: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    args: Sequence[str] = ()
    """What the runtime needs for this model."""


def deployable(uri: str) -> Deployable:
    """Return what a URI leads to; one that is not of the registry or the catalog is where the files are."""
    if not uri.startswith((REGISTRY, CATALOG)):
        return Deployable(uri)
    from forecourt.cli.connection import connect

    return (registered if uri.startswith(REGISTRY) else catalogued)(connect(), uri)


def registered(client: Client, uri: str) -> Deployable:
    """Ask the registry for a version; what is deployed is that one, also when an alias moves on later."""
    from forecourt.serving import registry_labels

    found = client.get("/api/forecourt/v1/registry/resolve", uri=uri)
    model, version = found["registeredModel"], found["modelVersion"]
    return Deployable(
        found["uri"],
        f"{model['name']} - {version['name']}",
        found["modelArtifact"].get("modelFormatName"),
        registry_labels(model["id"], version["id"]),
    )


def catalogued(client: Client, uri: str) -> Deployable:
    """Ask the catalog for a model, with the arguments that its tool calling needs. Raises `NotFound`."""
    model = client.get(_CATALOGUED, name=uri)
    artifact = artifact_of(model)
    model_format = format_of(model, artifact)
    return Deployable(
        pinned(artifact),
        model["name"].rpartition("/")[2],
        model_format,
        args=() if model_format == _GGUF else tuple(model["servingArguments"]),  # they are vLLM's
    )


def artifact_of(model: Document) -> Document:
    """Return where the files of a model of the catalog are: the first of its places. Raises `NotFound`."""
    from forecourt.catalog.locating import first_of

    return first_of(model["artifacts"], model["name"])


def pinned(artifact: Document) -> str:
    """Return an artifact's URI, with the digest where the catalog knows it."""
    from forecourt.catalog import locating

    return locating.pinned(artifact)


def format_of(model: Document, artifact: Document) -> str | None:
    """Return a model's format as a runtime names it: what its image says, or vLLM's where it is known to run there."""
    if said := text_of(artifact, "format") or str(model["properties"].get("format") or ""):
        return said
    validated = any(str(each).casefold().startswith("vllm") for each in model["validatedOn"])
    return _VLLM if validated or "vllm" in model["properties"] or model["servingArguments"] else None


def text_of(artifact: Document, name: str) -> str:
    """Return a custom property of an artifact that is text; empty where there is none."""
    value = (artifact.get("customProperties") or {}).get(name) or {}
    return str(value.get("string_value") or "")
