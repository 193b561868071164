"""Register model, and Register new version: the form, what it says as one types, and what comes of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.dashboard.calls import Calls, Document, Refused, path
from forecourt.dashboard.deploy.offers import Connection, connections_among
from forecourt.dashboard.forms import Form, Once, sent_key
from forecourt.dashboard.pages import Crumb, Page, Pages, see_other
from forecourt.dashboard.registry import places
from forecourt.dashboard.registry.filling import filled, over, with_row, without_row
from forecourt.dashboard.registry.proposing import JOBS, STORE, Draft, Drafting, Known, rows
from forecourt.dashboard.registry.reading import API as KUBEFLOW
from forecourt.dashboard.registry.reading import HOME, MODELS, OURS, SECTION, model_href, version_href
from forecourt.errors import ForecourtError
from forecourt.objects import dump
from forecourt.registry.aliases import STAGES
from forecourt.registry.links import RELATIONS

ADDRESS = "/registry/register"
_PATIENCE = 20.0
"""Seconds that a registry has to say what a model is once it is to be registered."""
_MARKS = frozenset(("key", "do", "wrong", "tried", "filled"))
"""Fields that say nothing of what is to be registered."""
_MODELS = f"{KUBEFLOW}/{MODELS}"
_MOST_FOUND = 8
_SHOWN_TEXT = 600  # characters of a text in what is shown of the body
_DEFAULTS = {"location": places.STORAGE, "mode": "register"}
_STAGES = [("", "None"), *((one, one.capitalize()) for one in STAGES)]
_RELATIONS = [(one, one.replace("-", " ").capitalize()) for one in RELATIONS]

HELPS = {
    "name": "",
    "description": "",
    "version": "Example, v1",
    "version-description": "",
    "format": "Example, tensorflow",
    "format-version": "Example, 1",
    "endpoint": "Where the storage answers; Amazon's where it is left empty.",
    "bucket": "",
    "region": "",
    "path": "The folder or the file in the bucket, without the bucket's name.",
    "uri": "oci://, hf://, s3://, https://, pvc:// or file://.",
    "connection": "Autofill takes over where it leads. Where the files are stored, it opens the way to them.",
    "aliases": "Names for this version by which it is deployed, as champion; several by spaces.",
    "stage": "",
    "labels": "Several by commas.",
    "properties": "",
    "links": "Where it comes from, what it was made from, what was measured of it.",
    "mode": "",
    "image": "registry/repository:tag; one in the embedded registry where it is left empty.",
}


@dataclass(slots=True)
class _Asked:
    """What a request is about: `model` is the registered model that gets another version."""

    form: Form
    connections: Mapping[str, Sequence[Connection]]
    model: Document | None = None
    wrong: dict[str, str] = field(default_factory=dict)


class RegisterPages:
    """The pages, which show and change what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages
        self._drafting = Drafting(calls)
        self._once = Once()

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view
        return [
            Route(ADDRESS, view(self.show)),
            Route(ADDRESS, view(self.register), methods=["POST"]),
            Route(f"{ADDRESS}/check", view(self.check), methods=["POST"]),
        ]

    async def show(self, request: Request) -> Page:
        """Show the form, with what the address brings."""
        if request.headers.get("hx-target") == "catalog-options":
            found = await self._found(request.query_params.get("q", ""))
            return Page("registry/register.html", "", _NOTHING | found, blocks=("catalog-options",))
        asked = await self._asked(request)
        if uri := asked.form["from"]:
            asked.form = await self._filled(asked, uri)
        return await self._begun(request, asked)

    async def check(self, request: Request) -> Page:
        """Say what is wrong with what was typed so far, and what would come of it."""
        asked = await self._asked(request)
        draft = await self._drafting.draft(asked.form, asked.model)
        if not asked.form["tried"]:  # what nobody has come to yet is not wrong
            draft.errors = _typed_errors(asked.form, draft)
        return Page("registry/register_checked.html", "Register model", self._data(asked, draft))

    async def register(self, request: Request) -> Page | Response:
        """Register it, or say what keeps it from that; other buttons change the form and nothing else."""
        asked = await self._asked(request)
        do, _, what = asked.form["do"].partition(":")
        if do not in ("", "register"):
            await self._changed(asked, do, what)
            return await self._begun(request, asked)
        key = sent_key(asked.form, _MARKS)
        async with self._once.alone(key):
            where = self._once.where(key)
            if not where:
                draft = await self._drafting.draft(asked.form, asked.model, _PATIENCE)
                if not draft.errors and not draft.error:
                    try:
                        where = await self._sent(draft)
                    except ForecourtError as refused:
                        draft.error = {"message": refused.message, "hint": refused.hint}
                if draft.errors or draft.error:
                    asked.form.typed["tried"] = "true"
                    return self._page(asked, draft, await self._found(""), status=422)
                self._once.did(key, where)
        named = f"{asked.model['name'] if asked.model else asked.form['name']} {asked.form['version']}"
        stored = "is stored in the background, and registered when that is done"
        notice = f"{named} {stored if where.startswith('/jobs') else 'is registered'}"
        return see_other(request, where, notice=notice)

    async def _sent(self, draft: Draft) -> str:
        """Register it, or ask for its import, and return where that leads."""
        if draft.job:
            named = draft.job["metadata"] | {"name": f"import-{secrets.token_hex(4)}"}
            await self._calls.post(JOBS.format(named["namespace"]), draft.job | {"metadata": named})
            return "/jobs"
        made = await self._calls.post(f"{OURS}/register", draft.body)
        return version_href(made["modelVersion"]["id"])

    async def _asked(self, request: Request) -> _Asked:
        form = await Form.of(request)
        secrets_ = self._calls.get("/api/v1/secrets", labelSelector="opendatahub.io/dashboard=true")
        if form["model"]:
            model, listed = await asyncio.gather(self._calls.get(_MODELS + path(form["model"])), secrets_)
        else:
            model, listed = None, await secrets_
        there: dict[str, list[Document]] = {}
        for one in listed["items"]:
            there.setdefault(one["metadata"]["namespace"], []).append(one)
        connections = {project: [*connections_among(those)] for project, those in there.items()}
        if request.method != "POST":
            form = Form([*_DEFAULTS.items(), ("key", secrets.token_hex(8)), *form.pairs])
        return _Asked(form, connections, model)

    async def _changed(self, asked: _Asked, do: str, what: str) -> None:
        """Change the form as one of its buttons asks for."""
        form = asked.form
        if do == "from":
            asked.form = await self._filled(asked, what)
        elif do == "fill":
            uri, asked.wrong = places.located(form)
            asked.form = await self._filled(asked, uri) if uri else form
        elif do == "autofill":
            project, _, name = form["connection"].partition("/")
            chosen = next((one for one in asked.connections.get(project, ()) if one.name == name), None)
            if chosen is None:
                asked.wrong["connection"] = "Choose a connection to fill in from."
            else:
                asked.form = over(form, [*places.filled_from(chosen).items()])
        elif do == "version":
            asked.model = await self._calls.get(_MODELS + path(what))
            typed = form["version"][:300]
            standing = await self._calls.get(f"{OURS}/proposal", name=asked.model["name"], version=typed)
            taken = standing["modelVersion"] or not form["version"]
            version = standing["nextVersion"] if taken else form["version"]
            asked.form = over(form, [("model", what), ("version", version)])
        elif do == "add":
            asked.form = with_row(form, what)
        elif do == "remove":
            asked.form = without_row(form, *what.rsplit("-", 1)) if "-" in what else form

    async def _filled(self, asked: _Asked, uri: str) -> Form:
        """Return the form filled with what is known of the model at a URI; what was typed by hand stays."""
        form = asked.form
        try:
            known = await self._drafting.known(uri, 5.0)
            before = await self._drafting.known(form["filled"], 5.0) if form["filled"] else Known()
        except Refused as refused:
            message = f"{refused.message} {refused.hint}".strip()
            asked.wrong[places.field_of(form) if form["do"] else "from"] = message
            return over(form, [("from", "")])
        changed = filled(form, uri, known, before, _DEFAULTS)
        name = asked.model["name"] if asked.model else changed["name"]
        if name and not changed["version"]:
            standing = await self._calls.get(f"{OURS}/proposal", name=name[:300])
            changed = over(changed, [("version", standing["nextVersion"])])
        return changed

    async def _begun(self, request: Request, asked: _Asked) -> Page:
        """Show the form as it is, without what is wrong with fields that nobody has come to."""
        query = request.query_params.get("q", "")
        draft, found = await asyncio.gather(self._drafting.draft(asked.form, asked.model), self._found(query))
        draft.errors = _typed_errors(asked.form, draft) | asked.wrong
        draft.error = {"message": asked.wrong["from"], "hint": ""} if "from" in asked.wrong else None
        return self._page(asked, draft, found)

    async def _found(self, q: str) -> Document:
        """Return models of the catalog to choose from."""
        answer = await self._calls.get("/api/forecourt/v1/catalog/search", q=q[:200], pageSize=_MOST_FOUND)
        items = [{"uri": f"catalog://{one['source']}/{one['name']}", "title": one["name"]} for one in answer["items"]]
        return {"q": q, "catalogued": items, "catalog_total": answer["total"]}

    def _page(self, asked: _Asked, draft: Draft, found: Document, status: int = 200) -> Page:
        title = "Register new version" if asked.model else "Register model"
        crumbs = [HOME]
        if asked.model:
            crumbs.append(Crumb(asked.model["name"], model_href(asked.model["id"])))
        data = self._data(asked, draft) | found
        return Page("registry/register.html", title, data, SECTION, (*crumbs, Crumb(title)), status=status)

    def _data(self, asked: _Asked, draft: Draft) -> dict[str, Any]:
        form, model = asked.form, asked.model
        if model:  # which is said once, and not in a field
            draft.errors.pop("name", None)
        return {
            "form": dict(form.typed),
            "errors": draft.errors,
            "error": draft.error,
            "helps": HELPS,
            "model": {"id": model["id"], "name": model["name"], "archived": model["state"] == "ARCHIVED"}
            if model
            else None,
            "locations": places.LOCATIONS,
            "connections": places.choices(asked.connections),
            "stages": _STAGES,
            "relations": _RELATIONS,
            "properties": [{"name": name, "value": value} for name, value in rows(form, "properties")],
            "links": [{"relation": relation, "uri": uri} for relation, uri in rows(form, "links")],
            "taken": draft.taken if not model else None,
            "known": _told(draft.known, form),
            "job": draft.job if form["mode"] == STORE else None,
            "yaml": dump(_shortened(draft.job["spec"] if draft.job and form["mode"] == STORE else draft.body)),
            "wrong": form["wrong"].split(),
        }


