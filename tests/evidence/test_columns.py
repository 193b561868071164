"""A table whose columns are not what they seem is found out by its rows, and an honest one is not."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from evidence.made import compared
from hypothesis import given
from hypothesis import strategies as st

from forecourt.evidence import Comparison
from forecourt.evidence.columns import fault

WER = "Fleurs WER / German"
HONEST = [
    ("74.24", "73.19", "98.6"),
    ("63.40", "63.23", "99.7"),
    ("80.36", "80.59", "100.3"),
    ("81.52", "80.65", "98.9"),
    ("74.66", "74.19", "99.4"),
]


def table(rows: list[tuple[str | None, str | None, str | None]]) -> list[Comparison]:
    return [compared(*row) for row in rows]


def test_an_honest_table_has_no_fault() -> None:
    assert fault(table([*HONEST])) == ""


def test_a_table_without_rows_has_no_fault() -> None:
    assert fault([]) == ""


def test_recoveries_beside_one_score_mean_that_a_column_is_missing() -> None:
    found = fault(table([(baseline, None, scored) for baseline, scored, _ in HONEST]))
    assert found == (
        "A column is missing: 5 of 5 rows print a recovery beside a single score. "
        "In 5 of them the recovery is nearer to that score than to 100 %, as another score would be."
    )


def test_it_is_found_wherever_the_one_score_stands() -> None:
    assert "A column is missing" in fault(table([(None, baseline, scored) for baseline, scored, _ in HONEST]))


def test_what_looks_like_a_recovery_is_not_called_a_score() -> None:
    found = fault(table([(baseline, None, recovery) for baseline, _, recovery in HONEST]))
    assert found == "A column is missing: 5 of 5 rows print a recovery beside a single score."


def test_one_row_that_lacks_a_score_is_no_fault_of_the_table() -> None:
    assert fault(table([*HONEST, ("84.77", None, "99.0")])) == ""
    assert fault(table([("84.77", None, "84.53")])) == ""


def test_some_rows_that_lack_a_score_are_no_fault_of_the_table() -> None:
    assert fault(table([*HONEST, ("84.77", None, "84.53"), ("81.60", None, "80.62")])) == ""


def test_rows_that_claim_nothing_are_no_fault_of_the_table() -> None:
    assert fault(table([("84.77", None, None)] * 5)) == ""
    assert fault(table([*HONEST, *[(None, None, None)] * 20])) == ""


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (1, 2, 0), (2, 0, 1)])
def test_columns_in_another_order_are_found(order: tuple[int, int, int]) -> None:
    found = fault([compared(*(row[place] for place in order)) for row in HONEST])
    assert found == "The columns are shifted: 5 of 5 rows fit if they are read in another order."


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_columns_of_error_rates_in_another_order_are_found(order: tuple[int, int, int]) -> None:
    rows = [(scored, baseline, recovery) for baseline, scored, recovery in HONEST]
    found = fault([compared(*(row[place] for place in order), label=WER) for row in rows])
    assert found == "The columns are shifted: 5 of 5 rows fit if they are read in another order."


def test_a_baseline_and_its_recovery_change_places_without_a_trace() -> None:
    assert fault(table([(recovery, scored, baseline) for baseline, scored, recovery in HONEST])) == ""


def test_recoveries_that_are_wrong_are_not_a_matter_of_columns() -> None:
    assert fault(table([(baseline, scored, "97.1") for baseline, scored, _ in HONEST])) == ""


def test_two_rows_do_not_say_that_columns_are_shifted() -> None:
    assert fault(table([(scored, baseline, recovery) for baseline, scored, recovery in HONEST[:2]])) == ""


scores = st.decimals("1", "100", places=2)


@given(st.lists(st.tuples(scores, scores), max_size=8), st.integers(0, 2))
def test_an_honest_table_never_has_a_fault(pairs: list[tuple[Decimal, Decimal]], decimals: int) -> None:
    unit = Decimal(1).scaleb(-decimals)
    rows = [(str(a), str(b), str((b * 100 / a).quantize(unit, ROUND_HALF_UP))) for a, b in pairs]
    assert fault(table([*rows])) == ""
