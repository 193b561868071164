"""Storage: what takes space, what needs each of it, and what can go, once somebody has seen what is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.dashboard.calls import Calls, Document
from forecourt.dashboard.forms import Form
from forecourt.dashboard.pages import Crumb, Page, Pages, address, see_other
from forecourt.dashboard.wording import size

STORAGE = "/api/forecourt/v1/storage"
HREF = "/settings/storage"
SECTION = "storage"
HOME = Crumb("Storage", HREF)
_PARTS = "storage-parts"
_MOST = 200  # rows of a group


class StoragePages:
    """The pages."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view
        return [
            Route(HREF, view(self.show)),
            Route(f"{HREF}/free", view(self.free), methods=["GET", "POST"]),
        ]

    async def show(self, request: Request) -> Page:
        """Show the disk at once, and what takes space when that was measured: it may take a second."""
        disk: Document = await self._calls.get(f"{STORAGE}/disk")
        data: Document = {"measured": False, "groups": [], "disk": disk, "bars": []}
        if request.query_params.get("measure") == "true":
            answer = await self._calls.get(STORAGE)
            data = {
                "measured": True,
                "disk": answer["disk"],
                "size": answer["sizeBytes"],
                "needless": answer["needlessBytes"],
                "groups": [_shown(one) for one in answer["groups"]],
                "bars": _bars(answer),
            }
        return Page("settings/storage.html", "Storage", data, SECTION, blocks=(_PARTS,))

    async def free(self, request: Request) -> Page | Response:
        """Say what would go, what that frees and what is lost; then do it."""
        if request.method == "POST":
            form = await Form.of(request)
            items = [one for one in form.all("item") if one]
            done = await self._calls.post(f"{STORAGE}/free", {"items": items, "dryRun": False})
            gone = [one for one in done["items"] if one["removed"]]
            stays = [one for one in done["items"] if not one["removed"]]
            if not stays:
                count = f"{len(gone)} items" if len(gone) != 1 else gone[0]["name"]
                return see_other(request, HREF, notice=f"{count} removed, {size(done['freedBytes'])} freed")
            data = {
                "done": True,
                "gone": _planned(gone, {}),
                "stays": _planned(stays, {}),
                "frees": done["freedBytes"],
                "back": HREF,
            }
            return Page("settings/free.html", "Free space", data, SECTION, (HOME, Crumb("Free space")), status=409)
        asked = request.query_params.getlist("item")
        everything = await self._calls.get(STORAGE)
        about = {one["id"]: one | {"group": group["title"]} for group in everything["groups"] for one in group["items"]}
        plan = await self._calls.post(f"{STORAGE}/free", {"items": asked or None, "dryRun": True})
        data = {
            "done": False,
            "goes": _planned([one for one in plan["items"] if not one["message"]], about),
            "stays": _planned([one for one in plan["items"] if one["message"]], about),
            "frees": plan["freedBytes"],
            "asked": bool(asked),
            "back": HREF,
        }
        return Page("settings/free.html", "Free space", data, SECTION, (HOME, Crumb("Free space")))


def _planned(items: Sequence[Document], about: dict[str, Document]) -> list[Document]:
    """Return what a plan says of items, with what is known of them."""
    return [{"lost": "", "again": "", "group": "", **about.get(one["id"], {}), **one} for one in items]


def _shown(group: Document) -> Document:
    items = [one | {"href": address(f"{HREF}/free", item=one["id"])} for one in group["items"]]
    return group | {"items": items[:_MOST], "more": max(0, len(items) - _MOST), "count": len(items)}


def _bars(answer: Document) -> list[dict[str, Any]]:
    """Return the parts of the disk, as hundredths of it: what this home has, by groups, what others have, the rest."""
    total = max(1, answer["disk"]["totalBytes"])
    parts = [(group["title"], group["sizeBytes"], group["id"]) for group in answer["groups"] if group["sizeBytes"]]
    others = max(0, answer["disk"]["usedBytes"] - answer["sizeBytes"])
    found: list[dict[str, Any]] = []
    at = 0.0
    for title, count, kind in [*parts, ("Other files on this disk", others, "elsewhere")]:
        share = 100 * count / total
        found.append({"title": title, "size": count, "kind": kind, "at": round(at, 3), "share": round(share, 3)})
        at += share
    return found
