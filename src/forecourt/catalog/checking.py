"""The evidence of models as people check it: each score with its source, each recovery computed, each claim judged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal

from forecourt.catalog.model import Document
from forecourt.evidence import (
    Comparison,
    Judgement,
    PublishedTable,
    Verdict,
    judge_all,
    mean_recovery,
    read_accuracy,
    recovery_of_averages,
    report,
    sentence_of,
)


def tables_of(evidence: Iterable[Document]) -> tuple[PublishedTable, ...]:
    """Return the tables that lines of evidence are."""
    return read_accuracy(json.dumps(row, ensure_ascii=False) for row in evidence)


def accuracy_of(evidence: Sequence[Document]) -> Document:
    """Return what is known of a model's accuracy, as the API has it; numbers as they were printed, or computed."""
    scores: list[Document] = []
    averages: Document = {}
    broken: list[Document] = []
    for table in tables_of(evidence):
        if table.broken:
            broken.append({"source": table.source, "rows": table.rows, "message": table.broken})
            continue
        judged = judge_all(table.comparisons)
        scores += [
            _score(comparison, judgement) for comparison, judgement in zip(table.comparisons, judged, strict=True)
        ]
        mean = mean_recovery(table.comparisons)
        if mean.value is not None:
            averages = {
                "recovery": _rounded(mean.value),
                "tasks": len(mean.counted),
                "leftOut": [{"task": one.task.label, "why": why} for one, why in mean.left_out],
                "recoveryOfAverages": {
                    suite: _rounded(value) for suite, value in recovery_of_averages(table.comparisons).items()
                },
            }
    return {"scores": scores, "average": averages, "broken": broken}


def contradictions(evidence: Iterable[Document]) -> Document:
    """Return every claim that its own two scores contradict, and every table that is broken."""
    found = report(tables_of(evidence))
    return {
        "rows": found.rows,
        "recomputed": found.recomputed,
        "verdicts": {verdict.value: count for verdict, count in found.verdicts.items()},
        "contradictions": [
            {"model": one.model, "source": one.source, "sentence": one.sentence} | _score(one.comparison, one.judgement)
            for one in found.findings
        ],
        "broken": [
            {"model": one.model, "source": one.source, "rows": one.rows, "message": one.sentence}
            for one in found.broken
        ],
    }


def _score(comparison: Comparison, judgement: Judgement) -> Document:
    task = comparison.task
    shown = comparison.score or comparison.baseline
    provenance = shown.provenance if shown is not None else None
    document: Document = {
        "task": task.key,
        "label": task.label,
        "suite": task.suite,
        "metric": task.metric,
        "shots": task.shots,
        "direction": task.direction.value,
        "unit": task.unit.value,
        "isAverage": task.is_average,
        "baselineModel": comparison.baseline.model if comparison.baseline is not None else None,
        "baseline": str(comparison.baseline.value) if comparison.baseline is not None else None,
        "score": str(comparison.score.value) if comparison.score is not None else None,
        "recovery": _rounded(comparison.recovery),
        "claim": str(comparison.claim.value) if comparison.claim is not None else None,
        "verdict": judgement.verdict.value,
    }
    if provenance is not None:
        document |= {
            "tier": provenance.tier.value,
            "source": provenance.source,
            "tool": provenance.tool,
            "toolVersion": provenance.tool_version,
        }
    if judgement.verdict is Verdict.CONTRADICTS:
        document["sentence"] = sentence_of(comparison, judgement)
    elif comparison.no_recovery:
        document["sentence"] = comparison.no_recovery
    return document


def _rounded(value: Decimal | None) -> float | None:
    return None if value is None else round(float(value), 2)
