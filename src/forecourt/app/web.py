"""The servers: uvicorn with what answers each path, and the OCI registry on a loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import uvicorn
from aiohttp import web
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from forecourt.app.guarding import origins
from forecourt.dashboard import Dashboard
from forecourt.serving import UVICORN_SETTINGS, Gateway
from forecourt.settings import Settings

_READING = frozenset(("GET", "HEAD", "OPTIONS"))
_REGISTRIES = ("/api/model_registry/", "/api/forecourt/v1/registry/")
_VARY = (b"vary", b"Origin")
GOODBYE_SECONDS = 5
"""How long requests that are still in hand when the server ends may take."""


class Uvicorn(uvicorn.Server):
    """Uvicorn without its own signal handlers: signals mean more here than that HTTP ends."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._ready.set()

    async def ready(self) -> None:
        """Return when it answers."""
        await self._ready.wait()


class RegistryThread:
    """The OCI registry on an event loop of its own, in a thread of its own."""

    def __init__(self, application: web.Application, listening: socket.socket) -> None:
        self._application = application
        self._socket = listening
        self._loop = asyncio.new_event_loop()  # uvloop has no sendfile
        self._thread = threading.Thread(target=self._loop.run_forever, name="registry", daemon=True)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=GOODBYE_SECONDS)

    async def __aenter__(self) -> None:
        self._thread.start()
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._start(), self._loop))

    async def __aexit__(self, *_: object) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop))
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    async def _start(self) -> None:
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()


def shared(api: Any, settings: Settings) -> Any:
    """Let web pages of the origins that are set use one of Kubeflow's APIs (CORS).

    A program's request, which says no origin, is spared the search for what that would mean.
    """
    allowed = origins(settings)
    pages = CORSMiddleware(
        api,
        allow_origin_regex=allowed.pattern if allowed else None,
        allow_methods=["GET", "POST", "PATCH"],
        allow_headers=["*"],
    )

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or any(name == b"origin" for name, _ in scope["headers"]):
            await pages(scope, receive, send)
            return

        async def varying(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], _VARY]
            await send(message)

        await api(scope, receive, varying)

    return answer


def dispatching(gateway: Gateway, apis: Sequence[tuple[Callable[[str], bool], Any]], application: FastAPI) -> Any:
    """Send inference to the gateway, what one of `apis` serves to that, and everything else to the rest of the API.

    No framework stands before a token stream, nor before the read of a single row.
    """

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        target: Any = application
        if scope["type"] == "http":
            if gateway.serves(scope["path"]):
                target = gateway
            else:
                target = next((api for serves, api in apis if serves(scope["path"])), application)
        await target(scope, receive, send)

    return dispatch


class Announcing:
    """Passes requests on to `application`, and tells who listens when one has changed something in the registry."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Have a function called after each change."""
        self._listeners.append(listener)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        reads = scope["type"] != "http" or scope["method"] in _READING or b"dryRun=All" in scope["query_string"]
        if reads or not scope["path"].startswith(_REGISTRIES):
            await self._application(scope, receive, send)
            return

        async def heard(message: Any) -> None:
            await send(message)
            if message["type"] == "http.response.start" and message["status"] < 400:
                for listener in self._listeners:
                    listener()

        await self._application(scope, receive, heard)


def with_pages(dashboard: Dashboard, api: Any) -> Any:
    """Send what browsers look at to the dashboard, and everything else to the API."""

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        pages = scope["type"] == "http" and dashboard.serves(scope["path"])
        await (dashboard.application if pages else api)(scope, receive, send)

    return dispatch


def uvicorn_config(application: Any) -> uvicorn.Config:
    """Return how uvicorn serves an application."""
    return uvicorn.Config(
        application,
        loop="asyncio",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
        **UVICORN_SETTINGS,
    )
