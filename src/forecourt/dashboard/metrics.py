"""What a deployment did over time, as charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.charts import Series, lines
from forecourt.dashboard.pages import Crumb, Page, Pages

SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces"
RANGES = (("1h", "1 hour"), ("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"))
REFRESH = ((15, "15 seconds"), (30, "30 seconds"), (60, "1 minute"), (0, "Off"))
_PERCENTILES = (("Mean", "mean"), ("P50", "p50"), ("P90", "p90"), ("P99", "p99"))

_ASKED: tuple[tuple[str, str, Sequence[tuple[str, str, str]]], ...] = (
    (
        "Requests per 5 minutes",
        "",
        (("requestsSucceeded", "success", "success"), ("requestsFailed", "failed", "danger")),
    ),
    ("Average response time", "ms", [(f"responseTime{key}", name, "") for key, name in _PERCENTILES]),
    ("Time to first token", "ms", [(f"timeToFirstToken{key}", name, "") for key, name in _PERCENTILES]),
    ("Tokens per second", "tokens/s", (("tokensPerSecond", "tokens per second", ""),)),
)
_USED: tuple[tuple[str, str, Sequence[tuple[str, str, str]]], ...] = (
    ("CPU", "cores", (("cpu", "CPU", ""),)),
    ("Memory", "bytes", (("memory", "memory", ""),)),
    ("Replicas", "", (("replicas", "replicas", ""),)),
    ("Requests in flight", "", (("requestsInFlight", "requests in flight", ""),)),
)


class MetricsPages:
    """The page of each deployment's metrics, which shows what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route("/deployments/{project}/{name}/metrics", self._pages.view(self.metrics))]

    async def metrics(self, request: Request) -> Page:
        """Show what a deployment did over the range that is chosen."""
        project, name = request.path_params["project"], request.path_params["name"]
        where = SERVICES + path(project, "inferenceservices", name)
        asked = _chosen(request.query_params.get("range", ""), [key for key, _ in RANGES], "1h")
        refresh = int(_chosen(request.query_params.get("refresh", ""), [str(each) for each, _ in REFRESH], "30"))
        service = await self._calls.get(where)
        told = await self._calls.get(where + "/metrics", range=asked)
        title = (service["metadata"].get("annotations") or {}).get("openshift.io/display-name") or name
        data = {
            "project": project,
            "name": name,
            "title": title,
            "url": (service.get("status") or {}).get("url", ""),
            "range": asked,
            "ranges": [{"value": key, "text": text} for key, text in RANGES],
            "refresh": refresh,
            "intervals": [{"value": each, "text": text} for each, text in REFRESH],
            "totals": told["totals"],
            "used": [_chart(told, *each) for each in _USED],
            "asked": [_chart(told, *each) for each in _ASKED],
            "unasked": not (told["totals"]["requestsSucceeded"] or told["totals"]["requestsFailed"]),
            "tab": "metrics",
        }
        crumbs = (
            Crumb("Deployments", "/deployments"),
            Crumb(title, f"/deployments{path(project, name)}"),
            Crumb("Metrics"),
        )
        return Page("deployments/metrics.html", title, data, "deployments", crumbs, blocks=("metric-charts",))


def _chosen(said: str, known: Sequence[str], usual: str) -> str:
    return said if said in known else usual


def _chart(told: Document, title: str, unit: str, wanted: Sequence[tuple[str, str, str]]) -> Mapping[str, Any]:
    values = {one["name"]: one["values"] for one in told["series"]}
    series = [Series(name, values[key], tone) for key, name, tone in wanted]
    here = datetime.now().astimezone().tzinfo
    assert here is not None
    start = told["times"][0] if told["times"] else None
    return lines(title, told["times"], series, unit=unit, start=start, area=len(series) < 3, zone=here)
