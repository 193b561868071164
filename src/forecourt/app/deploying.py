"""The parts that serve models, put together: from the object that a client sends to the gateway that answers."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from functools import partial
from typing import Any

import aiohttp
from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from forecourt.access import ROLE_BINDINGS
from forecourt.app.checking import checking
from forecourt.app.fetching import fetching, naming_formats, reading
from forecourt.app.jobs import CHECKS
from forecourt.app.recording import hardware, recording
from forecourt.home import Home
from forecourt.objects import ObjectsApi
from forecourt.processes import Environments, Processes
from forecourt.processes.jobs import job_resource
from forecourt.projects import Endings, connections_router, contents_router
from forecourt.serving import (
    AccessControl,
    Admission,
    Deployer,
    Endpoints,
    Fitting,
    Gateway,
    LocalDriver,
    Measurements,
    Measuring,
    Reconciler,
    Records,
    Registration,
    RuntimeEnvironments,
    RuntimeSettings,
    Site,
    Tokens,
    deploying_router,
    environments_router,
    fit_router,
    logs_router,
    metrics_router,
    resources,
    revisions_router,
    runtimes_router,
    tokens_router,
    usable_runtimes,
)
from forecourt.space import Space, space_router
from forecourt.storage import Resolvers


class Deploying:
    """Deployments on this machine: their API (`kubernetes`, `routers`), `gateway`, and what keeps them going (`works`).

    `url` is the gateway's own address, `external_url` the one that other machines know, `registry` the embedded
    registry's ``host:port``; `resolvers` say what a URI of a scheme stands for.
    """

    def __init__(
        self,
        home: Home,
        session: aiohttp.ClientSession,
        *,
        url: str,
        external_url: str,
        registry: str,
        resolvers: Resolvers,
    ) -> None:
        settings = home.settings
        self.metrics = CollectorRegistry()
        self._home = home
        self._registry = registry
        self._session = session
        self._measurements = Measurements(home.database)
        self._resolvers = resolvers
        self._admission = Admission(home.projects)
        self._kinds = (
            *home.projects.resources,
            ROLE_BINDINGS,
            *resources(self._admission, home.objects),
            job_resource(CHECKS),
        )
        self._endpoints = Endpoints()
        self._reconciler = Reconciler(home.objects)
        self._endings = Endings(home.objects, self._kinds, self._reconciler.wake)
        self._tokens = Tokens(home.objects, home.projects.connections)
        self._access = AccessControl(home.objects, self._tokens)
        self._environments = Environments(settings.environments, settings.cache / "uv")
        self._site = Site(
            settings,
            Processes(settings.processes, log_bytes=settings.log_bytes, log_files=settings.log_files),
            self._environments,
            self._endpoints,
            fetching(home, self._resolvers),
            session,
            url,
            external_url,
        )
        self.driver = LocalDriver(self._site, self._reconciler.report)
        self.gateway = Gateway(
            self._endpoints, hold_seconds=settings.hold_seconds, registry=self.metrics, guard=self._access.check
        )

    @property
    def environments(self) -> RuntimeEnvironments:
        """The environments of runtimes."""
        return RuntimeEnvironments(self._home.objects, self._environments, self.driver.environments_in_use)

    def kubernetes(self) -> ObjectsApi:
        """Return the API of the objects that there are."""
        home = self._home
        return ObjectsApi(self._kinds, home.objects, self._wake, home.projects.admit, home.access.asker())

    def routers(self) -> Iterator[APIRouter]:
        """Yield the routes beside Kubernetes' own."""
        objects, projects = self._home.objects, self._home.projects
        yield logs_router(objects, self.driver.logs)
        yield metrics_router(objects, self._measurements)
        yield tokens_router(self._tokens, self._access.learn)
        yield revisions_router(objects, self._admission, self._wake)
        yield runtimes_router(RuntimeSettings(objects, projects, self.driver.refusal), self._wake)
        yield environments_router(self.environments)
        yield space_router(self._space)
        structure = reading(self._home, self._resolvers)
        deployer = Deployer(objects, projects, self._admission, self._tokens)
        yield deploying_router(deployer, naming_formats(self._home, self._resolvers), self._access.learn, self._wake)
        yield fit_router(Fitting(self._admission.kept, partial(usable_runtimes, objects), structure, self._site.claims))
        yield contents_router(objects, self._kinds)
        yield connections_router(objects, projects.connections, checking(self._home.client_for))

    @property
    def _space(self) -> Space:
        return Space(
            self._home,
            self.driver,
            self.environments,
            self._environments,
            self._site.processes,
            registry=self._registry,
            resolvers=self._resolvers,
        )

    def works(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield what runs in the background until it is cancelled."""
        objects = self._home.objects
        yield self._reconciler.run(self.driver)
        yield Registration(objects, self._home.models).run()
        yield self._endings.run()
        yield self._access.run()
        counts, running = self.gateway.counts, self.driver.running
        yield Measuring(objects, self._measurements, self._endpoints, counts, running, self._session).run()
        yield Records(objects, self._endpoints, recording(self._home, self._registry), hardware()).run()

    def _wake(self) -> None:
        self._reconciler.wake()
        self._endings.look()
