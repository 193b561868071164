"""What people who look through the catalog ask for: its parts, what was measured, cards and logos, each by itself."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from forecourt.catalog import search as searching
from forecourt.catalog import store
from forecourt.catalog.catalog import Catalog
from forecourt.catalog.filters import LATENCIES, Chosen
from forecourt.catalog.index import Snapshot
from forecourt.catalog.measured import Point, artifacts_under_load, latencies_of, points, shown
from forecourt.catalog.model import COLD_START, Document
from forecourt.catalog.pareto import front
from forecourt.catalog.summaries import flat
from forecourt.catalog.views import resolve
from forecourt.errors import InvalidInput, NotFound

OTHER = "Other models"
"""What sources without a label are called."""
_UNLABELLED = "null"
_MOST_RPS = 1e9
_DATA_URL = re.compile(r"data:(image/[a-z0-9.+-]+);base64,(.+)", re.DOTALL)
_LOGO_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "x-content-type-options": "nosniff",
    "cache-control": "private, max-age=3600",
}


def browsing_router(catalog: Catalog, query_of: Callable[[list[tuple[str, str]]], searching.Query]) -> APIRouter:
    """Return the routes; `query_of` reads filters."""
    router = APIRouter()

    @router.get("/labels")
    def labels() -> Document:
        """Return the parts that the catalog is shown in, those of sources without a label last."""
        return {"items": sections(catalog)}

    @router.get("/benchmark")
    async def benchmark(request: Request, name: str) -> Document:
        """Return what was measured of a model: of those points that filters leave, the one at a place, from 0."""
        snapshot = catalog.snapshot
        chosen = query_of(request.query_params.multi_items()).chosen
        number = resolve(catalog, snapshot, name)
        return (await benchmarks(catalog, snapshot, [number], chosen, request.query_params))[0]

    @router.get("/performance")
    async def performance(
        name: str,
        source: str = "",
        workload: str = "",
        latency: str = "",
        hardware: str = "",
        target: Annotated[str, Query(alias="targetRPS")] = "",
    ) -> Document:
        """Return all points of a model for a workload, and which of them none is better than."""
        snapshot = catalog.snapshot
        number = resolve(catalog, snapshot, name, source)
        return await measurements(
            catalog, snapshot, number, (workload, latency, hardware), target_of({"targetRPS": target})
        )

    @router.get("/card")
    async def card(name: str, source: str = "") -> Document:
        """Return a model's card as HTML that a page can show: nothing in it runs, and nothing is fetched."""
        from forecourt.catalog.files import card_html

        snapshot = catalog.snapshot
        row = snapshot.rows[resolve(catalog, snapshot, name, source)]
        found = await catalog.database.ask(lambda connection: store.read_models(connection, [row]))
        return {"html": card_html(found[row][6]) if row in found and found[row][6] else ""}

    @router.get("/logo")
    async def logo(name: str, source: str = "") -> Response:
        """Return a model's logo, as a picture that can do nothing."""
        snapshot = catalog.snapshot
        row = snapshot.rows[resolve(catalog, snapshot, name, source)]
        found = await catalog.database.ask(lambda connection: store.read_models(connection, [row]))
        said = _DATA_URL.fullmatch(str(json.loads(found[row][5]).get("logo") or "")) if row in found else None
        if said is None:
            raise NotFound(f"The model {name} comes without a logo.")
        try:
            return Response(base64.b64decode(said[2]), headers=_LOGO_HEADERS, media_type=said[1])
        except ValueError:
            raise NotFound(f"The logo of {name} is no picture.") from None

    return router


def sections(catalog: Catalog) -> list[Document]:
    """Return the catalog's labels with what they are called and how many models there are, ``Other models`` last."""
    column = catalog.snapshot.models.column("source_id").texts
    known = {str(one["name"]): one for one in catalog.configuration.labels if one.get("name") is not None}
    nameless = next((one for one in catalog.configuration.labels if one.get("name") is None), {})
    of_label: dict[str, list[str]] = {name: [] for name in known}
    for state in catalog.sources:
        for label in state.definition.labels or (_UNLABELLED,):
            of_label.setdefault(label, []).append(state.id)
    found: dict[str, Document] = {}
    for label, sources in of_label.items():
        said = nameless if label == _UNLABELLED else known.get(label, {})
        title = str(said.get("displayName") or (OTHER if label == _UNLABELLED else label))
        section = found.setdefault(
            title, {"title": title, "labels": [], "description": said.get("description") or "", "sources": []}
        )
        section["labels"].append(label)
        section["sources"] += sources
    shown_ = [one | {"models": len(column.union(one["sources"]))} for one in found.values()]
    return sorted((one for one in shown_ if one["sources"]), key=lambda one: one["title"] == OTHER)


