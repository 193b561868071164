"""A deployment as YAML: to read, and to change with the server's own checks told at their lines."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from forecourt.dashboard.calls import Calls, Document, Refused
from forecourt.dashboard.deployments.changes import compared, kept
from forecourt.dashboard.deployments.frame import LIVE, common, crumbs, where
from forecourt.dashboard.deployments.listing import SECTION
from forecourt.dashboard.deployments.reading import api, page, title
from forecourt.dashboard.forms import Form
from forecourt.dashboard.pages import Page, see_other
from forecourt.errors import ForecourtError, InvalidObject
from forecourt.objects import Located, Position, dump, load_located, place_of, written
from forecourt.serving import service_problems

_LINE = re.compile(r"line (\d+), column (\d+)")
_TRIES = 3
Finding = dict[str, Any]


class Editing:
    """Shows and changes the YAML of the deployments that `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def show(self, request: Request) -> Page | Response:
        """Show all of the object, its status too; with ``download`` as a file."""
        item = await self._calls.get(api(*where(request)))
        if "download" in request.query_params:
            name = item["metadata"]["name"]
            headers = {"content-disposition": f'attachment; filename="{name}.yaml"', "cache-control": "no-store"}
            return Response(kept(item), media_type="application/yaml", headers=headers)
        data = common(item, "yaml") | {"yaml": dump(item)}
        return Page("deployments/yaml.html", title(item), data, SECTION, crumbs(item, "YAML"), blocks=LIVE)

    async def edit(self, request: Request) -> Page | Response:
        """Show the editor, and save what was typed unless somebody else has changed the deployment meanwhile."""
        item = await self._calls.get(api(*where(request)))
        form = await Form.of(request)
        stands, typed = kept(item), form["text"]
        findings, changed = list[Finding](), list[dict[str, str]]()
        error = None
        if request.method != "POST":
            typed = stands
        elif form["before"] and form["before"] != stands.strip():
            changed = compared(form["before"], stands)
        else:
            findings, error = await self._save(item, typed)
            if not findings and error is None:
                return see_other(request, page(*where(request), "yaml"), notice=f"{title(item)} is saved")
        data = common(item, "yaml") | {
            "form": {"text": typed},
            "before": stands,
            "findings": findings,
            "changed": changed,
            "error": error,
        }
        status = 409 if changed else 422 if findings or error else 200
        way = crumbs(item, "Edit YAML")
        return Page("deployments/edit_yaml.html", title(item), data, SECTION, way, status=status)

    async def check(self, request: Request) -> Page:
        """Say what is wrong with what is typed; nothing is kept."""
        item = await self._calls.get(api(*where(request)))
        findings, error = await self._save(item, (await Form.of(request))["text"], dry=True)
        if error:
            findings = [*findings, {"line": 1, "column": 1, "severity": "error", "message": error["message"]}]
        data = common(item, "yaml") | {"findings": findings, "changed": [], "error": None, "before": ""}
        blocks = ("text-findings",)
        return Page("deployments/edit_yaml.html", title(item), data, SECTION, crumbs(item, "Edit YAML"), blocks)

    async def _save(
        self, item: Document, text: str, *, dry: bool = False
    ) -> tuple[list[Finding], dict[str, str] | None]:
        """Replace a deployment by what was typed; return what is wrong at which lines, and what is wrong as a whole."""
        try:
            given = _read(text)
        except ForecourtError as wrong:
            return [_finding(wrong, None)], None
        metadata = given.document.get("metadata")
        if not isinstance(metadata, dict):
            return [_finding(InvalidObject("metadata: Required value: it is a map"), given)], None
        findings = _by_schema(given, item)
        if any(one["severity"] == "error" for one in findings):
            return findings, None
        here = api(item["metadata"]["namespace"], item["metadata"]["name"])
        for tried in range(1, _TRIES + 1):
            own = {key: value for key, value in item["metadata"].items() if key not in ("labels", "annotations")}
            wanted = given.document | {"metadata": own | metadata | {"resourceVersion": own.get("resourceVersion")}}
            try:
                await self._calls.send("PUT", here, wanted, query={"dryRun": "All" if dry else ""})
            except Refused as refused:
                if refused.status == 409 and tried < _TRIES:  # its status has changed since, which is nothing of ours
                    item = await self._calls.get(here)
                    continue
                found = _finding(refused, given)
                if found["line"]:
                    return [*findings, found], None
                return findings, {"message": refused.message, "hint": refused.hint}
            break
        return findings if dry else [], None


def _read(text: str) -> Located:
    found = load_located(text)
    if len(found) != 1 or not isinstance(found[0].document, dict):
        raise InvalidObject("This must be one object: a map with apiVersion, kind, metadata and spec.")
    return found[0]


def _by_schema(given: Located, item: Document) -> list[Finding]:
    """Return what KServe's schema has against what was typed: an unknown field is an error, unless it stands already.

    A newer KServe may know that one, and who edits something else is not kept from it.
    """
    stand = {one.place for one in service_problems(item) if one.unknown}
    found = [_at(position, "error", f'duplicate field "{written(place)}"') for place, position in given.repeated]
    for one in service_problems(given.document):
        where = (given.key if one.about_key else given.value)(one.place)
        found.append(_at(where, "warning" if one.warning or one.place in stand else "error", str(one)))
    return found


def _at(position: Position, severity: str, message: str) -> Finding:
    return {"line": position.line, "column": position.column, "severity": severity, "message": message}


def _finding(error: ForecourtError, given: Located | None) -> Finding:
    """Return what is wrong with its line, which is 0 where it is not known."""
    line, column = 0, 0
    if said := _LINE.search(error.message):
        line, column = int(said[1]), int(said[2])
    elif given is None:
        line, column = 1, 1
    else:
        field, found, _ = error.message.partition(": ")
        if found and re.fullmatch(r"[\w./\-\[\]]+", field) and given.has_lines:
            position = given.value(place_of(field))
            line, column = position.line, position.column
    message = f"{error.message} {error.hint}".strip()
    return {"line": line, "column": column, "severity": "error", "message": message}
