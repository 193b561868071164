"""The dashboard put together: every page's routes, static files, and what open pages hear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from forecourt.dashboard.calls import Application, Calls
from forecourt.dashboard.live import Live
from forecourt.dashboard.pages import Pages
from forecourt.dashboard.projects import ProjectPages
from forecourt.dashboard.settings import SettingsPages
from forecourt.dashboard.static import StaticFiles
from forecourt.objects import KubernetesObject, ObjectStore
from forecourt.projects import HardwareProfile, Namespace, Secret
from forecourt.serving import InferenceService, ServingRuntime

_TOPICS: dict[type[KubernetesObject], str] = {
    InferenceService: "deployments",
    ServingRuntime: "runtimes",
    Namespace: "projects",
    Secret: "connections",
    HardwareProfile: "hardware-profiles",
}


class Dashboard:
    """The pages. `api` is the application that answers the API, which they ask for everything."""

    def __init__(self, api: Application, objects: ObjectStore) -> None:
        self.live = Live()
        self._objects = objects
        calls, static = Calls(api), StaticFiles()
        self._pages = Pages(static, self._context)
        rooms = (
            ProjectPages(calls, self._pages),
            SettingsPages(calls, self._pages, self.live.tell),
        )
        routes: list[BaseRoute] = [
            Route("/", _home),
            Route("/events", self.live.events),
            Mount("/static", static),
            *(route for room in rooms for route in room.routes()),
        ]
        self.application = Starlette(routes=routes, exception_handlers={HTTPException: self._pages.http_error})
        self._first = {path.split("/")[1] for route in routes if (path := getattr(route, "path", ""))}

    def serves(self, path: str) -> bool:
        """Say whether a path is a page's."""
        return path.split("/", 2)[1] in self._first

    async def run(self) -> None:
        """Tell open pages what changes, until it is cancelled."""
        await self.live.follow(self._objects, _TOPICS)

    def _context(self, _: Request) -> Mapping[str, Any]:
        return {"live_moment": self.live.moment}


async def _home(_: Request) -> Response:
    return RedirectResponse("/projects", 307)
