"""What was measured of a model is read from the files beside a catalog, line by line, and joins the model's entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.files import Benchmarks
from forecourt.catalog.files.records import BadRecord, properties_of, read_object
from forecourt.catalog.model import Entry, Problem
from forecourt.errors import InvalidInput, NotFound

MODEL = Entry("team/model", {})
PERFORMANCE = {
    "id": "run-1",
    "config_id": "config-1",
    "model_id": "team/Model",
    "use_case": "chatbot",
    "hardware_type": "H100",
    "hardware_count": 2,
    "requests_per_second": 4,
    "ttft_p90": 120.5,
    "e2e_mean": 3,
    "mean_input_tokens": 512,
    "framework_type": "vllm",
    "prefix_caching": True,
    "steps": 7,
    "large": 405186009411,
    "nothing": None,
    "tags": ["a", {"b": 1}],
    "created_at": 1758153600000,
    "updated_at": 1758153600,
}


def text(value: str) -> dict[str, Any]:
    return {"metadataType": "MetadataStringValue", "string_value": value}


def number(value: float) -> dict[str, Any]:
    return {"metadataType": "MetadataDoubleValue", "double_value": value}


def count(value: int) -> dict[str, Any]:
    return {"metadataType": "MetadataIntValue", "int_value": str(value)}


def write(folder: Path, metadata: Any = None, **files: list[Any]) -> Path:
    """Write the files of a model; a line is a record or a text."""
    folder.mkdir(parents=True, exist_ok=True)
    if metadata is not None:
        (folder / "metadata.json").write_text(metadata if isinstance(metadata, str) else json.dumps(metadata))
    for name, lines in files.items():
        path = folder / f"{name.replace('_', '-')}.ndjson"
        path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return folder


def attached(folder: Path, entry: Entry = MODEL) -> tuple[Entry, list[str]]:
    """Return a model with what a folder says of it, and what is wrong with that."""
    notes: list[Problem] = []
    found = Benchmarks.read(folder).attach(entry, notes.append)
    assert all(note.name == "team/model" for note in notes)
    return found, [note.message.removeprefix(f"{folder.resolve()}/") for note in notes]


def test_a_line_of_performance_is_an_artifact_with_typed_values(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b", {"id": "team/model"}, performance=[PERFORMANCE])
    entry, notes = attached(tmp_path)
    assert notes == []
    assert entry.artifacts == (
        {
            "artifactType": "metrics-artifact",
            "metricsType": "performance-metrics",
            "name": "performance-metrics-run-1",
            "externalId": "run-1",
            "createTimeSinceEpoch": "1758153600000",
            "lastUpdateTimeSinceEpoch": "1758153600000",
            "customProperties": {
                "id": text("run-1"),
                "config_id": text("config-1"),
                "model_id": text("team/Model"),
                "use_case": text("chatbot"),
                "hardware_type": text("H100"),
                "hardware_count": count(2),
                "requests_per_second": number(4.0),
                "ttft_p90": number(120.5),
                "e2e_mean": number(3.0),
                "mean_input_tokens": number(512.0),
                "framework_type": text("vllm"),
                "prefix_caching": {"metadataType": "MetadataBoolValue", "bool_value": True},
                "steps": count(7),
                "large": number(405186009411.0),
                "tags": text('["a", {"b": 1}]'),
            },
        },
    )


def test_a_model_keeps_what_it_had(tmp_path: Path) -> None:
    write(tmp_path, {"id": "team/model", "size": "8B params"}, performance=[{"id": "x"}])
    before = Entry(
        "team/model",
        {"provider": "Team", "customProperties": {"size": text("?"), "own": text("x")}},
        "# Card",
        ({"artifactType": "model-artifact", "uri": "oci://h/r"},),
        ({"line": 1},),
    )
    after, _ = attached(tmp_path, before)
    assert after.document == {"provider": "Team", "customProperties": {"size": text("8B params"), "own": text("x")}}
    assert (after.readme, after.evidence, after.artifacts[0]) == ("# Card", before.evidence, before.artifacts[0])
    assert len(after.artifacts) == 2
    assert before.document["customProperties"]["size"] == text("?")


def test_the_name_may_differ_in_case_and_others_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"id": "Team/MODEL", "size": "8B"})
    benchmarks = Benchmarks.read(tmp_path)
    assert len(benchmarks) == 1
    assert benchmarks.attach(Entry("team/model", {})).document == {"customProperties": {"size": text("8B")}}
    other = Entry("team/other", {})
    assert benchmarks.attach(other) is other


def test_metadata_are_properties_of_the_model(tmp_path: Path) -> None:
    start = {
        "gpu_type": "H200",
        "gpu_count": 4,
        "cold_start_time_to_load_seconds": 587,
        "runtime_command": "vllm serve",
    }
    metadata = {
        "id": "team/model",
        "size": "405B params",
        "tensor_type": "FP8",
        "variant_group_id": "",
        "min_vram_gb": 265,
        "modelcar_image_size": 405.19,
        "modelcar_image_size_bytes": 405186009411,
        "cold_start_matrix": [start],
        "overall_accuracy": 71.5,
        "languages": ["en"],
        "logo": None,
    }
    entry, notes = attached(write(tmp_path, metadata))
    assert notes == []
    assert entry.document["customProperties"] == {
        "size": text("405B params"),
        "tensor_type": text("FP8"),
        "min_vram_gb": number(265.0),
        "modelcar_image_size": number(405.19),
        "modelcar_image_size_bytes": number(405186009411.0),
        "cold_start_matrix": text(json.dumps([start])),
    }
    # An average without the scores that it is one of is not shown.
    assert entry.artifacts == (
        {
            "artifactType": "metrics-artifact",
            "metricsType": "performance-metrics",
            "customProperties": {
                "performance_sub_type": text("cold-start"),
                "gpu_type": text("H200"),
                "gpu_count": count(4),
                "cold_start_time_to_load_seconds": number(587.0),
                "runtime_command": text("vllm serve"),
            },
        },
    )


def test_evaluations_are_one_artifact_with_a_score_of_each_benchmark(tmp_path: Path) -> None:
    lines = [
        {"benchmark": "mmlu", "score": 60, "model_id": "team/model", "created_at": 2000000000000},
        {"benchmark": "aime24", "result": 63.3, "model_id": "", "created_at": 1000000000000, "updated_at": 5},
        {"benchmark": "mmlu", "score": 65.5, "updated_at": 1500000000000},
    ]
    write(tmp_path, {"id": "team/model", "overall_accuracy": 64.4}, evaluations=lines)
    entry, notes = attached(tmp_path)
    assert notes == []
    assert entry.artifacts == (
        {
            "artifactType": "metrics-artifact",
            "metricsType": "accuracy-metrics",
            "name": "accuracy-metrics",
            "createTimeSinceEpoch": "1000000000000",
            "lastUpdateTimeSinceEpoch": "1500000000000",
            "customProperties": {"mmlu": number(65.5), "aime24": number(63.3), "overall_average": number(64.4)},
        },
    )


def test_an_average_is_not_made_up(tmp_path: Path) -> None:
    entry, _ = attached(write(tmp_path, {"id": "team/model"}, evaluations=[{"benchmark": "mmlu", "score": 1}]))
    assert entry.artifacts[0]["customProperties"] == {"mmlu": number(1.0)}


def test_lines_of_security_are_artifacts(tmp_path: Path) -> None:
    lines = [{"id": "s1", "benchmark": "jailbreak", "score": 1}, {"id": "s2", "score": 0.5}]
    entry, notes = attached(write(tmp_path, {"id": "team/model"}, security_evaluations=lines))
    assert notes == []
    assert [each["metricsType"] for each in entry.artifacts] == ["security-metrics"] * 2
    assert [each["customProperties"]["score"] for each in entry.artifacts] == [number(1.0), number(0.5)]


def test_a_line_that_is_wrong_hides_no_other(tmp_path: Path) -> None:
    lines = ['{"id": "a"', "[1]", "", {"id": "b"}, '{"id": "c", "x": NaN}', '{"id": "d", "x": 1e999}', {"id": "b"}]
    more = ['{"id": "e", "x": "\\u0000"}', '{"id": "f", "x": "\\ud800"}', {"id": "g", "created_at": "now"}, {"id": "h"}]
    entry, notes = attached(write(tmp_path, {"id": "team/model"}, performance=lines + more))
    assert [each["externalId"] for each in entry.artifacts] == ["b", "h"]
    assert [note.replace("performance.ndjson, ", "").split(":")[0] for note in notes] == [
        f"line {number}" for number in (1, 2, 5, 6, 7, 8, 9, 10)
    ]
    assert notes[1:2] + notes[3:6] == [
        "performance.ndjson, line 2: this is no JSON object.",
        "performance.ndjson, line 6: x is no number.",
        "performance.ndjson, line 7: there is a line of the id 'b' before it.",
        "performance.ndjson, line 8: x has a null character in it.",
    ]


def test_evaluations_that_are_wrong_are_told(tmp_path: Path) -> None:
    lines = [{"score": 1}, {"benchmark": "a"}, {"benchmark": "b", "score": "high"}, {"benchmark": "c", "score": True}]
    foreign = [{"benchmark": "d", "score": 1, "model_id": "team/other"}]
    entry, notes = attached(write(tmp_path, {"id": "team/model"}, evaluations=lines + foreign))
    assert entry.artifacts == ()
    assert [note.partition(": ")[2] for note in notes] == [
        "it names no benchmark.",
        *["score is no number."] * 3,
        "it is about team/other, in the folder of team/model.",
    ]


def test_scenarios_of_one_configuration_are_kept_apart(tmp_path: Path) -> None:
    lines = [{"config_id": "c", "scenario_id": "1"}, {"config_id": "c", "scenario_id": "2"}, {"x": 1}, {"x": 2}]
    entry, notes = attached(write(tmp_path, {"id": "team/model"}, performance=lines))
    assert notes == []
    assert [each.get("externalId") for each in entry.artifacts] == ["c-1", "c-2", None, None]


def test_a_line_that_is_too_long_is_not_kept(tmp_path: Path) -> None:
    long = json.dumps({"id": "long", "x": "y" * (3 * 1024 * 1024)})
    entry, notes = attached(write(tmp_path, {"id": "team/model"}, performance=[{"id": "a"}, long, {"id": "b"}]))
    assert [each["externalId"] for each in entry.artifacts] == ["a", "b"]
    assert notes == ["performance.ndjson, line 2: the line is longer than 1 MiB."]


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"id": "team/model"})
    (tmp_path / "performance.ndjson").write_bytes(b'{"id": "\xff"}\n{"id": "a"}')
    entry, notes = attached(tmp_path)
    assert [each["externalId"] for each in entry.artifacts] == ["a"]
    assert notes == ["performance.ndjson, line 1: this is not UTF-8."]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("{", "this is no JSON: Expecting property name"),
        ("[]", "this is no JSON object."),
        ("{}", "it needs an id, which is the model's name."),
        ('{"id": 5}', "it needs an id, which is the model's name."),
        ('{"id": "' + "x" * 1024 * 1024 + '"}', "it is larger than 1 MiB."),
        ("[" * 100_000, "this is no JSON"),
        ('{"id": "a", "size": 7}', "size is no text."),
        ('{"id": "a", "min_vram_gb": "7"}', "min_vram_gb is no number."),
        ('{"id": "a", "cold_start_matrix": {}}', "cold_start_matrix is no list, or too long."),
        ('{"id": "a", "cold_start_matrix": [1]}', "cold_start_matrix is a list of objects."),
        ('{"id": "a", "cold_start_matrix": [{"gpu_type": "H100", "gpu_count": 1}]}', "cold_start_time_to_load_seconds"),
    ],
)
def test_metadata_that_are_wrong_are_told(tmp_path: Path, metadata: str, message: str) -> None:
    write(tmp_path / "fine", {"id": "team/model"})
    path = write(tmp_path / "bad", metadata) / "metadata.json"
    benchmarks = Benchmarks.read(tmp_path)
    (problem,) = benchmarks.problems
    assert problem.message.startswith(f"{path}: {message}")
    assert benchmarks.attach(Entry("team/model", {})) == Entry("team/model", {})


def test_a_field_of_metadata_that_is_wrong_hides_no_other(tmp_path: Path) -> None:
    entry, _ = attached(write(tmp_path, {"id": "team/model", "size": 7, "tensor_type": "FP8"}))
    assert entry.document["customProperties"] == {"tensor_type": text("FP8")}


def test_a_model_is_in_one_folder(tmp_path: Path) -> None:
    write(tmp_path / "a", {"id": "team/model", "size": "first"})
    write(tmp_path / "b", {"id": "team/MODEL", "size": "second"})
    benchmarks = Benchmarks.read(tmp_path)
    assert [problem.name for problem in benchmarks.problems] == ["team/MODEL"]
    assert "is in" in benchmarks.problems[0].message
    assert benchmarks.attach(Entry("team/model", {})).document["customProperties"]["size"] == text("first")


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"id": "team/secret"}, performance=[{"id": "secret"}])
    inside = write(tmp_path / "inside" / "model", {"id": "team/model"})
    (inside / "performance.ndjson").symlink_to(outside / "performance.ndjson")
    (tmp_path / "inside" / "whole").symlink_to(outside)
    (write(tmp_path / "inside" / "one") / "metadata.json").symlink_to(outside / "metadata.json")
    benchmarks = Benchmarks.read(tmp_path / "inside")
    assert len(benchmarks) == 1
    assert [problem.name for problem in benchmarks.problems] == ["one"]
    entry, notes = attached(tmp_path / "inside")
    assert entry.artifacts == ()
    assert notes == [f"model/performance.ndjson leads out of {(tmp_path / 'inside').resolve()}."]


def test_a_volume_of_kubernetes_is_read_once(tmp_path: Path) -> None:
    """A ConfigMap is mounted as links into a folder whose name changes with it."""
    write(tmp_path / "..2026_01_01", {"id": "team/model"}, performance=[{"id": "a"}])
    (tmp_path / "..data").symlink_to("..2026_01_01")
    for name in ("metadata.json", "performance.ndjson"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    benchmarks = Benchmarks.read(tmp_path)
    assert benchmarks.problems == ()
    assert len(benchmarks.attach(Entry("team/model", {})).artifacts) == 1


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "missing", tmp_path / "a\0b"):
        with pytest.raises((InvalidInput, NotFound)):
            Benchmarks.read(path)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["ttft_p90", "hardware_count", "score", "steps", "created_at"]) | st.text()


@given(st.dictionaries(names, values, max_size=6))
def test_any_record_is_typed_or_refused(record: dict[str, Any]) -> None:
    try:
        properties = properties_of(read_object(json.dumps(record).encode()))
    except BadRecord as error:
        assert str(error)  # noqa: PT017
        return
    for name, value in properties.items():
        assert record[name] is not None
        assert len(value) == 2
    json.dumps(properties, allow_nan=False)


@given(st.binary(max_size=40) | st.text('{}[]":,0eE+-.n\\u', max_size=40).map(str.encode))
def test_any_bytes_are_a_record_or_refused(data: bytes) -> None:
    try:
        record = read_object(data)
    except BadRecord as error:
        assert str(error)  # noqa: PT017
        return
    assert isinstance(record, dict)
