"""The gateway as an ASGI application: which path goes to which deployment.

Written to ASGI itself, without a framework: nothing stands between a runtime's chunk and the client's socket.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import aiohttp
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from forecourt.errors import ForecourtError
from forecourt.serving.endpoints import Endpoint, Endpoints
from forecourt.serving.gateway.body import find_model
from forecourt.serving.gateway.client import ClientGone, read_body, too_large
from forecourt.serving.gateway.errors import UnknownRoute, UnsupportedEncoding, UpgradeUnsupported, refuse
from forecourt.serving.gateway.forward import CLIENT_GONE, Call, Forwarder
from forecourt.serving.gateway.headers import header, upgrades
from forecourt.serving.gateway.metrics import Counts, Metrics
from forecourt.serving.gateway.models import available, entry, find, not_found
from forecourt.serving.gateway.protocol import PromptProtocol

BODY_LIMIT = 64 * 1024**2
"""Largest body that is read to find its model, in bytes."""

REPLAY_LIMIT = 1024**2
"""Largest body on the way to /serving/... that is kept so that it can be sent again, in bytes; others are streamed."""

_NO_TOKEN = 401

CONNECT_SECONDS = 5.0
IDLE_SECONDS = 4.0  # uvicorn and llama.cpp close an idle connection after 5 s: no request may be on its way then

UVICORN_SETTINGS: dict[str, Any] = {
    "http": PromptProtocol,
    "ws": "none",
    "server_header": False,  # the runtime's own passes
    "access_log": False,
    "timeout_keep_alive": 75,  # longer than clients keep a connection, so that it is they who close it
}
"""How the gateway wants to be served; a server that it is mounted in does well to use them."""


Guard = Callable[[Scope, Endpoint], bool]
"""Lets a request pass to an endpoint or raises; says whether it came in by its ``Authorization``, which ends here."""


def everybody(_scope: Scope, _endpoint: Endpoint) -> bool:
    """Let every request pass."""
    return False


class Gateway:
    """Passes requests to deployments: ``/serving/{namespace}/{name}/...`` as they are, ``/v1/...`` by their `model`.

    Call `startup` in the event loop that serves it, and `aclose` at the end; a server's lifespan events do the same.
    `hold_seconds` is how long a request waits for a replica; the metrics go to `registry`; `guard` says who may ask.
    """

    def __init__(
        self, endpoints: Endpoints, *, hold_seconds: float, registry: CollectorRegistry, guard: Guard = everybody
    ) -> None:
        self._endpoints = endpoints
        self._guard = guard
        self._hold_seconds = hold_seconds
        self._metrics = Metrics(registry)
        endpoints.on_withdraw(self._metrics.forget)
        self._session: aiohttp.ClientSession | None = None
        self._forwarder: Forwarder | None = None

    @staticmethod
    def serves(path: str) -> bool:
        """Say whether a path is the gateway's."""
        return path.startswith(("/v1/", "/serving/"))

    def counts(self) -> Mapping[tuple[str, str], Counts]:
        """Return what was counted of each deployment, by namespace and name."""
        return self._metrics.counts()

    async def startup(self) -> None:
        """Open the pool of connections to runtimes."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),  # one client's cookies are no other's
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            max_line_size=64 * 1024,
            max_field_size=64 * 1024,
        )
        self._forwarder = Forwarder(self._session, self._metrics, self._hold_seconds)

    async def aclose(self) -> None:
        """Close the connections to runtimes. Requests that still run break off."""
        if self._session is not None:
            await self._session.close()
            self._session = self._forwarder = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1003, "reason": "not supported"})
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.startup()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the deployment and forward, or say why not."""
        # What the client sent, byte for byte: a runtime decodes its own path.
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        passed_through = raw.startswith(b"/serving/")
        openai = not passed_through or raw.split(b"/", 5)[4:5] == [b"v1"]
        try:
            if upgrades(scope["headers"]):
                raise UpgradeUnsupported("The gateway passes no WebSockets.", hint="Stream with server-sent events.")
            call: Call | None
            if passed_through:
                call = await self._to_deployment(raw, scope, receive, send, openai)
            else:
                call = await self._by_model(raw, scope, receive, send)
        except ForecourtError as error:
            self._metrics.nowhere(error.status)
            await refuse(send, error, openai=openai)
        except ClientGone:
            self._metrics.nowhere(CLIENT_GONE)
        else:
            if call is not None:
                assert self._forwarder is not None, "startup() was not called"
                await self._forwarder.forward(call)

    async def _to_deployment(self, raw: bytes, scope: Scope, receive: Receive, send: Send, openai: bool) -> Call:
        """Return the call for ``/serving/{namespace}/{name}/...``, whose path, query and body pass as they are."""
        _, _, namespace, *rest = raw.split(b"/", 4)
        names = [unquote_to_bytes(part).decode(errors="replace") for part in (namespace, *rest[:1])]
        endpoint = self._endpoints.get(*names) if len(names) == 2 else None
        if endpoint is None:
            raise not_found(self._seen(scope), "/".join(names))
        scope = self._let_in(scope, endpoint)
        path = rest[1] if len(rest) > 1 else b""
        length = _length(scope)
        body: bytes | None = b""
        if header(scope["headers"], b"transfer-encoding") or (length or 0) > REPLAY_LIMIT:
            body = None
        elif length:
            body = await read_body(receive, REPLAY_LIMIT)
        prefix = f"/serving/{endpoint.namespace}/{endpoint.name}"
        return Call(scope, receive, send, endpoint, _target(b"/" + path, scope), prefix, body, length, openai)

    async def _by_model(self, raw: bytes, scope: Scope, receive: Receive, send: Send) -> Call | None:
        """Return the call for ``/v1/...``; None where it was answered here."""
        method = scope["method"]
        if method in {"GET", "HEAD"} and (found := self._listing(scope)) is not None:
            await _reply(send, found)
            return None
        if method != "POST":
            raise UnknownRoute(
                f"{method} {scope['path'][:200]} is not served.", hint="GET /v1/models lists the models."
            )
        headers = scope["headers"]
        if header(headers, b"content-encoding") not in {b"", b"identity"}:
            raise UnsupportedEncoding("A compressed body's model cannot be read.", hint="Send it as it is.")
        if (_length(scope) or 0) > BODY_LIMIT:
            raise too_large(BODY_LIMIT)
        body = await read_body(receive, BODY_LIMIT)
        content_type = header(headers, b"content-type")
        if len(body) > REPLAY_LIMIT:  # long enough for other streams to notice
            field = await asyncio.to_thread(find_model, body, content_type)
        else:
            field = find_model(body, content_type)
        endpoint = self._find(scope, field.value)
        scope = self._let_in(scope, endpoint)
        if field.value != endpoint.name:  # the runtime knows itself by the deployment's name alone
            body = field.replaced(body, endpoint.name)
        return Call(scope, receive, send, endpoint, _target(raw, scope), "", body, len(body), openai=True)

    def _listing(self, scope: Scope) -> dict[str, object] | None:
        """Return what ``/v1/models`` or ``/v1/models/{id}`` says; None where the path is neither."""
        path: str = scope["path"]
        if path in {"/v1/models", "/v1/models/"}:
            return {"object": "list", "data": [entry(endpoint) for endpoint in available(self._seen(scope))]}
        if path.startswith("/v1/models/"):
            return entry(self._find(scope, path.removeprefix("/v1/models/")))
        return None

    def _find(self, scope: Scope, model: str) -> Endpoint:
        endpoint = find(self._endpoints, model)
        if endpoint is None:
            raise not_found(self._seen(scope), model)
        return endpoint

    def _let_in(self, scope: Scope, endpoint: Endpoint) -> Scope:
        """Return what goes on to the endpoint; raises where it may not."""
        if not self._guard(scope, endpoint):
            return scope
        return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"authorization"]}

    def _seen(self, scope: Scope) -> list[Endpoint]:
        """Return the endpoints that whoever asks may know of: those that a token opens, too."""
        seen = []
        for endpoint in self._endpoints:
            try:
                self._guard(scope, endpoint)
            except ForecourtError as error:
                if error.status != _NO_TOKEN:
                    continue
            seen.append(endpoint)
        return seen


def _target(path: bytes, scope: Scope) -> str:
    """Return the path and query as a runtime gets them."""
    query: bytes = scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")


def _length(scope: Scope) -> int | None:
    """Return the length that the client promises its body has, in bytes."""
    value = header(scope["headers"], b"content-length")
    return int(value) if value.isdigit() else None


async def _reply(send: Send, document: dict[str, object]) -> None:
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
