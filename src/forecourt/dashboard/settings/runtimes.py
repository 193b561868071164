"""The list of serving runtimes: which are offered, in what order, which run here, and their environments."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.forms import Form
from forecourt.dashboard.pages import Crumb, Page, Pages, see_other
from forecourt.dashboard.settings.making import leave_off, make, making
from forecourt.dashboard.wording import size

ENVIRONMENTS = "/api/forecourt/v1/environments"
RUNTIMES = "/api/forecourt/v1/serving-runtimes"
HREF = "/settings/runtimes"
SECTION = "runtimes"
HOME = Crumb("Serving runtimes", HREF)
DEFAULT_PROJECT = "default"
_ROWS = "runtime-rows"


class RuntimePages:
    """The list, and what is done in it."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the routes."""
        view, one = self._pages.view, HREF + "/{name}"
        return [
            Route(HREF, view(self.list)),
            Route(f"{HREF}/order", view(self.order), methods=["POST"]),
            Route(f"{one}/enabled", view(self.enable), methods=["POST"]),
            Route(f"{one}/environment", view(self.make), methods=["POST"]),
            Route(f"{one}/environment/cancel", view(self.leave_off), methods=["POST"]),
            Route(f"{one}/environment/size", view(self.size)),
            Route(f"{one}/environment/remove", view(self.remove_environment), methods=["GET", "POST"]),
            Route(f"{one}/delete", view(self.delete), methods=["GET", "POST"]),
        ]

    async def list(self, request: Request) -> Page:
        """Show the runtimes in the order that is set."""
        said, project = request.query_params.get("q", "").strip(), project_of(request)
        known, environments, jobs, namespaces = await asyncio.gather(
            self._calls.get(RUNTIMES, namespace=project),
            self._calls.get(ENVIRONMENTS, sizes=False),
            making(self._calls),
            self._calls.get("/api/v1/namespaces"),
        )
        items = known["items"]
        named = (one for one in items if said.casefold() in one["displayName"].casefold() + one["name"])
        shown = [row(one, environments["items"], jobs) for one in named]
        projects = [one["metadata"]["name"] for one in namespaces["items"]]
        data = {"runtimes": shown, "count": len(items), "q": said, "project": project, "projects": projects}
        return Page("settings/runtimes.html", "Serving runtimes", data, SECTION, blocks=(_ROWS,))

    async def order(self, request: Request) -> Page | Response:
        """Put one runtime elsewhere: a step up or down, or before another (before none: at the end)."""
        form, project = await Form.of(request), project_of(request)
        names = [one["name"] for one in (await self._calls.get(RUNTIMES, namespace=project))["items"]]
        name = form["name"]
        if name in names:  # else it has gone meanwhile, which the list shows
            at = names.index(name)
            names.remove(name)
            if form["move"]:
                to = at - 1 if form["move"] == "up" else at + 1
            else:
                to = names.index(form["before"]) if form["before"] in names else len(names)
            names.insert(max(0, to), name)
            await self._calls.put(f"{RUNTIMES}/order", {"names": names}, namespace=project)
        return await self._back(request, f"{name} moved")

    async def enable(self, request: Request) -> Page | Response:
        """Offer a runtime, or do not."""
        form, name = await Form.of(request), request.path_params["name"]
        enabled = form["enabled"] == "true"
        await self._calls.patch(RUNTIMES + path(name), {"enabled": enabled}, namespace=project_of(request))
        return await self._back(request, f"{name} {'enabled' if enabled else 'disabled'}")

    async def make(self, request: Request) -> Page | Response:
        """Have the environment of a runtime be made in the background."""
        name = request.path_params["name"]
        await self._calls.get(RUNTIMES + path(name), namespace=project_of(request))
        await make(self._calls, name, project_of(request))
        return await self._back(request, f"The environment of {name} is being made")

    async def size(self, request: Request) -> Response:
        """Say what an environment takes on disk: tens of thousands of files are looked at, so a page asks later."""
        found = await self._calls.get(ENVIRONMENTS + path(request.path_params["name"]), namespace=project_of(request))
        return HTMLResponse(size(found["sizeBytes"]))

    async def leave_off(self, request: Request) -> Page | Response:
        """No longer make it."""
        await leave_off(self._calls, request.path_params["name"])
        return await self._back(request, "")

    async def remove_environment(self, request: Request) -> Page | Response:
        """Ask, then remove the environment of a runtime."""
        name, project = request.path_params["name"], project_of(request)
        if request.method == "POST":
            await self._calls.delete(ENVIRONMENTS + path(name), namespace=project)
            return see_other(request, back(project), notice=f"The environment of {name} was removed")
        one = await self._calls.get(ENVIRONMENTS + path(name), namespace=project)
        data = {
            "question": f"Remove the environment of {name}?",
            "lost": [
                f"It runs {', '.join(one['runtimes']) or name}. Made again, its packages come from uv's cache or the "
                "package index; that takes seconds to minutes.",
            ],
            "used_by": one["usedBy"],
            "used_text": "It cannot be removed while these deployments run in it:",
            "blocked": bool(one["usedBy"]),
            "verb": "Remove environment",
            "back": back(project),
            "frees": one["ownBytes"],
        }
        crumbs = (HOME, Crumb("Remove environment"))
        return Page("settings/confirm.html", f"Environment of {name}", data, SECTION, crumbs)

    async def delete(self, request: Request) -> Page | Response:
        """Ask, then delete a runtime that somebody made."""
        name, project = request.path_params["name"], project_of(request)
        if request.method == "POST":
            await self._calls.delete(RUNTIMES + path(name), namespace=project)
            return see_other(request, back(project), notice=f"Serving runtime {name} deleted")
        one = await self._calls.get(RUNTIMES + path(name), namespace=project)
        lost = ["Its YAML is lost; it can be downloaded first."]
        if one["replacesShipped"]:
            lost.append("The pre-installed runtime of this name is back in its place then.")
        if one["shipped"]:
            lost = ["It is pre-installed and cannot be deleted. Disable it to have it not be offered."]
        data = {
            "question": f"Delete the serving runtime {one['displayName']}?",
            "lost": lost,
            "used_by": one["usedBy"],
            "used_text": "It cannot be deleted while it serves these deployments:",
            "blocked": bool(one["usedBy"]) or one["shipped"],
            "verb": "Delete serving runtime",
            "back": back(project),
            "frees": None,
        }
        crumbs = (HOME, Crumb("Delete serving runtime"))
        return Page("settings/confirm.html", f"Delete {name}", data, SECTION, crumbs)

    async def _back(self, request: Request, notice: str) -> Page | Response:
        """Return the rows to htmx, which asked for them, and send a plain form back to the list."""
        if request.headers.get("hx-target") == _ROWS:
            return await self.list(request)
        return see_other(request, back(project_of(request)), notice=notice)


