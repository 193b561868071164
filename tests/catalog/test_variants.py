"""Which models are variants of one another."""

from __future__ import annotations

import json

import pytest

from forecourt.catalog.model import Document, double_value, int_value, string_value
from forecourt.catalog.variants import described, is_quantized, variant_key


def document(**properties: str) -> Document:
    return {"customProperties": {name: string_value(value) for name, value in properties.items()}}


def test_variants_are_found_by_their_names_alone() -> None:
    names = [
        "RedHatAI/Llama-3.1-8B-Instruct",
        "meta-llama/Meta-Llama-3.1-8B-Instruct",
        "RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16",
        "RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8-dynamic",
    ]
    assert {variant_key(name, {}) for name in names} == {"llama-3-1-8b-instruct"}
    assert variant_key("RedHatAI/Llama-3.3-70B-Instruct", {}) != variant_key(names[0], {})


def test_the_group_that_a_source_gives_is_the_one() -> None:
    assert variant_key("acme/gpt-oss-120b-essential", document(variant_group_id="gpt-oss-120b")) == "gpt-oss-120b"


def test_a_quantised_model_belongs_to_the_one_that_it_was_made_from() -> None:
    made = document(base_model="meta-llama/Llama-3.1-8B-Instruct")
    assert variant_key("acme/our-chat-w4a16", made) == "llama-3-1-8b-instruct"
    assert variant_key("acme/our-chat-w4a16", {}) == "our-chat"


def test_a_model_that_was_trained_from_another_is_no_variant_of_it() -> None:
    trained = document(base_model="meta-llama/Llama-3.1-8B-Instruct")
    assert variant_key("acme/our-chat", trained) == "our-chat"
    said = document(base_model="meta-llama/Llama-3.1-8B-Instruct", base_model_relation="finetune")
    assert variant_key("acme/our-chat-w4a16", said) == "our-chat"


def test_what_hugging_face_says_of_the_base_counts() -> None:
    related = document(base_model="Qwen/Qwen3-8B", base_model_relation="quantized")
    assert variant_key("acme/tiny", related) == "qwen3-8b"
    tagged = document(hf_tags=json.dumps(["gguf", "base_model:Qwen/Qwen3-8B", "base_model:quantized:Qwen/Qwen3-8B"]))
    assert variant_key("acme/tiny", tagged) == "qwen3-8b"
    trained = document(hf_tags=json.dumps(["base_model:finetune:Qwen/Qwen3-8B"]))
    assert variant_key("acme/tiny", trained) == "tiny"


def test_properties_count_more_than_the_name() -> None:
    found = described("acme/model-8B-FP8", document(quantization="W4A16", size="7.61B params"))
    assert (found.quantization, found.tensor_type, found.parameters_b) == ("w4a16", "INT4", 7.61)
    assert described("acme/model", document(quantization="marlin-24")).quantization == "marlin-24"
    given = {"customProperties": {"parameters_b": double_value(109.0), "size": string_value("17B")}}
    assert described("acme/model-17B-16E", given).parameters_b == 109.0
    assert described("acme/model", {"customProperties": {"parameters_b": int_value(3)}}).parameters_b == 3.0


@pytest.mark.parametrize(
    ("size", "billions"),
    [("8B params", 8.0), ("7.61 B", 7.61), ("1T (32B active)", 1000.0), ("135M", 0.135), ("16GB", None), ("big", None)],
)
def test_a_size_is_read_where_nothing_says_the_number_of_parameters(size: str, billions: float | None) -> None:
    assert described("acme/model", document(size=size)).parameters_b == billions


def test_labels_are_tags() -> None:
    assert described("RedHatAI/MiniMax-M2.5", document(fp8="", featured="")).quantization == "fp8"
    assert described("acme/model", document(hf_tags='["4-bit", "llama"]')).quantization == "int4"


@pytest.mark.parametrize(
    ("name", "properties", "quantized"),
    [
        ("acme/model-w8a8", {}, True),
        ("acme/model", {"tensor_type": "BF16"}, False),
        ("acme/model-BF16", {}, False),
        ("acme/model", {}, False),
        ("acme/model", {"quantization": "fp8"}, True),
    ],
)
def test_what_is_quantised_is_known(name: str, properties: dict[str, str], quantized: bool) -> None:
    assert is_quantized(name, document(**properties)) is quantized


@pytest.mark.parametrize("tags", ["not json", '{"a": 1}', "[1, null]", "[", ""])
def test_tags_that_cannot_be_read_say_nothing(tags: str) -> None:
    assert variant_key("acme/model-FP8", document(hf_tags=tags)) == "model"


@pytest.mark.parametrize("properties", [None, {}, {"size": {}}, {"parameters_b": {"int_value": "many"}}, {"fp8": None}])
def test_properties_that_are_none_say_nothing(properties: Document | None) -> None:
    found = described("acme/model-8B", {"customProperties": properties})
    assert (found.quantization, found.parameters_b) == (None, 8.0)
