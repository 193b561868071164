"""One request, and all it takes until there is an answer worth having: redirects, authentication, another attempt."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from forecourt.errors import RegistryError
from forecourt.oci.client.auth import Auth
from forecourt.oci.client.connection import Connections, Patience, Response
from forecourt.oci.client.credentials import Credentials
from forecourt.oci.client.interruption import pause
from forecourt.oci.client.request import Body, Lost, Request, is_loopback, origin, scopes

_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5


class Transport:
    """Speaks to one registry; several threads may use it at once."""

    def __init__(self, registry: str, *, insecure: bool, credentials: Credentials, patience: Patience) -> None:
        self.registry = registry
        self.patience = patience
        self.auth = Auth(registry, credentials, plain=insecure)
        # Docker Hub's images are named after one host and served by another.
        host = "registry-1.docker.io" if registry in ("docker.io", "index.docker.io") else registry
        self.url = f"{'http' if insecure else 'https'}://{host}"
        self._origin = origin(self.url)
        self._connections = Connections(patience)

    def close(self) -> None:
        """Close the idle connections."""
        self._connections.close()

    def request(
        self,
        method: str,
        path: str,
        repository: str = "",
        actions: Iterable[str] = ("pull",),
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        extra_scopes: frozenset[str] = frozenset(),
        replay: bool = True,
    ) -> Response:
        """Send a request for something in `repository`; `path` may be a whole URL, as a Location is."""
        wanted = scopes(repository, actions) | extra_scopes if repository else frozenset()
        return self.send(Request(method, urljoin(self.url, path), headers or {}, body, repository, wanted, replay))

    def send(self, request: Request) -> Response:
        """Return the answer, whatever its status; 429 and 5xx only once patience is at its end.

        Raises `Lost` or `Unavailable` where there is none, `Denied` where a token server refuses.
        """
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= self.patience.attempts or not request.replay
            try:
                response = self._authenticated(request)
            except Lost:
                if last:
                    raise
                self.rest(attempt)
                continue
            if response.status not in _AGAIN or last:
                return response
            with response:
                self.rest(attempt, response)

    def rest(self, attempt: int, response: Response | None = None) -> None:
        """Wait before the next attempt: as long as the registry asks for, or longer each time.

        Raises `RegistryError` where it asks for more patience than we have.
        """
        seconds = self.patience.pause * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311
        asked = retry_after(response.header("Retry-After")) if response else None
        if asked is not None and asked > self.patience.longest_pause:
            raise RegistryError(
                f"{self.registry} asks us to come back in {asked:.0f} seconds.", hint="Try again after that."
            )
        pause(min(asked if asked is not None else seconds, self.patience.longest_pause))

    def resolve(self, response: Response, location: str) -> str:
        """Return where a Location leads, never from HTTPS to plain HTTP on the same host."""
        url = urljoin(response.url, location)
        parts, base = urlsplit(url), urlsplit(response.url)
        if parts.hostname == base.hostname and (parts.scheme, base.scheme) == ("http", "https"):
            # A registry behind a proxy that does not know it speaks HTTPS; docker-registry is often set up so.
            return parts._replace(scheme="https", netloc=base.netloc).geturl()
        return url

    def _authenticated(self, request: Request) -> Response:
        if origin(request.url) != self._origin:
            return self._follow(request)  # an upload's or blob's URL elsewhere carries its own permission
        flow = self.auth.flow(request)
        response = self._follow(next(flow))
        while True:
            try:
                following = flow.send(response)
            except StopIteration:
                return response
            except BaseException:
                response.close()
                raise
            response.close()
            response = self._follow(following)

    def _follow(self, request: Request) -> Response:
        for _ in range(_MOST_REDIRECTS):
            response = self._connections.exchange(request)
            location = response.header("Location")
            if request.method not in ("GET", "HEAD") or response.status not in _REDIRECTS or not location:
                return response
            with response:
                url = self.resolve(response, location)
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or (
                parts.scheme == "http" and request.url.startswith("https:") and not is_loopback(parts.netloc)
            ):
                raise RegistryError(f"{self.registry} redirects us to {url}, which is not safe to follow.")
            headers = request.headers
            if origin(url) != origin(request.url):
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
            request = replace(request, url=url, headers=headers)
        raise RegistryError(f"{self.registry} redirects us in circles.")


def retry_after(value: str) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for (RFC 9110, section 10.2.3)."""
    if value.isdigit():
        return float(value)
    try:
        when = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    return max(0.0, when.timestamp() - time.time())
