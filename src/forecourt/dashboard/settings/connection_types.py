"""Connection types: the list, and the form of one with a builder of its fields and a preview of what people see."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.access import who
from forecourt.dashboard import connecting
from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.forms import Form, Once, problems
from forecourt.dashboard.pages import Crumb, Page, Pages, see_other
from forecourt.dashboard.settings import rows, type_form
from forecourt.errors import ForecourtError
from forecourt.projects import APPS_NAMESPACE, DISPLAY_NAME, TYPE, ConfigMap, ConnectionType

_MAPS = f"/api/v1/namespaces/{APPS_NAMESPACE}/configmaps"
HREF = "/settings/connection-types"
SECTION = "connection-types"
HOME = Crumb("Connection types", HREF)
_NAME = "Made from the name where it is left empty."
_VARIABLE = "Made from the name where it is empty."
_ROWS, _FORM, _PREVIEW = "type-rows", "type-form", "type-preview"
_COMPATIBLE = {"s3": "S3 compatible object storage", "oci": "OCI compliant registry", "uri": "URI"}


class ConnectionTypePages:
    """The pages."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages
        self._once = Once()

    def routes(self) -> list[Route]:
        """Return the routes."""
        view, one = self._pages.view, HREF + "/{name}"
        return [
            Route(HREF, view(self.list)),
            Route(f"{HREF}/new", view(self.new), methods=["GET", "POST"]),
            Route(f"{one}/edit", view(self.edit), methods=["GET", "POST"]),
            Route(f"{one}/enabled", view(self.enable), methods=["POST"]),
            Route(f"{one}/delete", view(self.delete), methods=["GET", "POST"]),
        ]

    async def list(self, request: Request) -> Page:
        """Show the types, those that ship among them."""
        said = request.query_params.get("q", "").strip()
        items = [_shown(one) for one in (await self._calls.get(_MAPS))["items"]]
        items.sort(key=lambda one: one["title"].casefold())
        shown = [one for one in items if said.casefold() in one["title"].casefold() + one["name"]]
        data = {"types": shown, "count": len(items), "q": said}
        return Page("settings/connection_types.html", "Connection types", data, SECTION, blocks=(_ROWS,))

    async def new(self, request: Request) -> Page | Response:
        """Show the form of a new type (with ``from``, of a copy), and create it."""
        form, title = await Form.of(request), "Create connection type"
        if request.method != "POST":
            typed = type_form.fresh()
            if copied := request.query_params.get("from", ""):
                typed = type_form.filled(await self._calls.get(_MAPS + path(copied)))
                typed |= {"name": "", "title": f"Copy of {typed['title']}"}
            return await self._form(title, typed)
        if changed := type_form.pressed(form):
            return await self._form(title, changed)
        name = form.name("name", "title")
        wanted = type_form.document(form, name, None, _creator())
        if form["do"] == "preview":
            return await self._form(title, form.typed, wanted=wanted)
        if form["do"] == "typing":
            return await self._typed(form, self._calls.post(_MAPS, wanted, dryRun="All"))
        if done := self._once.where(form["key"]):
            return see_other(request, done)
        try:
            await self._calls.post(_MAPS, wanted)
        except ForecourtError as refused:
            return await self._form(title, form.typed, refused)
        self._once.did(form["key"], HREF)
        return see_other(request, HREF, notice=f"Connection type {form['title'] or name} created")

    async def edit(self, request: Request) -> Page | Response:
        """Show the form of a type, and change it; of one that ships, make one's own in its place."""
        name, form = request.path_params["name"], await Form.of(request)
        before = await self._calls.get(_MAPS + path(name))
        title, ships = f"Edit {_title(before)}", not before["metadata"].get("uid")
        edited = {"name": name, "ships": ships}
        if request.method != "POST":
            version = {"version": before["metadata"].get("resourceVersion") or ""}
            return await self._form(title, type_form.filled(before) | version, edited=edited, wanted=before)
        if changed := type_form.pressed(form):
            return await self._form(title, changed, edited=edited)
        wanted = type_form.document(form, name, before, _creator())
        if form["do"] == "preview":
            return await self._form(title, form.typed, edited=edited, wanted=wanted)
        if form["do"] == "typing":
            where = _MAPS + path(name)
            tried = (
                self._calls.post(_MAPS, wanted, dryRun="All") if ships else self._calls.put(where, wanted, dryRun="All")
            )
            return await self._typed(form, tried)
        try:
            if ships:
                await self._calls.post(_MAPS, wanted)
            else:
                wanted["metadata"]["resourceVersion"] = form["version"] or before["metadata"]["resourceVersion"]
                await self._calls.put(_MAPS + path(name), wanted)
        except ForecourtError as refused:
            return await self._form(title, form.typed, refused, edited=edited)
        return see_other(request, HREF, notice=f"Connection type {form['title'] or name} changed")

    async def enable(self, request: Request) -> Page | Response:
        """Offer a type, or do not; of one that ships, a copy takes its place."""
        form, where = await Form.of(request), _MAPS + path(request.path_params["name"])
        before = await self._calls.get(where)
        said = {type_form.DISABLED: "false" if form["enabled"] == "true" else "true"}
        if before["metadata"].get("uid"):
            await self._calls.patch(where, {"metadata": {"annotations": said}})
        else:
            before["metadata"]["annotations"] = dict(before["metadata"].get("annotations") or {}) | said
            await self._calls.post(_MAPS, before)
        if request.headers.get("hx-target") == _ROWS:
            return await self.list(request)
        return see_other(request, HREF)

    async def delete(self, request: Request) -> Page | Response:
        """Ask, then delete a type that somebody made."""
        name = request.path_params["name"]
        if request.method == "POST":
            await self._calls.delete(_MAPS + path(name))
            return see_other(request, HREF, notice=f"Connection type {name} deleted")
        one = await self._calls.get(_MAPS + path(name))
        ships = not one["metadata"].get("uid")
        used = [each["metadata"] for each in (await self._calls.get("/api/v1/secrets"))["items"]]
        users = [
            f"{each['namespace']}/{each['name']}" for each in used if (each.get("annotations") or {}).get(TYPE) == name
        ]
        lost = ["No connection of this type can be made or changed any more; those that are there go on as they are."]
        if ships:
            lost = ["It is pre-installed and cannot be deleted. Disable it to have it not be offered."]
        data = {
            "question": f"Delete the connection type {_title(one)}?",
            "lost": lost,
            "used_by": users,
            "used_text": "These connections are of this type:",
            "users_href": "/projects/{}/connections",
            "blocked": ships,
            "verb": "Delete connection type",
            "back": HREF,
            "frees": None,
        }
        crumbs = (HOME, Crumb("Delete connection type"))
        return Page("settings/confirm.html", f"Delete {_title(one)}", data, SECTION, crumbs)

    async def _typed(self, form: Form, tried: Awaitable[Any]) -> Response:
        """Return what is wrong with what was typed so far, each at its field; what is missing may still come."""
        fields = type_form.fields(form.typed)
        errors: dict[str, str] = {}
        try:
            await tried
        except ForecourtError as refused:
            errors, _ = problems(refused, fields)
        errors = {name: text for name, text in errors.items() if form[name]}
        help_ = {name: _VARIABLE for name in fields.values() if name.endswith("-variable")} | {"name": _NAME}
        shown = form.typed.keys() - {"fields", "category"}
        names = [name for name in dict.fromkeys(fields.values()) if name in shown]
        return self._pages.fragment("settings/checked.html", names=names, errors=errors, help=help_)

    async def _form(
        self,
        title: str,
        typed: dict[str, Any],
        refused: ForecourtError | None = None,
        *,
        edited: Document | None = None,
        wanted: Document | None = None,
    ) -> Page:
        """Return the form; with `wanted`, also what people would see of such a type."""
        errors, error = problems(refused, type_form.fields(typed)) if refused else ({}, None)
        preview: list[Document] | None = None
        wrong, initial = "", {}
        if wanted:
            try:
                kind = ConnectionType.of(ConfigMap.from_dict(wanted))
                preview, initial = connecting.fields(kind), connecting.initial(kind)
            except ForecourtError as unfit:
                wrong = unfit.message
        types = [["section", "Section"], *([key, name] for key, name in type_form.TYPES.items())]
        numbers = rows.count(typed, type_form.FIELD)
        taken = (await self._calls.get(_MAPS))["items"]
        data = {
            "form": dict(initial) | typed,
            "errors": errors,
            "error": error,
            "edited": edited,
            "preview": preview,
            "wrong": wrong,
            "types": types,
            "numbers": [*numbers],
            "last": len(numbers) - 1,
            "categories": sorted({each for one in taken for each in _shown(one)["category"]}),
        }
        crumbs, status = (HOME, Crumb(title)), 422 if refused else 200
        blocks = (_FORM, _PREVIEW)
        return Page("settings/connection_type_form.html", title, data, SECTION, crumbs, blocks=blocks, status=status)


def _creator() -> str:
    identity = who()
    return identity.name if identity else ""


def _title(kept: Document) -> str:
    return str((kept["metadata"].get("annotations") or {}).get(DISPLAY_NAME) or kept["metadata"]["name"])


def _shown(kept: Document) -> Document:
    metadata, data = kept["metadata"], kept.get("data") or {}
    annotations = metadata.get("annotations") or {}
    try:
        protocol = ConnectionType.of(ConfigMap.from_dict(kept)).protocol
    except ForecourtError:
        protocol = ""
    fields = [one for one in type_form.listed(data.get("fields")) if isinstance(one, dict)]
    return {
        "name": metadata["name"],
        "title": _title(kept),
        "description": annotations.get(type_form.DESCRIPTION, ""),
        "category": [str(one) for one in type_form.listed(data.get("category"))],
        "creator": annotations.get(type_form.CREATOR, ""),
        "created": metadata.get("creationTimestamp"),
        "enabled": annotations.get(type_form.DISABLED) != "true",
        "ships": not metadata.get("uid"),
        "compatible": f"Model serving: {_COMPATIBLE[protocol]}" if protocol else "",
        "fields": sum(one.get("type") != "section" for one in fields),
    }
