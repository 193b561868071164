"""What a request must be like before anything else is asked of it: for this server, from its own pages, not too large.

A web page from elsewhere can have its reader's browser send requests here, and give its own name this machine's address
(DNS rebinding). So a request must call the server by a name of its own, and one that changes something must not come
from a page of another origin: browsers say which page it is from (``Origin``, ``Sec-Fetch-Site``), and programs say
nothing. https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import re
import socket
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from forecourt.errors import Forbidden, ForecourtError, TooLarge
from forecourt.objects import MAX_BODY, status
from forecourt.registry import BODY_LIMIT
from forecourt.settings import Settings

CROSS_ORIGIN = "forecourt.cross_origin"
"""In the scope of a request from an allowed page of another origin, which cookies say nothing about."""

_MIB = 1024 * 1024
_LIMITS = (("/api/model_catalog/", 64 * _MIB), ("/api/model_registry/", BODY_LIMIT), ("", MAX_BODY))
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_OWN_SITE = frozenset({b"same-origin", b"none"})
_HEARD_OUT_SECONDS = 2.0  # that a client may go on sending what nobody reads, so that it sees the answer
_MOST_HOSTS = 1000  # that are remembered

Application = Any
Serves = Callable[[str], bool]


class Misdirected(ForecourtError):
    """The request is for another server."""

    status = 421
    reason = "MisdirectedRequest"


class Names:
    """The names and addresses that this server goes by. `bound` is the address that it listens on."""

    def __init__(self, settings: Settings, bound: str) -> None:
        self._external = urlsplit(settings.external_url).netloc.lower()
        said = [name.strip().lower() for name in settings.allowed_hosts.split(",") if name.strip()]
        self._patterns = [re.compile(re.escape(name).replace(r"\*", ".*")) for name in said]
        self._beyond_loopback = not _is_loopback(bound)
        self._names = {"localhost", bound.lower()} | {urlsplit(settings.external_url).hostname or "localhost"}
        if self._beyond_loopback:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        self._known: dict[bytes, bool] = {}

    def has(self, host: bytes) -> bool:
        """Say whether a ``Host`` header names this server."""
        known = self._known.get(host)
        if known is None:
            if len(self._known) >= _MOST_HOSTS:
                self._known.clear()
            known = self._known[host] = self._has(host.decode("latin-1").lower())
        return known

    def is_own_origin(self, origin: bytes, host: bytes) -> bool:
        """Say whether an ``Origin`` is this server's, as the request calls it or as others do."""
        there = urlsplit(origin.decode("latin-1").lower()).netloc
        return bool(there) and (there == host.decode("latin-1").lower() or there == self._external)

    def _has(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names or name.endswith(".localhost") or any(one.fullmatch(name) for one in self._patterns):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._beyond_loopback or address.is_loopback  # nobody else can have an address lead here, as a name can


def origins(settings: Settings) -> re.Pattern[str] | None:
    """Return what the origins are like whose pages may use Kubeflow's APIs; None where there are none."""
    said = [re.escape(origin).replace(r"\*", "[^/]*") for origin in settings.cors_origins.split(",") if origin]
    return re.compile("|".join(said)) if said else None


def guarding(
    application: Application,
    names: Names,
    *,
    gateway: Serves,
    shared: Iterable[Serves],
    allowed: re.Pattern[str] | None,
) -> Application:
    """Refuse what is not for this server, forged by another's page, or too large, and pass on everything else.

    What the `gateway` serves passes as it is. Pages of the origins that are `allowed` may use the APIs that are
    `shared`.
    """
    shared = tuple(shared)

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or gateway(scope["path"]):
            await application(scope, receive, send)
            return
        host = origin = site = length = b""
        hosts, chunked = 0, False
        for name, value in scope["headers"]:
            if name == b"host":
                host, hosts = value, hosts + 1
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
            elif name == b"content-length":
                length = value
            elif name == b"transfer-encoding":
                chunked = True
        if hosts > 1 or (hosts and not names.has(host)):
            await _refuse(scope, send, _misdirected(host))
            return
        if origin or site:
            from_elsewhere = (site and site not in _OWN_SITE) or (origin and not names.is_own_origin(origin, host))
            if from_elsewhere:
                scope[CROSS_ORIGIN] = True
                welcome = allowed is not None and allowed.fullmatch(origin.decode("latin-1"))
                if scope["method"] not in _SAFE and not (welcome and any(api(scope["path"]) for api in shared)):
                    await _refuse(scope, send, _forged(origin))
                    return
        if length or chunked:
            limit = next(limit for prefix, limit in _LIMITS if scope["path"].startswith(prefix))
            if length and (not length.isdigit() or len(length) > 19 or int(length) > limit):
                await _refuse(scope, send, _too_large(limit))
                await _hear_out(receive, send)
                return
            if chunked:
                await _Counted(receive, send, limit).pass_to(application, scope)
                return
        await application(scope, receive, send)

    return guarded


class _Counted:
    """A request whose length nobody knows before it has come."""

    def __init__(self, receive: Any, send: Any, limit: int) -> None:
        self._receive, self._send, self._limit = receive, send, limit
        self._size = 0
        self._answered = False

    async def pass_to(self, application: Application, scope: Any) -> None:
        """Have `application` answer it, or refuse it once it is too large, whatever the application makes of that."""
        try:
            await application(scope, self._counted, self._answer)
        except Exception:
            if self._size <= self._limit:
                raise
        if self._size > self._limit and not self._answered:
            await _refuse(scope, self._send, _too_large(self._limit))
            await _hear_out(self._receive, self._send)

    async def _counted(self) -> Any:
        if self._size > self._limit:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._size += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self._size > self._limit else message

    async def _answer(self, message: Any) -> None:
        if self._answered or self._size <= self._limit:
            self._answered = True
            await self._send(message)


def _misdirected(host: bytes) -> ForecourtError:
    name = host.decode("latin-1")[:200]
    return Misdirected(
        f"This server does not go by the name {name!r}.",
        hint="Call it by its own name, or name that one in FORECOURT_ALLOWED_HOSTS.",
    )


def _forged(origin: bytes) -> ForecourtError:
    where = origin.decode("latin-1")[:200] or "another site"
    return Forbidden(
        f"A page of {where} may not change anything here.",
        hint="Use this server's own pages; where a proxy gives it another address, set FORECOURT_EXTERNAL_URL to it.",
    )


def _too_large(limit: int) -> ForecourtError:
    return TooLarge(
        f"The body of the request has more than the {limit // _MIB} MiB that are taken here.",
        hint="Models and other large files go through the registry: forecourt import, forecourt modelcar push.",
    )


async def _refuse(scope: Any, send: Any, error: ForecourtError) -> None:
    """Answer with an error, in words where a browser asks for a page, and have the connection end."""
    accepted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    if b"text/html" in accepted:
        body, kind = f"{error.message}\n{error.hint}\n".encode(), b"text/plain; charset=utf-8"
    else:
        body, kind = json.dumps(status(error)).encode(), b"application/json"
    headers = [
        (b"content-type", kind),
        (b"content-length", b"%d" % len(body)),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    more = isinstance(error, TooLarge)
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _hear_out(receive: Any, send: Any) -> None:
    """Throw away for a while what the client goes on to send: one that sees its connection cut sees no answer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_HEARD_OUT_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass
    await send({"type": "http.response.body", "body": b""})


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
