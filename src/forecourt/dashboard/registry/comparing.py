"""Versions side by side: what each says, what it was measured to do, where it comes from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.pages import Crumb, Page
from forecourt.dashboard.registry.reading import API, HOME, MODELS, OURS, SECTION, VERSIONS, shown_version
from forecourt.dashboard.registry.versions import located

MOST = 4
_LONGEST = 2000


class Comparison:
    """Compares what `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def compare(self, request: Request) -> Page:
        """Show up to four versions side by side; raises `Refused` where one is not there."""
        ids = list(dict.fromkeys(request.query_params.getlist("version")))
        chosen = await asyncio.gather(*(self._version(each) for each in ids[:MOST]))
        data = {"versions": [one["head"] for one in chosen], "rows": rows(chosen), "left_out": max(0, len(ids) - MOST)}
        models = {one["head"]["model"]: one["head"]["model_href"] for one in chosen}
        above = [Crumb(name, f"{href}/versions") for name, href in models.items()] if len(models) == 1 else []
        return Page("registry/compare.html", "Compare versions", data, SECTION, (HOME, *above, Crumb("Compare")))

    async def _version(self, identity: str) -> dict[str, Any]:
        where = f"{VERSIONS}{path(identity)}"
        found, artifacts, lineage = await asyncio.gather(
            self._calls.get(f"{API}/{where}"),
            self._calls.get(f"{API}/{where}/artifacts", pageSize=200),
            self._calls.get(f"{OURS}/{where}/lineage"),
        )
        shown = shown_version(found, lineage["registeredModel"])
        files: Document = next((one for one in artifacts["items"] if one.get("artifactType") == "model-artifact"), {})
        values = {one["name"]: str(one["value"]) for one in artifacts["items"] if "value" in one}
        return {
            "head": {
                "id": shown["id"],
                "name": shown["name"],
                "href": shown["href"],
                "model": lineage["registeredModel"],
                "model_href": f"/registry/{MODELS.removeprefix('registered_')}{path(lineage['registeredModelId'])}",
                "deploy": shown["deploy"],
                "archived": shown["archived"],
            },
            "version": shown,
            "files": located(files),
            "lineage": lineage,
            "values": values,
            "properties": {one["name"]: one["value"] for one in shown["properties"]},
        }


_FIXED: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("Description", lambda one: one["version"]["description"]),
    ("Author", lambda one: one["version"]["author"]),
    ("Stage", lambda one: one["version"]["stage"].capitalize()),
    ("Aliases", lambda one: ", ".join(one["lineage"]["aliases"])),
    ("Labels", lambda one: ", ".join(one["version"]["labels"])),
    ("Format", lambda one: f"{one['files']['format']} {one['files']['format_version']}".strip()),
    ("Model location", lambda one: one["files"]["uri"]),
    ("Digest", lambda one: one["files"]["digest"]),
    ("Comes from", lambda one: "\n".join(each["uri"] for each in one["lineage"]["sources"])),
    ("Made from", lambda one: "\n".join(_parent(each) for each in one["lineage"]["parents"])),
    ("Deployments", lambda one: str(_live(one)) if _live(one) else ""),
)


def rows(chosen: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the table: a title, what each version says there, whether they differ; no empty ones."""
    found = [(title, "", [say(one) for one in chosen]) for title, say in _FIXED]
    for kind, key in (("Metric", "values"), ("Property", "properties")):
        names = dict.fromkeys(name for one in chosen for name in one[key])
        found += [(name, kind, [one[key].get(name, "") for one in chosen]) for name in sorted(names, key=str.casefold)]
    return [
        {
            "title": title,
            "kind": kind,
            "values": [value[:_LONGEST] for value in values],
            "differs": len(set(values)) > 1,
        }
        for title, kind, values in found
        if any(values)
    ]


def _parent(arrow: Mapping[str, Any]) -> str:
    if arrow.get("modelVersion"):
        return f"{arrow['registeredModel']} {arrow['modelVersion']} ({arrow['relation']})"
    return f"{arrow['uri']} ({arrow['relation']})"


def _live(one: Mapping[str, Any]) -> int:
    return sum(each["desiredState"] == "DEPLOYED" for each in one["lineage"]["deployments"])
