"""What is done to a deployment with one click: it is started, stopped, deleted."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from forecourt.dashboard.calls import Calls
from forecourt.dashboard.deployments.listing import HOME, SECTION
from forecourt.dashboard.deployments.reading import STOP, api, title
from forecourt.dashboard.deployments.rows import row_of
from forecourt.dashboard.forms import Form
from forecourt.dashboard.pages import Crumb, Page, see_other


class Actions:
    """Does it to the deployments that `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def start(self, request: Request) -> Response:
        """Start a deployment that was stopped."""
        item = await self._calls.patch(where(request), {"metadata": {"annotations": {STOP: None}}})
        return see_other(request, back(request), notice=f"{title(item)} is being started")

    async def stop(self, request: Request) -> Response:
        """Stop a deployment: its object stays, its processes end."""
        item = await self._calls.patch(where(request), {"metadata": {"annotations": {STOP: "true"}}})
        return see_other(request, back(request), notice=f"{title(item)} is being stopped")

    async def delete(self, request: Request) -> Page | Response:
        """Ask whether a deployment is to be deleted, by its name, and delete it."""
        item = await self._calls.get(where(request))
        row, errors = row_of(item), dict[str, str]()
        if request.method == "POST":
            typed = (await Form.of(request))["confirm"]
            if typed == row["title"]:
                preconditions = {"preconditions": {"uid": item["metadata"]["uid"]}}
                await self._calls.delete(where(request), preconditions)
                return see_other(request, "/deployments", notice=f"{row['title']} is being deleted")
            errors = {"confirm": f"Type {row['title']}, as it is written."}
        tokens = (await self._calls.get(where(request) + "/tokens"))["items"]
        data: dict[str, Any] = {"deployment": row, "tokens": [one["name"] for one in tokens], "errors": errors}
        crumbs = (HOME, Crumb(row["title"], row["href"]), Crumb("Delete"))
        return Page(
            "deployments/delete.html",
            f"Delete {row['title']}",
            data,
            SECTION,
            crumbs,
            status=422 if errors else 200,
            blocks=("deployment-dialog",),
        )


def where(request: Request) -> str:
    """Return where the API has the deployment that a page's address names."""
    return api(request.path_params["project"], request.path_params["name"])


def back(request: Request, usual: str = "/deployments") -> str:
    """Return the page that a form was sent from."""
    said = urlsplit(request.headers.get("referer", ""))
    here = said.netloc == request.headers.get("host") and said.path.startswith(("/deployments", "/projects"))
    return said._replace(scheme="", netloc="", fragment="").geturl() if here else usual
