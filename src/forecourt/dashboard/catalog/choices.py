"""What a person chose in the gallery: read from an address, asked of the API, written into an address again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from forecourt.catalog.filters import BY_NAME, FILTERS, METRICS, PERCENTILES, Filter
from forecourt.dashboard.catalog.wording import latency_words, workload

HREF = "/catalog"
PAGE = 20
_MOST_COMPARED = 4
_LATENCY = ("ttft", "p90")
_OF_PERFORMANCE = frozenset(one.name for one in FILTERS if one.performance)

Values = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Choices:
    """What is chosen. `values` are those of filters, by their names, as texts."""

    text: str = ""
    labels: tuple[str, ...] = ()
    values: Values = field(default_factory=dict)
    performance: bool = False
    metric: str = ""
    percentile: str = ""
    target: str = ""
    sort: str = ""
    after: str = ""
    compared: tuple[str, ...] = ()
    own: bool = False
    """Whether the person has seen the performance view already, so that its defaults are no longer put in."""

    @classmethod
    def of(cls, given: QueryParams) -> Choices:
        """Read an address; what means nothing is left out."""
        values = {
            one.name: tuple(dict.fromkeys(value.strip() for value in given.getlist(one.name) if value.strip()))
            for one in FILTERS
        }
        own = given.get("own") == "1"
        about_load = any(values[name] for name in _OF_PERFORMANCE)
        performance = given.get("view") == "performance" or (about_load and not own)
        metric, percentile = given.get("metric", ""), given.get("percentile", "")
        return cls(
            text=given.get("q", "").strip()[:1000],
            labels=tuple(filter(None, given.getlist("label"))),
            values={
                name: value for name, value in values.items() if value and (performance or name not in _OF_PERFORMANCE)
            },
            performance=performance,
            metric=metric if metric in METRICS and performance else "",
            percentile=percentile if percentile in PERCENTILES and performance else "",
            target=given.get("targetRPS", "").strip()[:20] if performance else "",
            sort=given.get("sort", "").strip()[:255],
            after=given.get("after", "")[:100],
            compared=tuple(dict.fromkeys(filter(None, given.getlist("compare"))))[:_MOST_COMPARED],
            own=own and performance,
        )

    @property
    def latency(self) -> str:
        """The latency that was asked for; empty where any will do."""
        if not self.metric and not self.percentile and "max-latency" not in self.values:
            return ""
        return f"{self.metric or _LATENCY[0]}_{self.percentile or _LATENCY[1]}"

    @property
    def seeks(self) -> bool:
        """Whether anything is sought, in words, by a filter, in a part or in an order."""
        return bool(self.text or self.labels or self.values or self.performance or self.sort)

    def query(self) -> dict[str, Any]:
        """Return what is asked of the API's search."""
        asked: dict[str, Any] = {name: _asked(BY_NAME[name], value) for name, value in self.values.items()}
        asked |= {"q": self.text, "label": list(self.labels), "latency-metric": self.latency, "targetRPS": self.target}
        return asked | ({"measured": "true"} if self.performance else {})

    @property
    def order(self) -> str:
        """What the API sorts by."""
        if self.sort == "latency" and self.latency:
            return f"artifacts.{self.latency}"
        return "artifacts.cold_start_time_to_load_seconds" if self.sort == "cold-start" else self.sort

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield what an address says of it."""
        yield from (("q", self.text),) if self.text else ()
        yield from (("label", label) for label in self.labels)
        if self.performance:
            yield from (("view", "performance"), ("own", "1"))
        yield from ((name, each) for name, value in self.values.items() for each in value)
        for name, said in (("metric", self.metric), ("percentile", self.percentile), ("targetRPS", self.target)):
            yield from ((name, said),) if said else ()
        yield from (("sort", self.sort),) if self.sort else ()
        yield from (("compare", each) for each in self.compared)
        yield from (("after", self.after),) if self.after else ()

    @property
    def address(self) -> str:
        """The address that says all of it."""
        pairs = list(self.pairs())
        return f"{HREF}?{urlencode(pairs)}" if pairs else HREF

    def but(self, **changes: Any) -> Choices:
        """Return it with something else chosen, from the first page on."""
        return replace(self, **{"after": "", **changes})

    def without(self, name: str, value: str) -> Choices:
        """Return it without one value of a filter."""
        left = {other: given for other, given in self.values.items() if other != name or given != (value,)}
        if name in left:
            left[name] = tuple(each for each in left[name] if each != value)
        return self.but(values=left)

    def not_compared(self, model: str) -> Choices:
        """Return it without a model to compare, on the same page."""
        return replace(self, compared=tuple(each for each in self.compared if each != model))

    @property
    def nothing(self) -> Choices:
        """What is left where the filters are reset: the view, the part and what is to be compared."""
        return Choices(labels=self.labels, performance=self.performance, compared=self.compared)

    @property
    def switched(self) -> Choices:
        """The other view: that of performance with its defaults, or the one without what is said of performance."""
        kept = {name: value for name, value in self.values.items() if name not in _OF_PERFORMANCE}
        return self.but(
            values=kept, performance=not self.performance, own=False, metric="", percentile="", target="", sort=""
        )

    def chips(self) -> Iterator[tuple[str, str, Choices]]:
        """Yield what is chosen, as a person reads it, and what is left without it."""
        if self.text:
            yield "Search", f"“{self.text}”", self.but(text="")
        for name, values in self.values.items():
            one = BY_NAME[name]
            for value in values:
                yield self._title(one), _said(one, value), self.without(name, value)
        if self.target:
            yield "Target RPS", self.target, self.but(target="")
        if self.latency and "max-latency" not in self.values:
            yield "Latency", latency_words(self.latency), self.but(metric="", percentile="")

    def _title(self, one: Filter) -> str:
        return latency_words(self.latency) if one.name == "max-latency" else one.title.partition(",")[0]


def defaults(named_queries: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return what the performance view begins with, as the catalog's sources say it: changes of `Choices`."""
    values: dict[str, tuple[str, ...]] = {}
    latency = ("", "")
    for path, condition in named_queries.get("default-performance-filters", {}).items():
        given = condition["value"] if isinstance(condition["value"], list) else [condition["value"]]
        name = next((one.name for one in FILTERS if _same(one.path, path) and _fits(one, condition)), "")
        metric = _plain(path)
        if not name and metric.partition("_")[0] in METRICS and metric.partition("_")[2] in PERCENTILES:
            name, latency = "max-latency", (metric.partition("_")[0], metric.partition("_")[2])
        if name:
            values[name] = tuple(f"{each:g}" if isinstance(each, float) else str(each) for each in given)
    return {"values": values, "metric": latency[0], "percentile": latency[1]}


def _fits(one: Filter, condition: Mapping[str, Any]) -> bool:
    signs = {"most": ("<", "<="), "least": (">", ">=")}.get(one.kind, ("=", "IN"))
    return condition["operator"] in signs


def _plain(path: str) -> str:
    return path.removeprefix("artifacts.").rpartition(".")[0] or path.removeprefix("artifacts.")


def _same(one: str, other: str) -> bool:
    about = [each.startswith("artifacts.") for each in (one, other)]
    return one == other or (about[0] == about[1] and _plain(one) == _plain(other))


def _asked(one: Filter, values: tuple[str, ...]) -> str | list[str]:
    """Return what the API's search takes for a filter."""
    if one.kind == "flag":
        return "true"
    return list(values) if one.kind == "choice" else values[0]


def _said(one: Filter, value: str) -> str:
    match one.kind:
        case "flag":
            return "Yes"
        case "least":
            return f"≥ {value}{one.unit}"
        case "most":
            return f"≤ {value}{one.unit}"
        case _:
            return workload(value) if one.name == "workload" else value
