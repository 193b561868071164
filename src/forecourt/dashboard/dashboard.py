"""The dashboard put together: every page's routes, static files, and what open pages hear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from forecourt.access import RoleBinding, asking, who
from forecourt.dashboard.calls import Application, Calls
from forecourt.dashboard.catalog import CatalogPages
from forecourt.dashboard.compression import Compressed
from forecourt.dashboard.deploy import DeployPages
from forecourt.dashboard.deployments import DeploymentPages
from forecourt.dashboard.jobs import JobPages
from forecourt.dashboard.live import Live, Sees, everything
from forecourt.dashboard.metrics import MetricsPages
from forecourt.dashboard.pages import Pages
from forecourt.dashboard.playground import PlaygroundPages
from forecourt.dashboard.projects import ProjectPages
from forecourt.dashboard.registry import RegistryPages
from forecourt.dashboard.settings import SettingsPages
from forecourt.dashboard.static import StaticFiles
from forecourt.dashboard.users import AccountPages, SignInPages, UserPages
from forecourt.objects import KubernetesObject, ObjectStore
from forecourt.processes.jobs import Job
from forecourt.projects import ConfigMap, HardwareProfile, Namespace, Secret
from forecourt.serving import InferenceService, ServingRuntime

_TOPICS: dict[type[KubernetesObject], str] = {
    InferenceService: "deployments",
    ServingRuntime: "runtimes",
    Namespace: "projects",
    Secret: "connections",
    HardwareProfile: "hardware-profiles",
    ConfigMap: "connection-types",
    RoleBinding: "permissions",
    Job: "jobs",
}


class Dashboard:
    """The pages. `api` is the application that answers the API, which they ask for everything.

    `sees` says whether who asks may hear of what is in a project, `outside` where other machines reach this server.
    """

    def __init__(self, api: Application, objects: ObjectStore, sees: Sees = everything, outside: str = "") -> None:
        self.live = Live(sees)
        self._objects = objects
        calls, static = Calls(api), StaticFiles()
        self._pages = Pages(static, self._context)
        rooms = (
            DeployPages(calls, self._pages),
            ProjectPages(calls, self._pages),
            MetricsPages(calls, self._pages),
            PlaygroundPages(calls, self._pages),
            SignInPages(calls, self._pages),
            AccountPages(calls, self._pages),
            UserPages(calls, self._pages, outside),
            CatalogPages(calls, self._pages),
            DeploymentPages(calls, self._pages),
            JobPages(calls, self._pages),
            SettingsPages(calls, self._pages, self.live.tell),
            RegistryPages(calls, self._pages),
        )
        routes: list[BaseRoute] = [
            Route("/", _home),
            Route("/events", self.live.events),
            Mount("/static", static),
            *(route for room in rooms for route in room.routes()),
        ]
        self.application = Starlette(
            routes=routes,
            exception_handlers={HTTPException: self._pages.http_error},
            middleware=[Middleware(Compressed)],
        )
        self._first = {path.split("/")[1] for route in routes if (path := getattr(route, "path", ""))}

    def serves(self, path: str) -> bool:
        """Say whether a path is a page's."""
        return path.split("/", 2)[1] in self._first

    async def run(self) -> None:
        """Tell open pages what changes, until it is cancelled."""
        await self.live.follow(self._objects, _TOPICS)

    def _context(self, _: Request) -> Mapping[str, Any]:
        return {"live_moment": self.live.moment, "who": _who()}


def _who() -> dict[str, Any]:
    """Return who looks at a page; `open` where nobody is asked."""
    said, identity = asking(), who()
    return {
        "open": said is None,
        "name": identity.name if identity else "",
        "display_name": (identity.display_name or identity.name) if identity else "",
        "administrator": said is None or (identity is not None and identity.is_administrator),
    }


async def _home(_: Request) -> Response:
    return RedirectResponse("/projects", 307)
