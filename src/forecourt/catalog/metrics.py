"""Published evidence -> metrics artifacts, in which Kubeflow's catalog has numbers; and scores read back from them.

An accuracy artifact has for each task its score under the task's key, with ``<key>_baseline`` and ``<key>_recovery`` in
percent beside it. Where a table has a task twice, the first has the plain key, and the others say in what they differ:
``chartqa_relaxed_accuracy``. ``overall_average`` is the mean of all scores that are percents of which more is better,
printed averages aside; every task counts once, so that a suite of many tasks counts as many.
``average_recovery`` is `forecourt.evidence.mean_recovery`, and ``average_recovery_tasks`` over how many tasks.

A performance artifact is one published point, with times in milliseconds. One that was measured with a request at a
time has the latency, ``e2e_mean``, and one of the most requests per second has those: the two do not go together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from forecourt.catalog.model import (
    ACCURACY,
    METRICS_ARTIFACT,
    PERFORMANCE,
    Document,
    Entry,
    double_value,
    int_value,
    string_value,
)
from forecourt.catalog.variants import is_quantized, number, text, variant_key
from forecourt.errors import InvalidInput
from forecourt.evidence import (
    AverageRecovery,
    Comparison,
    Direction,
    Metric,
    Performance,
    Provenance,
    PublishedTable,
    Score,
    Task,
    Tier,
    Unit,
    Verdict,
    judge_all,
    mean_recovery,
    read_label,
)

_DECIMALS = Decimal("0.0001")
_NO_SCORES = re.compile(
    r"overall_average|average_recovery(?:_tasks)?|.*_(?:baseline|recovery|stderr|std)|.*(?:hardware|concurren).*"
)
_POINT = ("hardware_type", "hardware_count", "use_case", "mean_input_tokens", "mean_output_tokens")


def accuracy_artifact(tables: Iterable[PublishedTable]) -> Document | None:
    """Return the artifact of all tables of one model; None where none of them can be read."""
    readable = [table for table in tables if table.comparisons]
    comparisons = [each for table in readable for each in table.comparisons]
    if not comparisons:
        return None
    properties: Document = {}
    for key, each in _keyed(each for each in comparisons if not each.task.is_average):
        for name, value in (
            (key, each.score.value if each.score else None),
            (f"{key}_baseline", each.baseline.value if each.baseline else None),
            (f"{key}_recovery", each.recovery),
        ):
            if value is not None:
                properties[name] = _double(value)
    if (average := overall_average(comparisons)) is not None:
        properties["overall_average"] = _double(average)
    mean = mean_recovery(comparisons)
    if mean.value is not None:
        properties["average_recovery"] = _double(mean.value)
        properties["average_recovery_tasks"] = int_value(len(mean.counted))
    contradicted = sum(
        judgement.verdict is Verdict.CONTRADICTS for table in readable for judgement in judge_all(table.comparisons)
    )
    provenance = [each.score.provenance for each in comparisons if each.score]
    if tools := sorted({one.tool for one in provenance} - {""}):
        properties["tool"] = string_value(", ".join(tools))
    properties["tier"] = string_value(Tier.MEASURED)
    properties["source"] = string_value(readable[0].source)
    properties["contradicted_claims"] = int_value(contradicted)
    return _artifact(ACCURACY, properties)


def overall_average(comparisons: Iterable[Comparison]) -> Decimal | None:
    """Return the mean of the scores that are percents of which more is better, in percent; None where there is none."""
    scores = [
        each.score.value
        for each in comparisons
        if each.score
        and not each.task.is_average
        and each.task.unit is Unit.PERCENT
        and each.task.direction is Direction.HIGHER
    ]
    return sum(scores, Decimal()) / len(scores) if scores else None


def performance_artifact(point: Performance, doubts: Sequence[str] = ()) -> Document:
    """Return the artifact of a point; `doubts` are the sentences that say why it may be wrong."""
    properties: Document = {
        "hardware_type": string_value(point.hardware_type),
        "hardware_count": int_value(point.hardware_count),
        "mean_input_tokens": double_value(float(point.input_tokens)),
        "mean_output_tokens": double_value(float(point.output_tokens)),
    }
    if point.metric is Metric.REQUEST_LATENCY:
        properties["e2e_mean"] = _double(point.value * 1000)
        properties["concurrency"] = int_value(1)
    else:
        properties["requests_per_second"] = _double(point.value)
    for name, value in (
        ("use_case", point.use_case),
        ("framework_type", point.framework),
        ("framework_version", point.framework_version),
        ("tool", point.provenance.tool),
        ("tier", point.provenance.tier),
        ("source", point.provenance.source),
        ("doubt", " ".join(doubts)),
    ):
        if value:
            properties[name] = string_value(value)
    return _artifact(PERFORMANCE, properties)


def same_measurement(artifact: Document) -> tuple[object, ...] | None:
    """Return what two artifacts of one table or one point have in common; None for what is no measurement of a card."""
    if artifact.get("artifactType") != METRICS_ARTIFACT or not (source := text(artifact, "source")):
        return None
    point = tuple(text(artifact, name) or number(artifact, name) for name in _POINT)
    return artifact.get("metricsType"), source, number(artifact, "e2e_mean") is None, *point


def recovery_between(base: Entry, variant: Entry) -> AverageRecovery | None:
    """Return what is left of a base's quality in a quantised variant, computed from the scores that their sources give.

    None where one is not the other's variant, or they have no task in common. Only measured scores are compared (a
    score of which nobody says otherwise is one), and only those from the same tool.
    """
    if variant_key(base.name, base.document) != variant_key(variant.name, variant.document):
        return None
    if is_quantized(base.name, base.document) or not is_quantized(variant.name, variant.document):
        return None
    before = dict(_scores(base))
    comparisons = [Comparison(score.task, before[key], score) for key, score in _scores(variant) if key in before]
    return mean_recovery(comparisons) if comparisons else None


def _scores(entry: Entry) -> Iterator[tuple[tuple[str, str], Score]]:
    """Yield an entry's measured scores by tool and task."""
    for artifact in entry.artifacts:
        if artifact.get("metricsType") != ACCURACY or text(artifact, "tier") not in ("", Tier.MEASURED):
            continue
        tool, benchmark = text(artifact, "tool"), text(artifact, "benchmark")
        provenance = Provenance(Tier.MEASURED, text(artifact, "source"), tool)
        for name in artifact.get("customProperties") or {}:
            value = number(artifact, name)
            label = benchmark if name == "score" else name
            if value is None or not label or _NO_SCORES.fullmatch(name):
                continue
            try:
                task = read_label(label)
            except InvalidInput:
                continue
            yield (tool, label), Score(entry.name, task, Decimal(repr(value)), provenance)


