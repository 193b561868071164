"""Performance artifacts: what a model's latency is on which hardware, and which of it to recommend."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

from forecourt.catalog.index import Rows, Snapshot
from forecourt.catalog.model import COLD_START, PERFORMANCE, Document, double_value, int_value
from forecourt.catalog.recommendations import Configuration, Properties, recommended
from forecourt.errors import InvalidInput


def configurations(snapshot: Snapshot, among: Iterable[int], properties: Properties) -> list[Configuration]:
    """Return artifacts as configurations, by their number."""
    latency, rps, count = map(
        snapshot.numbers_of_artifacts, (properties.latency, properties.rps, properties.hardware_count)
    )
    kind = snapshot.texts_of_artifacts(properties.hardware_type)
    return [
        Configuration(artifact, kind.get(artifact, ""), count.get(artifact), latency.get(artifact), rps.get(artifact))
        for artifact in among
    ]


def performance_of(snapshot: Snapshot, among: Rows) -> Rows:
    """Return those of the artifacts that are performance metrics."""
    rows: Rows = among & snapshot.artifacts.column("metricsType").texts.rows(PERFORMANCE)
    return rows


def under_load(snapshot: Snapshot, among: Rows) -> Rows:
    """Return performance metrics without those of a cold start, which is no configuration to run a model on."""
    rows: Rows = among - snapshot.artifacts.column("performance_sub_type").texts.rows(COLD_START)
    return rows


def known(snapshot: Snapshot, among: Rows, properties: Iterable[str]) -> None:
    """Raise `InvalidInput` for a property that none of the artifacts has."""
    for name in properties:
        if among and not snapshot.artifacts.column(name).present & among:
            raise InvalidInput(f"no performance artifact of this model has the property {name!r}")


def with_replicas(document: Document, configuration: Configuration, target_rps: int) -> Document:
    """Return an artifact with how many copies take so many requests/s, and how many these take."""
    added: dict[str, Any] = {
        "replicas": int_value(configuration.replicas(target_rps)),
        "total_requests_per_second": double_value(configuration.total_rps(target_rps)),
    }
    return document | {"customProperties": (document.get("customProperties") or {}) | added}


def models_by_recommended_latency(
    snapshot: Snapshot, filter_query: str, target_rps: int, properties: Properties
) -> array[int]:
    """Return the models of which a latency is known, by the least one among what is recommended for each.

    What a filter on models says of artifacts holds for those that are looked at. Raises `InvalidFilter`.
    """

    def make() -> array[int]:
        among = snapshot.witnesses(filter_query) if filter_query.strip() else snapshot.artifacts.everything
        of_models: dict[int, list[Configuration]] = {}
        owner = snapshot.owners.owner
        for one in configurations(snapshot, under_load(snapshot, performance_of(snapshot, among)), properties):
            of_models.setdefault(owner[one.number], []).append(one)
        latencies: dict[int, float] = {}
        for model, theirs in of_models.items():
            measured = [one.latency for one in recommended(theirs, target_rps) if one.latency and one.latency > 0]
            if measured:
                latencies[model] = min(measured)
        return array("I", sorted(latencies, key=latencies.__getitem__))

    made: array[int] = snapshot.once(("recommended", filter_query, target_rps, properties), make)
    return made
