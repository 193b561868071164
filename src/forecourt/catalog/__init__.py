"""The model catalog: sources of validated models, the evidence on each, search, and Kubeflow's catalog API.

The service is imported when it is asked for: the command line wants to know what one can filter by, and no server.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecourt.catalog.service import CatalogService

__all__ = ["SCHEME", "CatalogService", "harmless_html"]

SCHEME = "catalog"
"""Of URIs that stand for a model of the catalog: ``catalog://source/model``."""


def __getattr__(name: str) -> Any:
    if name == "CatalogService":
        from forecourt.catalog import service

        return getattr(service, name)
    if name == "harmless_html":
        from forecourt.catalog.files import cards

        return getattr(cards, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
