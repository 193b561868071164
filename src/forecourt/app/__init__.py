"""Puts the servers together: API and gateway on one port, the OCI registry on another, in one process; nothing else.

The registry moves bytes, so it has a thread and an event loop of its own: a push that waits for the disk does not
hold up a token stream. ``SIGINT`` (Ctrl-C) ends the served models too; after ``SIGTERM`` they go on, and the next
server finds them, so that Forecourt can be upgraded under them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import json
import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import uvicorn
import uvloop
from aiohttp import web
from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from starlette.middleware.cors import CORSMiddleware

from forecourt import __version__, durable, storage
from forecourt.db import Database
from forecourt.errors import AlreadyRunning, ForecourtError, InvalidInput, PortInUse
from forecourt.oci import ContentStore, Progress, Repositories, clients
from forecourt.oci.server import registry_app
from forecourt.processes import Environments, Processes
from forecourt.registry import SCHEME, Registry, RegistryApi, management_router
from forecourt.serving import (
    METRICS_CONTENT_TYPE,
    UVICORN_SETTINGS,
    Endpoints,
    Gateway,
    LocalDriver,
    ObjectStore,
    Reconciler,
    Registration,
    Site,
    api_router,
    install_error_handlers,
    metrics_body,
)
from forecourt.settings import Settings

_GOODBYE_SECONDS = 5  # for requests that are still in hand when the server ends

log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Run the servers until a signal or a request to shut down.

    Raises `AlreadyRunning` where a server runs for this ``FORECOURT_HOME``, and `PortInUse`.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings.home.mkdir(parents=True, exist_ok=True)
    with (
        _the_only_one(settings),
        _listening(settings.host, settings.port, "--port") as api,
        _listening(settings.host, settings.registry_port, "--registry-port") as registry,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_run(settings, api, registry))


async def _run(settings: Settings, api: socket.socket, registry: socket.socket) -> None:
    database = Database(settings.database)
    database.upgrade()
    store = ContentStore(settings.store)
    store.sweep()
    images = Repositories(settings.images, store)
    client_for = clients(settings)
    objects = ObjectStore(database)
    endpoints = Endpoints()
    reconciler = Reconciler(objects)
    models = Registry(database)
    models_api = RegistryApi(models)

    def fetch(uri: str, progress: Progress) -> Path:
        model = storage.fetch(
            uri,
            models=settings.models,
            store=store,
            images=images,
            client_for=client_for,
            resolvers={SCHEME: models.uri_of},
            progress=progress,
        )
        return model.path

    processes = Processes(settings.processes, log_bytes=settings.log_bytes, log_files=settings.log_files)
    environments = Environments(settings.environments, settings.cache / "uv")
    metrics = CollectorRegistry()
    gateway = Gateway(endpoints, hold_seconds=settings.hold_seconds, registry=metrics)
    ending = _Ending()
    url = f"http://{_address(api, '127.0.0.1')}"
    own = {"pid": os.getpid(), "started": psutil.Process().create_time()}
    record = {**own, "url": url, "registry": _address(registry, "localhost")}

    async with aiohttp.ClientSession() as session:
        site = Site(settings, processes, environments, endpoints, fetch, session, url)
        driver = LocalDriver(site, reconciler.report)
        application = FastAPI(title="Forecourt", version=__version__)
        install_error_handlers(application)
        application.include_router(api_router(objects, driver.logs, reconciler.wake))
        application.include_router(management_router(models))
        application.include_router(_server_router(settings, record, metrics, ending, database))
        await gateway.startup()
        async with _RegistryThread(registry_app(store, Repositories(settings.repositories, store)), registry):
            shared = _shared(models_api, settings)
            server = _Uvicorn(_uvicorn_config(_dispatch(gateway, models_api, shared, application)))
            reconciling = asyncio.create_task(reconciler.run(driver))
            registering = asyncio.create_task(Registration(objects, models).run())
            serving = asyncio.create_task(server.serve(sockets=[api]))
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGINT, ending.ask, True)
            loop.add_signal_handler(signal.SIGTERM, ending.ask, False)
            await server.ready()
            with _recorded(settings, record):
                print(f"Forecourt {__version__} is ready: {url}, registry {record['registry']}", flush=True)  # noqa: T201
                await asyncio.wait(
                    {serving, reconciling, registering, ending.asked}, return_when=asyncio.FIRST_COMPLETED
                )
                for task in (reconciling, registering):
                    task.cancel()
                await asyncio.wait({reconciling, registering})
                await driver.close(stop=ending.with_deployments)
                server.should_exit = True
                await serving
        await gateway.aclose()
    models_api.close()
    database.close()


class _Ending:
    """Whether the server is to end, and whether the deployments end with it. Asked twice, it does not wait for them."""

    def __init__(self) -> None:
        self.asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.with_deployments = False

    def ask(self, with_deployments: bool) -> None:
        if self.asked.done():
            os._exit(130)
        log.info("Ending%s.", " with all deployments" if with_deployments else "; deployments go on")
        self.with_deployments = with_deployments
        self.asked.set_result(None)


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its own signal handlers: signals mean more here than that HTTP ends."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    async def ready(self) -> None:
        """Return when it answers."""
        await self._ready.wait()


class _RegistryThread:
    """The OCI registry on an event loop of its own, in a thread of its own."""

    def __init__(self, application: web.Application, listening: socket.socket) -> None:
        self._application = application
        self._socket = listening
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="registry", daemon=True)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=_GOODBYE_SECONDS)

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
        await web.SockSite(self._runner, self._socket, shutdown_timeout=_GOODBYE_SECONDS).start()


class _Shutdown(BaseModel):
    """What ``POST /api/forecourt/v1/server/shutdown`` takes."""

    deployments: str = "stop"


def _server_router(
    settings: Settings, record: dict[str, Any], metrics: CollectorRegistry, ending: _Ending, database: Database
) -> APIRouter:
    """Routes about the server itself."""
    router = APIRouter()

    @router.get("/api/forecourt/v1/server")
    def server() -> dict[str, Any]:
        """Say which server this is, where it listens, and how much memory it takes (bytes, resident)."""
        memory = psutil.Process().memory_info().rss
        return {"version": __version__, "home": str(settings.home), "memoryBytes": memory, **record}

    @router.post("/api/forecourt/v1/server/shutdown", status_code=202)
    async def shutdown(request: _Shutdown) -> dict[str, str]:
        """End the server; ``deployments`` is ``stop`` or ``keep``."""
        if request.deployments not in ("stop", "keep"):
            raise InvalidInput(f"deployments is {request.deployments!r}.", hint="Say stop or keep.")
        if not ending.asked.done():
            ending.ask(request.deployments == "stop")
        return {"status": "ending"}

    @router.get("/healthz")
    @router.get("/readyz")
    def healthz() -> Response:
        """Answer that the server is up."""
        return Response("ok", media_type="text/plain")

    @router.get("/readyz/health")
    @router.get("/readyz/isDirty")
    def readyz() -> Response:
        """Answer whether the database does, at the paths that Kubeflow's registry has for it."""
        try:
            with database.point() as connection:
                connection.exec_driver_sql("SELECT 1")
        except ForecourtError as error:
            return Response(error.message, 503, media_type="text/plain")
        return Response("OK", media_type="text/plain")

    @router.get("/metrics")
    def prometheus() -> Response:
        """Return the gateway's metrics, in Prometheus' text format."""
        return Response(metrics_body(metrics), media_type=METRICS_CONTENT_TYPE)

    return router


