"""What a project serves: its overview, and the models in it, as Open Data Hub's dashboard shows them."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.dashboard.calls import Calls, Refused, path
from forecourt.dashboard.connecting import is_connection, is_hidden
from forecourt.dashboard.deployments import row_of, table
from forecourt.dashboard.pages import Page, Pages, see_other
from forecourt.dashboard.projects.permissions import BINDINGS, rows_of
from forecourt.dashboard.projects.project import NAMESPACES, asked_for, page
from forecourt.dashboard.projects.serving import services, with_outcomes

_CARDS = 5
_PLATFORM = "modelmesh-enabled"
"""The label with which Open Data Hub says which platform a project serves by: ``"false"`` is single-model serving."""
_OUTCOMES = ("successful", "failed")


class ModelPages:
    """The pages, which show and change what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view
        return [
            Route("/projects/{project}", view(self.overview)),
            Route("/projects/{project}/state", view(self.state)),
            Route("/projects/{project}/models", view(self.models)),
            Route("/projects/{project}/models/platform", view(self.choose), methods=["POST"]),
        ]

    async def overview(self, request: Request) -> Page:
        """Show the newest deployments with their state, and what the project is configured with."""
        name = request.path_params["project"]
        project, items, secrets, bindings = await asyncio.gather(
            asked_for(self._calls, request),
            services(self._calls, name),
            self._calls.get(NAMESPACES + path(name, "secrets")),
            self._calls.get(BINDINGS + path(name, "rolebindings")),
        )
        found = with_outcomes(items)
        hidden = [each for each in request.query_params.getlist("hide") if each in _OUTCOMES]
        chosen = [(outcome, one) for outcome, one in found if outcome not in hidden]
        data = {
            "deployments": [row_of(one) | {"outcome": outcome} for outcome, one in chosen[:_CARDS]],
            "counts": {each: sum(outcome == each for outcome, _ in found) for each in _OUTCOMES},
            "hidden": hidden,
            "total": len(found),
            "connections": sum(is_connection(one) and not is_hidden(one) for one in secrets["items"]),
            "permissions": sum(len(rows_of(one)) for one in bindings["items"]),
        }
        return page("projects/overview.html", project, "overview", data, blocks=("served",))

    async def state(self, request: Request) -> Page:
        """Say to an open page whether its project is still there."""
        name = request.path_params["project"]
        try:
            project = await asked_for(self._calls, request)
        except Refused as refused:
            if refused.status != 404:
                raise
            project = {"name": name, "title": name, "deleting": False, "gone": True}
        return Page("projects/state.html", name, {"project": project}, blocks=("project-state",))

    async def models(self, request: Request) -> Page:
        """Show the project's deployments, or the choice of a serving platform while there are none."""
        project, found = await asyncio.gather(
            asked_for(self._calls, request), services(self._calls, request.path_params["project"])
        )
        chosen = bool(found) or project["labels"].get(_PLATFORM) == "false"
        data = await table(self._calls, request, found, {project["name"]: project["title"]})
        data |= {"chosen": chosen, "global_view": False, "block": "project-models"}
        return page("projects/models.html", project, "models", data, blocks=("project-models",))

    async def choose(self, request: Request) -> Response:
        """Choose the single-model serving platform."""
        name = request.path_params["project"]
        await self._calls.patch(NAMESPACES + path(name), {"metadata": {"labels": {_PLATFORM: "false"}}})
        return see_other(request, "/projects" + path(name, "models"))
