"""What would be registered of the form as it is: the body that is sent, and what is wrong with it by field."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forecourt.access import who
from forecourt.dashboard.calls import Calls, Document, Refused, path
from forecourt.dashboard.forms import Form, problems
from forecourt.dashboard.registry import places
from forecourt.dashboard.registry.reading import OURS
from forecourt.errors import ForecourtError
from forecourt.registry.metadata import from_metadata, to_metadata

JOBS = "/apis/forecourt.dev/v1alpha1/namespaces/{}/jobs"
STORE = "store"
"""The mode in which files are fetched and stored; the other keeps where they are."""
ROWS = {"properties": ("property-name", "property-value"), "links": ("link-relation", "link-uri")}
"""What the form has rows of, each with the names of its two fields."""

_KEPT_SECONDS = 60.0  # that what an image says of itself is not asked for again while one types
_MOST_KEPT = 500
_PARTS = ("registeredModel", "modelVersion", "modelArtifact")
_TEXTS = {
    "name": ("registeredModel", "name"),
    "description": ("registeredModel", "description"),
    "version": ("modelVersion", "name"),
    "version-description": ("modelVersion", "description"),
    "format": ("modelArtifact", "modelFormatName"),
    "format-version": ("modelArtifact", "modelFormatVersion"),
}
"""Fields of the form, and where each is in what is registered."""


@dataclass(slots=True)
class Known:
    """What the server knows of the model at a URI. `unreached` says why it could not be asked, where it could not."""

    uri: str = ""
    proposal: Document = field(default_factory=dict)
    unreached: str = ""

    @property
    def registration(self) -> Document:
        """What it would register by itself."""
        found: Document = self.proposal.get("registration") or {}
        return found

    @property
    def version(self) -> str:
        """How the version is called by itself; empty where only the next number is free."""
        name = self.registration.get("modelVersion", {}).get("name", "")
        return "" if self.proposal.get("numbered") else str(name)


@dataclass(slots=True)
class Draft:
    """The form's outcome before anything is registered."""

    body: Document
    known: Known
    standing: Document
    errors: dict[str, str] = field(default_factory=dict)
    error: dict[str, str] | None = None
    job: Document | None = None
    """The import that is asked for, where the files are to be stored."""

    @property
    def taken(self) -> Document | None:
        """The registered model that is called so already."""
        found: Document | None = self.standing.get("registeredModel")
        return found


