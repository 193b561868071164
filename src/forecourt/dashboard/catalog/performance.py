"""The tab that shows how fast a model is: latency against throughput, and the hardware table."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from forecourt.catalog.filters import METRICS, PERCENTILES
from forecourt.dashboard.calls import Calls, Document
from forecourt.dashboard.catalog.wording import (
    API,
    address_of,
    figure,
    latency_words,
    milliseconds,
    workload,
)
from forecourt.dashboard.charts import Axis, Group, Point, scatter
from forecourt.errors import ForecourtError

EVERYTHING = "*"
_ROWS = 20
_MOST_ROWS = 100_000
COLUMNS: dict[str, str] = {
    "replicas": "Replicas",
    "rps": "RPS per Replica",
    "totalRps": "Total RPS",
    **{
        f"{metric}_{percentile}": f"{metric.upper()} Latency {title} (ms)"
        for metric in METRICS
        for percentile, title in PERCENTILES.items()
    },
    **{f"tps_{name}": f"TPS {title}" for name, title in PERCENTILES.items()},
    "mean_input_tokens": "Mean Input Tokens",
    "mean_output_tokens": "Mean Output Tokens",
    "framework_version": "vLLM Version",
    "cold_start_time_to_load_seconds": "Cold start load time (s)",
    "runtime_command": "Runtime command",
}
_ALWAYS = ("hardware", "use_case")
_AT_FIRST = frozenset(
    (
        *("replicas", "totalRps", "rps", "ttft_p90", "tps_p90", "cold_start_time_to_load_seconds"),
        *("mean_input_tokens", "mean_output_tokens", "framework_version"),
    )
)


async def performance_tab(calls: Calls, found: Document, given: QueryParams) -> Document:
    """Return what the tab shows for what was chosen in the address."""
    metric, percentile = given.get("metric", ""), given.get("percentile", "")
    latency = f"{metric or 'ttft'}_{percentile or 'p90'}" if metric or percentile else given.get("latency", "")
    asked = {"workload": given.get("workload", ""), "hardware": given.get("hardware", "")}
    wrong = None
    try:
        said = await _measured(calls, found, asked | {"latency": latency, "targetRPS": given.get("targetRPS", "")})
    except ForecourtError as error:
        if error.status != 400:
            raise
        wrong = {"message": error.message, "hint": error.hint}
        said = await _measured(calls, found, {})
    rows = said["items"]
    known = [name for name in COLUMNS if any(row.get(name) is not None for row in rows)]
    picked = [name for name in given.getlist("column") if name in COLUMNS]
    columns = picked or [name for name in known if name in _AT_FIRST or name == said["latency"]]
    order = given.get("order", "")
    rows = _ordered(rows, order)
    limit = int(text) if (text := given.get("rows", "")).isdecimal() and 0 < int(text[:7]) < _MOST_ROWS else _ROWS
    here = _Address(found, given)
    kind, _, part = said["latency"].partition("_")
    return {
        "measured": said["total"],
        "wrongChoice": wrong,
        "workloads": [
            {"value": one["name"], "text": f"{workload(one['name'])} · {one['points']}"} for one in said["workloads"]
        ],
        "workload": said["workload"],
        "workloadTitle": "All workloads" if said["workload"] == EVERYTHING else workload(said["workload"]),
        "machines": said["machines"],
        "hardware": said["hardware"],
        "metrics": [
            {"value": name, "text": title, "known": any(one.startswith(name) for one in said["latencies"])}
            for name, title in METRICS.items()
        ],
        "percentiles": [
            {"value": name, "text": title, "known": f"{kind}_{name}" in said["latencies"]}
            for name, title in PERCENTILES.items()
        ],
        "metric": kind,
        "percentile": part,
        "latencyTitle": latency_words(said["latency"]),
        "target": figure(said["targetRPS"]) if said["targetRPS"] else "",
        "chart": _chart(rows, said) if said["workload"] != EVERYTHING else None,
        "halves": any(row["halves"] for row in rows),
        "doubts": list(dict.fromkeys(row["doubt"] for row in rows if row["doubt"])),
        "made": _made(rows),
        "columns": [
            {
                "name": name,
                "title": COLUMNS[name],
                "order": here.with_(order=_other(name, order)),
                "sorted": {name: "ascending", f"-{name}": "descending"}.get(order, "none"),
            }
            for name in columns
        ],
        "fixed": [
            {
                "title": title,
                "order": here.with_(order=_other(name, order)),
                "sorted": {name: "ascending", f"-{name}": "descending"}.get(order, "none"),
            }
            for name, title in zip(_ALWAYS, ("Hardware configuration", "Workload type"), strict=True)
        ],
        "choosable": [
            {"name": name, "title": title, "shown": name in columns, "known": name in known}
            for name, title in COLUMNS.items()
        ],
        "order": order,
        "rows": [_row(row, columns) for row in rows[:limit]],
        "matching": len(rows),
        "more": here.with_(rows=limit + _ROWS) if len(rows) > limit else "",
        "cheapest": _cheapest(rows) if said["targetRPS"] and said["workload"] != EVERYTHING else None,
        "unmeasured": here.with_(hardware="", workload="", order=""),
    }


async def _measured(calls: Calls, found: Document, asked: Document) -> Document:
    said: Document = await calls.get(f"{API}/performance", name=found["name"], source=found["source"], **asked)
    return said


class _Address:
    """The tab's address with something else chosen."""

    def __init__(self, found: Document, given: QueryParams) -> None:
        self._where = address_of(found)
        self._given = [(name, value) for name, value in given.multi_items() if value and name != "format"]

    def with_(self, **changes: Any) -> str:
        kept = [(name, value) for name, value in self._given if name not in changes]
        return f"{self._where}?{urlencode([*kept, *((name, value) for name, value in changes.items() if value)])}"


