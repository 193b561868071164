"""Published evidence as the metrics artifacts of a model."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from evidence.made import row

from forecourt.catalog.metrics import accuracy_artifact, performance_artifact, recovery_between, same_measurement
from forecourt.catalog.model import Document, Entry, double_value, string_value
from forecourt.evidence import Metric, Performance, Provenance, Tier, read_accuracy

LINK = "https://huggingface.co/acme/model"


def plain(artifact: Document | None) -> dict[str, Any]:
    assert artifact is not None
    return {
        name: next(iter(set(value.items()) - {("metadataType", value["metadataType"])}))[1]
        for name, value in artifact["customProperties"].items()
    }


def accuracy(*lines: str) -> dict[str, Any]:
    return plain(accuracy_artifact(read_accuracy(lines)))


def scored(name: str, properties: Mapping[str, float | str], **fields: Any) -> Entry:
    values = {
        key: double_value(value) if isinstance(value, float) else string_value(value)
        for key, value in properties.items()
    }
    artifact = {"artifactType": "metrics-artifact", "metricsType": "accuracy-metrics", "customProperties": values}
    return Entry(name, fields, artifacts=(artifact | {"name": "scores"},))


def test_each_task_has_its_score_its_baseline_and_its_recovery() -> None:
    found = accuracy(
        row(task="GSM8K (Strict-Match, 5-shot)", baseline="80.00", score="78.00", recovery="97.5", tool="lm-eval"),
        row(task="MMLU (Acc, 5-shot)", baseline="60.00", score="60.30", recovery="100.5", tool="lm-eval"),
        row(task="Average", baseline="70.00", score="69.15", recovery="98.8", tool="lm-eval"),
    )
    assert found == {
        "gsm8k": 78.0,
        "gsm8k_baseline": 80.0,
        "gsm8k_recovery": 97.5,
        "mmlu": 60.3,
        "mmlu_baseline": 60.0,
        "mmlu_recovery": 100.5,
        "overall_average": 69.15,
        "average_recovery": 99.0,
        "average_recovery_tasks": "2",
        "tool": "lm-eval",
        "tier": "measured",
        "source": LINK,
        "contradicted_claims": "0",
    }


def test_claims_that_their_own_scores_contradict_are_counted() -> None:
    found = accuracy(
        row(task="GSM8K", baseline="80.00", score="78.00", recovery="99.9"),
        row(task="MMLU", baseline="60.00", score="60.30", recovery="100.5"),
    )
    assert found["contradicted_claims"] == "1"
    assert found["gsm8k_recovery"] == 97.5


def test_error_rates_have_a_recovery_and_no_part_in_the_average_of_scores() -> None:
    found = accuracy(row(suite="Fleurs WER", task="Dutch", baseline="4.00", score="5.00", recovery="80.0"))
    assert found["fleurs_nl"] == 5.0
    assert found["average_recovery"] == found["fleurs_nl_recovery"] == 80.0
    assert "overall_average" not in found


def test_a_task_that_is_there_twice_says_in_what_the_second_differs() -> None:
    found = accuracy(
        row(suite="Multimodal", task="ChartQA 0-shot exact_match", score="66.00"),
        row(suite="Multimodal", task="ChartQA 0-shot relaxed_accuracy", score="88.52"),
        row(suite="Reasoning (generation)", task="ChartQA 0-shot exact_match", score="51.00"),
        row(suite="Reasoning (generation)", task="ChartQA 5-shot exact_match", score="52.00"),
        row(suite="Other", task="MATH Level 5", score="1.00"),
        row(suite="Other", task="MATH Hard", score="2.00"),
    )
    assert found["chartqa"] == 66.0
    assert found["chartqa_relaxed_accuracy"] == 88.52
    assert found["chartqa_reasoning_generation"] == 51.0
    assert found["chartqa_5_shot"] == 52.0
    assert (found["math_hard"], found["math_hard_2"]) == (1.0, 2.0)


def test_a_score_that_is_missing_is_left_out() -> None:
    found = accuracy(row(task="GSM8K", score=None, recovery=None), row(task="MMLU", baseline=None, recovery=None))
    assert "gsm8k" not in found
    assert "gsm8k_recovery" not in found
    assert (found["gsm8k_baseline"], found["mmlu"]) == (80.36, 80.06)
    assert "average_recovery" not in found


def test_a_table_that_cannot_be_read_makes_no_artifact() -> None:
    broken = [row(task=task, baseline=None, score="71.2", recovery="70.9", columns=["m"]) for task in ("MMLU", "BBH")]
    assert read_accuracy(broken)[0].broken
    assert accuracy_artifact(read_accuracy(broken)) is None


def point(metric: Metric, value: str, use_case: str = "RAG") -> Performance:
    card = Provenance(Tier.MEASURED, LINK, "guidellm")
    return Performance("model", "A100", 1, 1024, 128, metric, Decimal(value), card, "vllm", "0.6.6", use_case)


def test_a_latency_is_in_milliseconds_with_one_request_at_a_time() -> None:
    artifact = performance_artifact(point(Metric.REQUEST_LATENCY, "3.4"))
    assert (artifact["artifactType"], artifact["metricsType"]) == ("metrics-artifact", "performance-metrics")
    assert plain(artifact) == {
        "hardware_type": "A100",
        "hardware_count": "1",
        "mean_input_tokens": 1024.0,
        "mean_output_tokens": 128.0,
        "e2e_mean": 3400.0,
        "concurrency": "1",
        "use_case": "RAG",
        "framework_type": "vllm",
        "framework_version": "0.6.6",
        "tool": "guidellm",
        "tier": "measured",
        "source": LINK,
    }


def test_the_most_requests_per_second_have_no_latency_and_no_concurrency() -> None:
    found = plain(performance_artifact(point(Metric.MAX_REQUESTS_PER_SECOND, "5.1", use_case=""), ["One.", "Two."]))
    assert found["requests_per_second"] == 5.1
    assert found["doubt"] == "One. Two."
    assert not {"e2e_mean", "concurrency", "use_case"} & found.keys()


def test_two_artifacts_of_one_point_are_known_as_the_same_measurement() -> None:
    slow, fast = (performance_artifact(point(Metric.REQUEST_LATENCY, value)) for value in ("3.4", "1.4"))
    most = performance_artifact(point(Metric.MAX_REQUESTS_PER_SECOND, "3.4"))
    assert same_measurement(slow) == same_measurement(fast) != same_measurement(most)
    assert same_measurement({"artifactType": "model-artifact", "uri": "oci://example.com/model:1"}) is None
    assert same_measurement({"artifactType": "metrics-artifact", "metricsType": "performance-metrics"}) is None


BASE = {"mmlu": 80.0, "gsm8k": 50.0, "overall_average": 65.0, "mmlu_stderr": 0.4}


def test_a_recovery_is_computed_from_what_the_sources_of_two_variants_say() -> None:
    base = scored("acme/model-8B", BASE)
    variant = scored("acme/model-8B-quantized.w4a16", {"mmlu": 76.0, "gsm8k": 50.5, "arc_challenge": 70.0})
    found = recovery_between(base, variant)
    assert found is not None
    assert found.value == Decimal(98)
    assert [each.task.key for each in found.counted] == ["mmlu", "gsm8k"]


def test_where_lower_is_better_the_recovery_is_turned_round() -> None:
    found = recovery_between(scored("acme/model", {"wikitext": 8.0}), scored("acme/model-FP8", {"wikitext": 10.0}))
    assert found is not None
    assert found.value == Decimal(80)


def test_scores_that_are_an_artifact_each_are_compared_as_well() -> None:
    base = scored("acme/model", {"benchmark": "mmlu", "score": 80.0, "score_metric": "accuracy_percent"})
    found = recovery_between(base, scored("acme/model-FP8", {"benchmark": "mmlu", "score": 60.0}))
    assert found is not None
    assert found.value == Decimal(75)


def test_nothing_is_computed_between_models_that_are_no_base_and_variant() -> None:
    scores = {"mmlu": 70.0}
    base, variant = scored("acme/model", scores), scored("acme/model-FP8", scores)
    assert recovery_between(base, variant) is not None
    assert recovery_between(scored("acme/other", scores), variant) is None
    assert recovery_between(variant, scored("acme/model-w4a16", scores)) is None
    assert recovery_between(base, scored("elsewhere/model", scores)) is None
    assert recovery_between(base, scored("acme/model-FP8", {"gsm8k": 70.0})) is None


def test_only_measured_scores_of_one_tool_are_compared() -> None:
    base = scored("acme/model", {"mmlu": 70.0, "tier": "measured", "tool": "lm-eval"})
    assert recovery_between(base, scored("acme/model-FP8", {"mmlu": 70.0, "tool": "lm-eval"})) is not None
    assert recovery_between(base, scored("acme/model-FP8", {"mmlu": 70.0, "tool": "lighteval"})) is None
    estimated = scored("acme/model-FP8", {"mmlu": 70.0, "tool": "lm-eval", "tier": "estimated"})
    assert recovery_between(base, estimated) is None