async def benchmarks(
    catalog: Catalog, snapshot: Snapshot, numbers: Sequence[int], chosen: Chosen, given: Mapping[str, str]
) -> list[Document]:
    """Return for each model how many points fit the filters, and the one at the place ``at``, the fastest first.

    The latency is ``latency-metric``; without it the first that a model has of those that people ask for. With a
    ``targetRPS`` a point says how many copies take so many requests.
    """
    wanted = given.get("latency-metric", "")
    of_artifact = chosen.terms()[1]
    target, place = target_of(given), int(at) if (at := given.get("at", "")).isdecimal() and len(at) < 7 else 0
    picked: list[tuple[str, int, Point | None]] = []
    for number in numbers:
        among = artifacts_under_load(snapshot, number, of_artifact)
        if not among:
            picked.append((wanted, 0, None))
            continue
        latency = wanted or next(iter(latencies_of(snapshot, among)), LATENCIES[0])
        theirs = points(snapshot, among, latency)
        picked.append((latency, len(theirs), theirs[place % len(theirs)] if theirs else None))
    read = await _read(catalog, snapshot, [point for _, _, point in picked if point])
    return [
        {
            "benchmarks": count,
            "at": place % count if count else 0,
            "benchmark": shown(point, [read[each] for each in point.artifacts], latency, target) if point else None,
        }
        for latency, count, point in picked
    ]


async def measurements(
    catalog: Catalog, snapshot: Snapshot, number: int, said: tuple[str, str, str], target_rps: float
) -> Document:
    """Return all points of a model for a workload, those on the Pareto front marked; raises `InvalidInput`.

    `said` are the workload (without one that of most points, ``*`` for all), the latency and the hardware (all without
    one). A front is of one workload: others are not to be compared. Where it is known how long a model loads on some
    hardware, its points say so.
    """
    workload, latency, hardware = said
    everything = artifacts_under_load(snapshot, number)
    known = latencies_of(snapshot, everything)
    latency = latency or next(iter(known), LATENCIES[0])
    if latency not in LATENCIES:
        raise InvalidInput(f"{latency} is no latency that is measured.", hint=f"One of {', '.join(LATENCIES)}.")
    whole = points(snapshot, everything, latency)
    read = await _read(catalog, snapshot, whole)
    rows = [shown(one, [read[each] for each in one.artifacts if each in read], latency, target_rps) for one in whole]
    counts: dict[str, int] = {}
    for row in rows:
        use_case = str(row.get("use_case") or "")
        counts[use_case] = counts.get(use_case, 0) + 1
    workload = workload or max(counts, key=counts.__getitem__, default="")
    machines = sorted({row["hardware"] for row in rows})
    wanted = set(counts) if workload == "*" else {workload}
    chosen = [row for row in rows if str(row.get("use_case") or "") in wanted and hardware in ("", row["hardware"])]
    for each in wanted:
        _mark_front([row for row in chosen if str(row.get("use_case") or "") == each])
    await _add_cold_starts(catalog, snapshot, number, chosen)
    return {
        "workloads": [{"name": one, "points": count} for one, count in counts.items()],
        "workload": workload,
        "latencies": known,
        "latency": latency,
        "machines": machines,
        "hardware": hardware,
        "targetRPS": target_rps or None,
        "total": len(rows),
        "items": chosen,
    }


def _mark_front(rows: Sequence[Document]) -> None:
    compared = [row for row in rows if row["latency"] is not None and row["rps"] is not None]
    best = front([(row["latency"], row["rps"]) for row in compared])
    for place, row in enumerate(compared):
        row["onFront"] = place in best


async def _add_cold_starts(catalog: Catalog, snapshot: Snapshot, number: int, rows: Sequence[Document]) -> None:
    theirs = snapshot.artifacts_of(number) & snapshot.artifacts.column("performance_sub_type").texts.rows(COLD_START)
    known: dict[tuple[str, float], Document] = {}
    for one in (await _read(catalog, snapshot, [Point((each,), None, None) for each in theirs])).values():
        known[str(one.get("gpu_type")), float(one.get("gpu_count") or 1)] = one
    for row in rows:
        if one := known.get((str(row.get("hardware_type")), float(row.get("hardware_count") or 1)), {}):
            row.setdefault("cold_start_time_to_load_seconds", one.get("cold_start_time_to_load_seconds"))
            row.setdefault("runtime_command", one.get("runtime_command"))


async def _read(catalog: Catalog, snapshot: Snapshot, wanted: Sequence[Point]) -> dict[int, Document]:
    """Return the properties of the points' artifacts, by their numbers."""
    rows = {each: snapshot.artifact_rows[each] for point in wanted for each in point.artifacts}
    if not rows:
        return {}
    found = await catalog.database.ask(lambda connection: store.read_artifacts(connection, list(rows.values())))
    return {
        each: flat(json.loads(found[row]).get("customProperties")) if row in found else {} for each, row in rows.items()
    }


def target_of(given: Mapping[str, Any]) -> float:
    """Return how many requests a second are aimed at, 0 where nobody says; raises `InvalidInput`."""
    text = str(given.get("targetRPS") or "").strip()
    if not text:
        return 0.0
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number <= _MOST_RPS:
        raise InvalidInput(f"targetRPS {text[:40]!r} is no number of requests a second.", hint="A number above 0.")
    return number
