"""GET and HEAD for what may be large, slow or broken: connections of `forecourt.oci`, with redirects by hand.

A redirect takes no Authorization to another host, never leads from HTTPS to plain HTTP, and never from the public
internet into a private network: whoever answers there must not choose what this machine asks its neighbours. A URL that
a person gives may name a private address, where most stores of models are. Nothing leads to link-local addresses, where
clouds give out credentials.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import random
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import local
from typing import Any
from urllib.parse import urljoin, urlsplit

from forecourt.errors import InvalidInput, Unavailable
from forecourt.oci.client.addresses import is_link_local, is_public
from forecourt.oci.client.connection import Connections, Origin, Patience, Response, WatchedResponse
from forecourt.oci.client.interruption import pause
from forecourt.oci.client.request import Lost, Request, is_loopback, origin
from forecourt.oci.client.transport import retry_after
from forecourt.oci.client.trust import new_context, tls

PATIENCE = Patience(connect=10, answer=30, attempts=6, pause=0.5, longest_pause=60)
"""A connection that is silent for `answer` seconds counts as broken."""

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 6


class ForbiddenAddress(InvalidInput):
    """A URL leads to where it may not."""


class Web:
    """Asks servers. Several threads may use it at once; `close` it at the end."""

    def __init__(self, patience: Patience = PATIENCE, trust: ssl.SSLContext | None = None) -> None:
        self.patience = patience
        self._connections = _Guarded(patience, trust or tls())

    def close(self) -> None:
        """Close the idle connections."""
        self._connections.close()

    def send(self, request: Request) -> Response:
        """Return the answer, redirects followed and whatever its status; `Response.url` says where it is from.

        Raises `Lost`, `Unavailable` and `ForbiddenAddress`.
        """
        from_public = False
        for _ in range(_MOST_REDIRECTS):
            response = self._connections.guarded(request, only_public=from_public)
            location = response.header("Location")
            if response.status not in _REDIRECTS or not location:
                return response
            with response:
                from_public = from_public or self._connections.public.get(origin(request.url), False)
                request = _redirected(request, location)
        raise Unavailable(f"{host_of(request.url)} redirects us in circles.")

    def ask(self, request: Callable[[], Request]) -> Response:
        """Send the request that `request` makes, again after broken connections, 429 and 5xx; return the answer."""
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= self.patience.attempts
            try:
                response = self.send(request())
            except Lost:
                if last:
                    raise
                self.rest(attempt)
                continue
            if response.status not in AGAIN or last:
                return response
            with response:
                self.rest(attempt, response)

    def rest(self, attempt: int, response: Response | None = None) -> None:
        """Wait before the next attempt: as long as the server asks for, or longer each time."""
        seconds = self.patience.pause * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311
        asked = retry_after(response.header("Retry-After")) if response else None
        if response and asked is not None and asked > self.patience.longest_pause:
            raise Unavailable(
                f"{host_of(response.url)} has had too many requests. It asks us to come back in {asked:.0f} s.",
                hint="Try again after that: what came until now is kept.",
            )
        pause(min(asked if asked is not None else seconds, self.patience.longest_pause))


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a connection trusts: `certificate` is PEM text of further authorities; without `verify`, everybody."""

    certificate: str = ""
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """Return the settings of its TLS connections; raises `InvalidInput` where the certificate is none."""
        if self.verify and not self.certificate:
            return tls()
        context = new_context()
        if self.certificate:
            try:
                context.load_verify_locations(cadata=self.certificate)
            except (ssl.SSLError, ValueError):
                raise InvalidInput("The connection's certificate is no PEM text.") from None
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class _Guarded(Connections):
    def __init__(self, patience: Patience, trust: ssl.SSLContext) -> None:
        super().__init__(patience)
        self.public: dict[Origin, bool] = {}
        """Where connections have led so far."""
        self._trust = trust
        self._thread = local()

    def guarded(self, request: Request, *, only_public: bool) -> Response:
        """Send one request, with `only_public` to nobody but the public internet."""
        where = origin(request.url)
        if not where[1]:
            raise InvalidInput(f"{without_secrets(request.url)} is no URL.")
        if only_public and self.public.get(where) is False:
            raise _forbidden(where[1], "in a private network, and it was reached by a redirect from a public address")
        self._thread.only_public = only_public
        return self.exchange(request)

    def _connect(self, where: Origin) -> http.client.HTTPConnection:
        scheme, host, port = where
        options: dict[str, Any] = {"timeout": self.patience.connect}
        with contextlib.suppress(ValueError):
            self._check(host, host)
        connection: http.client.HTTPConnection
        if scheme == "https":
            connection = http.client.HTTPSConnection(host, port, context=self._trust, **options)
        else:
            connection = http.client.HTTPConnection(host, port, **options)
        connection.response_class = WatchedResponse
        try:
            connection.connect()
            self.public[where] = self._check(host, connection.sock.getpeername()[0])
        except OSError as error:
            connection.close()
            raise _unreachable(where, error, self.patience) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, host: str, address: str) -> bool:
        """Say whether an address is public; raise where it may not be asked. ValueError where it is none."""
        found = ipaddress.ip_address(address.partition("%")[0])
        if is_link_local(found):
            raise _forbidden(host, "an address where clouds give out credentials")
        public = is_public(found)
        if getattr(self._thread, "only_public", False) and not public:
            raise _forbidden(host, "in a private network, and it was reached by a redirect from a public address")
        return public


