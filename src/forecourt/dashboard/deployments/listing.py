"""The list of all deployments, and the steps of one of them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from starlette.requests import Request

from forecourt.dashboard.calls import Calls, Document, Refused
from forecourt.dashboard.deployments.reading import SERVICES, annotation, api, title
from forecourt.dashboard.deployments.rows import ordered, row_of
from forecourt.dashboard.pages import Crumb, Page
from forecourt.projects import DISPLAY_NAME

SECTION = "deployments"
HOME = Crumb("Deployments", "/deployments")
SORTED_BY = ("name", "project", "runtime", "profile", "deployed", "status")
PER_PAGE = 20
_MOST_OPEN = 50
_NAMESPACES = "/api/v1/namespaces"
RUNTIMES = "/apis/serving.kserve.io/v1alpha1/servingruntimes"
CLUSTER_RUNTIMES = "/apis/serving.kserve.io/v1alpha1/clusterservingruntimes"
PROFILES = "/apis/infrastructure.opendatahub.io/v1/hardwareprofiles"


class Listing:
    """Shows the deployments that `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(self, request: Request) -> Page:
        """Show the deployments whose name, or whose project, has what is typed."""
        said, by = request.query_params.get("q", "").strip(), request.query_params.get("by", "name")
        services, namespaces = await asyncio.gather(
            self._calls.get(f"{SERVICES}/inferenceservices"), self._calls.get(_NAMESPACES)
        )
        projects = {one["metadata"]["name"]: title(one) for one in namespaces["items"]}
        shown = [one for one in services["items"] if said.casefold() in _text(one, by, projects)]
        data: dict[str, Any] = {"q": said, "by": by if by == "project" else "name", "total": len(services["items"])}
        data |= await table(self._calls, request, shown, projects)
        data |= {"global_view": True, "block": "deployment-rows"}
        return Page("deployments/list.html", "Deployments", data, SECTION, blocks=("deployment-rows",))


async def table(
    calls: Calls, request: Request, services: list[Document], projects: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return what `templates/deployments/rows.html` shows of some deployments, as a page's address asks for it.

    ``sort`` and ``order`` say by what, ``open`` which rows are expanded, ``page`` which `PER_PAGE` of them.
    """
    sort = request.query_params.get("sort", "deployed")
    sort = sort if sort in SORTED_BY else "deployed"
    descending = request.query_params.get("order", "desc" if sort == "deployed" else "asc") == "desc"
    opened = list(dict.fromkeys(request.query_params.getlist("open")))[:_MOST_OPEN]
    lists = await asyncio.gather(*(calls.get(each) for each in (RUNTIMES, CLUSTER_RUNTIMES, PROFILES)))
    runtimes, of_all, profiles = (one["items"] for one in lists)
    offered: dict[str, Any] = {"runtimes": runtimes + of_all, "profiles": profiles}
    last = max(1, -(-len(services) // PER_PAGE))
    said = request.query_params.get("page", "")
    page = min(int(said), last) if said.isdecimal() and len(said) < 6 and int(said) else 1
    chosen = ordered(services, sort, descending=descending, projects=projects, **offered)
    shown = [
        row_of(one, project=(projects or {}).get(one["metadata"]["namespace"], ""), **offered)
        for one in chosen[(page - 1) * PER_PAGE : page * PER_PAGE]
    ]
    await asyncio.gather(*(_name_tokens(calls, row) for row in shown if row["id"] in opened))
    return {
        "deployments": shown,
        "opened": opened,
        "sort": {"key": sort, "descending": descending},
        "paging": {"page": page, "last": last, "first_row": (page - 1) * PER_PAGE + 1, "rows": len(services)},
    }


async def _name_tokens(calls: Calls, row: dict[str, Any]) -> None:
    """Put the names of a deployment's tokens into its row, where it asks for one, and they may be seen."""
    if row["tokens"]["required"]:
        with contextlib.suppress(Refused):  # it was deleted just now
            found = await calls.get(api(row["namespace"], row["name"], "tokens"))
            row["tokens"]["names"] = [one["name"] for one in found["items"]]


def _text(item: Document, by: str, projects: dict[str, str]) -> str:
    """Return the text that is searched."""
    name, namespace = item["metadata"]["name"], item["metadata"]["namespace"]
    if by == "project":
        return f"{namespace}\n{projects.get(namespace, '')}".casefold()
    return f"{name}\n{annotation(item, DISPLAY_NAME)}".casefold()
