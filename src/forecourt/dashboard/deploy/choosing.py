"""Choosing the project that a model is deployed into: a drop-down list with a search."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request

from forecourt.dashboard.calls import Calls, path
from forecourt.dashboard.deploy.locating import imported
from forecourt.dashboard.pages import Crumb, Page
from forecourt.projects import DASHBOARD, DISPLAY_NAME


class Chooser:
    """Shows the projects that `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def choose(self, request: Request) -> Page:
        """Show the list, or those whose name has what is typed."""
        said = request.query_params.get("q", "").strip()
        uri = request.query_params.get("from", "").strip()
        brought = await imported(self._calls, uri) if uri else None
        projects = []
        for one in (await self._calls.get("/api/v1/namespaces"))["items"]:
            metadata = one["metadata"]
            if metadata.get("deletionTimestamp"):
                continue
            title = (metadata.get("annotations") or {}).get(DISPLAY_NAME) or metadata["name"]
            if said.casefold() in title.casefold() + " " + metadata["name"]:
                query = f"?{urlencode({'from': uri})}" if uri else ""
                is_project = (metadata.get("labels") or {}).get(DASHBOARD) == "true"
                href = "/projects" + path(metadata["name"], "deploy") + query
                projects.append({"name": metadata["name"], "title": title, "href": href, "project": is_project})
        projects.sort(key=lambda one: (not one["project"], one["title"].casefold()))
        data = {
            "projects": projects,
            "q": said,
            "from": uri,
            "title": brought.title or brought.uri if brought else "",
        }
        crumbs = (Crumb("Model catalog", "/catalog"), Crumb("Deploy model"))
        return Page("deploy/choose.html", "Deploy model", data, "catalog", crumbs, blocks=("project-options",))