def host_of(url: str) -> str:
    """Return a URL's host, with its port where it says one."""
    return urlsplit(url).netloc.rpartition("@")[2]


def without_secrets(url: str) -> str:
    """Return a URL as it may be shown: without a login, and without its query, where signatures and tokens are."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def said(response: Response) -> str:
    """Return the beginning of what a server says of an error, as one line; nothing where it cannot be read."""
    try:
        raw = response.read(64 * 1024)
    except Unavailable:
        return ""
    return raw.decode("utf-8", "replace")


def one_line(text: str, most: int = 200) -> str:
    """Return text of somebody else's as a part of a message."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: 2 * most]).split())
    return (line if len(line) <= most else f"{line[: most - 1]}…").rstrip(".")


def _redirected(request: Request, location: str) -> Request:
    url = urljoin(request.url, location)
    parts = urlsplit(url)
    plain = parts.scheme == "http" and request.url.startswith("https:") and not is_loopback(parts.netloc)
    if parts.scheme not in ("http", "https") or not parts.hostname or plain:
        raise Unavailable(f"{host_of(request.url)} redirects us to where it is not safe to go: {one_line(location)}.")
    headers: Mapping[str, str] = request.headers
    if origin(url) != origin(request.url):
        kept = {"range", "if-match", "if-unmodified-since", "accept", "accept-encoding", "if-range"}
        headers = {name: value for name, value in headers.items() if name.lower() in kept}
    return replace(request, url=url, headers=headers)


def _forbidden(host: str, why: str) -> ForbiddenAddress:
    return ForbiddenAddress(f"{host} is {why}.", hint="If that is where the model is, give its own URL.")


def _unreachable(where: Origin, error: OSError, patience: Patience) -> Unavailable:
    scheme, host, port = where
    name = host if port == (443 if scheme == "https" else 80) else f"{host}:{port}"
    match error:
        case ssl.SSLCertVerificationError():
            return Unavailable(
                f"The certificate of {name} is not trusted: {error.verify_message}.",
                hint="Add its authority to this system's, or its certificate to the connection.",
            )
        case ssl.SSLError():
            return Unavailable(
                f"No secure connection to {name} could be made: {error.reason or error}.",
                hint="If it speaks plain HTTP, write its URL with http://.",
            )
        case socket.gaierror():
            return Unavailable(f"The host {host} is unknown.", hint="Check its spelling, and that there is a network.")
        case ConnectionRefusedError():
            return Unavailable(f"Nothing listens on {name}.", hint="Check the port, and that the server is up.")
        case TimeoutError():
            return Lost(f"{name} could not be reached within {patience.connect:g} seconds.", hint="Check the network.")
        case _:
            return Lost(f"{name} cannot be reached: {error.strerror or error}.", hint="Check the network.")