class Drafting:
    """Makes drafts, by asking the API."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._kept: dict[tuple[str, str], tuple[float, Known]] = {}

    async def known(self, uri: str, patience: float) -> Known:
        """Return what is known of the model at a URI, waiting so many seconds; raises `Refused` where it is none."""
        identity = who()
        key = (identity.name if identity else "", uri)
        until, known = self._kept.get(key, (0.0, Known()))
        if until > time.monotonic():
            return known
        known = Known(uri)
        try:
            async with asyncio.timeout(patience):
                known.proposal = await self._calls.get(f"{OURS}/proposal", uri=uri)
        except Refused as refused:
            if refused.status < 500 and not uri.startswith("oci"):
                raise
            if refused.status in (400, 422):
                raise
            known.unreached = refused.message
        except TimeoutError:
            return Known(uri, unreached="its registry has not answered yet")
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[key] = (time.monotonic() + _KEPT_SECONDS, known)
        return known

    async def draft(self, form: Form, model: Document | None, patience: float = 2.0) -> Draft:
        """Return the draft; `model` is the registered model that gets another version."""
        uri, errors = places.located(form)
        known = await self._of(form, uri, errors, patience)
        body = _body(form, model, known, uri)
        names = {"name": body["registeredModel"].get("name", ""), "version": body["modelVersion"].get("name", "")}
        standing = await self._calls.get(f"{OURS}/proposal", **{key: text[:300] for key, text in names.items()})
        draft = Draft(body, known, standing, errors)
        if not names["name"]:
            draft.errors["name"] = "A model needs a name."
        if not names["version"]:
            draft.errors["version"] = f"A version needs a name; {standing['nextVersion']} is free."
        _rows_checked(form, draft.errors)
        await self._resolve(draft)
        if draft.taken and model is None:
            state = "An archived model" if draft.taken["state"] == "ARCHIVED" else "A registered model"
            draft.errors["name"] = f"{state} is called {draft.taken['name']} already."
        elif draft.standing["modelVersion"]:
            draft.errors["version"] = (
                f"{names['name']} has a version {names['version']} already; {draft.standing['nextVersion']} is free."
            )
        await self._try(draft, form, uri)
        return draft

    async def _of(self, form: Form, uri: str, errors: dict[str, str], patience: float) -> Known:
        """Return what is known of where the form leads: the catalog's model, where its files are there."""
        try:
            if form["from"].startswith("catalog://"):
                known = await self.known(form["from"], patience)
                if known.registration["modelArtifact"]["uri"] == uri:
                    return known
            return await self.known(uri, patience) if uri else Known()
        except Refused as refused:
            errors.setdefault(places.field_of(form), f"{refused.message} {refused.hint}".strip())
            return Known(uri)

    async def _resolve(self, draft: Draft) -> None:
        """Have links to versions of this registry lead there: an alias may move on, and a lineage does not."""
        for link in draft.body["links"]:
            if link["uri"].startswith("model-registry://") and "modelVersionId" not in link:
                try:
                    found = await self._calls.get(f"{OURS}/resolve", uri=link["uri"])
                except Refused as refused:
                    draft.errors["links"] = f"{refused.message} {refused.hint}".strip()
                    continue
                names = (found["registeredModel"]["name"], found["modelVersion"]["name"])
                link["uri"] = f"model-registry:/{path(*names)}"
                link["modelVersionId"] = int(found["modelVersion"]["id"])

    async def _try(self, draft: Draft, form: Form, uri: str) -> None:
        """Have the server say what is wrong with it, by its own rules."""
        place = places.field_of(form)
        fields = {
            "registeredModel": "name",
            "modelVersion": "version",
            "modelArtifact": place,
            "aliases": "aliases",
            "stage": "stage",
            "links": "links",
        }
        tried = {part: dict(draft.body[part]) for part in _PARTS} | {
            key: value for key, value in draft.body.items() if key not in _PARTS
        }
        for part in ("registeredModel", "modelVersion"):
            tried[part]["name"] = tried[part].get("name") or "unnamed"  # which its field says already
        if "version" in draft.errors:
            tried["modelVersion"]["name"] = f"{draft.standing['nextVersion']}-tried"
        try:
            await self._calls.post(f"{OURS}/register", tried, dryRun="All")
        except ForecourtError as refused:
            found, draft.error = problems(refused, fields)
            if "custom property" in (text := " ".join(found.values())):
                found = {"properties": text}
            draft.errors = found | draft.errors
        if form["mode"] == STORE and uri:
            await self._try_to_store(draft, form, uri, place)

    async def _try_to_store(self, draft: Draft, form: Form, uri: str, place: str) -> None:
        project, _, connection = form["connection"].partition("/")
        parameters = {
            "uri": uri,
            "register": True,
            "name": draft.body["registeredModel"].get("name", ""),
            "version": draft.body["modelVersion"].get("name", ""),
            "tag": form["image"],
            "connection": connection,
            "requestedBy": draft.body["modelVersion"].get("author", ""),
            "registration": draft.body,
        }
        title = f"Store {parameters['name']} {parameters['version']}".strip()[:500]
        draft.job = {
            "metadata": {"namespace": project or "default"},
            "spec": {"type": "import", "title": title, "parameters": {k: v for k, v in parameters.items() if v}},
        }
        try:
            await self._calls.post(
                JOBS.format(project or "default"), draft.job | {"metadata": {"name": "tried"}}, dryRun="All"
            )
        except ForecourtError as refused:
            if "image already" in refused.message:
                draft.errors["mode"] = "It is stored in a registry already: register it where it is."
                return
            found, error = problems(refused, {"spec.parameters.uri": place, "spec.parameters.tag": "image"})
            draft.errors = found | draft.errors
            draft.error = draft.error or error


