"""Options and arguments that the commands about connections have, and what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.completion import complete_connection
from forecourt.errors import NotFound

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]

ConnectionName = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the connection.", autocompletion=complete_connection)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A field; KEY alone is asked for. Repeatable."),
]
FromFile = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=PATH", help="A field that is in a file, or - for stdin. Repeatable."),
]

CONNECTIONS = "opendatahub.io/connections"


def tried(client: Client, namespace: str, document: Document) -> str:
    """Have the server try a connection that is not kept yet; returns what it found, or raises what is wrong."""
    return str(client.post(f"/api/forecourt/v1/namespaces/{namespace}/connections/test", document)["message"])


def read(client: Client, namespace: str, name: str) -> Document:
    """Return a connection; raises `NotFound` where there is none of that name."""
    from forecourt.cli.resources import SECRET

    try:
        return client.read(SECRET, namespace, name)
    except NotFound:
        raise NotFound(
            f"There is no connection {name} in the project {namespace}.",
            hint=f"See which there are: forecourt connections list -n {namespace}",
        ) from None


def users(client: Client, namespace: str) -> dict[str, list[str]]:
    """Return the deployments of a project that use a connection, by its name."""
    from forecourt.cli.columns import annotation
    from forecourt.cli.resources import INFERENCE_SERVICE

    found: dict[str, list[str]] = {}
    for item in client.list(INFERENCE_SERVICE, namespace)["items"]:
        predictor = (item.get("spec") or {}).get("predictor") or {}
        storage = (predictor.get("model") or {}).get("storage") or {}
        secrets = [one.get("name") for one in predictor.get("imagePullSecrets") or []]
        for name in {annotation(item, CONNECTIONS), storage.get("key"), *secrets} - {"", None}:
            found.setdefault(str(name), []).append(item["metadata"]["name"])
    return found
