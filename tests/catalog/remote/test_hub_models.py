"""What a hub says of a model, as a model of the catalog."""

from __future__ import annotations

import json
from typing import Any

import pytest
from catalog.remote.parts import custom, values
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.remote.hub_models import (
    entry_of,
    is_unchanged,
    model_type,
    parameter_count,
    size_text,
    tensor_type,
)

HUB = "https://hub.example"
NOW = 1_750_000_000_000
CARD = """\
---
license: other
license_name: cars-1.0
license_link: LICENSE
---
# Cars

This is a model that answers questions about cars.
"""
INFO: dict[str, Any] = {
    "id": "org/cars-8b-FP8",
    "author": "org",
    "sha": "0123456789abcdef0123456789abcdef01234567",
    "createdAt": "2024-05-01T10:00:00.000Z",
    "lastModified": "2024-06-01T10:00:00.500Z",
    "private": False,
    "gated": "manual",
    "pipeline_tag": "text-generation",
    "library_name": "transformers",
    "tags": ["transformers", "license:other", "base_model:org/cars-8b", "base_model:quantized:org/cars-8b", "en"],
    "cardData": {"license": "other", "license_name": "cars-1.0", "license_link": "LICENSE", "language": ["en", "de"]},
    "config": {"architectures": ["LlamaForCausalLM"], "model_type": "llama"},
    "safetensors": {"parameters": {"BF16": 1_050_000_000, "F8_E4M3": 6_979_000_000}, "total": 8_029_000_000},
}


def test_a_model_of_the_hub() -> None:
    entry = entry_of(INFO, CARD, hub=HUB, synced=NOW)
    assert entry.name == "org/cars-8b-FP8"
    assert entry.readme == CARD
    document = {key: value for key, value in entry.document.items() if key != "customProperties"}
    assert document == {
        "externalId": "org/cars-8b-FP8",
        "provider": "org",
        "description": "This is a model that answers questions about cars.",
        "license": "cars-1.0",
        "licenseLink": "https://hub.example/org/cars-8b-FP8/blob/main/LICENSE",
        "language": ["en", "de"],
        "tasks": ["text-generation"],
        "libraryName": "transformers",
        "createTimeSinceEpoch": "1714557600000",
        "lastUpdateTimeSinceEpoch": "1717236000500",
    }
    assert custom(entry) == {
        "model_type": "generative",
        "hf_private": "false",
        "hf_gated": "manual",
        "hf_tags": json.dumps([tag for tag in INFO["tags"] if tag != "license:other"]),
        "hf_architectures": '["LlamaForCausalLM"]',
        "hf_model_type": "llama",
        "hf_sha": INFO["sha"],
        "last_synced": str(NOW),
        "base_model": "org/cars-8b",
        "base_model_relation": "quantized",
        "tensor_type": "FP8",
        "size": "8B",
        "parameters_b": 8.029,
    }
    (artifact,) = entry.artifacts
    assert values(artifact.pop("customProperties")) == {"revision": INFO["sha"], "hf_gated": "manual"}
    assert artifact == {
        "artifactType": "model-artifact",
        "uri": "hf://org/cars-8b-FP8",
        "createTimeSinceEpoch": "1714557600000",
        "lastUpdateTimeSinceEpoch": "1717236000500",
    }


def test_a_model_of_which_nothing_is_said() -> None:
    entry = entry_of({"id": "org/cars"}, "", hub=HUB, synced=NOW)
    assert entry.document.keys() == {"externalId", "provider", "customProperties"}
    assert custom(entry) == {
        "model_type": "unknown",
        "hf_private": "false",
        "hf_gated": "false",
        "last_synced": str(NOW),
    }
    assert entry.artifacts[0]["uri"] == "hf://org/cars"


def test_what_the_hub_does_not_say_the_card_does() -> None:
    card = "---\nlicense: mit\nlanguage: no\nlibrary_name: vllm\npipeline_tag: fill-mask\nbase_model: [a/b, c/d]\n---\n"
    entry = entry_of({"id": "org/cars"}, card, hub=HUB, synced=NOW)
    assert (entry.document["license"], entry.document["language"], entry.document["tasks"]) == (
        "mit",
        ["no"],
        ["fill-mask"],
    )
    assert custom(entry)["base_model"] == "a/b"
    assert custom(entry)["base_models"] == '["a/b", "c/d"]'


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://l.example/mit", "https://l.example/mit"),
        ("LICENSE.txt", f"{HUB}/org/cars/blob/main/LICENSE.txt"),
        ("javascript://alert(1)", None),
        ("//l.example", None),
        ("../other", None),
        ("https://l.example/a b", None),
    ],
)
def test_the_link_to_a_licence_leads_to_the_web(link: str, expected: str | None) -> None:
    entry = entry_of({"id": "org/cars", "cardData": {"license": "mit", "license_link": link}}, "", hub=HUB, synced=NOW)
    assert entry.document.get("licenseLink") == expected


