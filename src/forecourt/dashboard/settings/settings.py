"""The pages of settings put together, each part with its routes."""

from __future__ import annotations

from collections.abc import Callable

from starlette.routing import Route

from forecourt.dashboard.calls import Calls
from forecourt.dashboard.pages import Pages
from forecourt.dashboard.settings.connection_types import ConnectionTypePages
from forecourt.dashboard.settings.hardware import HardwarePages
from forecourt.dashboard.settings.runtime_forms import RuntimeForms
from forecourt.dashboard.settings.runtimes import RuntimePages
from forecourt.dashboard.settings.sources import SourcePages
from forecourt.dashboard.settings.storage import StoragePages

Tell = Callable[[str, str], None]
"""Tells open pages that of a topic something has changed."""


class SettingsPages:
    """The pages; `tell` says to open ones what changes."""

    def __init__(self, calls: Calls, pages: Pages, tell: Tell) -> None:
        self._parts = (
            RuntimeForms(calls, pages),
            RuntimePages(calls, pages),
            HardwarePages(calls, pages),
            ConnectionTypePages(calls, pages),
            SourcePages(calls, pages),
            StoragePages(calls, pages),
        )

    def routes(self) -> list[Route]:
        """Return the routes of all."""
        return [route for part in self._parts for route in part.routes()]