_NOTHING: dict[str, Any] = {"helps": HELPS, "model": None}


def _typed_errors(form: Form, draft: Draft) -> dict[str, str]:
    """Return what is wrong because of what was typed."""
    fields = {"properties": "property-value", "links": "link-uri", "mode": "mode"}
    return {name: text for name, text in draft.errors.items() if form[fields.get(name, name)]}


def _told(known: Known, form: Form) -> dict[str, Any]:
    """Return what is said of the model that was found."""
    wanted = known.registration
    artifact = wanted.get("modelArtifact") or {}
    return {
        "uri": known.uri,
        "found": bool(wanted),
        "unreached": known.unreached,
        "filled": bool(known.uri) and form["filled"] == known.uri,
        "name": (wanted.get("registeredModel") or {}).get("name", ""),
        "format": artifact.get("modelFormatName", ""),
        "warnings": known.proposal.get("warnings", []),
        "same": [
            {"title": f"{one['registeredModel']} {one['modelVersion']}", "href": version_href(one["modelVersionId"])}
            for one in known.proposal.get("sameFiles", [])[:5]
        ],
    }


def _shortened(document: Any) -> Any:
    """Return a document as it is shown, long texts cut."""
    if isinstance(document, dict):
        return {key: _shortened(value) for key, value in document.items()}
    if isinstance(document, list):
        return [_shortened(one) for one in document]
    if isinstance(document, str) and len(document) > _SHOWN_TEXT:
        return f"{document[:_SHOWN_TEXT]}… ({len(document):,} characters)"
    return document
