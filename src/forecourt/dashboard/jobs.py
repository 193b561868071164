"""Pages of jobs: what runs in the background, how far it is, what became of it."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.forms import Form, Once, problems
from forecourt.dashboard.pages import Crumb, Page, Pages, see_other
from forecourt.errors import ForecourtError
from forecourt.processes.jobs import JOBS_NAMESPACE

_ALL = "/apis/forecourt.dev/v1alpha1/jobs"
_OF = "/apis/forecourt.dev/v1alpha1/namespaces/{}/jobs"
_OVER = frozenset({"Succeeded", "Failed", "Cancelled"})
_IMPORT_FIELDS = {"spec.parameters.uri": "uri", "spec.parameters": "uri"}
HOME = Crumb("Jobs", "/jobs")


class JobPages:
    """The pages, which show and change what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages
        self._once = Once()

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view
        return [
            Route("/jobs", view(self.list)),
            Route("/jobs/import", view(self.new_import), methods=["GET", "POST"]),
            Route("/jobs/{project}/{name}/cancel", view(self.cancel), methods=["POST"]),
            Route("/jobs/{project}/{name}/again", view(self.again), methods=["POST"]),
            Route("/jobs/{project}/{name}/delete", view(self.delete), methods=["POST"]),
        ]

    async def list(self, _: Request) -> Page:
        """Show all jobs, those that run first, then the newest."""
        found = [_shown(one) for one in (await self._calls.get(_ALL))["items"]]
        found.sort(key=lambda one: one["created"] or "", reverse=True)
        found.sort(key=lambda one: one["over"])
        data = {"jobs": found, "running": sum(not one["over"] for one in found)}
        return Page("jobs/list.html", "Jobs", data, "jobs", blocks=("jobs",))

    async def new_import(self, request: Request) -> Page | Response:
        """Show the form that imports a model, and ask for that."""
        form = await Form.of(request)
        errors: dict[str, str] = {}
        error = None
        if request.method == "POST":
            if done := self._once.where(form["key"]):
                return see_other(request, done)
            project = form["project"] or JOBS_NAMESPACE
            try:
                await self._ask(project, "import", f"Import {form['uri']}", _parameters(form))
                self._once.did(form["key"], "/jobs")
                return see_other(request, "/jobs", notice="The import runs in the background")
            except ForecourtError as refused:
                errors, error = problems(refused, _IMPORT_FIELDS)
        there = [one["metadata"]["name"] for one in (await self._calls.get("/api/v1/namespaces"))["items"]]
        typed = {"key": secrets.token_hex(8), "project": JOBS_NAMESPACE, "register": "true"} | form.typed
        if request.method == "POST":
            typed["register"] = form["register"]
        data = {"form": typed, "errors": errors, "error": error, "projects": [(one, one) for one in there]}
        status = 422 if errors or error else 200
        return Page("jobs/import.html", "Import a model", data, "jobs", (HOME, Crumb("Import a model")), status=status)

    async def cancel(self, request: Request) -> Response:
        """Have a job left off."""
        await self._calls.patch(self._path(request), {"spec": {"cancelled": True}})
        return see_other(request, "/jobs")

    async def again(self, request: Request) -> Response:
        """Ask for the same once more; what was fetched is not fetched again."""
        spec = (await self._calls.get(self._path(request)))["spec"]
        project = request.path_params["project"]
        await self._ask(project, spec["type"], spec.get("title", ""), spec.get("parameters", {}))
        return see_other(request, "/jobs")

    async def delete(self, request: Request) -> Response:
        """Forget a job; one that runs is left off."""
        await self._calls.delete(self._path(request))
        return see_other(request, "/jobs")

    async def _ask(self, project: str, kind: str, title: str, parameters: Document) -> None:
        name = f"{kind}-{secrets.token_hex(4)}"
        spec = {"type": kind, "title": title[:500], "parameters": parameters}
        await self._calls.post(_OF.format(project), {"metadata": {"name": name}, "spec": spec})

    def _path(self, request: Request) -> str:
        return f"{_OF.format(request.path_params['project'])}/{request.path_params['name']}"


def _parameters(form: Form) -> Document:
    """Return an import's parameters; what was left empty is not among them."""
    texts = {key: form[key] for key in ("uri", "name", "version", "connection") if form[key]}
    lists = {key: form[key].split() for key in ("allow", "ignore") if form[key]}
    return {**texts, **lists, "register": bool(form["register"])}


def _shown(one: Document) -> dict[str, Any]:
    metadata, spec, status = one["metadata"], one["spec"], one.get("status") or {}
    phase = status.get("phase", "Pending")
    total, done = status.get("total", 0), status.get("done", 0)
    result = status.get("result") or {}
    registered = result.get("registered") or {}
    return {
        "name": metadata["name"],
        "project": metadata["namespace"],
        "title": spec.get("title") or f"{spec['type']} {metadata['name']}",
        "type": spec["type"],
        "phase": phase,
        "over": phase in _OVER,
        "leaving": bool(spec.get("cancelled")) and phase not in _OVER,
        "message": status.get("message", ""),
        "hint": status.get("hint", ""),
        "total": total,
        "done": done,
        "percent": min(100, round(100 * done / total)) if total else None,
        "steps": status.get("steps", []),
        "created": metadata.get("creationTimestamp"),
        "finished": status.get("finished"),
        "image": result.get("image", ""),
        "model": f"{registered['registeredModel']}/{registered['modelVersion']}" if registered else "",
        "model_href": f"/registry/versions{path(registered['modelVersionId'])}" if registered else "",
    }