def _shared(models: RegistryApi, settings: Settings) -> Any:
    """Let web pages of the origins that are set read and write the registry's API (CORS)."""
    origins = [re.escape(origin).replace(r"\*", "[^/]*") for origin in settings.cors_origins.split(",") if origin]
    application: Any = models
    return CORSMiddleware(
        application,
        allow_origin_regex="|".join(origins) or None,
        allow_methods=["GET", "POST", "PATCH"],
        allow_headers=["*"],
    )


def _dispatch(gateway: Gateway, models: RegistryApi, shared_models: Any, application: FastAPI) -> Any:
    """Send inference to the gateway, the registry's API to the registry, and everything else to the rest of the API.

    No framework stands before a token stream, nor before the read of a single row.
    """

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        target: Any = application
        if scope["type"] == "http":
            if gateway.serves(scope["path"]):
                target = gateway
            elif models.serves(scope["path"]):
                target = shared_models
        await target(scope, receive, send)

    return dispatch


def _uvicorn_config(application: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        loop="asyncio",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
        **UVICORN_SETTINGS,
    )


@contextlib.contextmanager
def _the_only_one(settings: Settings) -> Iterator[None]:
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
def _listening(host: str, port: int, option: str) -> Iterator[socket.socket]:
    """Listen before anything else is done, so that a port that is taken leaves nothing behind."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise InvalidInput(f"{host!r} is no address to listen on: {error.strerror}.") from None
    with socket.socket(family, kind, protocol) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise InvalidInput(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
            hint = f"Choose another with {option}, or {option} 0 for a free one."
            raise PortInUse(host, port, hint=hint) from None
        listening.listen(1024)
        yield listening


def _address(listening: socket.socket, this_machine: str) -> str:
    """Return ``host:port`` as a client on this machine reaches it, which loopback calls `this_machine`."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::", "127.0.0.1", "::1"):  # noqa: S104
        host = this_machine
    return f"{host}:{port}"


@contextlib.contextmanager
def _recorded(settings: Settings, record: dict[str, Any]) -> Iterator[None]:
    """Say in a file where the server is, for as long as it is there."""
    durable.write(settings.server_record, json.dumps(record))
    try:
        yield
    finally:
        settings.server_record.unlink(missing_ok=True)
