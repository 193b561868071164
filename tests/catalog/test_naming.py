"""What a model's name says of it."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.naming import ModelName, read_name


@pytest.mark.parametrize(
    ("name", "base", "quantization", "tensor_type"),
    [
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "llama-3-1-8b-instruct", "w4a16", "INT4"),
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8-dynamic", "llama-3-1-8b-instruct", "fp8-dynamic", "FP8"),
        ("RedHatAI/Llama-3.1-8B-Instruct", "llama-3-1-8b-instruct", None, None),
        ("RedHatAI/Llama-3.1-Nemotron-70B-Instruct-HF", "llama-3-1-nemotron-70b-instruct", None, None),
        ("RedHatAI/phi-4-quantized.w8a8", "phi-4", "w8a8", "INT8"),
        ("neuralmagic/Qwen2-7B-Instruct-quantized.w8a16", "qwen2-7b-instruct", "w8a16", "INT8"),
        ("RedHatAI/gemma-4-31B-it-FP8-block", "gemma-4-31b-it", "fp8-block", "FP8"),
        ("RedHatAI/sarvam-105b-FP8-Dynamic", "sarvam-105b", "fp8-dynamic", "FP8"),
        ("RedHatAI/gemma-2-9b-it-FP8", "gemma-2-9b-it", "fp8", "FP8"),
        ("amd/Llama-3.1-8B-Instruct-FP8-KV", "llama-3-1-8b-instruct", "fp8", "FP8"),
        ("RedHatAI/Mistral-Small-4-119B-2603-NVFP4", "mistral-small-4-119b-2603", "nvfp4", "FP4"),
        ("acme/Qwen3-8B-MXFP4", "qwen3-8b", "mxfp4", "MXFP4"),
        ("RedHatAI/NVIDIA-Nemotron-3-Super-120B-A12B-BF16", "nemotron-3-super-120b-a12b", "none", "BF16"),
        ("nvidia/Llama-3_3-Nemotron-Super-49B-v1_5-FP8", "llama-3-3-nemotron-super-49b-v1-5", "fp8", "FP8"),
        ("acme/DeepSeek-R1-W4AFP8", "deepseek-r1", "w4afp8", "INT4"),
        ("acme/Mistral-7B-Instruct-v0.2-GPTQ-Int4", "mistral-7b-instruct-v0-2", "int4", "INT4"),
        ("acme/Mixtral-8x22B-Instruct-v0.1-AWQ", "mixtral-8x22b-instruct-v0-1", "awq", None),
        ("mlx-community/Qwen3-8B-4bit", "qwen3-8b", "int4", "INT4"),
        ("unsloth/Qwen3-8B-unsloth-bnb-4bit", "qwen3-8b", "nf4", None),
        ("acme/Llama-4-Scout-17B-16E-w4a16-G128", "llama-4-scout-17b-16e", "w4a16", "INT4"),
        ("bartowski/google_gemma-3-4b-it-GGUF", "gemma-3-4b-it", None, None),
        ("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "llama-3-1-8b-instruct", "q4_k_m", None),
        ("acme/granite-4.0-h-1b-IQ4_XS", "granite-4-0-h-1b", "iq4_xs", None),
        ("Llama 3.1 8B Instruct FP8", "llama-3-1-8b-instruct", "fp8", "FP8"),
    ],
)
def test_a_name_says_its_base_and_how_it_was_quantised(
    name: str, base: str, quantization: str | None, tensor_type: str | None
) -> None:
    found = read_name(name)
    assert (found.base, found.quantization, found.tensor_type) == (base, quantization, tensor_type)


@pytest.mark.parametrize(
    ("name", "total", "active"),
    [
        ("RedHatAI/TinyLlama-1.1B-Chat-v1.0", 1.1, None),
        ("granite-3.1-8b-lab-v1", 8.0, None),
        ("RedHatAI/embeddinggemma-300m", 0.3, None),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", 0.135, None),
        ("RedHatAI/Qwen3-VL-30B-A3B-Instruct", 30.0, 3.0),
        ("acme/Granite-3.1-3B-A0.8B", 3.0, 0.8),
        ("RedHatAI/Llama-4-Scout-17B-16E-Instruct", None, 17.0),
        ("RedHatAI/Mixtral-8x7B-Instruct-v0.1", None, None),
        ("RedHatAI/gemma-3n-E4B-it-FP8-dynamic", None, None),
        ("Qwen/Qwen2.5-7B-Instruct-1M", 7.0, None),
        ("RedHatAI/bge-m3", None, None),
        ("RedHatAI/phi-4-FP8-dynamic", None, None),
        ("mlx-community/Qwen3-4bit", None, None),
    ],
)
def test_a_name_says_how_many_parameters_there_are_but_not_what_is_only_a_part_of_them(
    name: str, total: float | None, active: float | None
) -> None:
    found = read_name(name)
    assert (found.parameters_b, found.active_b) == (total, active)


def test_the_name_of_an_image_is_one_of_the_model_in_it() -> None:
    model = read_name("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16")
    image = read_name("registry.example.com:5000/rhelai1/modelcar-llama-3-1-8b-instruct-quantized-w4a16:1.5")
    assert image == model
    assert read_name("rhelai1/modelcar-redhatai-llama-3-1-8b-instruct@sha256:abc").base == model.base


def test_tags_say_what_the_name_does_not() -> None:
    tags = ["8-bit precision", "conversational", "MXFP4", "vllm"]
    assert read_name("RedHatAI/gpt-oss-20b", tags) == ModelName("gpt-oss-20b", "mxfp4", "MXFP4", 20.0)
    assert read_name("acme/model-NVFP4", ["fp8"]).quantization == "nvfp4"


def test_a_tag_counts_only_if_it_is_a_scheme_and_nothing_else() -> None:
    assert read_name("acme/model", ["fp8 is not supported", "compressed-tensors"]).quantization is None


@pytest.mark.parametrize(
    ("tensor_type", "quantization"),
    [("BF16", "none"), ("F16", "none"), ("FP8", "fp8"), ("INT4", "int4"), ("MXFP4", "mxfp4"), ("F8_E4M3", None)],
)
def test_where_name_and_tags_are_silent_the_tensor_type_says_whether_it_was_quantised(
    tensor_type: str, quantization: str | None
) -> None:
    found = read_name("RedHatAI/Ministral-3-14B-Instruct-2512", tensor_type=tensor_type)
    assert (found.quantization, found.tensor_type) == (quantization, tensor_type)


def test_a_version_or_a_date_is_no_scheme_and_no_size() -> None:
    assert read_name("RedHatAI/multilingual-e5-large-v0.1-2507") == ModelName("multilingual-e5-large-v0-1-2507")


SUFFIXES = st.sampled_from(
    ["-quantized.w4a16", "-quantized.w8a8", "-FP8", "-FP8-dynamic", "-FP8-block", "-NVFP4", "-BF16", "-AWQ", "-GGUF"]
)
WORDS = st.lists(
    st.text(string.ascii_letters, min_size=5, max_size=9) | st.sampled_from(["8B", "30B-A3B", "v0.1", "3.1", "it"]),
    min_size=1,
    max_size=5,
).map("-".join)


@given(WORDS, SUFFIXES, st.sampled_from(["", "acme/", "registry.example.com/acme/"]))
def test_every_variant_has_the_base_of_the_model_that_it_was_made_from(words: str, suffix: str, where: str) -> None:
    made, original = read_name(f"{where}{words}{suffix}"), read_name(words)
    assert made.base == original.base
    assert (made.parameters_b, made.active_b) == (original.parameters_b, original.active_b)


@given(st.text(max_size=80), st.lists(st.text(max_size=20), max_size=3), st.text(max_size=10))
def test_any_text_is_read_as_a_name(name: str, tags: list[str], tensor_type: str) -> None:
    found = read_name(name, tags, tensor_type)
    assert found.base == found.base.casefold()
    assert found.parameters_b is None or found.parameters_b >= 0
