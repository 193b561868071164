"""What was measured of a model under load: a latency and a throughput of one configuration, and which are the best.

Some publish both of one run. Others measure the latency with a request at a time and the throughput at full load, as
artifacts of their own: two such halves of one configuration make one point, which says so (`Point.halves`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from forecourt.catalog.filters import LATENCIES
from forecourt.catalog.index import Rows, Snapshot
from forecourt.catalog.model import Document
from forecourt.catalog.performance import performance_of, under_load
from forecourt.catalog.recommendations import Configuration

RPS = "requests_per_second"
_FIRST = ("ttft_p90", "e2e_mean")  # of latencies where nobody says which; then any
_TEXTS = ("hardware_type", "hardware_configuration", "use_case", "framework_type", "framework_version")
_NUMBERS = ("hardware_count", "mean_input_tokens", "mean_output_tokens")


@dataclass(frozen=True, slots=True)
class Point:
    """A measured configuration, by the numbers of its artifacts: one that has both values, or two with one each."""

    artifacts: tuple[int, ...]
    latency: float | None
    """In milliseconds."""
    rps: float | None

    @property
    def halves(self) -> bool:
        """Whether its two values were measured one after the other, under other loads."""
        return len(self.artifacts) > 1


def latencies_of(snapshot: Snapshot, among: Rows) -> list[str]:
    """Return which latencies any of the artifacts has, those that people ask for first at the beginning."""
    ordered = (*_FIRST, *(name for name in LATENCIES if name not in _FIRST))
    return [name for name in ordered if snapshot.artifacts.column(name).present & among]


def artifacts_under_load(snapshot: Snapshot, number: int, of_artifact: str = "") -> Rows:
    """Return a model's performance artifacts of which a filter holds, without cold starts; raises `InvalidFilter`."""
    among = under_load(snapshot, performance_of(snapshot, snapshot.artifacts_of(number)))
    return among & snapshot.matching_artifacts(of_artifact) if of_artifact else among


def points(snapshot: Snapshot, among: Iterable[int], latency: str) -> list[Point]:
    """Return what the artifacts are points of, the fastest first, then those that take the most requests."""
    of_latency, of_rps = snapshot.numbers_of_artifacts(latency), snapshot.numbers_of_artifacts(RPS)
    whole: list[Point] = []
    halves: dict[tuple[object, ...], list[list[int]]] = {}
    for artifact in among:
        value, rps = of_latency.get(artifact), of_rps.get(artifact)
        if value is not None and rps is not None:
            whole.append(Point((artifact,), value, rps))
        elif value is not None or rps is not None:
            pair = halves.setdefault(_configuration(snapshot, artifact), [[], []])
            pair[value is None].append(artifact)
    for slow, much in halves.values():
        whole += _paired(slow, much, of_latency, of_rps)
    return sorted(whole, key=lambda one: (_or_infinity(one.latency), -(one.rps or 0.0), one.artifacts))


def _paired(
    slow: Sequence[int], much: Sequence[int], of_latency: Mapping[int, float], of_rps: Mapping[int, float]
) -> Iterator[Point]:
    """Yield the points of artifacts that have one value each; where a value is there twice, nothing goes together."""
    if len(slow) == len(much) == 1:
        yield Point((slow[0], much[0]), of_latency[slow[0]], of_rps[much[0]])
        return
    yield from (Point((one,), of_latency[one], None) for one in slow)
    yield from (Point((one,), None, of_rps[one]) for one in much)


def _configuration(snapshot: Snapshot, artifact: int) -> tuple[object, ...]:
    texts = (snapshot.texts_of_artifacts(name).get(artifact) for name in _TEXTS)
    return (*texts, *(snapshot.numbers_of_artifacts(name).get(artifact) for name in _NUMBERS))


def shown(point: Point, flat: Sequence[Document], latency: str, target_rps: float = 0) -> Document:
    """Return a point with its artifacts' properties, and how many copies take so many requests/s where one is asked."""
    document: Document = {name: value for one in reversed(flat) for name, value in one.items()}
    doubts = dict.fromkeys(one["doubt"] for one in flat if one.get("doubt"))
    document |= {
        "hardware": hardware_of(document),
        "latency": point.latency,
        "latencyMetric": latency,
        "rps": point.rps,
        "halves": point.halves,
        "doubt": " ".join(doubts),
        "replicas": None,
        "totalRps": None,
    }
    if target_rps > 0 and point.rps:
        one = Configuration(0, "", None, point.latency, point.rps)
        document |= {"replicas": one.replicas(target_rps), "totalRps": round(one.total_rps(target_rps), 2)}
    return document


def hardware_of(properties: Document) -> str:
    """Return what something was measured on: its configuration as its source calls it, or ``2 x A100``."""
    if said := properties.get("hardware_configuration"):
        return str(said)
    kind, count = str(properties.get("hardware_type") or ""), properties.get("hardware_count")
    return f"{count:g} x {kind}" if kind and isinstance(count, int | float) else kind


def _or_infinity(value: float | None) -> float:
    return math.inf if value is None else value
