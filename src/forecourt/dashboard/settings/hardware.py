"""Hardware profiles: the list, and the form of one."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.forms import Form, Once, problems
from forecourt.dashboard.pages import Crumb, Page, Pages, see_other
from forecourt.dashboard.settings import profile_form, rows
from forecourt.errors import ForecourtError
from forecourt.projects import APPS_NAMESPACE, this_machine

_GROUP = "/apis/infrastructure.opendatahub.io/v1"
_SERVICES = "/apis/serving.kserve.io/v1beta1/inferenceservices"
_USES = "opendatahub.io/hardware-profile-name"
HREF = "/settings/hardware-profiles"
SECTION = "hardware"
HOME = Crumb("Hardware profiles", HREF)
_HELP = {
    "name": "Made from the name where it is left empty. It cannot be changed later.",
    "affinity": "Processors to run on, by number: 0-3,8. Empty: any of them.",
    "devices": "Accelerators to use, by number: 0,1. Empty: whichever are free.",
}
_TRIED = ("check", "typing")  # what is pressed, or happens, that only asks whether a form would do
_Used = dict[str, list[str]]
_ROWS, _FORM = "profile-rows", "profile-form"


class HardwarePages:
    """The pages."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages
        self._once = Once()

    def routes(self) -> list[Route]:
        """Return the routes."""
        view, one = self._pages.view, HREF + "/{namespace}/{name}"
        return [
            Route(HREF, view(self.list)),
            Route(f"{HREF}/new", view(self.new), methods=["GET", "POST"]),
            Route(f"{one}/edit", view(self.edit), methods=["GET", "POST"]),
            Route(f"{one}/enabled", view(self.enable), methods=["POST"]),
            Route(f"{one}/delete", view(self.delete), methods=["GET", "POST"]),
        ]

    async def list(self, request: Request) -> Page:
        """Show the profiles, those that are proposed for this machine among them."""
        said = request.query_params.get("q", "").strip()
        items, used = (await self._calls.get(f"{_GROUP}/hardwareprofiles"))["items"], await self._used()
        everything = [_shown(one, used) for one in items]
        everything.sort(key=lambda one: (one["title"].casefold(), one["namespace"]))
        shown = [one for one in everything if said.casefold() in one["title"].casefold() + one["name"]]
        data = {"profiles": shown, "count": len(everything), "q": said, "machine": _machine()}
        return Page("settings/hardware.html", "Hardware profiles", data, SECTION, blocks=(_ROWS,))

    async def new(self, request: Request) -> Page | Response:
        """Show the form of a new profile (with ``from``, of a copy), and create it."""
        form = await Form.of(request)
        if request.method != "POST":
            return await self._form("Create hardware profile", await self._begun(request))
        if changed := profile_form.pressed(form):
            return await self._form("Create hardware profile", changed)
        if done := self._once.where(form["key"]):
            return see_other(request, done)
        name = form.name("name", "title")
        wanted = profile_form.document(form, name, None)
        where = f"{_GROUP}/namespaces" + path(form["project"] or APPS_NAMESPACE, "hardwareprofiles")
        try:
            await self._calls.post(where, wanted, dryRun="All" if form["do"] in _TRIED else "")
        except ForecourtError as refused:
            if form["do"] == "typing":
                return self._typed(form, refused)
            return await self._form("Create hardware profile", form.typed, refused)
        if form["do"] == "typing":
            return self._typed(form)
        if form["do"] == "check":
            return await self._form("Create hardware profile", form.typed, checked=True)
        self._once.did(form["key"], HREF)
        return see_other(request, HREF, notice=f"Hardware profile {form['title'] or name} created")

    async def edit(self, request: Request) -> Page | Response:
        """Show the form of a profile, and change it; of a proposed one, a copy takes its place."""
        name, form = request.path_params["name"], await Form.of(request)
        before = await self._calls.get(_place(request))
        title = f"Edit {_title(before)}"
        proposed = not before["metadata"].get("uid")
        edited = {"name": name, "proposed": proposed}
        if request.method != "POST":
            version = {"version": before["metadata"].get("resourceVersion") or ""}
            return await self._form(title, profile_form.filled(before) | version, edited=edited)
        if changed := profile_form.pressed(form):
            return await self._form(title, changed, edited=edited)
        wanted = profile_form.document(form, name, before)
        dry = "All" if form["do"] in _TRIED else ""
        try:
            if proposed:
                await self._calls.post(_place(request).rpartition("/")[0], wanted, dryRun=dry)
            else:
                wanted["metadata"]["resourceVersion"] = form["version"] or before["metadata"]["resourceVersion"]
                await self._calls.put(_place(request), wanted, dryRun=dry)
        except ForecourtError as refused:
            if form["do"] == "typing":
                return self._typed(form, refused)
            return await self._form(title, form.typed, refused, edited=edited)
        if form["do"] == "typing":
            return self._typed(form)
        if dry:
            return await self._form(title, form.typed, edited=edited, checked=True)
        return see_other(request, HREF, notice=f"Hardware profile {form['title'] or name} changed")

    async def enable(self, request: Request) -> Page | Response:
        """Offer a profile, or do not; of a proposed one, a copy takes its place."""
        form = await Form.of(request)
        disabled = "false" if form["enabled"] == "true" else "true"
        before = await self._calls.get(_place(request))
        metadata = before["metadata"]
        metadata["annotations"] = dict(metadata.get("annotations") or {}) | {profile_form.DISABLED: disabled}
        if metadata.get("uid"):
            change = {"metadata": {"annotations": {profile_form.DISABLED: disabled}}}
            await self._calls.patch(_place(request), change)
        else:
            await self._calls.post(_place(request).rpartition("/")[0], before)
        if request.headers.get("hx-target") == _ROWS:
            return await self.list(request)
        return see_other(request, HREF)

    async def delete(self, request: Request) -> Page | Response:
        """Ask, then delete a profile that somebody made."""
        name = request.path_params["name"]
        if request.method == "POST":
            await self._calls.delete(_place(request))
            return see_other(request, HREF, notice=f"Hardware profile {name} deleted")
        one = await self._calls.get(_place(request))
        users = (await self._used()).get(name, [])
        if one["metadata"]["namespace"] != APPS_NAMESPACE:
            users = [each for each in users if each.startswith(one["metadata"]["namespace"] + "/")]
        proposed = not one["metadata"].get("uid")
        lost = ["It is no longer offered to those who deploy, and what it says is lost."]
        if proposed:
            lost = ["It is proposed from this machine and cannot be deleted. Disable it to have it not be offered."]
        data = {
            "question": f"Delete the hardware profile {_title(one)}?",
            "lost": lost,
            "used_by": users,
            "used_text": "These deployments have it. They go on with what they got, and cannot be changed before they "
            "get another profile:",
            "blocked": proposed,
            "verb": "Delete hardware profile",
            "back": HREF,
            "frees": None,
        }
        crumbs = (HOME, Crumb("Delete hardware profile"))
        return Page("settings/confirm.html", f"Delete {_title(one)}", data, SECTION, crumbs)

    async def _begun(self, request: Request) -> dict[str, str]:
        """Return what the form of a new profile begins with: a copy of one, or the defaults."""
        namespace, _, copied = request.query_params.get("from", "").partition("/")
        if not copied:
            return profile_form.fresh()
        where = f"{_GROUP}/namespaces" + path(namespace, "hardwareprofiles", copied)
        typed = profile_form.filled(await self._calls.get(where))
        return typed | {"name": "", "title": f"Copy of {typed['title']}"}

    async def _form(
        self,
        title: str,
        typed: dict[str, Any],
        refused: ForecourtError | None = None,
        *,
        edited: dict[str, Any] | None = None,
        checked: bool = False,
    ) -> Page:
        errors, error = problems(refused, profile_form.fields(typed)) if refused else ({}, None)
        projects = [one["metadata"]["name"] for one in (await self._calls.get("/api/v1/namespaces"))["items"]]
        data = {
            "form": typed,
            "errors": errors,
            "error": error,
            "edited": edited,
            "help": _HELP,
            "checked": checked,
            "machine": _machine(),
            "identifier_rows": list(rows.count(typed, "identifier")),
            "selector_rows": list(rows.count(typed, "selector")),
            "toleration_rows": list(rows.count(typed, "toleration")),
            "types": [[one, one] for one in profile_form.TYPES],
            "units": {kind: [list(unit) for unit in those] for kind, those in profile_form.UNITS.items()},
            "effects": [[one, one or "Any effect"] for one in profile_form.EFFECTS],
            "scopes": [["", "All projects"], *([name, f"Project {name}"] for name in projects)],
        }
        status = 422 if refused else 200
        crumbs = (HOME, Crumb(title))
        return Page("settings/hardware_form.html", title, data, SECTION, crumbs, blocks=(_FORM,), status=status)

    def _typed(self, form: Form, refused: ForecourtError | None = None) -> Response:
        """Return what is wrong with what was typed so far, each at its field; what is missing may still come."""
        fields = profile_form.fields(form.typed)
        errors, _ = problems(refused, fields) if refused else ({}, None)
        errors = {name: text for name, text in errors.items() if form[name] or not text.startswith("Required")}
        names = list(dict.fromkeys(name for name in fields.values() if name != "queue"))
        return self._pages.fragment("settings/checked.html", names=names, errors=errors, help=_HELP)

    async def _used(self) -> _Used:
        """Return the deployments that have each profile, by its name."""
        used: _Used = {}
        for one in (await self._calls.get(_SERVICES))["items"]:
            metadata = one["metadata"]
            if name := (metadata.get("annotations") or {}).get(_USES):
                used.setdefault(name, []).append(f"{metadata['namespace']}/{metadata['name']}")
        return used


