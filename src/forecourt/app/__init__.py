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

from forecourt import __version__
from forecourt.access import Lasting, access_router, authorizing, cookie_name, entering, reviews_router
from forecourt.app.deploying import Deploying
from forecourt.app.guarding import CROSS_ORIGIN, Names, guarding, origins
from forecourt.app.jobs import works
from forecourt.app.listening import address, external_url, listening, recorded, the_only_one
from forecourt.app.registering import proposal_router
from forecourt.app.routes import Ending, server_router
from forecourt.app.web import Announcing, RegistryThread, Uvicorn, dispatching, shared, uvicorn_config, with_pages
from forecourt.catalog import SCHEME as CATALOG_SCHEME
from forecourt.catalog import CatalogService
from forecourt.dashboard import Calls, Dashboard
from forecourt.home import home
from forecourt.importing import Blocking
from forecourt.objects import install_error_handlers
from forecourt.oci.server import registry_app
from forecourt.processes.jobs import Jobs
from forecourt.registry import SCHEME as REGISTRY_SCHEME
from forecourt.registry import RegistryApi, management_router
from forecourt.settings import Settings

_OPEN = (
    "%s can be reached from other machines. Deployments answer them only where they are exposed, and for a token where "
    "they ask for one; the API asks nobody who they are before there is a user: forecourt users add NAME --role "
    "administrator, or listen on 127.0.0.1."
)
_SWITCH_SECONDS = 0.0005  # that a thread in the background may keep requests waiting; Python would say ten times that


log = logging.getLogger(__name__)


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
    ending = Ending()
    url, images = f"http://{address(api, '127.0.0.1')}", address(registry, "localhost")
    own = {"pid": os.getpid(), "started": psutil.Process().create_time()}
    record = {**own, "url": url, "registry": images}

    with home(settings) as here:
        if here.access.open and (outside := external_url(settings, api)):
            log.warning(_OPEN, outside)
        models = RegistryApi(here.models)
        catalog = CatalogService(settings, here.database, images)
        resolvers = {REGISTRY_SCHEME: here.models.uri_of, CATALOG_SCHEME: catalog.uri_of}
        async with aiohttp.ClientSession() as session:
            deploying = Deploying(
                here,
                session,
                url=url,
                external_url=external_url(settings, api),
                registry=images,
                resolvers=resolvers,
            )
            kubernetes = deploying.kubernetes()
            application = FastAPI(title="Forecourt", version=__version__)
            install_error_handlers(application)
            proposals = proposal_router(here, catalog.registration)
            management = proposals, management_router(here.models), catalog.router
            about = server_router(settings, record, deploying.metrics, ending, here.database)
            cookie = cookie_name(settings.home)
            users = access_router(here.access, cookie), reviews_router(here.access)
            for router in (*deploying.routers(), *management, *users, about):
                application.include_router(router)
            open_apis = [
                (models.serves, shared(models, settings)),
                (catalog.serves, shared(catalog.application, settings)),
            ]
            await deploying.gateway.startup()
            async with RegistryThread(registry_app(here.store, here.repositories), registry):
                apis = [(kubernetes.serves, kubernetes), *open_apis]
                everything = Announcing(dispatching(deploying.gateway, apis, application))
                api_ = authorizing(everything, here.access, deploying.gateway.serves)
                dashboard = Dashboard(api_, here.objects, here.access.sees, external_url(settings, api))
                lasting = Lasting(here.access)
                entered = entering(
                    with_pages(dashboard, api_),
                    here.access,
                    lasting,
                    cookie=cookie,
                    gateway=deploying.gateway.serves,
                    pages=dashboard.serves,
                    cross_origin=CROSS_ORIGIN,
                )
                guarded = guarding(
                    entered,
                    Names(settings, api.getsockname()[0]),
                    gateway=deploying.gateway.serves,
                    shared=[serves for serves, _ in open_apis],
                    allowed=origins(settings),
                )
                everything.listen(lambda: dashboard.live.tell("registry"))
                catalog.listen(dashboard.live.from_threads("catalog"))
                server = Uvicorn(uvicorn_config(guarded))
                calls = Calls(everything)  # what a job may do was asked when it was made
                asked = Blocking(calls.get, calls.post)
                types = works(here, deploying.environments, asked, registry=images, resolvers=resolvers)
                jobs = Jobs(here.objects, types)
                looking = (here.access.run(), lasting.run())
                running = (*deploying.works(), catalog.run(), dashboard.run(), *looking, jobs.run())
                background = {asyncio.create_task(work) for work in running}
                serving = asyncio.create_task(server.serve(sockets=[api]))
                loop = asyncio.get_running_loop()
                loop.add_signal_handler(signal.SIGINT, ending.ask, True)
                loop.add_signal_handler(signal.SIGTERM, ending.ask, False)
                await server.ready()
                with recorded(settings, record):
                    print(f"Forecourt {__version__} is ready: {url}, registry {images}", flush=True)  # noqa: T201
                    await asyncio.wait({serving, *background, ending.asked}, return_when=asyncio.FIRST_COMPLETED)
                    for task in background:
                        task.cancel()
                    await asyncio.wait(background)
                    await deploying.driver.close(stop=ending.with_deployments)
                    server.should_exit = True
                    await serving
            await deploying.gateway.aclose()
        models.close()
