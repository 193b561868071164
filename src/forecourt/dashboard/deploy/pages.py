"""Deploy model: the form, what it says as one types, what comes of it; and the same for a deployment that is there."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.dashboard import connecting
from forecourt.dashboard.calls import Calls, Document, Refused, path
from forecourt.dashboard.deploy.choosing import Chooser
from forecourt.dashboard.deploy.drafting import Draft, Drafting
from forecourt.dashboard.deploy.locating import Imported, fields_of, hidden_name, imported, of_deployment
from forecourt.dashboard.deploy.offers import Offers, offers_of
from forecourt.dashboard.deploy.reading import DEFAULTS, typed_of
from forecourt.dashboard.deploy.showing import shown
from forecourt.dashboard.forms import Form, Once, sent_key
from forecourt.dashboard.pages import Crumb, Page, Pages, see_other
from forecourt.errors import ForecourtError
from forecourt.objects import merged
from forecourt.serving import Wanted, named

_PATIENCE = 20.0
"""Seconds that a registry has to say what format a model has once it is to be deployed."""
_MARKS = frozenset(
    ("key", "hidden-name", "seen", "tried", "conflicting", "wrong", "offered", "typed-type", "equipped", "do")
)
"""Fields that say nothing of what is to be deployed."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request is about."""

    project: str
    form: Form
    offers: Offers
    brought: Imported | None = None
    before: Document | None = None

    @property
    def address(self) -> str:
        """Where its form is sent."""
        if self.before:
            return "/deployments" + path(self.project, self.before["metadata"]["name"], "edit")
        return "/projects" + path(self.project, "deploy")


