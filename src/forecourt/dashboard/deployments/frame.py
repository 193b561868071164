"""What all pages of one deployment have in common: their data, the way to them, and what they say once it is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from forecourt.dashboard.calls import Document, Refused
from forecourt.dashboard.deployments.listing import HOME, SECTION
from forecourt.dashboard.deployments.reading import page, title
from forecourt.dashboard.deployments.rows import row_of
from forecourt.dashboard.pages import Crumb, Page, View

LIVE = ("deployment-live",)
"""The block that is asked for again when the deployment changes."""
GONE = (*LIVE, "steps", "fit", "deployment-dialog")
"""The blocks that say that it is no more."""


def where(request: Request) -> tuple[str, str]:
    """Return the namespace and the name of the deployment that a page's address names."""
    return request.path_params["project"], request.path_params["name"]


def common(item: Document, tab: str, row: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what every page of a deployment shows: `tab` is the one that is lit (templates/deployments/tabs.html)."""
    metadata = item["metadata"]
    shown = row or row_of(item)
    return {
        "deployment": shown,
        "project": metadata["namespace"],
        "name": metadata["name"],
        "title": title(item),
        "tab": tab,
    }


def crumbs(item: Document, last: str = "") -> tuple[Crumb, ...]:
    """Return the way to a page of a deployment."""
    own = Crumb(title(item), page(item["metadata"]["namespace"], item["metadata"]["name"]) if last else "")
    return (HOME, own, Crumb(last)) if last else (HOME, own)


def unless_gone(view: View) -> View:
    """Return a view whose open pages say that their deployment is no more, once it was deleted."""

    async def seen(request: Request) -> Page | Response:
        try:
            return await view(request)
        except Refused as refused:
            if refused.status != 404 or not request.headers.get("hx-request"):
                raise
            namespace, name = where(request)
            data = {"name": name, "project": namespace, "gone": True}
            return Page("deployments/gone.html", f"{name} is no more", data, SECTION, (HOME, Crumb(name)), GONE)

    return seen
