"""What a deployment was, as the server has it: its revisions, with their shares of the requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]


def revisions(client: Client, namespace: str, name: str) -> list[Document]:
    """Return a deployment's revisions, the newest last."""
    path = f"/api/forecourt/v1/namespaces/{namespace}/inferenceservices/{name}/revisions"
    items: list[Document] = client.get(path)["items"]
    return items
