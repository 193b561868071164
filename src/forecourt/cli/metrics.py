"""``forecourt metrics``: what a deployment did over an hour, a day, a week or a month."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from forecourt.cli.options import DeploymentName, Namespace
from forecourt.cli.output import JsonOption, console, print_json, print_table, size

app = typer.Typer()

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60
_TITLES = {
    "requestsSucceeded": "Requests, succeeded",
    "requestsFailed": "Requests, failed",
    "responseTimeMean": "Response time, mean",
    "responseTimeP50": "Response time, p50",
    "responseTimeP90": "Response time, p90",
    "responseTimeP99": "Response time, p99",
    "timeToFirstTokenMean": "First token, mean",
    "timeToFirstTokenP90": "First token, p90",
    "tokensPerSecond": "Tokens per second",
    "requestsInFlight": "Requests in flight",
    "cpu": "CPU",
    "memory": "Memory",
    "replicas": "Replicas",
}
_UNITS = {"requests per 5 minutes": "/5min", "ms": " ms", "cores": " cores"}


class Range(StrEnum):
    """How far back it goes."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


@app.command()
def metrics(
    name: DeploymentName,
    range_: Annotated[Range, typer.Option("--range", help="How far back.")] = Range.HOUR,
    namespace: Namespace = "default",
    json: JsonOption = False,
) -> None:
    """Show what a deployment did over time: requests, response times, tokens, CPU, memory, replicas.

    Each row has the values at their least, at their most and at the end, and a line that shows how they went; a dot
    stands where nothing is known, because it did not run or the server did not.
    """
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE

    told = connect().get(INFERENCE_SERVICE.path(namespace, f"{name}/metrics"), range=range_.value)
    if json:
        print_json(told)
        return
    rows = [_row(_TITLES[one["name"]], one) for one in told["series"] if one["name"] in _TITLES]
    rows = [row for row in rows if row]
    if not rows:
        console.note(f"Nothing was measured of {name} in this time.")
        console.note(f"It is, every ten seconds, while it runs: ask it something with forecourt chat {name}.")
        return
    print_table(("what", "least", "most", "now", range_.value), rows)


def _row(title: str, one: dict[str, Any]) -> list[str]:
    known = [value for value in one["values"] if value is not None]
    if not known:
        return []
    said = [_written(value, one["unit"]) for value in (min(known), max(known))]
    last = one["values"][-1] if one["values"][-1] is not None else one["values"][-2]
    return [title, *said, "-" if last is None else _written(last, one["unit"]), sparkline(one["values"])]


def _written(value: float, unit: str) -> str:
    if unit == "bytes":
        return size(value)
    text = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}" if value < 10 else f"{value:.1f}"
    return text + _UNITS.get(unit, "")


def sparkline(values: Sequence[float | None], width: int = _WIDTH) -> str:
    """Return values as a line of bars from 0 to the greatest; several that share a place as their mean."""
    count = min(width, len(values))
    if not count:
        return ""
    cuts = [round(index * len(values) / count) for index in range(count + 1)]
    groups = [[v for v in values[cuts[at] : cuts[at + 1]] if v is not None] for at in range(count)]
    means = [sum(group) / len(group) if group else None for group in groups]
    most = max((mean for mean in means if mean is not None), default=0.0)
    return "".join(
        "·" if mean is None else _BARS[min(7, int(mean / most * 7.999)) if most > 0 else 0] for mean in means
    )
