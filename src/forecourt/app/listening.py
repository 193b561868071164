"""One server for a home: its lock, where it listens, and the record that says so."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import socket
from collections.abc import Iterator
from typing import Any

from forecourt import durable
from forecourt.errors import AlreadyRunning, InvalidInput, PortInUse
from forecourt.settings import Settings


@contextlib.contextmanager
def the_only_one(settings: Settings) -> Iterator[None]:
    """Hold the lock of this home: the kernel lets go of it however we end."""
    with (settings.home / "server.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"A server runs already for {settings.home}.",
                hint="See it with `forecourt status`, stop it with `forecourt down`, or set another FORECOURT_HOME.",
            ) from None
        yield


@contextlib.contextmanager
def listening(host: str, port: int, option: str) -> Iterator[socket.socket]:
    """Listen before anything else is done, so that a port that is taken leaves nothing behind."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise InvalidInput(f"{host!r} is no address to listen on: {error.strerror}.") from None
    with socket.socket(family, kind, protocol) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise InvalidInput(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
            hint = f"Choose another with {option}, or {option} 0 for a free one."
            raise PortInUse(host, port, hint=hint) from None
        bound.listen(1024)
        yield bound


def address(bound: socket.socket, this_machine: str) -> str:
    """Return ``host:port`` as a client on this machine reaches it, which loopback calls `this_machine`."""
    host, port = bound.getsockname()[:2]
    if host in ("0.0.0.0", "::", "127.0.0.1", "::1"):  # noqa: S104
        host = this_machine
    return f"{host}:{port}"


def external_url(settings: Settings, bound: socket.socket) -> str:
    """Return the URL that other machines reach the gateway by; empty where they do not."""
    if settings.external_url:
        return settings.external_url.rstrip("/")
    host, port = bound.getsockname()[:2]
    if host in ("127.0.0.1", "::1"):
        return ""
    name = socket.getfqdn() if host in ("0.0.0.0", "::") else host  # noqa: S104
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


@contextlib.contextmanager
def recorded(settings: Settings, record: dict[str, Any]) -> Iterator[None]:
    """Say in a file where the server is, for as long as it is there."""
    durable.write(settings.server_record, json.dumps(record))
    try:
        yield
    finally:
        settings.server_record.unlink(missing_ok=True)
