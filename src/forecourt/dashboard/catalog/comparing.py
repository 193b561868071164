"""Models side by side, and the claims of model cards that their own scores contradict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from forecourt.catalog.filters import LATENCIES
from forecourt.dashboard.calls import Calls, Document
from forecourt.dashboard.catalog.wording import (
    API,
    SECTION,
    address_of,
    figure,
    latency_title,
    parameters,
    short,
    uri_of,
    workload,
)
from forecourt.dashboard.pages import Crumb, Page
from forecourt.errors import ForecourtError

HOME = Crumb("Model Catalog", "/catalog")
_HREF = "/catalog/compare"
_MOST = 4
_MEASURED = ("requests_per_second", *LATENCIES)


class Comparison:
    """The pages."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def compare(self, request: Request) -> Page:
        """Show two to four models side by side, or choose them."""
        given = [one.strip() for one in request.query_params.getlist("model") if one.strip()]
        names = list(dict.fromkeys(given))
        error: Document | None = None
        found: Document = {"models": [], "scores": [], "performance": []}
        if 2 <= len(names) <= _MOST:
            try:
                found = await self._calls.get(f"{API}/compare", model=names)
            except ForecourtError as refused:
                if refused.status not in (400, 404):
                    raise
                error = {"message": refused.message, "hint": refused.hint}
        elif len(names) > _MOST:
            error = {"message": f"Two to four models are compared, not {len(names)}.", "hint": "Leave some out."}
        query = request.query_params.get("q", "").strip()
        models = [_model(one) for one in found["models"]]
        data = {
            "names": [{"name": one, "href": _address([each for each in names if each != one])} for one in names],
            "models": [
                model | {"remove": _address([each for each in names if each != name])}
                for model, name in zip(models, names, strict=False)
            ],
            "facts": list(_facts(found["models"])),
            "scores": [_score(row) for row in found["scores"]],
            "performance": list(_performance(found["performance"])),
            "wrong": error,
            "q": query,
            "full": len(names) >= _MOST,
            "suggestions": await self._suggestions(names, found["models"], query) if len(names) < _MOST else [],
        }
        crumbs = (HOME, Crumb("Compare models"))
        status = 200 if error is None else 400
        return Page(
            "catalog/compare.html",
            "Compare models",
            data,
            SECTION,
            crumbs,
            blocks=("compare-suggestions",),
            status=status,
        )

    async def contradictions(self, _: Request) -> Page:
        """Show the claims that their own scores contradict, and the tables that cannot be read."""
        found = await self._calls.get(f"{API}/contradictions")
        for one in [*found["contradictions"], *found["broken"]]:
            one["short"] = short(one["model"])
            one["href"] = f"/catalog?{urlencode({'q': one['short']})}"
        crumbs = (HOME, Crumb("Contradicted claims"))
        return Page("catalog/contradictions.html", "Contradicted claims", found, SECTION, crumbs)

    async def _suggestions(self, names: list[str], there: list[Document], query: str) -> list[Document]:
        """Return models to add: those that were searched for, else further variants of the first."""
        asked: dict[str, Any] = {"q": query, "pageSize": 8}
        if names and not query:
            try:
                there = there or [await self._calls.get(f"{API}/models", name=names[0])]
            except ForecourtError:
                return []
            first = there[0]
            group = str(first["variantGroupId"] or "").replace("\\", "\\\\").replace("'", "\\'")
            asked["filterQuery"] = f"variant_group_id = '{group}'" if group else ""
        items = (await self._calls.get(f"{API}/search", **asked))["items"]
        known = {one["id"] for one in there}
        return [
            {"name": one["name"], "href": _address([*names, f"{one['source']}/{one['name']}"])}
            for one in items
            if one["id"] not in known
        ][:6]


def _address(names: list[str]) -> str:
    return f"{_HREF}?{urlencode([('model', name) for name in names])}" if names else _HREF


