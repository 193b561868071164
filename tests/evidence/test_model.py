"""A recovery is computed from two scores of one task, and means the same whichever way the metric goes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from decimal import Decimal

import pytest
from evidence.made import CARD, compared, score

from forecourt.errors import InvalidInput
from forecourt.evidence import Comparison, Direction, Metric, Performance, Task, Unit, read_label

WER = "Fleurs WER / German"


def test_a_recovery_is_the_score_as_a_share_of_the_baseline() -> None:
    assert compared("80.00", "60.00").recovery == 75


def test_where_lower_is_better_the_quotient_is_the_other_way_round() -> None:
    assert compared("4.00", "5.00", label=WER).recovery == 80


def test_less_than_100_means_that_quality_was_lost_in_both_directions() -> None:
    for label, worse in (("GSM8K", "70.00"), (WER, "90.00")):
        recovery = compared("80.00", worse, label=label).recovery
        assert recovery is not None
        assert recovery < 100


def test_the_same_scores_are_a_recovery_of_100_percent() -> None:
    assert compared("58.59", "58.59").recovery == compared("5.01", "5.01", label=WER).recovery == 100


def test_a_score_of_zero_keeps_nothing_where_higher_is_better() -> None:
    assert compared("60.00", "0.00").recovery == 0


@pytest.mark.parametrize(
    ("baseline", "scored", "label", "why"),
    [
        ("0.00", "1.00", "GSM8K", "The baseline's score is zero."),
        ("0.00", "0.00", "GSM8K", "The baseline's score is zero."),
        ("0.0", "0.1", WER, "The baseline's score is zero."),
        ("3.9", "0.0", WER, "The score is zero."),
        ("-1.0", "5.0", "GSM8K", "A score is negative."),
        ("5.0", "-1.0", "GSM8K", "A score is negative."),
        (None, "5.0", "GSM8K", "The baseline has no score."),
        ("5.0", None, "GSM8K", "The model has no score."),
        (None, None, "GSM8K", "No scores are there."),
    ],
)
def test_without_a_recovery_there_is_a_reason(baseline: str, scored: str, label: str, why: str) -> None:
    comparison = compared(baseline, scored, label=label)
    assert comparison.recovery is None
    assert comparison.no_recovery == why


def test_with_a_recovery_there_is_no_reason_for_none() -> None:
    assert compared("80.00", "60.00").no_recovery == ""


@pytest.mark.parametrize(
    "other", ["GSM8K (strict-match, 8-shot)", "GSM8K (flexible-extract, 5-shot)", "MMLU (strict-match, 5-shot)"]
)
def test_scores_of_different_tasks_are_not_compared(other: str) -> None:
    task, another = read_label("GSM8K (strict-match, 5-shot)"), read_label(other)
    with pytest.raises(InvalidInput, match="says nothing about") as refused:
        Comparison(task, score(another, "80.0"), score(task, "79.0"))
    assert "one task" in refused.value.hint


def test_a_score_in_another_unit_is_not_compared() -> None:
    percent, ratio = Task("gsm8k", "GSM8K"), Task("gsm8k", "GSM8K", unit=Unit.RATIO)
    with pytest.raises(InvalidInput):
        Comparison(percent, score(percent, "80.0"), score(ratio, "0.79"))


def test_scores_of_one_task_are_compared_whatever_its_suite_and_label_are_called() -> None:
    here, there = read_label("OpenLLM V1 / GSM8K (5-shot)"), read_label("Maths / GSM-8K (5-shot)")
    assert Comparison(here, score(there, "80.00"), score(here, "60.00")).recovery == 75


def test_a_label_does_not_make_another_task_of_it() -> None:
    assert read_label("GSM-8K (5-shot)") == read_label("gsm8k 5-shot")


def test_the_digits_that_were_printed_are_kept() -> None:
    assert str(compared("65.00", "64.0").baseline.value) == "65.00"  # type: ignore[union-attr]


def test_evidence_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        compared("80.00", "60.00").claim = None  # type: ignore[misc]


def test_a_point_of_performance_knows_its_unit_and_direction() -> None:
    point = Performance("m", "L40", 1, 256, 128, Metric.REQUEST_LATENCY, Decimal("3.2"), CARD)
    assert (point.unit, point.metric.direction) == ("s", Direction.LOWER)
    more = replace(point, metric=Metric.MAX_REQUESTS_PER_SECOND)
    assert (more.unit, more.metric.direction) == ("requests/s", Direction.HIGHER)
