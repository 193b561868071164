"""The gallery: parts of the catalog with a few models each, or what was sought among all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from forecourt.catalog.filters import BY_NAME, METRICS, PERCENTILES
from forecourt.dashboard.calls import Calls, Document
from forecourt.dashboard.catalog.choices import PAGE, Choices, defaults
from forecourt.dashboard.catalog.wording import API, SECTION, benchmark, card, figure, workload
from forecourt.dashboard.pages import Page, Pages, wants_json
from forecourt.errors import ForecourtError

TITLE = "Model Catalog"
_IN_A_PART = 4
_SHOWN_VALUES = 6  # of a filter, before those behind "Show more"
_MOST_CHIPS = 12  # of which is said what leaving one out would find
_SORTS = (
    ("", "Relevance, then name"),
    ("name", "Name"),
    ("created", "Publish date"),
    ("updated", "Last modified"),
    ("recovery", "Highest recovery"),
    ("accuracy", "Highest accuracy"),
    ("parameters", "Fewest parameters"),
)
_SORTS_OF_PERFORMANCE = (
    ("latency", "Lowest latency"),
    ("throughput", "Highest throughput"),
    ("cold-start", "Lowest cold start"),
)


class Gallery:
    """The page, and the benchmark of a card."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages

    async def show(self, request: Request) -> Page | Response:
        """Show the catalog, or what is sought in it."""
        chosen = Choices.of(request.query_params)
        if chosen.performance and not chosen.own:
            begun = await self._begun(chosen)
            if not request.headers.get("hx-request") and not wants_json(request):
                return RedirectResponse(begun.address, 303)
            chosen = begun
        labels, sources = await asyncio.gather(self._calls.get(f"{API}/labels"), self._calls.get(f"{API}/sources"))
        parts = labels["items"]
        titles = {source: part["title"] for part in parts for source in part["sources"]}
        found, error = await self._found(chosen)
        data: dict[str, Any] = {
            "parts": [self._part(chosen, part) for part in parts],
            "everything": {"href": chosen.but(labels=()).address, "current": not chosen.labels},
            "sought": chosen.seeks,
            "sentence": found["sentence"],
            "total": found["total"],
            "models": [card(one, titles) for one in found["items"]] if chosen.seeks else [],
            "next": chosen.but(after=found["nextPageToken"]).address if found["nextPageToken"] else "",
            "rest": max(0, found["total"] - len(found["items"])),
            "chips": [{"title": title, "text": text, "href": left.address} for title, text, left in chosen.chips()],
            "reset": chosen.nothing.address if not chosen.performance else replace(chosen.nothing, own=False).address,
            "filters": self._filters(chosen, found.get("facets", ())),
            "performance": chosen.performance,
            "switched": chosen.switched.address,
            "latency": {
                "metrics": list(METRICS.items()),
                "percentiles": list(PERCENTILES.items()),
                "metric": chosen.metric,
                "percentile": chosen.percentile,
            },
            "target": chosen.target,
            "q": chosen.text,
            "labels": list(chosen.labels),
            "sort": chosen.sort,
            "sorts": list(_SORTS + (_SORTS_OF_PERFORMANCE if chosen.performance else ())),
            "compared": [{"key": one, "href": chosen.not_compared(one).address} for one in chosen.compared],
            "compareHref": f"/catalog/compare?{urlencode([('model', one) for one in chosen.compared])}",
            "benchmark_address": _benchmark_address(chosen),
            "sections": [],
            "looser": [],
            "after": chosen.after,
            "address": chosen.address,
            "wrong": error,
            "sources": _states(sources),
            "configurationError": sources["error"],
            "empty": not any(part["models"] for part in parts),
        }
        if not chosen.seeks:
            data["sections"] = await self._sections(parts, titles, chosen)
        elif not found["total"] and not error:
            data["looser"] = await self._looser(chosen)
        headers = {"hx-push-url": chosen.address} if request.headers.get("hx-target") == "catalog-body" else {}
        return Page(
            "catalog/gallery.html",
            TITLE,
            data,
            SECTION,
            blocks=("catalog-body", "catalog-more"),
            headers=headers,
            status=400 if error else 200,
        )

    async def benchmark(self, request: Request) -> Response:
        """Return the part of a card that shows one of a model's benchmarks."""
        chosen = Choices.of(request.query_params)
        model = request.query_params.get("model", "")
        asked = chosen.query() | {"name": model, "at": request.query_params.get("at", "0")}
        asked = {name: value for name, value in asked.items() if name not in ("q", "label")}
        said = await self._calls.get(f"{API}/benchmark", **asked)
        return self._pages.fragment(
            "catalog/benchmark.html",
            model={
                "key": model,
                "href": f"/catalog/{quote(model)}",
                "benchmarks": said["benchmarks"],
                "benchmark": benchmark(said["benchmark"]),
            },
            at=said["at"],
            benchmark_address=_benchmark_address(chosen),
        )

    async def _begun(self, chosen: Choices) -> Choices:
        """Return the performance view with what the catalog's sources say that it begins with."""
        said = await self._calls.get("/api/model_catalog/v1/models/filter_options")
        first = defaults(said["namedQueries"])
        values = {**first["values"], **chosen.values}
        return replace(
            chosen,
            values=values,
            metric=chosen.metric or first["metric"],
            percentile=chosen.percentile or first["percentile"],
            own=True,
        )

    async def _found(self, chosen: Choices) -> tuple[Document, Document | None]:
        """Return what the search found, and what is wrong with it: then everything is shown, and the error."""
        asked = chosen.query() | {"sort": chosen.order, "facets": True}
        if chosen.seeks:
            asked |= {"benchmarks": True, "pageSize": PAGE, "nextPageToken": chosen.after}
        else:
            asked |= {"pageSize": 1}
        try:
            return await self._calls.get(f"{API}/search", **asked), None
        except ForecourtError as error:
            if error.status != 400:
                raise
            everything = await self._calls.get(f"{API}/search", facets=True, pageSize=1)
            nothing = {"items": [], "total": 0, "nextPageToken": "", "sentence": "what cannot be sought"}
            return everything | nothing, {"message": error.message, "hint": error.hint}

    def _part(self, chosen: Choices, part: Document) -> Document:
        labels = tuple(part["labels"])
        return {
            "title": part["title"],
            "description": part["description"],
            "models": part["models"],
            "href": chosen.but(labels=labels).address,
            "current": chosen.labels == labels,
        }

    async def _sections(
        self, parts: Sequence[Document], titles: dict[str, str], chosen: Choices
    ) -> list[dict[str, Any]]:
        """Return each part that has models with the first few of them."""
        sections = []
        for part in parts:
            if part["models"]:
                found = await self._calls.get(
                    f"{API}/search", label=part["labels"], pageSize=_IN_A_PART, benchmarks=True
                )
                sections.append(self._part(chosen, part) | {"cards": [card(one, titles) for one in found["items"]]})
        return sections

    def _filters(self, chosen: Choices, facets: Sequence[Document]) -> list[dict[str, Any]]:
        """Return what can be filtered by, as the form shows it; what nothing has is left out."""
        shown = []
        for facet in facets:
            if chosen.performance and facet["name"] == "measured":
                continue
            picked = chosen.values.get(facet["name"], ())
            known = [one["value"] for one in facet["values"]]
            values = [
                {"value": value, "text": _text(facet["name"], value), "count": count, "checked": value in picked}
                for value, count in [
                    *((value, 0) for value in picked if value not in known and facet["kind"] in ("choice", "flag")),
                    *((one["value"], one["count"]) for one in facet["values"]),
                ]
            ]
            if not values and not facet["range"] and not picked:
                continue
            few = values if len(values) <= _SHOWN_VALUES + 1 else values[:_SHOWN_VALUES]
            shown.append(
                {name: facet[name] for name in ("name", "title", "kind", "unit", "help", "performance")}
                | {
                    "values": few,
                    "more": values[len(few) :],
                    "open": any(one["checked"] for one in values[len(few) :]),
                    "value": picked[0] if picked else "",
                    "range": facet["range"],
                    "least": figure(facet["range"]["min"]) if facet["range"] else "",
                    "most": figure(facet["range"]["max"]) if facet["range"] else "",
                }
            )
        return shown

    async def _looser(self, chosen: Choices) -> list[Document]:
        """Return what leaving out each choice would find, the most first."""
        ways = []
        for title, text, left in list(chosen.chips())[:_MOST_CHIPS]:
            found = await self._calls.get(f"{API}/search", **left.query(), pageSize=1)
            if found["total"]:
                ways.append({"title": title, "text": text, "href": left.address, "total": found["total"]})
        return sorted(ways, key=lambda one: -one["total"])


def _text(name: str, value: str) -> str:
    if BY_NAME[name].kind == "flag":
        return "Yes"
    return workload(value) if name == "workload" else value


def _states(sources: Document) -> list[Document]:
    """Return the sources of which something is to be said: they failed, are being loaded, or left something out."""
    said = ("id", "name", "status", "error", "models", "loadedTimeSinceEpoch", "progress")
    return [
        {name: one.get(name) for name in said} | {"problems": len(one["problems"])}
        for one in sources["items"]
        if one["enabled"] and one["status"] not in ("available", "disabled")
    ]


def _benchmark_address(chosen: Choices) -> str:
    """Return where a card's other benchmarks are asked for; the model and the place are added to it."""
    return f"/catalog/benchmark?{urlencode([*chosen.but(compared=()).pairs()])}"
