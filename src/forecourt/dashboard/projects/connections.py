"""Connections of a project: the list, a form of whichever type, trying and deleting one. No secret comes back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.dashboard import connecting
from forecourt.dashboard.calls import Calls, Document, Refused, path
from forecourt.dashboard.forms import Form, Once, problems
from forecourt.dashboard.pages import Page, Pages, see_other
from forecourt.dashboard.projects.project import DESCRIPTION, NAMESPACES, asked_for, page
from forecourt.dashboard.projects.serving import users
from forecourt.errors import ForecourtError, NotFound
from forecourt.projects import APPS_NAMESPACE, DISPLAY_NAME, TYPE, ConfigMap, ConnectionType

_TRIED = "/api/forecourt/v1/namespaces"
_BLOCKS = ("connection-form", "connection-tested", "connection-checks")


class ConnectionPages:
    """The pages, which show and change what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages
        self._once = Once()

    def routes(self) -> list[Route]:
        """Return the routes."""
        view, both = self._pages.view, ["GET", "POST"]
        root = "/projects/{project}/connections"
        return [
            Route(root, view(self.list)),
            Route(root + "/new", view(self.new), methods=both),
            Route(root + "/{connection}/edit", view(self.edit), methods=both),
            Route(root + "/{connection}/delete", view(self.delete), methods=both),
            Route(root + "/{connection}/test", view(self.test), methods=["POST"]),
        ]

    async def list(self, request: Request) -> Page:
        """Show the connections that people have kept, with the deployments that use them."""
        name = request.path_params["project"]
        project, found, types, used = await asyncio.gather(
            asked_for(self._calls, request),
            self._calls.get(NAMESPACES + path(name, "secrets")),
            self._types(),
            users(self._calls, name),
        )
        rows = [_shown(one, types, used) for one in found["items"] if connecting.is_connection(one)]
        rows = sorted((one for one in rows if not one["hidden"]), key=lambda one: str(one["title"]).casefold())
        return page(
            "projects/connections.html", project, "connections", {"connections": rows}, blocks=("connection-rows",)
        )

    async def new(self, request: Request) -> Page | Response:
        """Show the form of a new connection; choose its type, check it, try it, add it."""
        form = await Form.of(request)
        project, types = await asyncio.gather(asked_for(self._calls, request), self._types())
        kind = types.get(form["type"])
        offered = [one for one in types.values() if not one.disabled]
        if request.method == "POST" and form["do"] not in ("choose", "check", "test"):
            async with self._once.alone(form["key"]):
                return await self._add(request, form, project, offered, kind)
        shown = _Shown(project, form, offered, kind)
        if request.method != "POST":
            typed = {"type": form["type"], "key": secrets.token_hex(8)}
            return shown.page(typed=typed | (connecting.initial(kind) if kind else {}))
        if form["do"] == "choose":
            return shown.page(typed=(connecting.initial(kind) if kind else {}) | shown.chosen_anew())
        if form["do"] == "test":
            return shown.page(tested=await self._try(project["name"], form, kind))
        errors = connecting.wrong(kind, form, typing=True) if kind else {}
        if await self._taken(project["name"], form):
            errors["name"] = _taken(form)
        return shown.page(errors)

    async def _add(
        self,
        request: Request,
        form: Form,
        project: Document,
        offered: Sequence[ConnectionType],
        kind: ConnectionType | None,
    ) -> Page | Response:
        if where := self._once.where(form["key"]):
            return see_other(request, where)
        shown = _Shown(project, form, offered, kind)
        errors = _missing(form, kind)
        if errors or kind is None:
            return shown.page(errors)
        document = connecting.secret(kind, form, form.name("name", "title"), form["title"], form["description"])
        try:
            await self._calls.post(NAMESPACES + path(project["name"], "secrets"), document)
        except ForecourtError as refused:
            if isinstance(refused, Refused) and refused.reason == "AlreadyExists":
                return shown.page({"name": _taken(form)})
            return shown.page(*problems(refused, {"metadata.name": "name"} | connecting.refused_fields(kind)))
        where = "/projects" + path(project["name"], "connections")
        self._once.did(form["key"], where)
        return see_other(request, where, notice=f"Connection {form['title']} added")

    async def edit(self, request: Request) -> Page | Response:
        """Show the form of a connection that is there; check, try and save it. Hidden values stay."""
        form = await Form.of(request)
        project, types, before = await asyncio.gather(
            asked_for(self._calls, request), self._types(), self._connection(request)
        )
        kind = types.get(_notes(before).get(TYPE, ""))
        if kind is None:
            raise NotFound(
                f"The type of the connection {before['metadata']['name']} is gone.",
                hint=f"Edit it as YAML: forecourt edit secret/{before['metadata']['name']} -n {project['name']}",
            )
        shown = _Shown(project, form, [kind], kind, before)
        if request.method != "POST":
            return shown.page(typed=_begun(kind, before))
        if form["do"] == "test":
            return shown.page(tested=await self._try(project["name"], form, kind, before))
        kept = connecting.hidden_keys(before)
        if form["do"] == "check":
            return shown.page(connecting.wrong(kind, form, kept, typing=True))
        if errors := _missing(form, kind, kept):
            return shown.page(errors)
        if form["version"]:  # what was shown when the form was opened, so that no change of another's is lost
            before["metadata"]["resourceVersion"] = form["version"]
        where = NAMESPACES + path(project["name"], "secrets", before["metadata"]["name"])
        try:
            await self._calls.put(where, self._document(form, kind, before))
        except ForecourtError as refused:
            return shown.page(*problems(refused, connecting.refused_fields(kind)))
        href = "/projects" + path(project["name"], "connections")
        return see_other(request, href, notice=f"Connection {form['title']} saved")

    async def delete(self, request: Request) -> Page | Response:
        """Ask before a connection goes, and say which deployments use it."""
        form = await Form.of(request)
        project, found, used = await asyncio.gather(
            asked_for(self._calls, request),
            self._connection(request),
            users(self._calls, request.path_params["project"]),
        )
        name, errors = found["metadata"]["name"], {}
        title = _notes(found).get(DISPLAY_NAME) or name
        href = "/projects" + path(project["name"], "connections")
        if request.method == "POST":
            if form["confirm"] == title.strip():
                await self._calls.delete(NAMESPACES + path(project["name"], "secrets", name))
                return see_other(request, href, notice=f"Connection {title} deleted")
            errors = {"confirm": f"Type {title}."}
        data = {"connection": {"name": name, "title": title.strip()}, "used": used.get(name, []), "errors": errors}
        return page(
            "projects/connection_delete.html",
            project,
            "connections",
            data,
            title="Delete connection?",
            blocks=("dialogs",),
            status=422 if errors else 200,
        )

    async def test(self, request: Request) -> Page:
        """Try a connection that is kept."""
        project, found = await asyncio.gather(asked_for(self._calls, request), self._connection(request))
        name = found["metadata"]["name"]
        tested = await self._tried(_TRIED + path(project["name"], "connections", name, "test"), None)
        data = {"tested": tested | {"of": _notes(found).get(DISPLAY_NAME) or name}}
        return page(
            "projects/connection_tested.html", project, "connections", data, title="Test", blocks=("connection-tested",)
        )

    async def _try(
        self, project: str, form: Form, kind: ConnectionType | None, before: Document | None = None
    ) -> Document:
        """Return in words what comes of trying what was typed."""
        if kind is None:
            return {"works": False, "message": "Choose a connection type first.", "hint": ""}
        if errors := connecting.wrong(kind, form, connecting.hidden_keys(before) if before else ()):
            return {"works": False, "message": " ".join(errors.values()), "hint": ""}
        document = self._document(form, kind, before)
        return await self._tried(_TRIED + path(project, "connections", "test"), document)

    async def _tried(self, where: str, document: Document | None) -> Document:
        try:
            said = await self._calls.post(where, document)
        except ForecourtError as refused:
            return {"works": False, "message": refused.message, "hint": refused.hint}
        return {"works": True, "message": said["message"], "hint": ""}

    def _document(self, form: Form, kind: ConnectionType, before: Document | None) -> Document:
        name = before["metadata"]["name"] if before else ""
        made = connecting.secret(kind, form, name, form["title"], form["description"], before=before)
        if not name:  # one that is only tried has no name yet
            del made["metadata"]["name"]
        return made

    async def _taken(self, project: str, form: Form) -> bool:
        if not (form["name"] or form["title"]):
            return False
        try:
            await self._calls.get(NAMESPACES + path(project, "secrets", form.name("name", "title")))
        except Refused:
            return False
        return True

    async def _types(self) -> dict[str, ConnectionType]:
        documents = (await self._calls.get(NAMESPACES + path(APPS_NAMESPACE, "configmaps")))["items"]
        kinds = (ConnectionType.of(ConfigMap.from_dict(one)) for one in documents)
        return {one.name: one for one in sorted(kinds, key=lambda one: one.display_name.casefold())}

    async def _connection(self, request: Request) -> Document:
        project, name = request.path_params["project"], request.path_params["connection"]
        found: Document = await self._calls.get(NAMESPACES + path(project, "secrets", name))
        if not connecting.is_connection(found):
            raise NotFound(f"There is no connection {name} in the project {project}.")
        return found


