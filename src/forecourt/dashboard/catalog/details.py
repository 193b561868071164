"""A model's page: what it is, how fast, how accurate, and which others were made from the same base."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote, unquote, urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from forecourt.dashboard.calls import Calls, Document
from forecourt.dashboard.catalog.performance import performance_tab
from forecourt.dashboard.catalog.wording import (
    API,
    SECTION,
    address_of,
    badge,
    figure,
    latency_title,
    milliseconds,
    monogram,
    parameters,
    short,
    uri_of,
)
from forecourt.dashboard.pages import Crumb, Page

HOME = Crumb("Model Catalog", "/catalog")
TABS = {"overview": "Overview", "performance": "Performance", "accuracy": "Accuracy", "variants": "Variants"}
_MOST_VARIANTS = 100
_MOST_COMPARED = 4
_NO_LABELS = frozenset(("validated", "base_model", "source", "model_type", "size", "tensor_type", "quantization"))


class Details:
    """The page."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def show(self, request: Request) -> Page | Response:
        """Show one of a model's tabs; raises `Refused` where there is no such model."""
        asked = request.path_params["model"]
        found = await self._calls.get(f"{API}/models", name=asked)
        here = address_of(found)
        if unquote(here).removeprefix("/catalog/") != asked:
            query = str(request.query_params)
            return RedirectResponse(here + (f"?{query}" if query else ""), 307)
        said = request.query_params.get("tab", "overview")
        tab = said if said in TABS else "overview"
        labels = await self._calls.get(f"{API}/labels")
        titles = {source: part["title"] for part in labels["items"] for source in part["sources"]}
        data = _head(found, titles, here, tab)
        match tab:
            case "performance":
                data |= await performance_tab(self._calls, found, request.query_params)
            case "accuracy":
                data |= _accuracy(found)
            case "variants":
                data |= await self._variants(found)
            case _:
                data |= await self._overview(found)
        crumbs = (HOME, Crumb(found["name"]))
        return Page("catalog/details.html", found["name"], data, SECTION, crumbs, blocks=("model-performance",))

    async def _overview(self, found: Document) -> Document:
        card, sources = await asyncio.gather(
            self._calls.get(f"{API}/card", name=found["name"], source=found["source"])
            if found["readme"]
            else _nothing(),
            self._calls.get(f"{API}/sources/{quote(found['source'], safe='')}"),
        )
        properties = found["properties"]
        tags = [name for name, value in properties.items() if value == "" and name not in _NO_LABELS]
        return {
            "description": found["description"],
            "card": Markup(card.get("html", "")),  # noqa: S704 (the API has made it harmless)
            "cardSource": _web(properties.get("source")),
            "arguments": found["servingArguments"],
            "resources": [one for one in found["validatedOn"] if one.casefold().startswith("vllm")],
            "sourceState": {
                name: sources.get(name) for name in ("id", "name", "status", "error", "loadedTimeSinceEpoch")
            },
            "facts": {
                "labels": tags,
                "modelType": str(properties.get("model_type") or ""),
                "tensorType": found["tensorType"] or "",
                "quantization": found["quantization"] or "",
                "parameters": parameters(found["parametersB"], found["size"]),
                "vram": _gigabytes(properties.get("min_vram_gb")),
                "license": found["license"],
                "licenseLink": _web(found["licenseLink"]),
                "provider": found["provider"],
                "platforms": found["validatedOn"],
                "containerSize": _gigabytes(properties.get("modelcar_image_size")),
                "locations": found["uris"],
                "architecture": _architectures(found),
                "languages": found["language"],
                "base": str(properties.get("base_model") or ""),
                "library": found["libraryName"],
                "validatedFor": found["validatedTasks"],
                "modified": found["lastUpdateTimeSinceEpoch"],
                "published": found["createTimeSinceEpoch"],
            },
        }

    async def _variants(self, found: Document) -> Document:
        """Return the models of the same base, this one first, and what is needed to see them side by side."""
        group = str(found["variantGroupId"] or "").replace("\\", "\\\\").replace("'", "\\'")
        items: list[Document] = []
        if found["variants"] and group:
            said = await self._calls.get(
                f"{API}/search",
                filterQuery=f"variant_group_id = '{group}'",
                pageSize=_MOST_VARIANTS,
                benchmarks=True,
            )
            items = said["items"]
        items.sort(key=lambda one: (one["id"] != found["id"], one["quantization"] != "none", one["name"]))
        shown = [_variant(one, found) for one in items]
        compared = [("model", one["key"]) for one in shown[:_MOST_COMPARED]]
        return {
            "variants": shown,
            "compareHref": f"/catalog/compare?{urlencode(compared)}" if len(compared) > 1 else "",
            "levels": shown[:_MOST_COMPARED] if len(shown) > 1 else [],
        }


