"""A task is known by its label, however a card spells it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.errors import InvalidInput
from forecourt.evidence import Direction, Unit, read_label


@pytest.mark.parametrize(
    ("label", "suite", "key", "metric", "shots"),
    [
        ("OpenLLM V1 / ARC-Challenge (Acc-Norm, 25-shot)", "OpenLLM V1", "arc_challenge", "acc-norm", 25),
        ("OpenLLM v1 / ARC Challenge (0-shot)", "OpenLLM V1", "arc_challenge", "", 0),
        ("ARC-Challenge 25-shot", "", "arc_challenge", "", 25),
        ("OpenLLM / arc_challenge", "OpenLLM V1", "arc_challenge", "", None),
        ("ARC-Challenge (acc)", "", "arc_challenge", "acc", None),
        (" / GSM8K (Strict-Match, 5-shot)", "", "gsm8k", "strict-match", 5),
        ("OpenLLM v1 / GSM-8K (5-shot, strict-match)", "OpenLLM V1", "gsm8k", "strict-match", 5),
        ("GSM8k 5-shot", "", "gsm8k", "", 5),
        ("GSM8K (flexible-extract)", "", "gsm8k", "flexible-extract", None),
        ("OpenLLM v1 / GSM-8K (CoT, 8-shot, strict-match)", "OpenLLM V1", "gsm8k_cot", "strict-match", 8),
        ("GSM-8K-cot (8-shot, strict-match)", "", "gsm8k_cot", "strict-match", 8),
        ("GSM8k-Platinum", "", "gsm8k_platinum", "", None),
        ("Hellaswag (10-shot)", "", "hellaswag", "", 10),
        ("HellaSwag 10-shot", "", "hellaswag", "", 10),
        ("MMLU (Acc, 5-shot)", "", "mmlu", "acc", 5),
        ("MMLU CoT", "", "mmlu_cot", "", None),
        ("MMLU-cot (0-shot)", "", "mmlu_cot", "", 0),
        ("OpenLLM v1 / MMLU (CoT, 0-shot)", "OpenLLM V1", "mmlu_cot", "", 0),
        ("MMLU-CoT (5-shot, strict_match)", "", "mmlu_cot", "strict-match", 5),
        ("MMLU-Pro (5-shot, custom-extract)", "", "mmlu_pro", "custom-extract", 5),
        ("Leaderboard / mmlu_pro", "OpenLLM V2", "mmlu_pro", "", None),
        ("MMLU-Pro (exactmatch)", "", "mmlu_pro", "exact-match", None),
        ("Multilingual / French MMLU (5-shot)", "Multilingual", "mmlu_fr", "", 5),
        ("Multilingual / MGSM (0-shot)", "Multilingual", "mgsm", "", 0),
        ("TruthfulQA (0-shot, mc2)", "", "truthfulqa", "mc2", 0),
        ("TruthfulQA MC2 (acc)", "", "truthfulqa", "mc2", None),
        ("OpenLLM V1 / truthfulqa_mc2", "OpenLLM V1", "truthfulqa", "mc2", None),
        ("WinoGrande 5-shot", "", "winogrande", "", 5),
        ("OpenLLM v1 / Winogrande (5-shot) / ", "OpenLLM V1", "winogrande", "", 5),
        ("IFEval (Inst Level Strict Acc, 0-shot)", "", "ifeval", "inst-level-strict-acc", 0),
        ("IFEval (0-shot, inst-level strict)", "", "ifeval", "inst-level-strict-acc", 0),
        ("IFEval (0-shot, prompt-level strict)", "", "ifeval", "prompt-level-strict-acc", 0),
        ("IFEval 0-shot avg of inst and prompt acc", "", "ifeval", "inst-and-prompt-level-acc", 0),
        ("Big Bench Hard 3-shot", "", "bbh", "", 3),
        ("BBH (exact_match)", "", "bbh", "exact-match", None),
        ("Math-Hard (Exact-Match, 4-shot)", "", "math_hard", "exact-match", 4),
        ("Math Lvl 5 4-shot", "", "math_hard", "", 4),
        ("Math-lvl-5 (4-shot)", "", "math_hard", "", 4),
        ("Math-|v|-5 (4-shot)", "", "math_hard", "", 4),
        ("Reasoning (generation) / Math-500*", "Reasoning (generation)", "math_500", "", None),
        ("MATH-500 pass@1", "", "math_500", "pass@1", None),
        ("MUSR (Acc-Norm, 0-shot)", "", "musr", "acc-norm", 0),
        ("GPQA (0-shot)", "", "gpqa", "", 0),
        ("GPQA Diamond pass@1", "", "gpqa_diamond", "pass@1", None),
        (" / GPQA CoT diamond (5-shot)", "", "gpqa_diamond_cot", "", 5),
        (" / GPQA CoT main (5-shot)", "", "gpqa_main_cot", "", 5),
        ("AIME25", "", "aime_2025", "", None),
        ("Reasoning (generation) / AIME 2025*", "Reasoning (generation)", "aime_2025", "", None),
        ("AIME 2024 pass@1", "", "aime_2024", "pass@1", None),
        ("Coding / HumanEval Pass@1", "Coding", "humaneval", "pass@1", None),
        ("Coding / HumanEval+ pass@1", "Coding", "humaneval_plus", "pass@1", None),
        ("Coding / MBPP+ pass@1", "Coding", "mbpp_plus", "pass@1", None),
        ("Reasoning (generation) / LiveCodeBench", "Reasoning (generation)", "livecodebench", "", None),
        ("SWE-Bench / Lite", "SWE-Bench", "swe_bench_lite", "", None),
        ("ChartQA 0-shot relaxed_accuracy", "", "chartqa", "relaxed-accuracy", 0),
        ("ChartQA 0-shot exactmatch", "", "chartqa", "exact-match", 0),
        ("Vision / mmmu_val", "Vision", "mmmu", "", None),
        ("Arena Hard / 25.8 (25.1 / 26.5) / 27.2 (27.4 / 27.0)", "", "arena_hard", "", None),
        ("LLM as a judge / Arena Hard", "LLM as a judge", "arena_hard", "", None),
        ("RULER seqlen = 131072 niah_multikey_1", "", "ruler_131072_niah_multikey_1", "", None),
        ("RULER seqlen = 131072 rulerqavt", "", "ruler_131072_vt", "", None),
        ("Fleurs WER / Dutch / 7.01% / 7.20%", "Fleurs WER", "fleurs_nl", "wer", None),
        ("Fleurs (X→en, WER) / en", "Fleurs (X→en, WER)", "fleurs_en", "wer", None),
        ("LibriSpeech (WER) / test-clean /  / ", "LibriSpeech (WER)", "librispeech_test_clean", "wer", None),
        ("Foo Bench+ (3-shot)", "", "foo_bench_plus", "", 3),
    ],
)
def test_each_way_that_cards_write_a_label_is_read(
    label: str, suite: str, key: str, metric: str, shots: int | None
) -> None:
    task = read_label(label)
    assert (task.suite, task.key, task.metric, task.shots) == (suite, key, metric, shots)
    assert not task.is_average


def test_a_suite_is_given_beside_a_label_or_stands_before_it() -> None:
    assert read_label("GSM8K (5-shot)", "OpenLLM v1") == read_label("OpenLLM V1 / GSM8K (5-shot)")


def test_a_task_is_called_as_its_authors_call_it_and_keeps_the_label() -> None:
    task = read_label("GSM-8K (5-shot)", "OpenLLM v1")
    assert (task.name, task.label) == ("GSM8K", "GSM-8K (5-shot)")


@pytest.mark.parametrize(
    "label",
    [
        "Fleurs WER / English",
        "Fleurs (X→en, WER) / yue_hant_hk",
        "LibriSpeech / WER",
        "Common Voice (CER)",
        "LAMBADA (perplexity)",
        "WikiText (word_perplexity)",
        "WikiText",
        "HellaSwag (bits_per_byte)",
        "Fleurs WER / Average",
    ],
)
def test_of_errors_and_of_surprise_less_is_better(label: str) -> None:
    assert read_label(label).direction is Direction.LOWER


@pytest.mark.parametrize("label", ["GSM8K (strict-match)", "IFEval", "Foo (acc)", "Foo", "Average Score"])
def test_of_everything_else_more_is_better(label: str) -> None:
    assert read_label(label).direction is Direction.HIGHER


def test_a_word_error_rate_is_counted_in_percent_of_errors() -> None:
    assert read_label("Fleurs WER / English").unit is Unit.ERROR_RATE
    assert read_label("GSM8K").unit is Unit.PERCENT


@pytest.mark.parametrize(
    ("label", "suite"),
    [
        ("Average", ""),
        ("OpenLLM V1 / Average Score", "OpenLLM V1"),
        ("OpenLLM v2 Average Score", "OpenLLM V2"),
        ("Reasoning Average Score", "Reasoning"),
        ("RULER seqlen = 131072 Average Score", "RULER"),
        (" / Average", ""),
    ],
)
def test_an_average_is_marked_as_such(label: str, suite: str) -> None:
    task = read_label(label)
    assert task.is_average
    assert (task.key, task.suite) == ("average", suite)


def test_an_average_of_error_rates_is_one_too() -> None:
    assert read_label("Average", "Fleurs WER").direction is Direction.LOWER


@pytest.mark.parametrize("label", ["GSM8K (latency)", "Foo (5-shot, goodness)", "Fleurs (goodness) / en"])
def test_a_metric_whose_direction_nobody_knows_is_refused(label: str) -> None:
    with pytest.raises(InvalidInput, match=r"not known: (latency|goodness)") as refused:
        read_label(label)
    assert "benchmarks.py" in refused.value.hint


@pytest.mark.parametrize("label", ["", " ", "()", " / ", "(5-shot)", "WER", "***"])
def test_a_label_that_names_no_benchmark_is_refused(label: str) -> None:
    with pytest.raises(InvalidInput, match="names no benchmark"):
        read_label(label)


def test_a_label_without_end_is_refused() -> None:
    with pytest.raises(InvalidInput, match="200 characters"):
        read_label("(" * 201)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_read_or_refused(label: str, suite: str) -> None:
    key = "refused"
    with suppress(InvalidInput):
        key = read_label(label, suite).key
    assert key
    assert key == key.lower()
