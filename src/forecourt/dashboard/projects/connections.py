"""Connections of a project."""

from __future__ import annotations

from starlette.routing import Route

from forecourt.dashboard.calls import Calls
from forecourt.dashboard.pages import Pages


class ConnectionPages:
    """The pages, which show and change what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the routes."""
        return []
