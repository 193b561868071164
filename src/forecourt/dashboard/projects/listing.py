"""The list of projects with its filter; creating, editing and deleting one."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.dashboard.calls import Calls, Document, Refused, path
from forecourt.dashboard.forms import Form, Once, problems
from forecourt.dashboard.pages import Crumb, Page, Pages, see_other
from forecourt.dashboard.projects.project import DESCRIPTION, HOME, NAMESPACES, SECTION, asked_for, shown
from forecourt.errors import ForecourtError
from forecourt.projects import DISPLAY_NAME
from forecourt.projects import project as new_project

_BY = {"name": "Name", "user": "User"}
_FIELDS = {"metadata.name": "name"}


class ProjectList:
    """The pages, which show and change what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages
        self._once = Once()

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view
        return [
            Route("/projects", view(self.list), name="projects"),
            Route("/projects/new", view(self.new), methods=["GET", "POST"]),
            Route("/projects/{project}/edit", view(self.edit), methods=["GET", "POST"]),
            Route("/projects/{project}/delete", view(self.delete), methods=["GET", "POST"]),
        ]

    async def list(self, request: Request) -> Page:
        """Show the projects whose name, or owner, has what is typed."""
        query = request.query_params
        said = query.get("q", "").strip()[:250]
        by = query.get("by", "") if query.get("by") in _BY else "name"
        everything = query.get("show") == "all"
        found = [shown(one) for one in (await self._calls.get(NAMESPACES))["items"]]
        counts = {"ai": sum(one["ai"] for one in found), "all": len(found)}
        offered = [one for one in found if everything or one["ai"]]
        matching = [one for one in offered if _has(one, by, said.casefold())]
        data = {
            "projects": matching,
            "counts": counts,
            "show": "all" if everything else "ai",
            "q": said,
            "by": by,
            "filters": list(_BY.items()),
            "offered": len(offered),
        }
        said_so = {"show": "all" if everything else "", "by": by if by != "name" else "", "q": said}
        address = "/projects?" + urlencode({key: text for key, text in said_so.items() if text})
        headers = {"hx-push-url": address.rstrip("?")}
        return Page(
            "projects/list.html", "Data science projects", data, SECTION, blocks=("project-rows",), headers=headers
        )

    async def new(self, request: Request) -> Page | Response:
        """Show the form of a new project, and create it."""
        form = await Form.of(request)
        if request.method == "POST":
            async with self._once.alone(form["key"]):
                return await self._create(request, form)
        return _form("Create project", form.typed | {"key": secrets.token_hex(8)})

    async def _create(self, request: Request, form: Form) -> Page | Response:
        if where := self._once.where(form["key"]):
            return see_other(request, where)
        errors, error = _missing(form), None
        if not errors:
            document = new_project(form.name("name", "title"), form["title"], form["description"]).to_dict()
            try:
                made = await self._calls.post(NAMESPACES, document)
                where = "/projects" + path(made["metadata"]["name"])
                self._once.did(form["key"], where)
                return see_other(request, where, notice=f"Project {form['title']} created")
            except ForecourtError as refused:
                errors, error = _told(refused, form)
        return _form("Create project", form.typed, errors, error)

    async def edit(self, request: Request) -> Page | Response:
        """Show the form of a project that is there, and change what people call it and what it is for."""
        form = await Form.of(request)
        project = await asked_for(self._calls, request)
        title = f"Edit {project['title']}"
        if request.method != "POST":
            return _form(title, {"title": project["title"], "description": project["description"]}, project=project)
        errors, error = _missing(form), None
        if not errors:
            notes = {DISPLAY_NAME: form["title"], DESCRIPTION: form["description"] or None}
            try:
                await self._calls.patch(NAMESPACES + path(project["name"]), {"metadata": {"annotations": notes}})
                return see_other(request, "/projects" + path(project["name"]), notice=f"Project {form['title']} saved")
            except ForecourtError as refused:
                errors, error = problems(refused, _FIELDS)
        return _form(title, form.typed, errors, error, project=project)

    async def delete(self, request: Request) -> Page | Response:
        """Ask before a project goes with all that is in it, and delete it once its name was typed."""
        form = await Form.of(request)
        project = await asked_for(self._calls, request)
        name, errors = project["name"], {}
        if request.method == "POST":
            if form["confirm"] == name:
                await self._calls.delete(NAMESPACES + path(name))
                return see_other(request, "/projects", notice=f"Project {project['title']} is being deleted")
            errors = {"confirm": f"Type {name}, the project's resource name."}
        lost = (await self._calls.get("/api/forecourt/v1/namespaces" + path(name, "contents")))["items"]
        data = {"project": project, "lost": lost, "errors": errors}
        crumbs = (HOME, Crumb(project["title"], f"/projects/{name}"), Crumb("Delete project"))
        status = 422 if errors else 200
        return Page("projects/delete.html", "Delete project?", data, SECTION, crumbs, ("dialogs",), status)


def _has(project: Document, by: str, said: str) -> bool:
    text = project["owner"] if by == "user" else f"{project['title']} {project['name']}"
    return said in text.casefold()


def _missing(form: Form) -> dict[str, str]:
    return {} if form["title"] else {"title": "A project needs a name."}


def _told(refused: ForecourtError, form: Form) -> tuple[dict[str, str], dict[str, str] | None]:
    if isinstance(refused, Refused) and refused.reason == "AlreadyExists":
        name = form.name("name", "title")
        return {"name": f"There is a project {name} already. Choose another resource name."}, None
    return problems(refused, _FIELDS)


def _form(
    title: str,
    typed: dict[str, Any],
    errors: dict[str, str] | None = None,
    error: dict[str, str] | None = None,
    *,
    project: Document | None = None,
) -> Page:
    data = {"form": typed, "errors": errors or {}, "error": error, "project": project}
    crumbs = [HOME, Crumb(project["title"], "/projects" + path(project["name"]))] if project else [HOME]
    crumbs.append(Crumb("Edit project" if project else title))
    status = 422 if errors or error else 200
    return Page("projects/form.html", title, data, SECTION, tuple(crumbs), status=status)
