"""A client for each registry, as the settings and the person's logins have it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from forecourt.oci.client.credentials import Anonymous, Credential, Credentials, LoginFiles, Logins
from forecourt.oci.client.registry import RegistryClient
from forecourt.oci.client.request import is_loopback

if TYPE_CHECKING:  # importing it takes longer than all of this package
    from forecourt.settings import Settings

ClientFactory = Callable[[str], RegistryClient]
"""Gives the client for a registry, ``host[:port]``."""


class Clients:
    """One client for each registry, made when it is first asked for; a `ClientFactory` to be closed at the end."""

    def __init__(self, credentials: Credentials, insecure: frozenset[str] = frozenset()) -> None:
        self._credentials = credentials
        self._insecure = insecure
        self._clients: dict[str, RegistryClient] = {}
        self._lock = threading.Lock()

    def __call__(self, registry: str) -> RegistryClient:
        """Return the client; it speaks plain HTTP to this machine and to registries that are said to be insecure."""
        with self._lock:
            if registry not in self._clients:
                insecure = is_loopback(registry) or registry in self._insecure
                self._clients[registry] = RegistryClient(registry, insecure=insecure, credentials=self._credentials)
            return self._clients[registry]

    def having(self, logins: Mapping[str, Credential], *, alone: bool = False) -> Clients:
        """Return clients that try these logins first, by registry or a namespace in it; or these `alone`."""
        return Clients(Logins(logins, Anonymous() if alone else self._credentials), self._insecure)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every client's connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()


def clients(settings: Settings) -> Clients:
    """Return clients that heed `insecure_registries` and what ``docker login`` and ``podman login`` have kept."""
    insecure = frozenset(filter(None, (name.strip() for name in settings.insecure_registries.split(","))))
    return Clients(LoginFiles(), insecure)
