"""The average recovery is the mean of the tasks' recoveries; what would distort it is left out, and told."""

from __future__ import annotations

from decimal import Decimal

import pytest
from evidence.made import compared

from forecourt.evidence import mean_recovery, recovery_of_averages

WER = "Fleurs WER / German"


def test_it_is_the_mean_of_the_tasks_of_all_suites() -> None:
    average = mean_recovery(
        [
            compared("80.00", "72.00", label="OpenLLM V1 / GSM8K"),
            compared("50.00", "50.00", label="OpenLLM V2 / MuSR"),
            compared("4.00", "5.00", label=WER),
        ]
    )
    assert average.value == 90
    assert len(average.counted) == 3
    assert average.left_out == ()


def test_printed_averages_are_not_counted_again() -> None:
    average = mean_recovery([compared("80.00", "72.00"), compared("80.00", "40.00", label="Average")])
    assert average.value == 90
    assert average.left_out == ()


def test_what_a_card_claims_is_not_counted() -> None:
    assert mean_recovery([compared("80.00", "72.00", "99.9")]).value == 90


def test_a_task_without_a_recovery_is_left_out_with_the_reason() -> None:
    missing = compared("84.77", None)
    average = mean_recovery([missing, compared("80.00", "72.00")])
    assert average.value == 90
    assert average.left_out == ((missing, "The model has no score."),)


@pytest.mark.parametrize(("baseline", "scored"), [("0.17", "0.33"), ("0.17", "0.00"), ("3.7", "5.7")])
def test_a_baseline_that_rounding_leaves_open_by_more_than_one_percent_is_left_out(baseline: str, scored: str) -> None:
    average = mean_recovery([compared(baseline, scored), compared("80.00", "72.00")])
    assert average.value == 90
    ((_, why),) = average.left_out
    assert why == f"A score of {baseline} is too close to zero for its digits."


def test_a_small_baseline_with_enough_digits_is_counted() -> None:
    assert mean_recovery([compared("0.500", "0.400")]).value == 80
    assert mean_recovery([compared("0.5", "0.4")]).value is None


def test_a_model_that_fails_a_task_does_not_have_it_left_out() -> None:
    assert mean_recovery([compared("60.00", "0.00"), compared("80.00", "80.00")]).value == 50


def test_where_lower_is_better_it_is_the_score_that_must_be_known_well() -> None:
    assert mean_recovery([compared("50.0", "0.1", label=WER)]).value is None
    assert mean_recovery([compared("0.1", "50.0", label=WER)]).value == Decimal("0.2")


def test_without_recoveries_there_is_no_mean() -> None:
    assert mean_recovery([]).value is None
    assert mean_recovery([compared("80.00", "40.00", label="Average")]).value is None


def test_the_recovery_of_averages_is_told_for_each_suite() -> None:
    comparisons = [
        compared("80.00", "20.00", label="OpenLLM V1 / GSM8K"),
        compared("80.00", "60.00", label="OpenLLM V1 / Average"),
        compared("50.00", "40.00", label="OpenLLM V2 / Average Score"),
        compared("50.00", None, label="Vision / Average"),
    ]
    assert recovery_of_averages(comparisons) == {"OpenLLM V1": 75, "OpenLLM V2": 80}
