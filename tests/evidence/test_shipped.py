"""The evidence that ships: read whole, its contradictions found, and nothing else called one."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from evidence.made import SHIPPED

from forecourt.evidence import (
    Basis,
    Comparison,
    Direction,
    PublishedTable,
    Verdict,
    doubts,
    judge_all,
    mean_recovery,
    read_accuracy,
    read_performance,
    report,
)

CONTRADICTIONS = {
    ("Apertus-8B-Instruct-2509-FP8-dynamic", "ARC-Challenge (Acc-Norm, 25-shot)", "101.4", "100.877"),
    ("Llama-3.3-70B-Instruct-quantized.w4a16", "Average", "98.3", "99.423"),
    ("Llama-3.3-70B-Instruct-quantized.w8a8", "TruthfulQA (0-shot, mc2)", "99.5", "100.542"),
    ("Llama-3.3-70B-Instruct-quantized.w8a8", "MMLU-Pro (5-shot)", "99.7", "99.422"),
    ("Llama-3.3-70B-Instruct-quantized.w8a8", "IFEval (0-shot)", "99.4", "99.769"),
    ("Llama-4-Scout-17B-16E-Instruct-quantized.w4a16", "GSM8k 5-shot", "100.4", "100.498"),
    ("Llama-4-Scout-17B-16E-Instruct-quantized.w4a16", "ChartQA 0-shot exact_match", "100.1", "100.182"),
    ("Llama-4-Scout-17B-16E-Instruct-quantized.w4a16", "RULER seqlen = 131072 ruler_cwe", "87.39", "84.069"),
    ("Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "ARC Challenge (0-shot)", "98.0", "98.526"),
    ("Mistral-Small-3.1-24B-Instruct-2503-FP8-dynamic", "GPQA CoT main (5-shot)", "99.4", "96.341"),
    ("Mistral-Small-3.1-24B-Instruct-2503-quantized.w8a8", "MBPP+ pass@1", "100.7", "102.475"),
    ("Phi-4-mini-instruct-FP8-dynamic", "Math 500", "101.7", "101.042"),
    ("Qwen2.5-7B-Instruct-quantized.w4a16", "Average", "98.6", "99.358"),
    ("gemma-2-9b-it-FP8", "GSM-8K (5-shot, strict-match)", "100.7", "100.800"),
    ("whisper-large-v3-turbo-quantized.w4a16", "cmn_hans_cn", "90.23", "90.279"),
    ("whisper-large-v3-turbo-quantized.w4a16", "en", "96.660", "96.599"),
}
"""Each was looked up in its card: the model, the task, what is printed, what the two scores beside it give."""


@pytest.fixture(scope="module")
def tables() -> tuple[PublishedTable, ...]:
    with (SHIPPED / "accuracy.ndjson").open(encoding="utf-8") as lines:
        return read_accuracy(lines)


def comparisons(tables: tuple[PublishedTable, ...], model: str) -> tuple[Comparison, ...]:
    (table,) = (table for table in tables if table.model == f"RedHatAI/{model}")
    return table.comparisons


def test_every_row_is_read(tables: tuple[PublishedTable, ...]) -> None:
    found = report(tables)
    assert (found.rows, len(tables)) == (447, 38)
    assert found.recomputed == 426
    assert dict(found.verdicts) == {
        Verdict.AGREES: 410,
        Verdict.CONTRADICTS: 16,
        Verdict.UNCLAIMED: 4,
        Verdict.UNCHECKABLE: 3,
    }


def test_exactly_the_recoveries_that_contradict_their_scores_are_found(tables: tuple[PublishedTable, ...]) -> None:
    found = {
        (
            finding.model.removeprefix("RedHatAI/"),
            finding.comparison.task.label,
            str(finding.comparison.claim and finding.comparison.claim.value),
            f"{finding.judgement.computed:.3f}",
        )
        for finding in report(tables).findings
    }
    assert found == CONTRADICTIONS


def test_three_of_them_are_digits_that_were_cut_off(tables: tuple[PublishedTable, ...]) -> None:
    cut = [finding.comparison.task.key for finding in report(tables).findings if finding.judgement.cut_off]
    assert cut == ["gsm8k", "chartqa", "gsm8k"]


@pytest.mark.parametrize(
    ("model", "label"),
    [
        ("Llama-3.3-70B-Instruct-quantized.w8a8", "Thai MMLU (5-shot)"),  # 99.2 after 71.97 and 71.44: by 0.0003
        ("granite-4.0-h-tiny-FP8-dynamic", "Average"),
        ("Qwen3-VL-235B-A22B-Instruct-NVFP4", "Average"),
        ("Llama-4-Scout-17B-16E-Instruct-quantized.w4a16", "RULER seqlen = 131072 ruler_qa_vt"),
        ("sarvam-105b-FP8-dynamic", "BBH (exact_match)"),
        ("Llama-3.3-70B-Instruct-quantized.w8a8", "GPQA (0-shot)"),
    ],
)
def test_those_that_rounding_just_explains_agree(tables: tuple[PublishedTable, ...], model: str, label: str) -> None:
    rows = comparisons(tables, model)
    found = [each for row, each in zip(rows, judge_all(rows), strict=True) if row.task.label == label]
    assert found
    assert {each.verdict for each in found} == {Verdict.AGREES}


def test_the_table_that_lacks_a_column_is_recognised_and_not_shown(tables: tuple[PublishedTable, ...]) -> None:
    (broken,) = (table for table in tables if table.broken)
    assert broken.model == "RedHatAI/Qwen2.5-7B-Instruct-quantized.w8a8"
    assert (broken.rows, broken.comparisons) == (14, ())
    assert "14 of 14 rows print a recovery beside a single score" in broken.broken


def test_a_word_error_rate_that_rises_is_a_loss(tables: tuple[PublishedTable, ...]) -> None:
    rates = [row for table in tables for row in table.comparisons if row.task.metric == "wer"]
    assert len(rates) == 12
    assert {row.task.direction for row in rates} == {Direction.LOWER}
    for row in rates:
        if row.recovery is not None and row.baseline and row.score:
            assert (row.recovery < 100) is (row.score.value > row.baseline.value)


def test_the_card_that_claims_the_complement_is_not_contradicted(tables: tuple[PublishedTable, ...]) -> None:
    rows = comparisons(tables, "Voxtral-Mini-3B-2507-FP8-dynamic")
    assert {row.claim.basis for row in rows if row.claim} == {Basis.COMPLEMENT}
    assert {each.verdict for each in judge_all(rows)} == {Verdict.AGREES}


def test_every_average_covers_tasks(tables: tuple[PublishedTable, ...]) -> None:
    for table in tables:
        for average in (row for row in table.comparisons if row.task.is_average):
            suite = [row for row in table.comparisons if row.task.suite == average.task.suite]
            assert len(suite) > 2, (table.model, average.task)


def test_every_model_but_the_broken_one_has_an_average_recovery(tables: tuple[PublishedTable, ...]) -> None:
    means = {table.model: mean_recovery(table.comparisons).value for table in tables}
    assert [model for model, mean in means.items() if mean is None] == ["RedHatAI/Qwen2.5-7B-Instruct-quantized.w8a8"]
    assert all(Decimal(90) < mean < Decimal(106) for mean in means.values() if mean is not None)


def test_points_of_performance_are_read_and_the_wrong_ones_doubted() -> None:
    with (SHIPPED / "performance.ndjson").open(encoding="utf-8") as lines:
        points = read_performance(lines)
    assert len(points) == 343
    found = doubts(points)
    misprints = [doubt.points[0] for doubt in found if len(doubt.points) == 1]
    assert {(p.model, p.hardware_type, p.input_tokens, p.output_tokens, str(p.value)) for p in misprints} == {
        ("granite-3.1-8b-base", "A6000", 256, 128, "0.3"),
        ("granite-3.1-8b-instruct", "A6000", 256, 128, "0.3"),
    }
    copied = [doubt for doubt in found if len(doubt.points) > 1]
    assert len(copied) == 24
    assert sum("granite-3.1-2b-instruct-quantized.w4a16" in doubt.sentence for doubt in copied) == 1


@pytest.mark.parametrize("name", ["accuracy", "performance"])
def test_the_files_are_sorted_by_model_and_say_where_each_row_comes_from(name: str) -> None:
    rows = [json.loads(line) for line in (SHIPPED / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()]
    assert [row["model"] for row in rows] == sorted(row["model"] for row in rows)
    assert all(row["source"].startswith("https://huggingface.co/RedHatAI/") for row in rows)
