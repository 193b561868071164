"""The lineage of a version, drawn and as a list; and from a URI or a digest back to the versions that it leads to."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from starlette.requests import Request

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.pages import Crumb, Page
from forecourt.dashboard.registry.drawing import WORDS, drawn
from forecourt.dashboard.registry.naming import named
from forecourt.dashboard.registry.reading import HOME, OURS, SECTION, VERSIONS, version_href
from forecourt.dashboard.registry.versions import crumbs, frame

_LIST = "lineage-list"
_MOST_LISTED = 500

_GROUPS = (
    ("Source", {"source"}, True),
    ("Trained by", {"trained-by"}, True),
    ("Made from", {"quantized-from", "finetuned-from", "adapter-of", "merged-from", "derived-from"}, True),
    ("Files", {"files"}, False),
    ("Evidence", {"evidence"}, False),
    ("Deployments", {"serves"}, False),
    ("Made into", {"quantized-from", "finetuned-from", "adapter-of", "merged-from", "derived-from"}, False),
)
"""What stands at a version: a title, relations, and whether those arrows lead to the version."""


class Lineage:
    """Shows what `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def show(self, request: Request) -> Page:
        """Show what a version comes from and leads to."""
        identity = request.path_params["id"]
        data, graph = await asyncio.gather(
            frame(self._calls, identity, "lineage"),
            self._calls.get(f"{OURS}/{VERSIONS}{path(identity)}/lineage/graph"),
        )
        title = f"{data['model']['name']} {data['version']['name']}"
        data |= {
            "title": title,
            "graph": graph,
            "drawing": drawn(graph, _LIST),
            "list_id": _LIST,
            "groups": listed(graph),
            "omitted": graph["omitted"],
        }
        return Page("registry/lineage.html", f"Lineage of {title}", data, SECTION, crumbs(data), ("lineage",))

    async def back(self, request: Request) -> Page:
        """Show the versions that a URI or a digest leads to."""
        uri = request.query_params.get("uri", "").strip()
        found = (await self._calls.get(f"{OURS}/lineage", uri=uri))["items"] if uri else []
        items = [one | {"href": f"{version_href(one['modelVersionId'])}/lineage"} for one in found]
        outside = uri if uri.startswith("https://") else ""
        if uri.startswith("hf://"):
            repository, _, revision = uri.removeprefix("hf://").partition("@")
            outside = f"https://huggingface.co/{repository}" + (f"/tree/{revision}" if revision else "")
        data = {"uri": uri, "versions": items, "outside": outside}
        way = (HOME, Crumb("Lineage"))
        return Page("registry/lineage_of.html", "Where it is used", data, SECTION, way)


def listed(graph: Document) -> list[dict[str, Any]]:
    """Return a lineage as nested lists, by what each is to the version; what comes twice has its own below it once."""
    nodes = {one["id"]: one for one in graph["nodes"]}
    coming: dict[str, list[Document]] = defaultdict(list)
    leaving: dict[str, list[Document]] = defaultdict(list)
    for one in graph["edges"]:
        coming[one["to"]].append(one)
        leaving[one["from"]].append(one)
    told = {graph["root"]}
    budget = [_MOST_LISTED]

    def groups(node: str, *, backward: bool | None) -> list[dict[str, Any]]:
        found = []
        for title, relations, leads_here in _GROUPS:
            if backward is not None and leads_here is not backward:
                continue
            edges = coming[node] if leads_here else leaving[node]
            entries = [entry(one, leads_here) for one in edges if one["relation"] in relations]
            if entries := [one for one in entries if one]:
                found.append({"title": title, "entries": entries})
        return found

    def entry(edge: Document, leads_here: bool) -> dict[str, Any] | None:
        if not budget[0]:
            return None
        budget[0] -= 1
        identity = edge["from"] if leads_here else edge["to"]
        one = named(nodes[identity])
        again = identity in told
        told.add(identity)
        return {
            "kind": one.kind,
            "label": one.title if nodes[identity]["kind"] == "version" else one.label,
            "title": one.title,
            "icon": one.icon,
            "href": one.href,
            "relation": _relation(edge["relation"], before=leads_here),
            "detail": edge.get("detail", ""),
            "again": again and nodes[identity]["kind"] == "version",
            "more": bool(nodes[identity].get("more")),
            "groups": [] if again else groups(identity, backward=leads_here),
        }

    return groups(graph["root"], backward=None)


def _relation(relation: str, *, before: bool) -> str:
    """Return how one version was made from another, said of either; nothing for what a group's title says already."""
    if not relation.endswith(("-from", "-of")):
        return ""
    return f"{WORDS[relation]} {relation.rpartition('-')[2]}" if before else WORDS[relation]
