"""Asking the catalog for models by their names, also while a server that has just begun still loads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecourt.cli.catalog.loading import first_load
from forecourt.cli.catalog.names import API
from forecourt.errors import NotFound

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]


def find(client: Client, model: str) -> Document:
    """Return a model of the catalog with all that is known of it. Raises `NotFound`, and `InvalidInput` for several."""
    return ask(client, "models", name=model)


def ask(client: Client, path: str, **params: str | list[str]) -> Document:
    """Ask the catalog for what models are named for; what is not there while it is first loaded is waited for."""
    found: Document
    try:
        found = client.get(f"{API}/{path}", **params)
    except NotFound:
        if not first_load(client):
            raise
        found = client.get(f"{API}/{path}", **params)
    return found
