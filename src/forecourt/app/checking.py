"""How a connection is tried: storage knows how its kind is asked; where it does not, the host is."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from forecourt import storage
from forecourt.errors import InvalidInput, Unavailable
from forecourt.projects import Check, Values

_SECONDS = 5.0
_PORTS = {"http": 80, "hf": 443}


def connection_check() -> Check:
    """Return what tries a connection."""
    asked: Callable[..., str] | None = getattr(storage, "check_connection", None)
    if asked is None:
        return reach

    def check(said: Values) -> str:
        return asked(said.data, said.annotations)

    return check


def reach(said: Values) -> str:
    """Open a connection to each host that is named, and say that nothing more was tried.

    Raises `InvalidInput` where none is named, and `Unavailable` where one cannot be reached.
    """
    places = dict.fromkeys(_places(said.data))
    if not places:
        raise InvalidInput(
            "The connection names no host that could be tried.",
            hint="Deploy with it, and see what forecourt describe says.",
        )
    for host, port in places:
        try:
            socket.create_connection((host, port), _SECONDS).close()
        except OSError as error:
            raise Unavailable(
                f"{host}:{port} cannot be reached: {error.strerror or error}.",
                hint="Check the name and the port, and that the server runs.",
            ) from None
    where = " and ".join(f"{host}:{port}" for host, port in places)
    return f"{where} accepts connections; what it has, and whether it lets us in, was not tried."


def _places(data: Any) -> Iterator[tuple[str, int]]:
    for key in ("AWS_S3_ENDPOINT", "OCI_HOST", "https-host", "URI"):
        value = str(data.get(key) or "")
        if value and (place := _place(value)):
            yield place
    if not data.get("OCI_HOST"):
        for host in _registries(str(data.get(".dockerconfigjson") or "")):
            if place := _place(host):
                yield place


def _place(text: str) -> tuple[str, int] | None:
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        host = "huggingface.co" if url.scheme == "hf" else url.hostname
        return (host, url.port or _PORTS.get(url.scheme, 443)) if host and url.scheme not in ("s3", "pvc") else None
    except ValueError:
        return None


def _registries(text: str) -> list[str]:
    try:
        return list(json.loads(text or "{}")["auths"])
    except (ValueError, KeyError, TypeError):
        return []
