"""Connections for httpx that lead only where a source may go, and that end when nobody waits for them any more.

A thread that waits for a silent peer looks at no flag, so it waits in short turns and looks between them.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable

import httpcore
import httpx

from forecourt.catalog.remote.addresses import Guard
from forecourt.oci.client.trust import tls

Watch = Callable[[], None]
"""Raises where the request that is going on should end."""

_TURN = 0.25  # seconds until somebody who stops is heard
_IDLE = 5.0  # seconds that a connection is kept for the next request


class Transport(httpx.HTTPTransport):
    """httpx's own transport over connections of `GuardedBackend`; several threads may use it at once."""

    def __init__(self, guard: Guard, watch: Watch, *, connections: int) -> None:
        super().__init__(verify=tls(), trust_env=False)
        # httpx offers no way to say how it connects; httpcore, which it connects with, does.
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls(),
            max_connections=connections,
            keepalive_expiry=_IDLE,
            network_backend=GuardedBackend(guard, watch),
        )


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to the addresses that `guard` allows, which it is asked for each time."""

    def __init__(self, guard: Guard, watch: Watch) -> None:
        self._guard = guard
        self._watch = watch
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers, all of them within `timeout` seconds."""
        addresses = self._guard.addresses(host, port)
        end = time.monotonic() + timeout if timeout is not None else None
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            self._watch()
            left = None if end is None else max(0.01, end - time.monotonic())
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _Watched(stream, self._watch)
        raise failed


class _Watched(httpcore.NetworkStream):
    """A connection that looks up every now and then while it waits."""

    def __init__(self, inner: httpcore.NetworkStream, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            self._watch()
            left = _TURN if end is None else end - time.monotonic()
            try:
                return self._inner.read(max_bytes, max(0.001, min(_TURN, left)))
            except httpcore.ReadTimeout:
                if left <= _TURN:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._watch()
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Watched(self._inner.start_tls(ssl_context, server_hostname, timeout), self._watch)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)
