"""The types of connection that the server knows, and their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecourt.errors import InvalidInput

if TYPE_CHECKING:
    from forecourt.cli.client import Client
    from forecourt.projects import ConnectionType

Document = dict[str, Any]


def connection_types(client: Client) -> list[ConnectionType]:
    """Ask the server which types there are; one that cannot be read is left out."""
    from forecourt.cli.resources import CONFIG_MAP
    from forecourt.errors import InvalidObject
    from forecourt.projects import ConfigMap, ConnectionType

    found = []
    for document in client.list(CONFIG_MAP, None)["items"]:
        try:
            found.append(ConnectionType.of(ConfigMap.from_dict(document)))
        except InvalidObject:
            continue
    return found


def connection_type(client: Client, word: str) -> ConnectionType:
    """Return the type of that name; ``oci`` stands for ``oci-v1``. Raises `InvalidInput`."""
    known = connection_types(client)
    for name in (word, f"{word}-v1", word.removesuffix("-v1")):
        for one in known:
            if one.name == name:
                return one
    raise InvalidInput(
        f"There is no connection type {word!r}.",
        hint=f"There are {', '.join(one.name for one in known)}; see: forecourt connections types",
    )


def type_of(client: Client, secret: Document) -> ConnectionType | None:
    """Return a connection's type, where that is there."""
    from forecourt.cli.columns import CONNECTION_TYPE, annotation

    name = annotation(secret, CONNECTION_TYPE)
    return next((one for one in connection_types(client) if one.name == name), None)