async def _nothing() -> Document:
    return {}


def _head(found: Document, titles: dict[str, str], here: str, tab: str) -> Document:
    uri = uri_of(found)
    scores = found["evidence"]["scores"]
    counts = {
        "overview": None,
        "performance": len(found["performance"]),
        "accuracy": sum(not one["isAverage"] for one in scores),
        "variants": len(found["variants"]),
    }
    return {
        "name": found["name"],
        "short": short(found["name"]),
        "source": found["source"],
        "sourceTitle": titles.get(found["source"], found["source"]),
        "logo": bool(found.get("logo")),
        "monogram": monogram(found),
        "badge": badge(found, titles),
        "provider": found["provider"],
        "uri": uri,
        "available": bool(found["uris"]),
        "deploy": f"/deploy?{urlencode({'from': uri})}",
        "register": f"/registry/register?{urlencode({'from': uri})}",
        "compare": f"/catalog/compare?{urlencode({'model': uri.removeprefix('catalog://')})}",
        "tab": tab,
        "here": here,
        "tabs": [
            {
                "href": here if name == "overview" else f"{here}?tab={name}",
                "title": title if counts[name] is None else f"{title} ({counts[name]})",
                "current": name == tab,
            }
            for name, title in TABS.items()
        ],
        "evidence": {
            "recovery": found["averageRecovery"],
            "tasks": found["evidence"]["average"].get("tasks") if found["evidence"]["average"] else None,
            "accuracy": found["accuracy"],
            "contradicted": sum(one["verdict"] == "contradicts" for one in scores),
            "rows": len(scores),
        },
    }


def _accuracy(found: Document) -> Document:
    evidence = found["evidence"]
    suites: dict[str, list[Document]] = {}
    for one in evidence["scores"]:
        suites.setdefault(one["suite"], []).append(one)
    published = {
        name: value
        for one in found["accuracies"]
        for name, value in one.items()
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and name not in ("overall_average", "average_recovery", "average_recovery_tasks", "contradicted_claims")
    }
    return {
        "suites": [{"name": name, "scores": scores} for name, scores in suites.items()],
        "average": evidence["average"],
        "broken": evidence["broken"],
        "plain": [] if suites else [{"task": name, "score": figure(value)} for name, value in published.items()],
        "sources": sorted({link for one in evidence["scores"] if (link := _web(one.get("source")))}),
        "tools": sorted({one["tool"] for one in evidence["scores"] if one.get("tool")}),
        "baselines": sorted({one["baselineModel"] for one in evidence["scores"] if one.get("baselineModel")}),
    }


def _variant(one: Document, found: Document) -> Document:
    best = one.get("benchmark")
    return {
        "name": one["name"],
        "short": short(one["name"]),
        "key": f"{one['source']}/{one['name']}",
        "href": address_of(one),
        "current": one["id"] == found["id"],
        "quantization": one["quantization"] or "",
        "tensorType": one["tensorType"] or "",
        "parameters": parameters(one["parametersB"], one["size"]),
        "recovery": one["averageRecovery"],
        "accuracy": one["accuracy"],
        "latency": milliseconds(best["latency"]) if best and best["latency"] is not None else "",
        "latencyTitle": latency_title(best["latencyMetric"]) if best else "",
        "hardware": best["hardware"] if best else "",
        "location": (one["uris"] or [""])[0],
    }


def _gigabytes(value: Any) -> str:
    return f"{figure(value)} GB" if isinstance(value, int | float) else ""


def _architectures(found: Document) -> list[str]:
    said: list[str] = []
    for artifact in found["artifacts"]:
        text = ((artifact.get("customProperties") or {}).get("architecture") or {}).get("string_value", "")
        try:
            read = json.loads(text)
        except ValueError:
            read = [text]
        said += [str(one) for one in read if one] if isinstance(read, list) else []
    return sorted(set(said))


def _web(address: Any) -> str:
    """Return an address that a link may lead to; empty for any other."""
    return address if isinstance(address, str) and address.startswith(("https://", "http://")) else ""
