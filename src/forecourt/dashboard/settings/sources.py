"""Catalog sources: the list with what became of each, and the form of one with a preview."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.forms import Form, Once
from forecourt.dashboard.pages import Crumb, Page, Pages, see_other
from forecourt.dashboard.settings import source_form
from forecourt.errors import ForecourtError

SOURCES = "/api/forecourt/v1/catalog/sources"
HREF = "/settings/catalog-sources"
SECTION = "sources"
HOME = Crumb("Catalog sources", HREF)
_ROWS, _PREVIEW = "source-rows", "source-preview"
_MOST = 300  # names that a preview shows of each kind


class SourcePages:
    """The pages."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages
        self._once = Once()

    def routes(self) -> list[Route]:
        """Return the routes."""
        view, one = self._pages.view, HREF + "/{source:path}"
        return [
            Route(HREF, view(self.list)),
            Route(f"{HREF}/new", view(self.new), methods=["GET", "POST"]),
            Route(f"{one}/edit", view(self.edit), methods=["GET", "POST"]),
            Route(f"{one}/enabled", view(self.enable), methods=["POST"]),
            Route(f"{one}/refresh", view(self.refresh), methods=["POST"]),
            Route(f"{one}/delete", view(self.delete), methods=["GET", "POST"]),
        ]

    async def list(self, request: Request) -> Page:
        """Show the sources with what became of each."""
        said = request.query_params.get("q", "").strip()
        answer = await self._calls.get(SOURCES)
        items = [_shown(one) for one in answer["items"] if one["assetType"] == "models"]
        shown = [one for one in items if said.casefold() in one["name"].casefold() + one["id"].casefold()]
        data = {"sources": shown, "count": len(items), "q": said, "error": None, "broken": answer["error"]}
        return Page("settings/sources.html", "Catalog sources", data, SECTION, blocks=(_ROWS,))

    async def new(self, request: Request) -> Page | Response:
        """Show the form of a new source, and add it."""
        form = await Form.of(request)
        if request.method != "POST":
            return self._form("Add a source", {"type": "hf", "enabled": "true"})
        if form["do"] != "preview" and (done := self._once.where(form["key"])):
            return see_other(request, done)
        name = form.name("id", "name")
        try:
            entry = source_form.entry(form, name)
            if form["do"] == "preview":
                return self._form("Add a source", form.typed, preview=await self._previewed(entry))
            await self._calls.post(SOURCES, entry)
        except ForecourtError as refused:
            return self._form("Add a source", form.typed, refused)
        self._once.did(form["key"], HREF)
        return see_other(request, HREF, notice=f"Source {entry['name']} added; its models are being loaded")

    async def edit(self, request: Request) -> Page | Response:
        """Show the form of a source, and change it."""
        form, where = await Form.of(request), self._place(request)
        before = await self._calls.get(where)
        title = f"Edit {before['name']}"
        edited = {key: before[key] for key in ("id", "origin", "tokenKept", "uploaded")}
        if request.method != "POST":
            data = (await self._calls.get(f"{where}/data"))["catalogData"]
            return self._form(title, source_form.filled(before, data), edited=edited)
        try:
            entry = source_form.entry(form, before["id"], before)
            if form["do"] == "preview":
                return self._form(title, form.typed, edited=edited, preview=await self._previewed(entry))
            await self._calls.put(where, entry)
        except ForecourtError as refused:
            return self._form(title, form.typed, refused, edited=edited)
        return see_other(request, HREF, notice=f"Source {entry['name']} changed; its models are being loaded")

    async def enable(self, request: Request) -> Page | Response:
        """Show a source's models, or hide them."""
        form = await Form.of(request)
        await self._calls.patch(self._place(request), {"enabled": form["enabled"] == "true"})
        return await self._back(request)

    async def refresh(self, request: Request) -> Page | Response:
        """Have a source be loaded anew."""
        await self._calls.post(f"{self._place(request)}/refresh")
        return await self._back(request)

    async def delete(self, request: Request) -> Page | Response:
        """Ask, then forget a source that was added."""
        where = self._place(request)
        if request.method == "POST":
            await self._calls.delete(where)
            return see_other(request, HREF, notice=f"Source {request.path_params['source']} deleted")
        one = await self._calls.get(where)
        count = one["models"]
        lost = [
            f"Its {count} {'model goes' if count == 1 else 'models go'} from the catalog, with its definition"
            f"{', the YAML that was uploaded' if one['uploaded'] else ''}"
            f"{' and its access token' if one['tokenKept'] else ''}.",
            "What was registered or deployed from it stays.",
        ]
        if one["origin"]:
            lost = [f"It is defined in {one['origin']}. Take it out there, or disable it to hide its models."]
        data = {
            "question": f"Delete the source {one['name']}?",
            "lost": lost,
            "used_by": [],
            "used_text": "",
            "blocked": bool(one["origin"]),
            "verb": "Delete source",
            "back": HREF,
            "frees": None,
        }
        return Page("settings/confirm.html", f"Delete {one['name']}", data, SECTION, (HOME, Crumb("Delete source")))

    async def _previewed(self, entry: Document) -> Document:
        """Return which models a source would show and which not."""
        items = (await self._calls.post(f"{SOURCES}/preview", entry | {"id": entry["id"] or "preview"}))["items"]
        found: Document = {}
        for kind, wanted in (("included", True), ("excluded", False)):
            names = [one["name"] for one in items if one["included"] is wanted]
            found[kind] = {"names": names[:_MOST], "count": len(names)}
        return found

    def _form(
        self,
        title: str,
        typed: dict[str, Any],
        refused: ForecourtError | None = None,
        *,
        edited: Document | None = None,
        preview: Document | None = None,
    ) -> Page:
        errors, error = source_form.problems(refused) if refused else ({}, None)
        wrong = [*errors.values()] if errors else [f"{error['message']} {error['hint']}".strip()] if error else []
        data = {
            "form": source_form.without_secrets(typed),
            "errors": errors,
            "error": error,
            "edited": edited,
            "preview": preview,
            "wrong": wrong,
            "types": [[key, *said] for key, said in source_form.TYPES.items()],
            "example": source_form.EXAMPLE,
        }
        crumbs, status = (HOME, Crumb(title)), 422 if refused else 200
        return Page("settings/source_form.html", title, data, SECTION, crumbs, blocks=(_PREVIEW,), status=status)

    async def _back(self, request: Request) -> Page | Response:
        if request.headers.get("hx-target") == _ROWS:
            return await self.list(request)
        return see_other(request, HREF)

    @staticmethod
    def _place(request: Request) -> str:
        return SOURCES + path(request.path_params["source"])


def _shown(one: Document) -> Document:
    properties = one.get("properties") or {}
    kind = one["type"]
    organization = properties.get("allowedOrganization") or properties.get("registry") or properties.get("url") or ""
    kept = ("id", "name", "enabled", "labels", "type", "origin", "models", "status", "problems")
    return {key: one[key] for key in kept} | {
        "error": one.get("error", "") if one["status"] == "error" else "",
        "kind": source_form.TYPES.get(kind, (kind,))[0],
        "organization": organization,
        "visibility": "Filtered" if one.get("includedModels") or one.get("excludedModels") else "All models",
        "included": one.get("includedModels") or [],
        "excluded": one.get("excludedModels") or [],
        "loaded": one["loadedTimeSinceEpoch"],
        "tried": one["triedTimeSinceEpoch"],
        "progress": one.get("progress"),
    }
