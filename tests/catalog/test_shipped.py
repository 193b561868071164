"""The catalog that ships, read as any other catalog is."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

import pytest

from forecourt.catalog import shipped
from forecourt.catalog.checking import contradictions
from forecourt.catalog.enriching import Enricher, Published
from forecourt.catalog.files.loader import load
from forecourt.catalog.files.sources import merge, read_sources
from forecourt.catalog.model import ACCURACY, MODEL_ARTIFACT, PERFORMANCE, Entry, Loading, Problem
from forecourt.catalog.naming import read_name
from forecourt.catalog.summaries import flat
from forecourt.oci import Reference


@pytest.fixture(scope="module")
def sources() -> dict[str, list[Entry]]:
    """The models of each source."""
    found: dict[str, list[Entry]] = {}
    for definition in merge([read_sources(shipped.sources())]).definitions:
        items = list(load(definition, Loading()))
        assert not [item for item in items if isinstance(item, Problem)]
        found[definition.id] = [item for item in items if isinstance(item, Entry)]
    return found


@pytest.fixture(scope="module")
def entries(sources: dict[str, list[Entry]]) -> list[Entry]:
    return [entry for models in sources.values() for entry in models]


@pytest.fixture(scope="module")
def enriched(entries: list[Entry]) -> dict[str, Entry]:
    enricher = Enricher(Published.load())
    return {entry.name: enricher.enrich(entry) for entry in entries}


def properties(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = flat(entry.document["customProperties"])
    return found


def test_there_are_110_models_in_three_sources(sources: dict[str, list[Entry]], entries: list[Entry]) -> None:
    assert {source: len(models) for source, models in sources.items()} == {
        "validated": 67,
        "red-hat-ai": 20,
        "other": 23,
    }
    assert len({entry.name for entry in entries}) == 110


def test_each_source_has_a_label_that_people_can_read() -> None:
    merged = merge([read_sources(shipped.sources())])
    used = {label for definition in merged.definitions for label in definition.labels}
    assert {label["name"] for label in merged.labels} == used == {"Validated", "Red Hat AI", "Other"}
    assert all(label["displayName"] and label["description"].endswith(".") for label in merged.labels)


def test_each_model_is_there_as_a_modelcar_for_some_architectures(entries: list[Entry]) -> None:
    for entry in entries:
        (artifact,) = entry.artifacts
        assert artifact["artifactType"] == MODEL_ARTIFACT
        reference = Reference.parse(artifact["uri"].removeprefix("oci://"))
        assert reference.registry == "registry.redhat.io"
        assert "/modelcar-" in artifact["uri"]
        assert "amd64" in json.loads(flat(artifact["customProperties"])["architecture"])


def test_who_made_a_model_and_under_which_licence_is_said_of_each(entries: list[Entry]) -> None:
    for entry in entries:
        document = entry.document
        assert document["provider"]
        assert document["license"]
        assert document["licenseLink"].startswith("https://")
        assert int(document["createTimeSinceEpoch"]) <= int(document["lastUpdateTimeSinceEpoch"])


def test_what_was_validated_says_on_what(sources: dict[str, list[Entry]], entries: list[Entry]) -> None:
    validated = [entry.name for entry in entries if "validated" in properties(entry)]
    assert validated == [entry.name for entry in sources["validated"]]
    on = [json.loads(properties(entry)["validated_on"]) for entry in entries if "validated_on" in properties(entry)]
    assert len(on) == 77
    assert all(any(product.startswith("vLLM") for product in products) for products in on)


def test_models_that_call_tools_say_with_which_arguments(entries: list[Entry]) -> None:
    calling = {
        entry.name: entry.document["servingConfig"]["toolCalling"]
        for entry in entries
        if "servingConfig" in entry.document
    }
    assert len(calling) == 9
    assert all(each["toolCallParser"] and each["enableAutoToolChoice"] is True for each in calling.values())
    assert calling["RedHatAI/Ministral-3-14B-Instruct-2512"]["requiredArgs"] == [
        "--config_format mistral",
        "--load_format mistral",
        "--tokenizer_mode mistral",
    ]


def test_there_is_no_prose_of_others_in_it(entries: list[Entry]) -> None:
    for entry in entries:
        assert not entry.readme
        assert "logo" not in entry.document
        if said := entry.document.get("description"):
            assert re.fullmatch(r"[^\n]{5,100}\.", said)


def test_what_a_file_says_of_a_model_is_what_its_name_says(entries: list[Entry]) -> None:
    for entry in entries:
        named, said = read_name(entry.name), properties(entry)
        if named.quantization:
            assert (said["quantization"], said["tensor_type"]) == (named.quantization, named.tensor_type)
        if named.parameters_b:
            assert said["parameters_b"] == pytest.approx(named.parameters_b, rel=0.3)
        if "base_model" in said:
            assert read_name(said["base_model"]).base == named.base


def test_variants_of_one_base_are_together(enriched: dict[str, Entry]) -> None:
    groups: dict[str, list[str]] = defaultdict(list)
    for name, entry in enriched.items():
        groups[properties(entry)["variant_group_id"]].append(name.rpartition("/")[2])
    assert groups["llama-3-1-8b-instruct"] == [
        "Llama-3.1-8B-Instruct",
        "Meta-Llama-3.1-8B-Instruct-FP8-dynamic",
        "Meta-Llama-3.1-8B-Instruct-quantized.w4a16",
        "Meta-Llama-3.1-8B-Instruct-quantized.w8a8",
    ]
    assert groups["gpt-oss-20b"] == ["gpt-oss-20b", "gpt-oss-20b-essential"]
    assert groups["granite-3-1-8b-instruct"] != groups["granite-3-1-8b-base"]
    assert (len(groups), sum(len(models) > 1 for models in groups.values())) == (68, 22)


def test_variants_of_one_base_have_as_many_parameters(enriched: dict[str, Entry]) -> None:
    sizes: dict[str, set[float | None]] = defaultdict(set)
    for entry in enriched.values():
        sizes[properties(entry)["variant_group_id"]].add(properties(entry).get("parameters_b"))
    assert not {group: found for group, found in sizes.items() if len(found) > 1}


def test_all_published_evidence_is_of_models_that_are_there(enriched: dict[str, Entry]) -> None:
    rows = [row for entry in enriched.values() for row in entry.evidence]
    assert len(rows) == 447
    found = contradictions(rows)
    assert (found["recomputed"], len(found["contradictions"]), len(found["broken"])) == (426, 16, 1)
    counts = {
        kind: sum(one.get("metricsType") == kind for entry in enriched.values() for one in entry.artifacts)
        for kind in (ACCURACY, PERFORMANCE)
    }
    assert counts == {ACCURACY: 37, PERFORMANCE: 224}


def test_a_model_shows_what_was_computed_of_it(enriched: dict[str, Entry]) -> None:
    entry = enriched["RedHatAI/gemma-2-9b-it-FP8"]
    (accuracy,) = (flat(one["customProperties"]) for one in entry.artifacts if one.get("metricsType") == ACCURACY)
    assert (accuracy["gsm8k_baseline"], accuracy["gsm8k"], accuracy["gsm8k_recovery"]) == (76.26, 76.87, 100.7999)
    assert accuracy["contradicted_claims"] == 1
    assert accuracy["average_recovery"] == properties(entry)["average_recovery"] == 100.3513


def test_copied_and_misprinted_points_are_shown_with_the_doubt(enriched: dict[str, Entry]) -> None:
    entry = enriched["RedHatAI/granite-3.1-8b-instruct"]
    points = [flat(one["customProperties"]) for one in entry.artifacts if one.get("metricsType") == PERFORMANCE]
    assert len(points) == 56
    assert all("they were not all measured" in point["doubt"] for point in points)
    (misprint,) = (point for point in points if "is said to have 0.3 requests/s" in point["doubt"])
    assert (misprint["hardware_type"], misprint["requests_per_second"]) == ("A6000", 0.3)