def project_of(request: Request) -> str:
    """Return whose runtimes are looked at, beside those of all projects."""
    return request.query_params.get("project", "") or DEFAULT_PROJECT


def back(project: str) -> str:
    """Return the address of the list."""
    return HREF if project == DEFAULT_PROJECT else f"{HREF}?project={project}"


def row(one: Document, environments: list[Document], jobs: Mapping[str, Document]) -> Document:
    """Return what the list shows of a runtime."""
    environment = next((each for each in environments if one["name"] in each["runtimes"]), None)
    kept = ("name", "displayName", "shipped", "replacesShipped", "enabled", "runsHere", "whyNot", "apiProtocol")
    return {key: one[key] for key in kept} | {
        "project": one["namespace"],
        "kind": one["kind"],
        "version": one["version"],
        "frameworks": frameworks(one["formats"]),
        "modelTypes": one["modelTypes"],
        "accelerators": one["accelerators"],
        "local": one["local"] is not None,
        "environment": environment and {key: environment[key] for key in ("state", "made", "usedBy")},
        "making": jobs.get(one["name"]),
    }


def frameworks(formats: list[Document]) -> list[str]:
    """Return formats by name, each with its versions: ``tensorflow 1 and 2``."""
    versions: dict[str, list[str]] = {}
    for one in formats:
        versions.setdefault(str(one["name"]), []).extend([str(one["version"])] if one.get("version") else [])
    return [f"{name} {' and '.join(dict.fromkeys(those))}".strip() for name, those in versions.items()]
