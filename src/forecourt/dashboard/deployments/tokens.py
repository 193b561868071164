"""Who may ask a deployment: its tokens, whether it asks for one, and whether other machines reach it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from forecourt.dashboard.calls import Calls, Document, Refused
from forecourt.dashboard.deployments.frame import LIVE, common, crumbs, where
from forecourt.dashboard.deployments.listing import SECTION
from forecourt.dashboard.deployments.reading import (
    AUTH,
    EXPOSED,
    VISIBILITY,
    api,
    is_exposed,
    is_protected,
    page,
    title,
)
from forecourt.dashboard.deployments.rows import endpoints_of
from forecourt.dashboard.deployments.snippets import snippets
from forecourt.dashboard.forms import Form
from forecourt.dashboard.pages import Page, see_other


class Tokens:
    """Shows and changes it for the deployments that `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def show(self, request: Request) -> Page:
        """Show the tokens by name; one that has just been made is shown whole, this once."""
        form = await Form.of(request)
        errors, made = dict[str, str](), None
        item = await self._calls.get(api(*where(request)))
        if request.method == "POST":
            try:
                made = await self._calls.post(api(*where(request), "tokens"), {"name": form["token"]})
            except Refused as refused:
                errors = {"token": f"{refused.message} {refused.hint}".strip()}
        tokens = (await self._calls.get(api(*where(request), "tokens")))["items"]
        data = common(item, "tokens") | {
            "tokens": tokens,
            "required": is_protected(item),
            "exposed": is_exposed(item),
            "made": made,
            "snippets": _asked_with(item, made["token"]) if made else [],
            "form": {} if made else form.typed,
            "errors": errors,
        }
        status = 422 if errors else 200
        headers = {"cache-control": "no-store"} if made else {}
        way = crumbs(item, "Tokens")
        return Page("deployments/tokens.html", title(item), data, SECTION, way, LIVE, status, headers)

    async def require(self, request: Request) -> Response:
        """Have a deployment ask for a token, or ask for none."""
        wanted = (await Form.of(request))["required"] == "true"
        change = {"metadata": {"annotations": {AUTH: "true" if wanted else None}}}
        item = await self._calls.patch(api(*where(request)), change)
        told = "asks for a token from now on" if wanted else "asks for no token any more"
        return see_other(request, page(*where(request), "tokens"), notice=f"{title(item)} {told}")

    async def expose(self, request: Request) -> Response:
        """Let requests from other machines in, or not."""
        wanted = (await Form.of(request))["exposed"] == "true"
        change = {"metadata": {"labels": {VISIBILITY: EXPOSED if wanted else None}}}
        item = await self._calls.patch(api(*where(request)), change)
        told = "answers other machines too" if wanted else "answers its own machine only"
        return see_other(request, page(*where(request), "tokens"), notice=f"{title(item)} {told}")

    async def revoke(self, request: Request) -> Page | Response:
        """Ask whether a token is to open nothing any more, and revoke it."""
        item = await self._calls.get(api(*where(request)))
        token = (await Form.of(request))["token"] or request.query_params.get("token", "")
        if request.method == "POST":
            await self._calls.delete(api(*where(request), "tokens", token))
            return see_other(request, page(*where(request), "tokens"), notice=f"The token {token} is revoked")
        data: dict[str, Any] = common(item, "tokens") | {"token": token, "required": is_protected(item)}
        way = crumbs(item, "Revoke")
        blocks = ("deployment-dialog",)
        return Page("deployments/revoke.html", f"Revoke {token}", data, SECTION, way, blocks)


def _asked_with(item: Document, token: str) -> list[dict[str, str]]:
    """Return the code that sends a token, with the token in it."""
    found = snippets(item, endpoints_of(item), protected=True)
    exported = {"curl": ("$TOKEN", token), "python": ('os.environ["TOKEN"]', f'"{token}"')}
    return [
        one | {"code": one["code"].replace(*exported[one["id"]]).removeprefix("import os\n\n")}
        for one in found
        if one["id"] in exported
    ]
