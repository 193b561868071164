"""What is asked of a registry, and what every part of the client knows of an answer: values, without I/O."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, Self
from urllib.parse import urlsplit

from forecourt.errors import Unavailable


class Lost(Unavailable):
    """The connection broke or fell silent: the same request may well succeed now."""


class Body(Protocol):
    """A request body that is sent as it comes, without ever being in memory as a whole."""

    @property
    def size(self) -> int:
        """Its length in bytes: the Content-Length."""
        ...

    def send(self, connection: socket.socket) -> None:
        """Send all of it; an `OSError` is the network's, a `ForecourtError` is ours."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    `repository` and `scopes` say what it needs to be allowed to do; `replay` says that it may be sent again when it
    failed, which is so for all but the bodies of uploads.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Body | None = None
    repository: str = ""
    scopes: frozenset[str] = frozenset()
    replay: bool = True

    def having(self, **headers: str) -> Self:
        """Return the request with these headers, ``_`` standing for ``-``."""
        return replace(self, headers={**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}})


class Answer(Protocol):
    """What the authentication flow needs of a response."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    def header(self, name: str) -> str:
        """A header's value, or nothing; several of one name joined by commas."""
        ...

    def read(self, limit: int = ...) -> bytes:
        """The body."""
        ...


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port: where a URL's connection leads, and where its credentials belong."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def scopes(repository: str, actions: Iterable[str]) -> frozenset[str]:
    """Return what a token must allow, one action each: ``repository:demo/model:pull``."""
    return frozenset(f"repository:{repository}:{action}" for action in actions)


def is_loopback(registry: str) -> bool:
    """Say whether a registry (``host[:port]``) is on this machine."""
    host = urlsplit(f"//{registry}").hostname or ""
    return host in {"localhost", "::1"} or host.endswith(".localhost") or host.startswith("127.")
