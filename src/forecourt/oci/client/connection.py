"""Connections: made, kept for the next request, and what breaks on them said in sentences.

`http.client` writes and reads the headers. Bodies pass it by: what is sent goes from the file to the socket, what is
received from the socket into one buffer.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import select
import socket
import ssl
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

import forecourt
from forecourt.errors import RegistryError, Unavailable
from forecourt.oci.client import interruption
from forecourt.oci.client.request import Lost, Request, origin
from forecourt.oci.client.trust import tls

Origin = tuple[str, str, int]

_LONGEST = 4 * 1024 * 1024
_LEFTOVER = 64 * 1024  # so much of an unread body is read to keep its connection; beyond it, a new one is cheaper


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait, in seconds, and how often we try."""

    connect: float = 10.0
    answer: float = 60.0
    stored: float = 300.0  # until a registry that was sent a blob has put it away
    attempts: int = 5
    pause: float = 0.5  # before the second attempt; doubled before each further one
    longest_pause: float = 60.0


class WatchedResponse(http.client.HTTPResponse):
    """Remembers its socket: `http.client` lets go of it when the response says ``Connection: close``."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.socket = sock


class Connections:
    """The idle connections to every host that we talk to. A thread has one for itself while it uses it."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._idle: dict[Origin, list[http.client.HTTPConnection]] = {}
        self._lock = threading.Lock()
        self._finalizer = weakref.finalize(self, _close_all, self._idle)

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            _close_all(self._idle)

    def exchange(self, request: Request) -> Response:
        """Send one request and return the response once its headers are there.

        Raises `Lost` where the connection breaks and `Unavailable` where there can be none.
        """
        where = origin(request.url)
        while True:
            connection, used = self._take(where)
            try:
                return self._exchange(connection, where, request)
            except Lost:
                connection.close()
                # A kept connection may have been closed by the other side just now; that says nothing about a new one.
                if not (used and request.replay):
                    raise
            except BaseException:
                connection.close()
                raise

    def give_back(self, where: Origin, connection: http.client.HTTPConnection) -> None:
        """Keep a connection whose response has been read to its end."""
        with self._lock:
            self._idle.setdefault(where, []).append(connection)

    def _take(self, where: Origin) -> tuple[http.client.HTTPConnection, bool]:
        interruption.check()
        with self._lock:
            idle = self._idle.get(where, [])
            while idle:
                connection = idle.pop()
                if connection.sock and not _has_ended(connection.sock):
                    return connection, True
                connection.close()
        return self._connect(where), False

    def _connect(self, where: Origin) -> http.client.HTTPConnection:
        scheme, host, port = where
        connection: http.client.HTTPConnection
        if scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=self.patience.connect, context=tls())
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self.patience.connect)
        connection.response_class = WatchedResponse
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise unreachable(where, error, self.patience) from error
        return connection

    def _exchange(self, connection: http.client.HTTPConnection, where: Origin, request: Request) -> Response:
        with network(where, self.patience), interruption.watching(connection.sock):
            connection.sock.settimeout(self.patience.answer)
            try:
                self._send(connection, request)
            except ConnectionError:
                # Who refuses a long body closes the connection early; the reason may be waiting to be read.
                with contextlib.suppress(OSError, http.client.HTTPException):
                    return Response(self, where, request.url, connection, connection.getresponse(), reusable=False)
                raise
            raw = connection.getresponse()
            if connection.sock:
                connection.sock.settimeout(self.patience.answer)
            return Response(self, where, request.url, connection, raw, reusable=not raw.will_close)

    def _send(self, connection: http.client.HTTPConnection, request: Request) -> None:
        body = request.body
        parts = urlsplit(request.url)
        connection.putrequest(request.method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        connection.putheader("User-Agent", f"forecourt/{forecourt.__version__}")
        for name, value in request.headers.items():
            connection.putheader(name, value)
        if body is None:
            if request.method in ("POST", "PUT", "PATCH"):
                connection.putheader("Content-Length", "0")
            connection.endheaders()
        elif isinstance(body, bytes):
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
        else:
            connection.putheader("Content-Length", str(body.size))
            connection.endheaders()
            body.send(connection.sock)
            connection.sock.settimeout(self.patience.stored)


class Response:
    """A response whose headers are there. Use it in a ``with`` block, or `close` it, so that its connection is kept."""

    def __init__(
        self,
        connections: Connections,
        where: Origin,
        url: str,
        connection: http.client.HTTPConnection,
        raw: http.client.HTTPResponse,
        *,
        reusable: bool,
    ) -> None:
        self.url = url
        self.status = raw.status
        self._connections = connections
        self._where = where
        self._connection = connection
        self._raw = cast("WatchedResponse", raw)
        self._reusable = reusable
        self._body: bytes | None = None
        self._begun = False
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def header(self, name: str) -> str:
        """Return a header's value, or nothing; several of one name joined by commas."""
        return ", ".join(self._raw.headers.get_all(name, []))

    @property
    def length(self) -> int | None:
        """The body's length in bytes, where the response says it."""
        return self._raw.length

    def read(self, limit: int = _LONGEST) -> bytes:
        """Return the body; raises `RegistryError` where it has more than `limit` bytes."""
        if self._body is None:
            body = bytearray()
            for chunk in self.chunks(bytearray(64 * 1024)):
                body += chunk
                if len(body) > limit:
                    raise RegistryError(f"{_name(self._where)} answered with more than {limit} bytes where few belong.")
            self._body = bytes(body)
        return self._body

    def chunks(self, buffer: bytearray) -> Iterator[memoryview]:
        """Yield the body in parts that lie in `buffer`, each good until the next is asked for.

        Raises `Lost` where it ends early.
        """
        view, raw = memoryview(buffer), self._raw
        self._begun = True
        with network(self._where, self._connections.patience), interruption.watching(raw.socket):
            if raw.length is None:
                while count := raw.readinto(view):
                    yield view[:count]
            else:
                left = raw.length
                # What came with the headers is in the reader; everything after it is still on the socket.
                filled = raw.fp.readinto1(view[: min(left, io.DEFAULT_BUFFER_SIZE)]) if left else 0
                while left:
                    wanted = min(left, len(view))
                    while filled < wanted:
                        try:
                            count = raw.socket.recv_into(view[filled:wanted])
                            if not count:
                                raise ConnectionResetError
                        except OSError:
                            if filled:
                                yield view[:filled]  # what came before it broke off need not come again
                            raise
                        filled += count
                    yield view[:wanted]
                    left, filled = left - wanted, 0
        self._finish()

    def close(self) -> None:
        """Give the connection back, where what is left of the body is short; close it otherwise."""
        if self._closed:
            return
        left = self._raw.length
        try:
            if self._reusable and not self._begun and left is not None and left <= _LEFTOVER:
                with contextlib.suppress(Unavailable):
                    self.read(_LEFTOVER)
        finally:
            if not self._closed:  # also where the work is stopped while it is read
                self._closed = True
                self._raw.close()
                self._connection.close()

    def _finish(self) -> None:
        self._closed = True
        self._raw.close()
        if self._reusable:
            self._connections.give_back(self._where, self._connection)
        else:
            self._connection.close()


@contextlib.contextmanager
def network(where: Origin, patience: Patience) -> Iterator[None]:
    """Say in a sentence what breaks on the network while the block runs: as `Lost`."""
    try:
        yield
    except TimeoutError as error:
        interruption.check()
        raise Lost(
            f"{_name(where)} has not answered for {patience.answer:g} seconds.", hint="Try again when it does."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        interruption.check()
        raise Lost(
            f"{_name(where)} broke the connection.", hint="Try again: what is complete already is kept."
        ) from error


def unreachable(where: Origin, error: OSError, patience: Patience) -> Unavailable:
    """Say why there is no connection, and what to do about it."""
    scheme, host, _ = where
    name = _name(where)
    match error:
        case ssl.SSLCertVerificationError():
            return Unavailable(
                f"The certificate of {name} is not trusted: {error.verify_message}.",
                hint="Add its authority to this system's, or name its file in SSL_CERT_FILE.",
            )
        case ssl.SSLError() if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
            return Unavailable(
                f"{name} does not speak HTTPS.",
                hint=f"If it is meant to speak plain HTTP, set FORECOURT_INSECURE_REGISTRIES={name}.",
            )
        case ssl.SSLError():
            return Unavailable(f"No secure connection to {name} could be made: {error.reason or error}.")
        case socket.gaierror():
            return Unavailable(f"The host {host} is unknown.", hint="Check its spelling, and that there is a network.")
        case ConnectionRefusedError():
            return Unavailable(f"Nothing listens on {name}.", hint="Check the port, and that the registry is up.")
        case TimeoutError():
            return Lost(f"{name} could not be reached within {patience.connect:g} seconds.", hint="Check the network.")
        case ConnectionError() if scheme == "https":
            return Lost(
                f"{name} broke the connection while it was made.",
                hint=f"If it is meant to speak plain HTTP, set FORECOURT_INSECURE_REGISTRIES={name}.",
            )
        case _:
            return Lost(f"{name} cannot be reached: {error.strerror or error}.", hint="Check the network.")


def _name(where: Origin) -> str:
    scheme, host, port = where
    host = f"[{host}]" if ":" in host else host
    return host if port == (443 if scheme == "https" else 80) else f"{host}:{port}"


def _has_ended(sock: socket.socket) -> bool:
    """Say whether there is something to read: without a request, that can only be the connection's end."""
    poll = select.poll()  # not select(), which knows no more than 1024 files
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _close_all(idle: dict[Origin, list[http.client.HTTPConnection]]) -> None:
    for connections in idle.values():
        for connection in connections:
            connection.close()
    idle.clear()
