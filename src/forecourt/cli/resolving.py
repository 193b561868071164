"""What ``model-registry://`` and ``catalog://`` lead to: where the files are, and how they are deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecourt.cli.client import Client
    from forecourt.serving.deployable import Deployable

Document = dict[str, Any]

REGISTRY, CATALOG = "model-registry://", "catalog://"

_CATALOGUED = "/api/forecourt/v1/catalog/models"


def deployable(uri: str) -> Deployable:
    """Return what a URI leads to; one that is not of the registry or the catalog is where the files are."""
    from forecourt.serving.deployable import Deployable

    if not uri.startswith((REGISTRY, CATALOG)):
        return Deployable(uri)
    from forecourt.cli.connection import connect

    return (registered if uri.startswith(REGISTRY) else catalogued)(connect(), uri)


def registered(client: Client, uri: str) -> Deployable:
    """Ask the registry for a version."""
    from forecourt.serving import deployable

    return deployable.registered(client.get("/api/forecourt/v1/registry/resolve", uri=uri))


def catalogued(client: Client, uri: str) -> Deployable:
    """Ask the catalog for a model, with the arguments that its tool calling needs. Raises `NotFound`."""
    from forecourt.catalog.served import served
    from forecourt.serving.deployable import Deployable

    found = served(client.get(_CATALOGUED, name=uri))
    return Deployable(found.uri, found.title, found.model_format, args=found.args)
