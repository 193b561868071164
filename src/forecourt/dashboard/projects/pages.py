"""All pages of projects together."""

from __future__ import annotations

from starlette.routing import Route

from forecourt.dashboard.calls import Calls
from forecourt.dashboard.pages import Pages
from forecourt.dashboard.projects.connections import ConnectionPages
from forecourt.dashboard.projects.listing import ProjectList
from forecourt.dashboard.projects.models import ModelPages
from forecourt.dashboard.projects.permissions import PermissionPages


class ProjectPages:
    """The pages, which show and change what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._rooms = tuple(room(calls, pages) for room in (ProjectList, ModelPages, ConnectionPages, PermissionPages))

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [route for room in self._rooms for route in room.routes()]
