"""Pages of projects: the list with its filter, creating one, and what is in each."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.dashboard.calls import Calls, Document
from forecourt.dashboard.forms import Form, problems
from forecourt.dashboard.pages import Crumb, Page, Pages, see_other
from forecourt.errors import ForecourtError
from forecourt.projects import DASHBOARD, DISPLAY_NAME
from forecourt.projects import project as new_project

NAMESPACES = "/api/v1/namespaces"
SECTION = "projects"
HOME = Crumb("Data science projects", "/projects")


class ProjectPages:
    """The pages, which show and change what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view
        return [
            Route("/projects", view(self.list), name="projects"),
            Route("/projects/new", view(self.new), methods=["GET", "POST"]),
            Route("/projects/{project}/delete", view(self.delete), methods=["POST"]),
        ]

    async def list(self, request: Request) -> Page:
        """Show the projects whose name has what is typed."""
        said = request.query_params.get("q", "").strip()
        everything = request.query_params.get("show") == "all"
        found = [_shown(one) for one in (await self._calls.get(NAMESPACES))["items"]]
        counts = {"ai": sum(one["ai"] for one in found), "all": len(found)}
        shown = [
            one
            for one in found
            if (everything or one["ai"]) and said.casefold() in one["title"].casefold() + one["name"]
        ]
        data = {"projects": shown, "counts": counts, "show": "all" if everything else "ai", "q": said}
        return Page("projects/list.html", "Data science projects", data, SECTION, blocks=("project-rows",))

    async def new(self, request: Request) -> Page | Response:
        """Show the form of a new project, and create it."""
        form = await Form.of(request)
        errors: dict[str, str] = {}
        error = None
        if request.method == "POST":
            document = new_project(form.name("name", "title"), form["title"], form["description"]).to_dict()
            try:
                made = await self._calls.post(NAMESPACES, document)
                return see_other(
                    request, f"/projects/{made['metadata']['name']}", notice=f"Project {form['title']} created"
                )
            except ForecourtError as refused:
                errors, error = problems(refused, {"metadata.name": "name"})
        data = {"form": form.typed, "errors": errors, "error": error}
        crumbs = (HOME, Crumb("Create project"))
        return Page(
            "projects/new.html", "Create project", data, SECTION, crumbs, status=422 if errors or error else 200
        )

    async def delete(self, request: Request) -> Response:
        """Delete a project with all that is in it."""
        name = request.path_params["project"]
        await self._calls.delete(f"{NAMESPACES}/{name}")
        return see_other(request, "/projects", notice=f"Project {name} is being deleted")


def _shown(one: Document) -> dict[str, Any]:
    metadata = one["metadata"]
    annotations = metadata.get("annotations") or {}
    return {
        "name": metadata["name"],
        "title": annotations.get(DISPLAY_NAME) or metadata["name"],
        "description": annotations.get("openshift.io/description", ""),
        "owner": annotations.get("openshift.io/requester", ""),
        "ai": (metadata.get("labels") or {}).get(DASHBOARD) == "true",
        "created": metadata.get("creationTimestamp"),
        "deleting": bool(metadata.get("deletionTimestamp")),
    }
