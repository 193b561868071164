"""What is changed of a model or a version on its page: a part at a time, and nothing of the rest."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.forms import Form
from forecourt.dashboard.pages import Page, see_other
from forecourt.dashboard.registry.reading import (
    API,
    COLLECTIONS,
    KINDS,
    MODELS,
    OURS,
    VERSIONS,
    asked_for,
    model_href,
    version_href,
)
from forecourt.errors import ForecourtError, NotFound
from forecourt.registry.metadata import INT32, to_metadata

_TEXTS = {
    "description": ("description",),
    "readme": ("readme",),
    "details": ("owner", "provider", "license", "licenseLink", "libraryName", "maturity"),
    "author": ("author",),
}
_PARTS = (*_TEXTS, "labels", "properties", "stage", "aliases")
_LISTS = {"details": ("tasks", "language")}
_LATER = "Somebody has changed it since you began. What you typed is below; save again to have it as you say."
Make = Callable[..., Awaitable[Page]]


class Wrong(ForecourtError):
    """A field of a part is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Changing:
    """Changes what `calls` reach; `pages` makes the page of a model and of a version again, with what is wrong."""

    def __init__(self, calls: Calls, pages: Mapping[str, Make]) -> None:
        self._calls = calls
        self._pages = pages

    async def change(self, request: Request) -> Page | Response:
        """Change the part that the form is of."""
        what, identity = asked_for(request)
        form = await Form.of(request)
        part = form["part"]
        if part not in _PARTS:
            raise NotFound(f"There is nothing called {part!r} to be changed.")
        own = (model_href if what == "models" else version_href)(identity)
        try:
            said = await self._apply(COLLECTIONS[what], identity, part, form)
        except ForecourtError as error:
            field = getattr(error, "field", "")
            shown: dict[str, Any] = {"errors": {field: error.message}} if field else {}
            if not field:
                shown = {"error": {"message": error.message, "hint": error.hint}}
            if isinstance(error, _Changed):
                form.typed["seen"] = error.seen
            edit = f"property:{form['before']}" if part == "properties" and form["before"] else part
            status = 409 if isinstance(error, _Changed) else 422
            return await self._pages[what](request, edit=edit, typed=form.typed, status=status, **shown)
        return see_other(request, f"{own}#part-{part}", notice=said)

    async def _apply(self, collection: str, identity: str, part: str, form: Form) -> str:
        """Change a part; return what is said of it. Raises `Refused`, `Wrong`, `_Changed`."""
        where = f"{OURS}/{collection}{path(identity)}"
        match part:
            case "labels":
                return await self._label(where, form)
            case "properties":
                return await self._property(where, form)
            case "stage":
                await self._calls.put(f"{where}/stage", {"stage": form["stage"]})
                return f"It is in the stage {form['stage']}" if form["stage"] else "It is in no stage"
            case "aliases":
                return await self._alias(identity, form)
        await self._unless_changed(collection, identity, part, form)
        fields: Document = {name: form[name] for name in _TEXTS[part]}
        for name in _LISTS.get(part, ()):
            fields[name] = [word for each in form[name].split(",") if (word := each.strip())]
        await self._calls.patch(where, fields)
        return "Saved"

    async def _unless_changed(self, collection: str, identity: str, part: str, form: Form) -> None:
        now = str((await self._calls.get(f"{API}/{collection}{path(identity)}"))["lastUpdateTimeSinceEpoch"])
        if form["seen"] and form["seen"] != now:
            raise _Changed(now)

    async def _label(self, where: str, form: Form) -> str:
        if gone := form["remove"]:
            await self._calls.patch(where, {"customProperties": {gone: None}})
            return f"The label {gone} is removed"
        name = form["label"]
        if not name:
            raise Wrong("label", "Type the label.")
        await self._calls.patch(where, {"customProperties": {name: to_metadata("")}})
        return f"The label {name} is added"

    async def _property(self, where: str, form: Form) -> str:
        if gone := form["remove"]:
            await self._calls.patch(where, {"customProperties": {gone: None}})
            return f"The property {gone} is removed"
        name, before = form["name"], form["before"]
        if not name:
            raise Wrong("name", "Type the property's key.")
        if name != before and name in (await self._there(where)):
            raise Wrong("name", f"There is a property or a label {name} already: edit that one.")
        changed: Document = {name: _value(form["kind"], form["value"])}
        if before and before != name:
            changed[before] = None
        await self._calls.patch(where, {"customProperties": changed})
        return f"The property {name} is saved"

    async def _there(self, where: str) -> Mapping[str, Any]:
        found = await self._calls.get(where.replace(OURS, API, 1))
        said: Mapping[str, Any] = found.get("customProperties") or {}
        return said

    async def _alias(self, identity: str, form: Form) -> str:
        model = (await self._calls.get(f"{API}/{VERSIONS}{path(identity)}"))["registeredModelId"]
        aliases = f"{OURS}/{MODELS}{path(model)}/aliases"
        if gone := form["remove"]:
            await self._calls.delete(aliases + path(gone))
            return f"The alias {gone} is removed"
        alias = form["alias"]
        if not alias:
            raise Wrong("alias", "Type the alias.")
        try:
            made = await self._calls.put(aliases + path(alias), {"modelVersionId": int(identity)})
        except ForecourtError as error:
            raise Wrong("alias", f"{error.message} {error.hint}".strip()) from None
        if (before := made["before"]) and before != identity:
            other = await self._calls.get(f"{API}/{VERSIONS}{path(before)}")
            return f"{alias} is this version's now; it was {other['name']}'s"
        return f"{alias} is an alias of this version"


class _Changed(ForecourtError):
    """What is edited was changed by somebody else meanwhile; `seen` is since when it is as it is."""

    def __init__(self, seen: str) -> None:
        super().__init__(_LATER)
        self.seen = seen


def _value(kind: str, text: str) -> Document:
    """Return a property's value as the API has it; raises `Wrong`."""
    try:
        match kind:
            case "integer":
                if int(text) not in INT32:
                    raise Wrong("value", "An integer has 32 bits here: from -2147483648 to 2147483647.")
                return to_metadata(int(text))
            case "number":
                if not math.isfinite(number := float(text)):
                    raise ValueError
                return {"double_value": number, "metadataType": "MetadataDoubleValue"}
            case "boolean":
                return to_metadata({"true": True, "false": False}[text.lower()])
    except (ValueError, KeyError):
        article = "an" if kind == "integer" else "a"
        example = {"integer": "42", "number": "0.93", "boolean": "true or false"}[kind]
        raise Wrong("value", f"{text!r} is not {article} {kind}: say {example}.") from None
    if kind not in KINDS.values():
        raise Wrong("kind", "Choose a type.")
    if not text:
        raise Wrong("value", "Type the value; what has none is a label.")
    return to_metadata(text)
