"""Rows of published accuracy become comparisons; a row that cannot be read is refused with its number."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from evidence.made import row

from forecourt.errors import InvalidInput
from forecourt.evidence import Basis, Claim, Provenance, Tier, read_accuracy


def test_a_row_becomes_a_comparison() -> None:
    (table,) = read_accuracy([row(tool="lm-evaluation-harness", tool_version="0.4.8")])
    assert (table.model, table.columns, table.rows, table.broken) == ("acme/model", ("original", "model"), 1, "")
    (comparison,) = table.comparisons
    assert comparison.task.key == "gsm8k"
    assert comparison.claim == Claim(Decimal("99.6"))
    assert comparison.baseline is not None
    assert comparison.score is not None
    assert (comparison.baseline.model, str(comparison.baseline.value)) == ("original", "80.36")
    assert (comparison.score.model, str(comparison.score.value)) == ("acme/model", "80.06")
    assert comparison.score.provenance == Provenance(
        Tier.MEASURED, "https://huggingface.co/acme/model", "lm-evaluation-harness", "0.4.8"
    )


def test_zeros_at_the_end_are_kept() -> None:
    (table,) = read_accuracy([row(baseline="65.00", score="65.0", recovery="100")])
    (comparison,) = table.comparisons
    assert [str(each.value) for each in (comparison.baseline, comparison.score, comparison.claim) if each] == [
        "65.00",
        "65.0",
        "100",
    ]


@pytest.mark.parametrize("empty", [None, ...])
def test_what_is_not_printed_is_not_there(empty: Any) -> None:
    (table,) = read_accuracy([row(score=empty, recovery=empty)])
    assert table.comparisons[0].score is None
    assert table.comparisons[0].claim is None


def test_a_claim_may_be_one_about_the_complement() -> None:
    (table,) = read_accuracy([row(suite="Fleurs WER", task="German", recovery_of="complement")])
    claim = table.comparisons[0].claim
    assert claim is not None
    assert claim.basis is Basis.COMPLEMENT


def test_rows_of_one_card_and_the_same_columns_are_a_table() -> None:
    lines = [
        row(),
        row(model="acme/other", source="https://huggingface.co/acme/other"),
        "",
        row(task="MMLU (5-shot)"),
        row(task="HellaSwag", columns=["another", "model"]),
    ]
    tables = read_accuracy(lines)
    assert [(table.model, table.rows) for table in tables] == [("acme/model", 2), ("acme/other", 1), ("acme/model", 1)]


def test_a_table_with_a_column_missing_has_a_reason_and_no_numbers() -> None:
    tables = read_accuracy(
        [
            row(task="MMLU", baseline="74.24", score=None, recovery="73.84", columns=["model"]),
            row(task="GSM8K", baseline="80.36", score=None, recovery="80.74", columns=["model"]),
            row(),
        ]
    )
    assert [(bool(table.broken), table.rows, len(table.comparisons)) for table in tables] == [
        (True, 2, 0),
        (False, 1, 1),
    ]
    assert "A column is missing" in tables[0].broken


def test_no_rows_are_no_tables() -> None:
    assert read_accuracy(["", "  \n"]) == ()


@pytest.mark.parametrize(
    ("line", "problem", "hint"),
    [
        ("{", "it is no JSON", "one JSON object a line"),
        ("[" * 100_000, "it is no JSON", "one JSON object a line"),
        ("[1]", r"it is \[1\]", "one JSON object a line"),
        (row(baseline=65.0), "baseline is 65.0", "digits that were printed"),
        (row(baseline="65.00%"), "baseline is", "digits that were printed"),
        (row(score="NaN"), "score is", "digits that were printed"),
        (row(score="1e9"), "score is", "digits that were printed"),
        (row(recovery="９９"), "recovery is", "digits that were printed"),
        (row(recovery="9" * 50), "recovery is", "digits that were printed"),
        (row(model=...), "model is missing", "as text"),
        (row(model=" "), "model is", "as text"),
        (row(task=7), "task is 7", "as text"),
        (row(task="MM\0LU"), "task is", "as text"),
        (row(suite="\udfff"), "suite is", "as text"),
        (row(columns=["\ud800"]), "columns is", "list of texts"),
        (row(task="GSM8K (latency)"), "a metric that is not known", "benchmarks.py"),
        (row(task="(5-shot)"), "names no benchmark", "strict-match"),
        (row(suite=None), "suite is missing", "as text"),
        (row(source="card.md"), "which is no link", "https://"),
        (row(columns="model"), "columns is", "list of texts"),
        (row(columns=...), "columns is missing", "list of texts"),
        (row(recovery_of="square"), "recovery_of is 'square'", "complement"),
        (row(recovry="99.6"), "a field 'recovry'", "recovery"),
        (row(task="MMLU"), "it repeats row 1", "Keep the one"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_row_and_what_to_do(line: str, problem: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match=f"^Row 3: .*{problem}") as refused:
        read_accuracy([row(task="MMLU"), "", line])
    assert hint in refused.value.hint
