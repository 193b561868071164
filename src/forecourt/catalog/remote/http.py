"""GET, for what is far away and may be slow, broken or hostile: bounded in time, in bytes and in where it leads.

Each request has so long to connect, so long without a byte, and so long as a whole; it is tried again after 429, 5xx
and broken connections, after a pause that the server may ask for (``Retry-After``, RFC 9110 section 10.2.3, or
``RateLimit``, https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/09/). Redirects are followed by
hand: each is checked, and the token goes nowhere but to the host that it is for.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

import httpcore
import httpx

import forecourt
from forecourt.catalog.model import Loading
from forecourt.catalog.remote.addresses import Guard
from forecourt.catalog.remote.network import Transport
from forecourt.catalog.remote.refusals import (
    NETWORK,
    Broken,
    Refusal,
    host_of,
    origin_of,
    short,
    unreachable,
    wanted_pause,
)
from forecourt.errors import Unavailable

PAGE = 16 * 1024 * 1024
"""The most bytes of a page of a list."""

_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_MESSAGE = 64 * 1024
_TURN = 0.25


class Stopped(Exception):
    """Nobody wants the result any more; raised only to leave, nobody is told of it."""


class TooLarge(Unavailable):
    """An answer has more bytes than belong there."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds, and how often it is tried."""

    connect: float = 10.0
    silence: float = 30.0
    whole: float = 120.0
    """From the first byte that is sent to the last that is received, of one attempt."""
    attempts: int = 3
    pause: float = 0.5
    """Before the second attempt; doubled before each further one."""
    longest_pause: float = 300.0
    """What a server may ask for: the hub counts requests over five minutes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: where from after redirects, the headers, and the whole body."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    next: str = ""
    """The URL of the next page (``Link: <…>; rel="next"``, RFC 8288), or nothing."""

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return what the JSON of the body says; raises `Unavailable` where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Unavailable(f"{host_of(self.url)} answered with something that is not JSON.") from None


class Http:
    """Asks one server, as `loading` allows. Several threads may use it at once; use it in a ``with`` block.

    `name` is what the server is called in messages, `denied` a hint on what to do where it wants to know who asks.
    """

    def __init__(
        self,
        url: str,
        loading: Loading,
        *,
        token: str = "",
        denied: str = "",
        patience: Patience | None = None,
        connections: int = 6,
    ) -> None:
        self.url = url
        self.patience = patience or Patience()
        self._loading = loading
        self._headers = {"User-Agent": f"forecourt/{forecourt.__version__}", "Accept-Encoding": "gzip"}
        self._token = token
        self._denied = denied
        self._left = threading.Event()
        self._end = threading.local()
        transport = Transport(Guard.of(loading), self._watch, connections=connections)
        self._client = httpx.Client(transport=transport, trust_env=False, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.leave()
        self._client.close()

    def leave(self) -> None:
        """Make what goes on in other threads end, and what would begin not begin: both raise `Stopped`."""
        self._left.set()

    def get(
        self, path: str, params: Mapping[str, Any] | None = None, *, limit: int = PAGE, accept: str = "application/json"
    ) -> Answer:
        """Return the answer to a GET of `path`, which is added to the server's URL, or is a whole one on its host.

        `limit` is the most bytes that are read. Raises `NotFound`, `Denied`, `TooLarge`, `Unavailable`, and
        `ForbiddenAddress` where it leads where it may not; `Stopped` where nobody wants it any more.
        """
        url = path if "://" in path else self.url + path
        url = str(httpx.URL(url, params=params) if params else httpx.URL(url))
        self._end.time = float("inf")
        self._watch()
        for attempt in range(1, self.patience.attempts + 1):
            last = attempt == self.patience.attempts
            try:
                answer = self._follow(url, limit, accept)
            except Broken as error:
                if last:
                    raise Unavailable(error.message, hint=error.hint) from error
                self._rest(attempt, None)
                continue
            if isinstance(answer, Answer):
                return answer
            if answer.status not in _AGAIN or last:
                raise answer.error(self._denied)
            self._rest(attempt, answer)
        raise AssertionError("there is at least one attempt")  # pragma: no cover

    # Inside

    def _follow(self, url: str, limit: int, accept: str) -> Answer | Refusal:
        for _ in range(_MOST_REDIRECTS):
            headers = self._headers | {"Accept": accept}
            if self._token and origin_of(url) == origin_of(self.url):
                headers["Authorization"] = f"Bearer {self._token}"
            found = self._exchange(url, headers, limit)
            if not isinstance(found, str):
                return found
            url = _redirected(url, found)
        raise Unavailable(f"{host_of(url)} redirects us in circles.")

    def _exchange(self, url: str, headers: Mapping[str, str], limit: int) -> Answer | Refusal | str:
        """Send one request; return the answer, what kept the server from giving one, or where it redirects us to."""
        patience, host = self.patience, host_of(url)
        self._end.time = time.monotonic() + patience.whole
        timeout = httpx.Timeout(patience.silence, connect=patience.connect)
        try:
            with self._client.stream("GET", url, headers=headers, timeout=timeout) as response:
                if response.status_code in _REDIRECTS and (location := response.headers.get("Location")):
                    return str(location)
                if response.status_code != 200:
                    with contextlib.suppress(TooLarge):
                        return Refusal(url, response.status_code, response.headers, self._read(response, _MESSAGE))
                    return Refusal(url, response.status_code, response.headers, b"")
                following = response.links.get("next", {}).get("url", "")
                body = self._read(response, limit)
                return Answer(url, response.headers, body, urljoin(url, following) if following else "")
        except httpx.ConnectTimeout as error:
            raise Broken(f"{host} could not be reached within {patience.connect:g} seconds.", NETWORK) from error
        except httpx.ConnectError as error:
            raise unreachable(host, error) from error
        except httpx.TimeoutException as error:
            waited = patience.whole if time.monotonic() >= self._end.time else patience.silence
            raise Broken(f"{host} did not answer within {waited:g} seconds.", "Try again when it does.") from error
        except (httpx.TransportError, httpx.StreamError) as error:
            raise Broken(f"{host} broke the connection.", "Try again: what came before is kept.") from error
        except (httpx.InvalidURL, ValueError) as error:
            raise Unavailable(f"{host} leads us to {short(url)!r}, which is no URL.") from error

    @staticmethod
    def _read(response: httpx.Response, limit: int) -> bytes:
        """Return the body, unpacked here so that a small one cannot become large in memory before it is seen."""
        packed = response.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip")
        unpack = zlib.decompressobj(31) if packed else None
        body = bytearray()
        try:
            for chunk in response.iter_raw():
                body += unpack.decompress(chunk, limit + 1 - len(body)) if unpack else chunk
                if len(body) > limit:
                    raise TooLarge(f"{host_of(str(response.url))} answered with more than {limit:,} bytes.")
        except zlib.error as error:
            raise Broken(f"{host_of(str(response.url))} sent a damaged answer.", "Try again.") from error
        if unpack and not unpack.eof:
            raise Broken(f"{host_of(str(response.url))} sent an answer that ends early.", "Try again.")
        return bytes(body)

    def _rest(self, attempt: int, refusal: Refusal | None) -> None:
        """Wait before the next attempt; raises where a server asks for more patience than we have."""
        seconds = self.patience.pause * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311
        if refusal and (asked := wanted_pause(refusal.headers)) is not None:
            if asked > self.patience.longest_pause:
                raise Unavailable(
                    f"{host_of(refusal.url)} has had too many requests. It asks us to come back in {asked:.0f} s.",
                    hint="Load the source again after that: what it gave until now is kept.",
                )
            seconds = asked
        end = time.monotonic() + seconds
        self._end.time = float("inf")
        while (left := end - time.monotonic()) > 0:
            self._watch()
            self._left.wait(min(left, _TURN))
        self._watch()

    def _watch(self) -> None:
        if self._left.is_set() or self._loading.stopped():
            raise Stopped
        if time.monotonic() > getattr(self._end, "time", float("inf")):
            raise httpcore.ReadTimeout("the answer takes too long")


def _redirected(url: str, location: str) -> str:
    """Return where a redirect leads, if it may: never from HTTPS to plain HTTP."""
    with contextlib.suppress(ValueError):
        following = urljoin(url, location)
        scheme, host, _ = origin_of(following)
        if host and scheme in (("https",) if url.startswith("https:") else ("http", "https")):
            return following
    raise Unavailable(f"{host_of(url)} redirects us to {short(location)!r}, which is not safe to follow.")