def _other(name: str, order: str) -> str:
    return f"-{name}" if order == name else name


def _ordered(rows: list[Document], order: str) -> list[Document]:
    """Return rows by a column, those without it last; as they came where nothing is asked."""
    name = order.removeprefix("-")
    if name not in COLUMNS and name not in _ALWAYS:
        return rows
    having = [row for row in rows if row.get(name) is not None]
    having.sort(key=lambda row: _key(row[name]), reverse=order.startswith("-"))
    return having + [row for row in rows if row.get(name) is None]


def _key(value: Any) -> tuple[int, float, str]:
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value).casefold())


def _row(row: Document, columns: list[str]) -> Document:
    return {
        "hardware": row["hardware"] or "Not said",
        "workload": workload(str(row.get("use_case") or "")),
        "front": bool(row.get("onFront")),
        "doubt": row["doubt"],
        "cells": [{"name": name, "title": COLUMNS[name], "text": figure(row.get(name))} for name in columns],
        "command": row.get("runtime_command") or "",
    }


def _chart(rows: list[Document], said: Document) -> Document | None:
    """Return the chart of latency against throughput, a group for each hardware; None where nothing has both."""
    groups: dict[str, list[Point]] = {}
    for row in rows:
        if row["latency"] is None or row["rps"] is None:
            continue
        tokens = "/".join(figure(row.get(name)) for name in ("mean_input_tokens", "mean_output_tokens"))
        label = f"{row['hardware']}, {tokens} tokens"
        groups.setdefault(row["hardware"] or "Not said", []).append(
            Point(row["latency"], row["rps"], label, front=bool(row.get("onFront")))
        )
    if not groups:
        return None
    shown = [
        Group(name, sorted(points, key=lambda one: (one.x, one.y)), joined=len(points) > 1)
        for name, points in sorted(groups.items())
    ]
    ranges = [point.x for group in shown for point in group.points]
    log = min(ranges) > 0 and max(ranges) / min(ranges) > 20
    return scatter(
        f"Latency against throughput, {workload(said['workload'])}",
        shown,
        x=Axis(latency_words(said["latency"]), "ms", log=log),
        y=Axis("Requests/s of one replica"),
    )


def _cheapest(rows: list[Document]) -> Document | None:
    """Return the row that takes the target with the fewest accelerators, and of those the fastest."""
    known = [row for row in rows if row["replicas"]]
    if not known:
        return None
    best = min(known, key=lambda row: (row["replicas"] * (row.get("hardware_count") or 1), _or_last(row["latency"])))
    return {
        "hardware": best["hardware"],
        "replicas": best["replicas"],
        "totalRps": figure(best["totalRps"]),
        "latency": milliseconds(best["latency"]) if best["latency"] is not None else "",
    }


def _or_last(value: float | None) -> float:
    return math.inf if value is None else value


def _made(rows: list[Document]) -> list[str]:
    """Return how the numbers were made: measured or simulated, with which tool, on what, and who says so."""
    said = []
    for row in rows:
        framework = f"{row.get('framework_type') or ''} {row.get('framework_version') or ''}".strip()
        words = (
            str(row.get("tier") or ""),
            f"with {row['tool']}" if row.get("tool") else "",
            f"on {framework}" if framework else "",
            f"({row['source']})" if row.get("source") else "",
        )
        said.append(" ".join(word for word in words if word))
    return [one for one in dict.fromkeys(said) if one]
