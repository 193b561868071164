"""A registered model's page: what it says of itself, its versions, what serves them, and its audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup
from starlette.requests import Request

from forecourt.catalog import harmless_html
from forecourt.dashboard.calls import Calls, path
from forecourt.dashboard.pages import Crumb, Page
from forecourt.dashboard.registry.listing import Listing
from forecourt.dashboard.registry.reading import API, ARCHIVE, HOME, MODELS, SECTION, model_href, shown_model
from forecourt.dashboard.registry.serving import deployments_of
from forecourt.dashboard.registry.trail import trail

TABS = {"": "Overview", "versions": "Versions", "deployments": "Deployments", "history": "History"}
_PAGES = {"": "overview", "versions": "versions", "deployments": "deployments", "history": "history"}


class Models:
    """The pages of models that `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._listing = Listing(calls)

    async def show(self, request: Request) -> Page:
        """Show one of a model's tabs; raises `Refused` where there is no such model."""
        return await self.page(request, edit=request.query_params.get("edit", ""))

    async def page(self, request: Request, *, edit: str = "", status: int = 200, **form: Any) -> Page:
        """Return a model's page: with what is edited, and what was typed of it."""
        identity, said = request.path_params["id"], request.path_params.get("tab", "")
        tab = said if said in TABS else ""
        found = await self._calls.get(f"{API}/{MODELS}{path(identity)}")
        model = shown_model(found)
        own = model_href(identity)
        data: dict[str, Any] = {
            "model": {key: value for key, value in model.items() if key != "readme"},
            "thing": model,
            "collection": "models",
            "tab": tab or "overview",
            "tabs": [
                {"href": f"{own}/{name}" if name else own, "title": title, "current": name == tab}
                for name, title in TABS.items()
            ],
            "edit": edit,
        }
        match tab:
            case "versions":
                more, status = await self._listing.versions(request, model)
                data |= more
            case "deployments":
                data |= await deployments_of(self._calls, request, model_id=identity)
            case "history":
                data |= await trail(self._calls, request.query_params, registeredModelId=identity)
            case _:
                data |= overview(model, edit, form)
        above = (HOME, ARCHIVE) if model["archived"] else (HOME,)
        blocks = {"versions": ("registry-rows",), "deployments": ("registry-deployments",)}.get(tab, ())
        template = f"registry/model_{_PAGES[tab]}.html"
        return Page(template, model["name"], data, SECTION, (*above, Crumb(model["name"])), blocks, status)


def overview(model: Mapping[str, Any], edit: str, form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the overview shows besides the model: its card as HTML, and the form of the part that is edited."""
    typed = {
        "description": model["description"],
        "readme": model["readme"],
        **{name: model[name] for name in ("owner", "provider", "license", "licenseLink", "libraryName", "maturity")},
        "tasks": ", ".join(model["tasks"]),
        "language": ", ".join(model["language"]),
        "seen": model["updated"],
    }
    return {
        "card_html": Markup(harmless_html(model["readme"])) if model["readme"] else "",  # noqa: S704 (made harmless)
        **edited(model, edit, typed, form),
    }


def edited(thing: Mapping[str, Any], edit: str, typed: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form of the part that is edited: what is there, or what was typed and is wrong with it."""
    name = edit.removeprefix("property:") if edit.startswith("property:") else ""
    if found := next((one for one in thing["properties"] if one["name"] == name), None):
        typed |= {"before": name, "name": name, "kind": found["kind"], "value": found["value"]}
    return {
        "form": typed | dict(given.get("typed") or {}),
        "errors": given.get("errors") or {},
        "error": given.get("error"),
    }