def fields_of(known: Known) -> list[tuple[str, str]]:
    """Return the form's fields that what is known fills in, rows among them."""
    wanted = known.registration
    if not wanted:
        return []
    pairs = [(name, str(wanted[part].get(key) or "")) for name, (part, key) in _TEXTS.items() if name != "version"]
    pairs.append(("version", known.version))
    pairs += [*places.fields_of(wanted["modelArtifact"]["uri"]).items()]
    for name, value in (wanted["modelVersion"].get("customProperties") or {}).items():
        pairs += [("property-name", name), ("property-value", shown(value))]
    for link in wanted["links"]:
        pairs += [("link-relation", link["relation"]), ("link-uri", link["uri"])]
    return pairs


def shown(value: Mapping[str, Any]) -> str:
    """Return a custom property's value as it is typed."""
    said = from_metadata(value)
    return str(said).lower() if isinstance(said, bool) else str(said)


def rows(form: Form, kind: str) -> list[tuple[str, str]]:
    """Return the rows of a kind, as typed."""
    first, second = ROWS[kind]
    return [*zip(form.all(first), form.all(second), strict=False)]


def _is_filled(form: Form, known: Known) -> bool:
    """Say whether the fields have what is known of this model, so that what is empty was emptied."""
    return bool(form["filled"]) and form["filled"] == known.uri


def _body(form: Form, model: Document | None, known: Known, uri: str) -> Document:
    """Return what is sent: what was typed over what is known."""
    wanted = known.registration
    filled = _is_filled(form, known)
    body: Document = {part: dict(wanted.get(part) or {}) for part in _PARTS}
    for name, (part, key) in _TEXTS.items():
        if form[name] or filled or name in ("name", "version"):  # a name is not given by chance
            body[part][key] = form[name]
    body["modelArtifact"] = {"artifactType": "model-artifact", "uri": uri, "state": "LIVE"} | body["modelArtifact"]
    body["modelArtifact"]["name"] = model["name"] if model else body["registeredModel"]["name"]
    known_properties = body["modelVersion"].get("customProperties") or {}
    properties: Document = {} if filled else dict(known_properties)
    for name, text in rows(form, "properties"):
        if name:
            before = known_properties.get(name)
            properties[name] = before if before and shown(before) == text else to_metadata(text)
    properties |= {label: to_metadata("") for label in _words(form["labels"])}
    body["modelVersion"]["customProperties"] = properties
    known_links: Sequence[Document] = wanted.get("links") or ()
    details = {(one["relation"], one["uri"]): one for one in known_links}
    links = {} if filled else dict(details)
    for relation, to in rows(form, "links"):
        if to:
            links[(relation, to)] = dict(details.get((relation, to), {"relation": relation, "uri": to}))
    if model:
        body["registeredModel"] = {"name": model["name"]}
    for part in _PARTS:
        body[part] = {key: value for key, value in body[part].items() if value not in ("", {}, [])}
    return body | {
        "aliases": form["aliases"].replace(",", " ").split(),
        "stage": form["stage"],
        "links": [*links.values()],
    }


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.replace("\n", ",").split(",") if word.strip()]


def _rows_checked(form: Form, errors: dict[str, str]) -> None:
    names = [name for name, _ in rows(form, "properties") if name] + _words(form["labels"])
    if any(value and not name for name, value in rows(form, "properties")):
        errors["properties"] = "Each property needs a key."
    elif twice := next((name for name in names if names.count(name) > 1), ""):
        errors["properties"] = f"{twice} is there twice, among the properties or the labels."
    pairs = [pair for pair in rows(form, "links") if pair[1]]
    if len(set(pairs)) < len(pairs):
        errors["links"] = "A link is there twice."