def _model(one: Document) -> Document:
    return {
        "name": one["name"],
        "short": short(one["name"]),
        "href": address_of(one),
        "deploy": f"/deploy?{urlencode({'from': uri_of(one)})}" if one["uris"] else "",
    }


def _facts(models: list[Document]) -> Iterator[Document]:
    rows: dict[str, Callable[[Document], str]] = {
        "Provider": lambda one: one["provider"],
        "Source": lambda one: one["source"],
        "Validated": lambda one: "Yes" if one["validated"] else "No",
        "License": lambda one: one["license"],
        "Parameters": lambda one: parameters(one["parametersB"], one["size"]),
        "Quantization": lambda one: one["quantization"] or "",
        "Tensor type": lambda one: one["tensorType"] or "",
        "Average recovery": lambda one: f"{one['averageRecovery']:.1f} %" if one["averageRecovery"] is not None else "",
        "Average accuracy": lambda one: f"{one['accuracy']:.1f}" if one["accuracy"] is not None else "",
        "Contradicted claims": _contradicted,
        "Tasks": lambda one: ", ".join(one["tasks"]),
        "Tool calling": lambda one: "Yes" if one["toolCalling"] else "No",
        "Minimum vRAM": lambda one: _gigabytes(one["properties"].get("min_vram_gb")),
        "Container size": lambda one: _gigabytes(one["properties"].get("modelcar_image_size")),
        "Validated on": lambda one: ", ".join(one["validatedOn"]),
        "Measured on": lambda one: ", ".join(one["hardware"]),
        "Model location": lambda one: (one["uris"] or [""])[0],
    }
    for title, value in rows.items():
        cells = [value(one) for one in models]
        if any(cell not in ("", "No") for cell in cells):
            yield {"title": title, "cells": cells, "same": len(set(cells)) == 1}


def _contradicted(one: Document) -> str:
    scores = one["evidence"]["scores"]
    count = sum(score["verdict"] == "contradicts" for score in scores)
    return f"{count} of {len(scores)}" if scores else ""


def _gigabytes(value: Any) -> str:
    return f"{figure(value)} GB" if isinstance(value, int | float) else ""


def _score(row: Document) -> Document:
    known = [float(one["score"]) for one in row["values"] if one and one.get("score") is not None]
    best = (min if row["direction"] == "lower" else max)(known, default=None)
    return {
        "label": row["label"],
        "suite": row["suite"],
        "lower": row["direction"] == "lower",
        "average": row["isAverage"],
        "cells": [
            {
                "score": one.get("score"),
                "recovery": one.get("recovery"),
                "contradicted": one.get("verdict") == "contradicts",
                "best": len(known) > 1 and one.get("score") is not None and float(one["score"]) == best,
            }
            if one
            else None
            for one in row["values"]
        ],
    }


def _performance(rows: list[Document]) -> Iterator[Document]:
    """Yield a row for each measured value of each hardware and workload that any of the models has."""
    for row in sorted(
        rows, key=lambda one: (str(one["hardware_type"]), str(one["use_case"]), one["mean_input_tokens"] or 0)
    ):
        for name in _MEASURED:
            cells = [one.get(name) if one else None for one in row["values"]]
            known = [cell for cell in cells if cell is not None]
            if not known:
                continue
            best = max(known) if name == "requests_per_second" else min(known)
            count = row["hardware_count"]
            yield {
                "hardware": f"{count:g} x {row['hardware_type']}" if count else str(row["hardware_type"] or ""),
                "workload": workload(str(row["use_case"] or "")),
                "what": "Requests/s" if name == "requests_per_second" else f"{latency_title(name)} (ms)",
                "cells": [
                    {"text": figure(cell), "best": len(known) > 1 and cell == best} if cell is not None else None
                    for cell in cells
                ],
                "doubt": " ".join(dict.fromkeys(one["doubt"] for one in row["values"] if one and one.get("doubt"))),
            }