class _Shown:
    """The form as a page, without what is secret."""

    def __init__(
        self,
        project: Document,
        form: Form,
        offered: Sequence[ConnectionType],
        kind: ConnectionType | None,
        before: Document | None = None,
    ) -> None:
        self._project = project
        self._form = form
        self._offered = offered
        self._kind = kind
        self._before = before

    def chosen_anew(self) -> Document:
        """Return what was typed before another type was chosen, as far as it says something."""
        return {key: value for key, value in connecting.without_secrets(self._kind, self._form).items() if value}

    def page(
        self,
        errors: dict[str, str] | None = None,
        error: dict[str, str] | None = None,
        *,
        typed: dict[str, Any] | None = None,
        tested: Document | None = None,
    ) -> Page:
        kept = connecting.hidden_keys(self._before) if self._before else []
        refused = bool(errors or error) and self._form["do"] != "check"
        data = {
            "form": connecting.without_secrets(self._kind, self._form) if typed is None else typed,
            "errors": errors or {},
            "error": error,
            "tested": tested,
            "types": [[one.name, one.display_name] for one in self._offered],
            "type": self._kind and {"title": self._kind.display_name, "description": self._kind.description},
            "fields": connecting.fields(self._kind, kept) if self._kind else [],
            "connection": self._before and self._before["metadata"]["name"],
        }
        title = "Edit connection" if self._before else "Add connection"
        return page(
            "projects/connection_form.html",
            self._project,
            "connections",
            data,
            title=title,
            blocks=_BLOCKS,
            status=422 if refused else 200,
        )


