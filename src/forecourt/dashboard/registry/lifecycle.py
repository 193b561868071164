"""Archiving, restoring and deleting models and versions."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from forecourt.dashboard.calls import Calls, Refused, path
from forecourt.dashboard.forms import Form
from forecourt.dashboard.pages import Crumb, Page, see_other
from forecourt.dashboard.registry.reading import (
    API,
    COLLECTIONS,
    HOME,
    OURS,
    SECTION,
    asked_for,
    model_href,
    version_href,
)

_KINDS = {
    "ModelVersion": "version",
    "ModelArtifact": "model artifact",
    "DocArtifact": "document",
    "DataSet": "dataset",
    "Metric": "metric",
    "Parameter": "parameter",
    "InferenceService": "record of a deployment",
    "ServeModel": "record of what was served",
}
_DIALOG = ("registry-dialog",)


class Lifecycle:
    """Changes what `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def archive(self, request: Request) -> Page | Response:
        """Ask for the name, then archive; what is deployed is not."""
        thing = await self._thing(request)
        served = await self._served(request)
        form = await Form.of(request)
        errors = {}
        if request.method == "POST" and not served:
            if form["confirm"] == thing["name"]:
                await self._state(request, "ARCHIVED")
                back = "/registry" if thing["what"] == "models" else thing["above"]
                return see_other(request, back, notice=f"{thing['name']} is archived; it can be restored")
            errors["confirm"] = f"Type {thing['name']} to confirm."
        data = {"thing": thing, "served": served, "errors": errors}
        status = 422 if errors else 409 if request.method == "POST" else 200
        title = f"Archive {thing['word']}"
        return Page("registry/archive.html", title, data, SECTION, _crumbs(thing, title), _DIALOG, status)

    async def restore(self, request: Request) -> Response:
        """Bring back what is archived."""
        thing = await self._thing(request)
        await self._state(request, "LIVE")
        return see_other(request, thing["href"], notice=f"{thing['name']} is restored")

    async def delete(self, request: Request) -> Page | Response:
        """Say what goes with it and ask for the name, then delete for good."""
        thing = await self._thing(request)
        where = f"{OURS}/{COLLECTIONS[thing['what']]}{path(thing['id'])}"
        served = await self._served(request)
        form = await Form.of(request)
        errors, error = {}, None
        if request.method == "POST" and not served:
            if form["confirm"] == thing["name"]:
                try:
                    await self._calls.delete(where, cascade=True)
                    return see_other(request, thing["above"], notice=f"{thing['name']} is deleted")
                except Refused as refused:
                    error = {"message": refused.message, "hint": refused.hint}
            else:
                errors["confirm"] = f"Type {thing['name']} to confirm."
        others = (await self._calls.get(f"{where}/dependents"))["items"]
        names: dict[str, list[str]] = {}
        for one in others:
            names.setdefault(_KINDS.get(one["kind"], one["kind"]), []).append(one["name"])
        lost = [{"what": what, "count": len(each), "names": each[:5]} for what, each in names.items()]
        data = {"thing": thing, "served": served, "lost": lost, "errors": errors, "error": error}
        status = 422 if errors else 409 if request.method == "POST" else 200
        title = f"Delete {thing['word']}"
        return Page("registry/delete.html", title, data, SECTION, _crumbs(thing, title), _DIALOG, status)

    async def _thing(self, request: Request) -> dict[str, Any]:
        what, identity = asked_for(request)
        found = await self._calls.get(f"{API}/{COLLECTIONS[what]}{path(identity)}")
        of_model = what == "models"
        return {
            "what": what,
            "word": "model" if of_model else "version",
            "id": identity,
            "name": found["name"],
            "archived": found.get("state") == "ARCHIVED",
            "href": (model_href if of_model else version_href)(identity),
            "above": "/registry" if of_model else model_href(found["registeredModelId"]) + "/versions",
        }

    async def _served(self, request: Request) -> list[dict[str, str]]:
        """Return the deployments that serve it."""
        what, identity = asked_for(request)
        field = "registeredModelId" if what == "models" else "modelVersionId"
        said = await self._calls.get(
            f"{API}/inference_services", filterQuery=f"{field} = {int(identity)} AND desiredState = 'DEPLOYED'"
        )
        places = await self._calls.get(f"{API}/serving_environments") if said["items"] else {"items": []}
        names = {one["id"]: one["name"] for one in places["items"]}
        return [
            {"namespace": names.get(one["servingEnvironmentId"], ""), "name": one["name"].partition("/")[0]}
            for one in said["items"]
        ]

    async def _state(self, request: Request, state: str) -> None:
        what, identity = asked_for(request)
        await self._calls.patch(f"{OURS}/{COLLECTIONS[what]}{path(identity)}", {"state": state})


def _crumbs(thing: dict[str, Any], title: str) -> tuple[Crumb, ...]:
    return (HOME, Crumb(thing["name"], thing["href"]), Crumb(title))
