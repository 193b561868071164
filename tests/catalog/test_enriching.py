"""What is added to what a source says of a model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from evidence.made import row

from forecourt.catalog.checking import tables_of
from forecourt.catalog.enriching import Enricher, Published
from forecourt.catalog.model import Document, Entry, double_value, string_value
from forecourt.errors import InvalidInput

MODEL = {"artifactType": "model-artifact", "uri": "oci://registry.example.com/acme/model:1.0"}


def measured(model: str = "model-FP8", value: str = "3.4", **fields: Any) -> str:
    """A row of published performance."""
    return json.dumps(
        {
            "model": model,
            "hardware_type": "A100",
            "hardware_count": 1,
            "use_case": "RAG",
            "input_tokens": 1024,
            "output_tokens": 128,
            "metric": "request_latency",
            "value": value,
            "framework": "vllm",
            "framework_version": "0.6.6",
            "tool": "guidellm",
            "source": "https://huggingface.co/acme/model-FP8",
        }
        | fields
    )


def entry(name: str = "acme/model-FP8", **properties: Document) -> Entry:
    return Entry(name, {"provider": "Acme", "customProperties": properties}, "# Card", (MODEL,))


def properties(entry: Entry) -> dict[str, Any]:
    return {
        name: next(value[key] for key in ("string_value", "double_value") if key in value)
        for name, value in entry.document["customProperties"].items()
    }


ROWS = [
    row(model="acme/model-FP8", task="GSM8K", baseline="80.00", score="78.00", columns=["origin/model", "model-FP8"]),
    row(model="acme/model-FP8", task="MMLU", baseline="60.00", score="60.30", columns=["origin/model", "model-FP8"]),
]


def test_a_model_of_which_nothing_was_published_has_what_its_name_says() -> None:
    found = Enricher(Published.read([], [])).enrich(entry("acme/Llama-3.1-8B-Instruct-quantized.w4a16"))
    assert properties(found) == {
        "quantization": "w4a16",
        "tensor_type": "INT4",
        "parameters_b": 8.0,
        "variant_group_id": "llama-3-1-8b-instruct",
    }
    assert (found.artifacts, found.evidence, found.readme) == ((MODEL,), (), "# Card")
    assert found.document["provider"] == "Acme"


def test_what_is_not_known_is_not_there() -> None:
    found = Enricher(Published.read([], [])).enrich(Entry("bge-m3", {}))
    assert properties(found) == {"variant_group_id": "bge-m3"}


def test_what_a_source_says_stays() -> None:
    said = {
        "tensor_type": string_value("FP8"),
        "parameters_b": double_value(7.61),
        "variant_group_id": string_value("ours"),
        "average_recovery": double_value(12.0),
        "notes": string_value("kept"),
    }
    given = entry("acme/model-FP8", **said)
    found = Enricher(Published.read(ROWS, [])).enrich(given)
    assert {name: found.document["customProperties"][name] for name in said} == said
    assert given.document["customProperties"] == said


@pytest.mark.parametrize(("said", "spelled"), [("W4A16", "w4a16"), ("BF16", "none"), ("FP8", "fp8"), ("ours", "ours")])
def test_quantisation_is_spelled_in_one_way(said: str, spelled: str) -> None:
    found = Enricher(Published.read([], [])).enrich(entry("acme/model", quantization=string_value(said)))
    assert properties(found)["quantization"] == spelled


def test_published_accuracy_makes_an_artifact_and_is_kept_as_it_was_published() -> None:
    found = Enricher(Published.read(ROWS, [])).enrich(entry())
    (artifact,) = found.artifacts[1:]
    assert artifact["metricsType"] == "accuracy-metrics"
    assert artifact["customProperties"]["gsm8k"] == double_value(78.0)
    assert artifact["customProperties"]["overall_average"] == double_value(69.15)
    assert properties(found)["average_recovery"] == 99.0
    assert found.evidence == tuple(map(json.loads, ROWS))
    assert len(tables_of(found.evidence)[0].comparisons) == 2


def test_the_name_is_found_in_any_case_and_only_in_full() -> None:
    enricher = Enricher(Published.read(ROWS, []))
    assert enricher.enrich(entry("Acme/MODEL-fp8")).evidence
    assert not enricher.enrich(entry("elsewhere/model-FP8")).evidence
    assert not enricher.enrich(entry("model-FP8")).evidence


def test_a_table_that_cannot_be_read_is_kept_and_makes_no_artifact() -> None:
    broken = [row(task=task, baseline=None, score="71.2", recovery="70.9", columns=["m"]) for task in ("MMLU", "BBH")]
    found = Enricher(Published.read(broken, [])).enrich(entry("acme/model"))
    assert found.artifacts == (MODEL,)
    assert "average_recovery" not in properties(found)
    assert "A column is missing" in tables_of(found.evidence)[0].broken


def test_points_are_those_of_the_model_with_that_name_by_the_maker_of_the_card() -> None:
    enricher = Enricher(Published.read(ROWS, [measured(), measured("model"), measured("model", "5.1", use_case="")]))

    def points(name: str) -> int:
        return len([one for one in enricher.enrich(entry(name)).artifacts if one.get("metricsType")])

    assert points("acme/model-FP8") == 2  # with its accuracy
    assert points("model-FP8") == 1
    assert points("acme/model") == 2
    assert points("origin/model") == 2  # the baseline of a table of accuracy
    assert points("elsewhere/model") == 0
    assert points("elsewhere/model-FP8") == 0


def test_a_point_that_others_contradict_says_so() -> None:
    rate = {"metric": "max_requests_per_second"}
    lines = [
        measured(value="0.3", input_tokens=256, **rate),
        measured(value="5.1", input_tokens=512, **rate),
        measured(value="4.3", input_tokens=1024, **rate),
    ]
    found = Enricher(Published.read([], lines)).enrich(entry())
    doubts = [one["customProperties"].get("doubt", {}).get("string_value", "") for one in found.artifacts[1:]]
    assert [bool(doubt) for doubt in doubts] == [True, False, False]
    assert "is said to have 0.3 requests/s" in doubts[0]


def test_to_enrich_again_changes_nothing() -> None:
    enricher = Enricher(Published.read(ROWS, [measured()]))
    once = enricher.enrich(entry())
    assert len(once.artifacts) == 3
    assert enricher.enrich(once) == once


def test_evidence_that_was_corrected_takes_the_place_of_what_it_was() -> None:
    before = Enricher(Published.read(ROWS, [measured()])).enrich(entry())
    corrected = [ROWS[0].replace("78.00", "76.00"), ROWS[1]]
    after = Enricher(Published.read(corrected, [measured(value="3.5")])).enrich(before)
    assert properties(after)["average_recovery"] == 97.75
    assert len(after.artifacts) == len(before.artifacts)
    assert after.artifacts[1]["customProperties"]["gsm8k"] == double_value(76.0)
    assert after.artifacts[2]["customProperties"]["e2e_mean"] == double_value(3500.0)
    assert after.evidence == tuple(map(json.loads, corrected))


def test_artifacts_of_the_source_stay_beside_those_that_are_added() -> None:
    theirs = {"artifactType": "metrics-artifact", "metricsType": "accuracy-metrics", "customProperties": {}}
    given = Entry("acme/model-FP8", {}, artifacts=(MODEL, theirs))
    found = Enricher(Published.read(ROWS, [])).enrich(given)
    assert found.artifacts[:2] == (MODEL, theirs)
    assert len(found.artifacts) == 3


def with_scores(name: str, **scores: float) -> Entry:
    values = {task: double_value(score) for task, score in scores.items()}
    artifact = {"artifactType": "metrics-artifact", "metricsType": "accuracy-metrics", "customProperties": values}
    return Entry(name, {}, artifacts=(artifact,))


def test_without_published_evidence_the_recovery_comes_from_the_scores_that_the_sources_give() -> None:
    base, variant = with_scores("acme/model", mmlu=80.0), with_scores("acme/model-FP8", mmlu=76.0)
    assert properties(Enricher(Published.read([], [])).enrich(variant, base))["average_recovery"] == 95.0
    assert properties(Enricher(Published.read(ROWS, [])).enrich(variant, base))["average_recovery"] == 99.0
    assert "average_recovery" not in properties(Enricher(Published.read([], [])).enrich(variant))


@pytest.mark.parametrize("line", ["no json", "[]", '{"model": 1, "columns": []}', '{"model": "a/b"}', '{"columns": 1}'])
def test_a_row_that_is_of_no_model_is_refused_with_what_to_do(line: str) -> None:
    with pytest.raises(InvalidInput, match="does not say of which model it is") as refused:
        Published.read([line], [])
    assert "docs/evidence.md" in refused.value.hint


def test_a_row_that_is_wrong_is_refused_when_its_model_is_enriched() -> None:
    enricher = Enricher(Published.read([row(model="acme/model-FP8", score=80.06)], []))
    with pytest.raises(InvalidInput, match="score is"):
        enricher.enrich(entry())
    assert enricher.enrich(entry("acme/other")).evidence == ()
