"""An OCI registry as a source may ask it: only where it may lead, and only as long as somebody waits for the answer."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from forecourt.catalog.model import Loading
from forecourt.catalog.remote.addresses import Guard
from forecourt.catalog.remote.http import Stopped
from forecourt.errors import Denied, InvalidInput, RegistryError, Unavailable
from forecourt.oci import Credentials, LoginFiles, Patience, RegistryClient
from forecourt.oci.client.connection import Connections, Origin
from forecourt.oci.client.failure import failure
from forecourt.oci.client.interruption import Interrupted, Interruption
from forecourt.oci.client.paging import next_page
from forecourt.oci.client.transport import Transport
from forecourt.oci.reference import is_repository

PATIENCE = Patience(connect=10, answer=30, attempts=3)

_WHOLE = 300.0  # seconds for one question with all its attempts and pauses
_TURN = 0.25  # seconds until somebody who stops is heard
_MOST = 100_000
_FIRST_PAGE = "/v2/_catalog?n=1000"
_LIST = 16 * 1024 * 1024
_NAME_THEM = "Name the repositories that are wanted, without *, in the source's repositories."

_Found = TypeVar("_Found")


class GuardedRegistry(RegistryClient):
    """A client for one registry that heeds what `loading` allows, wherever the registry sends it.

    Each question goes through `ask`. Use it in a ``with`` block.
    """

    def __init__(
        self,
        registry: str,
        loading: Loading,
        *,
        insecure: bool = False,
        credentials: Credentials | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        credentials = credentials or LoginFiles(environ=loading.environment)
        super().__init__(registry, insecure=insecure, credentials=credentials, patience=patience)
        self._transport = _GuardedTransport(
            registry, Guard.of(loading), insecure=insecure, credentials=credentials, patience=patience
        )
        self._loading = loading
        self._going: dict[Interruption, float] = {}
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._closed = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="catalog-registry", daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.leave()
        self._closed.set()
        self._watcher.join()
        self.close()

    def leave(self) -> None:
        """Make questions in other threads end, and what would begin not begin: both raise `Stopped`."""
        self._left.set()

    def ask(self, question: Callable[[], _Found]) -> _Found:
        """Return what `question` returns; raises what it raises, `Stopped`, and `Unavailable` where it takes too long.

        Nothing that is asked within may be yielded from, so that the thread stays its own.
        """
        if self._stopped():
            raise Stopped
        going, found = Interruption(), list[_Found]()
        with self._lock:
            self._going[going] = time.monotonic() + _WHOLE
        try:
            going.run(lambda: found.append(question()))
        except Interrupted:
            if self._stopped():
                raise Stopped from None
            raise Unavailable(
                f"{self.registry} did not answer within {_WHOLE:g} seconds.", hint="Try again when it does."
            ) from None
        finally:
            with self._lock:
                del self._going[going]
        return found[0]

    def repositories(self) -> list[str]:
        """Return the names of the registry's repositories, all pages.

        https://distribution.github.io/distribution/spec/api/#listing-repositories, which not every registry has.
        Raises `InvalidInput` where it has not, and `Denied` where it tells only others.
        """
        path: str | None = _FIRST_PAGE
        found: dict[str, None] = {}
        while path:
            path, names = self.ask(lambda path=path: self._page(path))  # type: ignore[misc]
            before = len(found)
            found |= dict.fromkeys(names)
            if path and (len(found) == before or len(found) > _MOST):
                raise RegistryError(f"{self.registry} sends a list of repositories that does not end.")
        return list(found)

    # Inside

    def _page(self, path: str) -> tuple[str | None, list[str]]:
        with self._transport.request("GET", path) as response:
            if response.status in (404, 405, 501):
                raise InvalidInput(f"{self.registry} does not list its repositories.", hint=_NAME_THEM)
            if response.status in (401, 403):
                error = failure(self._transport, response, "the list of repositories")
                raise Denied(error.message, hint=f"{error.hint} {_NAME_THEM}")
            self._expect(response, "the list of repositories")
            names = _names(response.read(_LIST))
            if names is None:
                raise RegistryError(f"{self.registry} sent a list of repositories that is none.")
            return next_page(self._transport, response), names

    def _stopped(self) -> bool:
        return self._left.is_set() or self._loading.stopped()

    def _watch(self) -> None:
        while not self._closed.wait(_TURN):
            stopped, now = self._stopped(), time.monotonic()
            with self._lock:
                late = [going for going, end in self._going.items() if stopped or now > end]
            for going in late:
                going.stop()


class _GuardedTransport(Transport):
    def __init__(
        self, registry: str, guard: Guard, *, insecure: bool, credentials: Credentials, patience: Patience
    ) -> None:
        super().__init__(registry, insecure=insecure, credentials=credentials, patience=patience)
        self._connections = _GuardedConnections(patience, guard)


class _GuardedConnections(Connections):
    def __init__(self, patience: Patience, guard: Guard) -> None:
        super().__init__(patience)
        self._guard = guard

    def _connect(self, where: Origin) -> http.client.HTTPConnection:
        """Look at the host's addresses first, and at the one that was connected to before a request goes to it."""
        _, host, port = where
        self._guard.addresses(host, port)
        connection = super()._connect(where)
        try:
            self._guard.check(host, port, connection.sock.getpeername()[0])
        except BaseException:
            connection.close()
            raise
        return connection


def _names(raw: bytes) -> list[str] | None:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    names = (document.get("repositories") or []) if isinstance(document, dict) else None
    if not isinstance(names, list):
        return None
    return [name for name in names if isinstance(name, str) and is_repository(name)]