class DeployPages:
    """The pages, which show and change what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages
        self._drafting = Drafting(calls)
        self._once = Once()

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view
        new, edit = "/projects/{project}/deploy", "/deployments/{project}/{name}/edit"
        return [
            Route("/deploy", view(Chooser(self._calls).choose), name="deploy"),
            *(
                route
                for at in (new, edit)
                for route in (
                    Route(at, view(self.show)),
                    Route(at, view(self.deploy), methods=["POST"]),
                    Route(f"{at}/check", view(self.check), methods=["POST"]),
                    Route(f"{at}/fit", view(self.fit), methods=["POST"]),
                )
            ),
        ]

    async def show(self, request: Request) -> Page:
        """Show the form, with what the address brings."""
        asked = await self._asked(request)
        draft = await self._drafting.draft(asked.form, asked.offers, asked.brought, asked.before, patience=0.5)
        draft.errors = {key: value for key, value in draft.errors.items() if key == "runtime" and asked.form["uri"]}
        draft.error = None
        return self._page(asked, draft)

    async def check(self, request: Request) -> Page:
        """Say what is wrong with what was typed so far, and what would come of it."""
        asked = await self._asked(request)
        draft = await self._drafting.draft(asked.form, asked.offers, asked.brought, asked.before)
        if not asked.form["tried"]:  # what nobody has come to yet is not wrong
            draft.errors = {key: text for key, text in draft.errors.items() if _was_typed(asked.form, key, draft)}
            draft.error = None
        return self._checked(asked, draft, conflict=bool(asked.form["conflicting"]))

    async def fit(self, request: Request) -> Page:
        """Say whether it fits this machine."""
        asked = await self._asked(request)
        draft = await self._drafting.draft(asked.form, asked.offers, asked.brought, asked.before)
        told: Document = {}
        error = ""
        if draft.location.known and draft.service and "model-format" not in draft.errors:
            service = dict(draft.kept)
            if draft.location.connection:  # which is not there yet, and the headers of a model are read without it
                notes = {"opendatahub.io/connections": None}
                service = merged(service, {"metadata": {"annotations": notes}})
            try:
                told = await self._calls.post(f"/api/forecourt/v1/namespaces{path(asked.project)}/fit", service)
            except ForecourtError as refused:
                error = refused.message
        return Page("deploy/fit.html", "Fit", {"fit": told, "unknown": error})

    async def deploy(self, request: Request) -> Page | Response:
        """Make it, or say what keeps it from being made."""
        asked = await self._asked(request)
        form = asked.form
        if form["do"] not in ("", "deploy", "overwrite"):  # a row more or less, without scripts
            draft = await self._drafting.draft(form, asked.offers, asked.brought, asked.before)
            draft.errors, draft.error = {}, None
            return self._page(asked, draft)
        key = sent_key(form, _MARKS)
        async with self._once.alone(key):
            if where := self._once.where(key):
                return see_other(request, where)
            draft = await self._drafting.draft(form, asked.offers, asked.brought, asked.before, patience=_PATIENCE)
            if asked.before and form["do"] != "overwrite" and form["seen"] != _mark(asked.before):
                return self._refused(request, asked, draft, conflict=True)
            if draft.errors or draft.error:
                return self._refused(request, asked, draft)
            try:
                made = await self._sent(asked, draft)
            except Refused as refused:
                draft.error = {"message": refused.message, "hint": refused.hint}
                return self._refused(request, asked, draft, conflict=refused.status == 409 and bool(asked.before))
            where = "/deployments" + path(asked.project, made["inferenceService"]["metadata"]["name"])
            self._once.did(key, where)
        title = draft.wanted.title
        if not made["tokens"]:
            return see_other(request, where, notice=f"{title} {'is changed' if asked.before else 'is being deployed'}")
        data = {"tokens": made["tokens"], "title": title, "href": where}
        headers = {"hx-retarget": "#main", "hx-reswap": "innerHTML show:window:top", "hx-push-url": where}
        blocks = ("deploy-form",)
        return Page("deploy/tokens.html", f"{title}: tokens", data, "deployments", blocks=blocks, headers=headers)

    async def _sent(self, asked: _Asked, draft: Draft) -> Document:
        deployments = f"/api/forecourt/v1/namespaces{path(asked.project)}/deployments"
        order = self._drafting.order(draft)
        made: Document
        if asked.before is None:
            made = await self._calls.post(deployments, order)
        else:
            made = await self._calls.put(deployments + path(asked.before["metadata"]["name"]), order)
        return made

    async def _asked(self, request: Request) -> _Asked:
        project, name = request.path_params["project"], request.path_params.get("name", "")
        form = await Form.of(request)
        offers = await offers_of(self._calls, project)
        before = None
        if name:
            services = f"/apis/serving.kserve.io/v1beta1/namespaces{path(project, 'inferenceservices', name)}"
            before = await self._calls.get(services)
        brought = await imported(self._calls, form["from"]) if form["from"] else None
        if request.method != "POST":
            form = _begun(form, offers, brought, before)
        elif form["do"]:
            form = _rows_changed(form)
        return _Asked(project, form, offers, brought, before)

    def _data(self, asked: _Asked, draft: Draft, *, conflict: bool = False) -> dict[str, Any]:
        editing = asked.before["metadata"]["name"] if asked.before else ""
        notes = (asked.before["metadata"].get("annotations") or {}) if asked.before else {}
        mode_is_fixed = "serving.kserve.io/deploymentMode" in notes
        absent = {"name"} if editing else {"canary", "cause"}
        if mode_is_fixed:
            absent.add("mode")
        if asked.brought and asked.brought.fixed:
            absent |= {*draft.location.errors, "connection", "connection-type", "connection-name", "uri"}
        for field in absent.intersection(draft.errors):  # which has no place of its own in this form
            draft.error = {"message": draft.errors.pop(field), "hint": ""}
        return shown(asked.form, asked.offers, draft, asked.brought) | {
            "editing": editing,
            "mode_is_fixed": mode_is_fixed,
            "address": asked.address,
            "conflict": conflict,
            "kept_env": _unsayable(asked.before),
            "wrong": asked.form["wrong"].split(),
            "do": asked.form["do"],
        }

    def _page(self, asked: _Asked, draft: Draft, status: int = 200, *, conflict: bool = False) -> Page:
        data = self._data(asked, draft, conflict=conflict)
        title = f"Edit {draft.wanted.title}" if asked.before else "Deploy model"
        crumbs = (
            Crumb("Data science projects", "/projects"),
            Crumb(asked.offers.title, "/projects" + path(asked.project)),
            Crumb("Models", "/projects" + path(asked.project, "models")),
            Crumb(title),
        )
        return Page("deploy/form.html", title, data, "projects", crumbs, status=status)

    def _checked(self, asked: _Asked, draft: Draft, status: int = 200, *, conflict: bool = False) -> Page:
        return Page("deploy/checked.html", "Deploy model", self._data(asked, draft, conflict=conflict), status=status)

    def _refused(self, request: Request, asked: _Asked, draft: Draft, *, conflict: bool = False) -> Page:
        asked.form.typed["tried"] = "true"
        status = 409 if conflict else 422
        make = self._checked if request.headers.get("hx-request") else self._page
        return make(asked, draft, status, conflict=conflict)


def _begun(form: Form, offers: Offers, brought: Imported | None, before: Document | None) -> Form:
    """Return the fields of a form that has just been opened."""
    pairs: list[tuple[str, str]] = [*form.typed.items()]
    usual = next((one.name for one in offers.profiles), "")
    if before:
        wanted = Wanted.of(before)
        pairs += [*typed_of(wanted), *of_deployment(wanted, offers).items(), ("seen", _mark(before))]
        return Form(pairs)
    kinds = (connecting.initial(one) for one in offers.types if one.name == DEFAULTS["connection-type"])
    pairs = [
        *DEFAULTS.items(),
        *next(kinds, {}).items(),
        ("profile", usual),
        ("hidden-name", hidden_name()),
        ("key", secrets.token_hex(8)),
    ]
    if brought:
        pairs += [*fields_of(brought).items(), ("args", brought.arguments)]
        pairs.append(("title", brought.title or named(brought.uri)))
    if form["connection"]:
        pairs += [("location", "existing")]
    return Form([*pairs, *form.typed.items()])


def _rows_changed(form: Form) -> Form:
    """Return the fields with a row more or less, as a button asks for."""
    what, _, number = form["do"].rpartition("-")
    pairs = form.pairs
    if form["do"] == "add-token":
        return Form([*pairs, ("token", "")])
    if form["do"] == "add-env":
        return Form([*pairs, ("env-name", ""), ("env-value", "")])
    names = {"remove-token": ("token",), "remove-env": ("env-name", "env-value")}.get(what, ())
    kept, seen = [], dict.fromkeys(names, 0)
    for key, value in pairs:
        if key in seen:
            seen[key] += 1
            if str(seen[key] - 1) == number:
                continue
        kept.append((key, value))
    return Form(kept)


def _was_typed(form: Form, field: str, draft: Draft) -> bool:
    """Say whether what is wrong with a field is so because of what was typed."""
    if field in ("runtime", "model-format"):
        return draft.location.known
    if field == "name":
        return bool(form["name"] or form["title"])
    return bool(form[field] or (field in ("env", "most") and field in draft.errors))


def _mark(document: Document) -> str:
    """Return a mark of what people say of a deployment; what only the server says does not change it."""
    metadata = document["metadata"]
    said = [metadata.get("labels"), metadata.get("annotations"), document["spec"]]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _unsayable(before: Document | None) -> list[str]:
    """Return the variables of a deployment whose value comes from elsewhere, which the form keeps and cannot say."""
    model = before["spec"]["predictor"].get("model") or {} if before else {}
    return [one["name"] for one in model.get("env") or () if "valueFrom" in one]