def _shown(one: Document, types: dict[str, ConnectionType], used: dict[str, list[Document]]) -> Document:
    metadata, notes = one["metadata"], _notes(one)
    kind = types.get(notes[TYPE])
    return {
        "name": metadata["name"],
        "title": notes.get(DISPLAY_NAME) or metadata["name"],
        "description": notes.get(DESCRIPTION, ""),
        "type": kind.display_name if kind else notes[TYPE],
        "known": kind is not None,
        "serving": bool(kind and kind.protocol),
        "used": used.get(metadata["name"], []),
        "created": metadata.get("creationTimestamp"),
        "hidden": connecting.is_hidden(one),
    }


def _begun(kind: ConnectionType, before: Document) -> Document:
    about = {
        "title": _notes(before).get(DISPLAY_NAME) or before["metadata"]["name"],
        "description": _notes(before).get(DESCRIPTION, ""),
        "version": before["metadata"].get("resourceVersion", ""),
    }
    return about | connecting.kept_values(kind, before)


def _missing(form: Form, kind: ConnectionType | None, kept: list[str] | None = None) -> dict[str, str]:
    found = {} if form["title"] else {"title": "A connection needs a name."}
    if kind is None:
        return found | {"type": "Choose a connection type."}
    return found | connecting.wrong(kind, form, kept or ())


def _taken(form: Form) -> str:
    return f"There is a connection or another secret {form.name('name', 'title')} already. Choose another name."


def _notes(document: Document) -> dict[str, str]:
    return document["metadata"].get("annotations") or {}