@pytest.mark.parametrize(
    ("task", "architectures", "expected"),
    [
        ("text-generation", [], "generative"),
        ("image-text-to-text", ["X"], "generative"),
        ("text-classification", ["LlamaForCausalLM"], "predictive"),
        ("zero-shot-image-classification", [], "predictive"),
        ("feature-extraction", [], "predictive"),
        ("automatic-speech-recognition", [], "unknown"),
        ("", ["LlamaForCausalLM"], "generative"),
        ("", ["BertModel"], "unknown"),
        ("", [], "unknown"),
    ],
)
def test_the_type_of_a_model(task: str, architectures: list[str], expected: str) -> None:
    assert model_type(task, architectures) == expected


@pytest.mark.parametrize(
    ("info", "count", "kind"),
    [
        ({"safetensors": {"parameters": {"BF16": 135}, "total": 135}}, 135, "BF16"),
        ({"safetensors": {"parameters": {"F16": 100, "F32": 3}, "total": 103}}, 103, "FP16"),
        ({"safetensors": {"parameters": {"I8": 100, "BF16": 3}, "total": 103}}, 103, "INT8"),
        (
            {
                "safetensors": {"parameters": {"I32": 100, "F16": 30}, "total": 130},
                "config": {"quantization_config": {"quant_method": "gptq", "bits": 4}},
            },
            0,
            "INT4",
        ),
        (
            {
                "safetensors": {"parameters": {"U8": 100, "BF16": 30}, "total": 130},
                "config": {"quantization_config": {"quant_method": "mxfp4"}},
            },
            0,
            "MXFP4",
        ),
        ({"safetensors": {"parameters": {"I32": 100}, "total": 100}}, 0, ""),
        ({"gguf": {"total": 77, "architecture": "llama"}}, 77, ""),
        ({"safetensors": {"parameters": "x", "total": -1}, "gguf": [], "config": None}, 0, ""),
        ({}, 0, ""),
    ],
)
def test_parameters_and_the_type_of_tensors(info: dict[str, Any], count: int, kind: str) -> None:
    assert (parameter_count(info), tensor_type(info)) == (count, kind)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (8_029_000_000, "8B"),
        (1_235_814_400, "1.2B"),
        (134_515_008, "135M"),
        (999_999_999, "1B"),
        (70_553_706_496, "71B"),
        (1_029_173_256_720, "1T"),
        (83, "83"),
    ],
)
def test_a_number_of_parameters_as_people_say_it(number: int, text: str) -> None:
    assert size_text(number) == text


def test_a_model_is_unchanged_while_the_hub_says_the_same_of_it() -> None:
    known = entry_of(INFO, CARD, hub=HUB, synced=NOW)
    assert is_unchanged(INFO, known, now=NOW + 1000)
    assert is_unchanged(INFO | {"downloads": 7, "tags": []}, known, now=NOW + 1000)
    for change in (
        {"sha": "f" * 40},
        {"sha": None},
        {"private": True},
        {"gated": False},
        {"lastModified": "2024-06-02T10:00:00.000Z"},
    ):
        assert not is_unchanged(INFO | change, known, now=NOW)
    assert not is_unchanged(INFO, known, now=NOW + 31 * 86_400_000)
    assert not is_unchanged(INFO, entry_of(INFO, "", hub=HUB, synced=NOW, complete=False), now=NOW)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_CARD_KEYS = ["license", "license_link", "license_name", "language", "base_model", "base_model_relation", "description"]
_ANY_INFO = st.fixed_dictionaries(
    {},
    optional={key: _JSON for key in INFO if key not in ("id", "cardData")}
    | {"cardData": _JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(_CARD_KEYS, _JSON))},
)


@given(_ANY_INFO)
def test_whatever_the_hub_says_a_model_comes_of_it_that_can_be_kept(info: dict[str, Any]) -> None:
    entry = entry_of({"id": "org/cars", **info}, "", hub=HUB, synced=NOW)
    text = json.dumps([entry.document, entry.artifacts], ensure_ascii=False, allow_nan=False)
    assert "\0" not in text
    text.encode()
    is_unchanged({"id": "org/cars", **info}, entry, now=NOW)