def _keyed(comparisons: Iterable[Comparison]) -> Iterator[tuple[str, Comparison]]:
    """Yield comparisons with the keys that their scores have; no two are the same."""
    taken: dict[str, Task] = {}
    for each in comparisons:
        key = each.task.key
        if key in taken:
            candidates = (f"{each.task.key}_{word}" for word in _differences(each.task, taken[key]))
            key = next(candidate for candidate in candidates if candidate not in taken)
        taken[key] = each.task
        yield key, each


def _differences(task: Task, other: Task) -> Iterator[str]:
    """Yield words for what a task has that another has not, then numbers."""
    if task.metric and task.metric != other.metric:
        yield _word(task.metric)
    if task.shots is not None and task.shots != other.shots:
        yield f"{task.shots}_shot"
    if task.suite and task.suite != other.suite:
        yield _word(task.suite)
    count = 2
    while True:
        yield str(count)
        count += 1


def _word(said: str) -> str:
    return re.sub(r"\W+", "_", said.casefold()).strip("_")


def _double(value: Decimal) -> Document:
    return double_value(float(value.quantize(_DECIMALS)))


def _artifact(metrics_type: str, properties: Document) -> Document:
    return {"artifactType": METRICS_ARTIFACT, "metricsType": metrics_type, "customProperties": properties}