def _place(request: Request) -> str:
    given = request.path_params
    return f"{_GROUP}/namespaces" + path(given["namespace"], "hardwareprofiles", given["name"])


def _title(profile: Document) -> str:
    metadata = profile["metadata"]
    return str((metadata.get("annotations") or {}).get(profile_form.DISPLAY_NAME) or metadata["name"])


def _shown(profile: Document, used: _Used) -> Document:
    metadata, spec = profile["metadata"], profile.get("spec") or {}
    annotations = metadata.get("annotations") or {}
    everywhere = metadata["namespace"] == APPS_NAMESPACE
    users = used.get(metadata["name"], [])
    scheduling = spec.get("scheduling") or {}
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "project": "" if everywhere else metadata["namespace"],
        "title": _title(profile),
        "description": annotations.get(profile_form.DESCRIPTION, ""),
        "enabled": annotations.get(profile_form.DISABLED) != "true",
        "proposed": not metadata.get("uid"),
        "modified": annotations.get(profile_form.MODIFIED) or metadata.get("creationTimestamp"),
        "identifiers": [_amounts(one) for one in spec.get("identifiers") or ()],
        "affinity": annotations.get(profile_form.AFFINITY, ""),
        "devices": annotations.get(profile_form.DEVICES, ""),
        "scheduling": scheduling.get("type", ""),
        "queue": (scheduling.get("kueue") or {}).get("localQueueName", ""),
        "selectors": (scheduling.get("node") or {}).get("nodeSelector") or {},
        "tolerations": len((scheduling.get("node") or {}).get("tolerations") or ()),
        "usedBy": users if everywhere else [one for one in users if one.startswith(metadata["namespace"] + "/")],
    }


def _amounts(one: Document) -> Document:
    most = one.get("maxCount")
    return {
        "title": one.get("displayName") or one.get("identifier", ""),
        "identifier": one.get("identifier", ""),
        "type": one.get("resourceType", ""),
        "default": str(one.get("defaultCount", "")),
        "range": f"{one.get('minCount', '')} to {most}" if most is not None else f"at least {one.get('minCount', '')}",
    }


def _machine() -> Document:
    """Return what this machine has, which profiles are proposed from."""
    machine = this_machine()
    names = [one.name for one in machine.accelerators]
    return {
        "cores": machine.cores,
        "memory": machine.memory,
        "accelerators": [f"{names.count(name)} × {name}" for name in dict.fromkeys(names)],
    }
