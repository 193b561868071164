"""The catalog's pages put together."""

from __future__ import annotations

from starlette.routing import Route

from forecourt.dashboard.calls import Calls
from forecourt.dashboard.catalog.comparing import Comparison
from forecourt.dashboard.catalog.details import Details
from forecourt.dashboard.catalog.gallery import Gallery
from forecourt.dashboard.pages import Pages


class CatalogPages:
    """The pages, which show what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._pages = pages
        self._gallery = Gallery(calls, pages)
        self._comparison = Comparison(calls)
        self._details = Details(calls)

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view
        return [
            Route("/catalog", view(self._gallery.show), name="catalog"),
            Route("/catalog/benchmark", view(self._gallery.benchmark)),
            Route("/catalog/compare", view(self._comparison.compare)),
            Route("/catalog/contradictions", view(self._comparison.contradictions)),
            Route("/catalog/{model:path}", view(self._details.show)),
        ]
