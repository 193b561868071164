"""The model registry's pages put together."""

from __future__ import annotations

from starlette.routing import Route

from forecourt.dashboard.calls import Calls
from forecourt.dashboard.pages import Pages
from forecourt.dashboard.registry.changing import Changing
from forecourt.dashboard.registry.comparing import Comparison
from forecourt.dashboard.registry.lifecycle import Lifecycle
from forecourt.dashboard.registry.lineage import Lineage
from forecourt.dashboard.registry.listing import Listing
from forecourt.dashboard.registry.models import Models
from forecourt.dashboard.registry.registering import RegisterPages
from forecourt.dashboard.registry.versions import Versions


class RegistryPages:
    """The pages, which show and change what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._pages = pages
        self._listing = Listing(calls)
        self._models = Models(calls)
        self._versions = Versions(calls)
        self._comparison = Comparison(calls)
        self._lifecycle = Lifecycle(calls)
        self._changing = Changing(calls, {"models": self._models.page, "versions": self._versions.page})
        self._lineage = Lineage(calls)
        self._register = RegisterPages(calls, pages)

    def routes(self) -> list[Route]:
        """Return the routes."""
        view, both = self._pages.view, ["GET", "POST"]
        made = [
            Route("/registry", view(self._listing.live)),
            Route("/registry/archive", view(self._listing.archive)),
            Route("/registry/compare", view(self._comparison.compare)),
            *self._register.routes(),
            Route("/registry/lineage", view(self._lineage.back)),
            Route("/registry/versions/{id}/lineage", view(self._lineage.show)),
        ]
        one = "/registry/{what}/{id}"
        made += [
            Route(f"{one}/change", view(self._changing.change), methods=["POST"]),
            Route(f"{one}/archive", view(self._lifecycle.archive), methods=both),
            Route(f"{one}/restore", view(self._lifecycle.restore), methods=["POST"]),
            Route(f"{one}/delete", view(self._lifecycle.delete), methods=both),
        ]
        return [
            *made,
            Route("/registry/models/{id}", view(self._models.show)),
            Route("/registry/models/{id}/{tab}", view(self._models.show)),
            Route("/registry/versions/{id}", view(self._versions.show)),
            Route("/registry/versions/{id}/{tab}", view(self._versions.show)),
        ]
