"""Puts the servers together: API and gateway on one port, the OCI registry on another, in one process; nothing else.

The registry moves bytes, so it has a thread and an event loop of its own: a push that waits for the disk does not
hold up a token stream. ``SIGINT`` (Ctrl-C) ends the served models too; after ``SIGTERM`` they go on, and the next
server finds them, so that Forecourt can be upgraded under them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys

import aiohttp
import psutil
import uvloop
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from forecourt import __version__
from forecourt.app.checking import checking
from forecourt.app.fetching import fetching
from forecourt.app.listening import address, external_url, listening, recorded, the_only_one
from forecourt.app.recording import hardware, recording
from forecourt.app.routes import Ending, server_router
from forecourt.app.web import RegistryThread, Uvicorn, dispatching, shared, uvicorn_config
from forecourt.catalog import CatalogService
from forecourt.db import Database
from forecourt.objects import ObjectStore, api_router, install_error_handlers
from forecourt.oci import ContentStore, Repositories, clients
from forecourt.oci.server import registry_app
from forecourt.processes import Environments, Processes
from forecourt.projects import Endings, Projects, Vault, connections_router
from forecourt.registry import SCHEME, Registry, RegistryApi, management_router
from forecourt.serving import (
    AccessControl,
    Admission,
    Endpoints,
    Gateway,
    LocalDriver,
    Reconciler,
    Records,
    Registration,
    Site,
    Tokens,
    logs_router,
    resources,
    rollback_router,
    tokens_router,
)
from forecourt.settings import Settings

_SWITCH_SECONDS = 0.0005  # that a thread in the background may keep requests waiting; Python would say ten times that


def serve(settings: Settings) -> None:
    """Run the servers until a signal or a request to shut down.

    Raises `AlreadyRunning` where a server runs for this ``FORECOURT_HOME``, and `PortInUse`.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings.home.mkdir(parents=True, exist_ok=True)
    sys.setswitchinterval(_SWITCH_SECONDS)
    with (
        the_only_one(settings),
        listening(settings.host, settings.port, "--port") as api,
        listening(settings.host, settings.registry_port, "--registry-port") as registry,
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
    projects = Projects(objects, Vault(settings.secret_key_file, settings.secret_key))
    projects.prepare()
    admission = Admission(projects)
    kinds = (*projects.resources, *resources(admission))
    endpoints = Endpoints()
    reconciler = Reconciler(objects)
    endings = Endings(objects, kinds, reconciler.wake)
    models = Registry(database)
    models_api = RegistryApi(models)
    catalog = CatalogService(settings, database, address(registry, "localhost"))

    fetch = fetching(settings, projects, store, images, client_for, {SCHEME: models.uri_of})

    def woken() -> None:
        reconciler.wake()
        endings.look()

    processes = Processes(settings.processes, log_bytes=settings.log_bytes, log_files=settings.log_files)
    environments = Environments(settings.environments, settings.cache / "uv")
    metrics = CollectorRegistry()
    tokens = Tokens(objects, projects.connections)
    access = AccessControl(objects, tokens)
    gateway = Gateway(endpoints, hold_seconds=settings.hold_seconds, registry=metrics, guard=access.check)
    ending = Ending()
    url = f"http://{address(api, '127.0.0.1')}"
    own = {"pid": os.getpid(), "started": psutil.Process().create_time()}
    record = {**own, "url": url, "registry": address(registry, "localhost")}

    async with aiohttp.ClientSession() as session:
        site = Site(settings, processes, environments, endpoints, fetch, session, url, external_url(settings, api))
        driver = LocalDriver(site, reconciler.report)
        application = FastAPI(title="Forecourt", version=__version__)
        install_error_handlers(application)
        application.include_router(api_router(kinds, objects, woken, projects.admit))
        application.include_router(logs_router(objects, driver.logs))
        application.include_router(tokens_router(tokens, access.learn))
        application.include_router(rollback_router(objects, admission, woken))
        application.include_router(connections_router(objects, projects.connections, checking(client_for)))
        application.include_router(management_router(models))
        application.include_router(catalog.router)
        application.include_router(server_router(settings, record, metrics, ending, database))
        await gateway.startup()
        async with RegistryThread(registry_app(store, Repositories(settings.repositories, store)), registry):
            open_apis = [
                (models_api.serves, shared(models_api, settings)),
                (catalog.serves, shared(catalog.application, settings)),
            ]
            server = Uvicorn(uvicorn_config(dispatching(gateway, open_apis, application)))
            records = Records(
                objects, endpoints, recording(settings, store, address(registry, "localhost")), hardware()
            )
            works = [
                reconciler.run(driver),
                Registration(objects, models).run(),
                catalog.run(),
                endings.run(),
                access.run(),
                records.run(),
            ]
            background = {asyncio.create_task(work) for work in works}
            serving = asyncio.create_task(server.serve(sockets=[api]))
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGINT, ending.ask, True)
            loop.add_signal_handler(signal.SIGTERM, ending.ask, False)
            await server.ready()
            with recorded(settings, record):
                print(f"Forecourt {__version__} is ready: {url}, registry {record['registry']}", flush=True)  # noqa: T201
                await asyncio.wait({serving, *background, ending.asked}, return_when=asyncio.FIRST_COMPLETED)
                for task in background:
                    task.cancel()
                await asyncio.wait(background)
                await driver.close(stop=ending.with_deployments)
                server.should_exit = True
                await serving
        await gateway.aclose()
    models_api.close()
    database.close()
