"""What a model's files say of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
from tiny_models import write_gguf, write_safetensors, write_transformers

from forecourt.errors import InvalidModel
from forecourt.modelcar import ModelInfo, card, config, source
from forecourt.modelcar.info import describe


def info(directory: Path, **options: str) -> ModelInfo:
    return describe(source.find(directory), **options)


def test_a_transformers_model(model: Path) -> None:
    found = info(model)
    assert found == ModelInfo(
        format="safetensors",
        architecture="LlamaForCausalLM",
        parameters=83,
        quantization="F16",
        context_length=4096,
        license="Apache-2.0",
        size=sum(file.size for file in source.find(model)),
        title="A tiny model",
        base_model="HuggingFaceTB/SmolLM2-135M",
        languages=("en",),
        tags=("chat", "tiny"),
    )


def test_a_gguf_file(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "tiny.gguf", description="It is small.", **{"source.url": "https://example.org/tiny"})
    found = info(path)
    assert (found.format, found.architecture, found.quantization, found.parameters) == ("gguf", "llama", "F32", 224)
    assert (found.title, found.license, found.context_length) == ("Tiny", "MIT", 2048)
    assert (found.description, found.source) == ("It is small.", "https://example.org/tiny")
    assert found.size == path.stat().st_size


def test_the_directorys_name_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "model.onnx").write_bytes(b"x")
    (tmp_path / "one" / "labels").write_bytes(b"x")
    assert info(tmp_path / "one").title == ""
    assert info(tmp_path / "one" / "model.onnx").title == "model"


def test_a_projector_beside_the_model_does_not_describe_it(tmp_path: Path) -> None:
    write_gguf(tmp_path / "model-q4.gguf", tensors=2)
    projector = write_gguf(tmp_path / "mmproj.gguf", tensors=9, type="mmproj")
    assert projector.stat().st_size > (tmp_path / "model-q4.gguf").stat().st_size
    assert info(tmp_path).parameters == 64 + 128


def test_shards_of_a_gguf_count_together_and_all_have_to_be_there(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_gguf(tmp_path / f"big-0000{number}-of-00003.gguf", tensors=1)
    assert info(tmp_path).parameters == 3 * (32 + 128)
    (tmp_path / "big-00002-of-00003.gguf").unlink()
    with pytest.raises(InvalidModel, match=r"one of 3 files, and big-00002-of-00003\.gguf is not there"):
        info(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "original/weights.safetensors", "extra.gguf", "mmproj-f16.gguf"])
def test_any_damaged_weights_are_refused_and_named(model: Path, name: str) -> None:
    path = model / name
    path.parent.mkdir(exist_ok=True)
    write = write_gguf if path.suffix == ".gguf" else write_safetensors
    raw = write(path).read_bytes()
    path.write_bytes(raw[: len(raw) * 2 // 3])
    with pytest.raises(InvalidModel, match=f"^{name} is not a sound"):
        info(model)


def test_a_missing_shard_of_an_index_is_refused(model: Path) -> None:
    weights = {"lm_head.bias": "model.safetensors", "x": "model-00002-of-00002.safetensors"}
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}))
    with pytest.raises(InvalidModel, match="files that are not there"):
        info(model)


def test_files_of_no_known_format_are_refused_unless_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "model.xyz").write_text("x")
    with pytest.raises(InvalidModel, match="no weights of a known format") as raised:
        info(tmp_path)
    assert "--format" in raised.value.hint
    assert info(tmp_path, format="custom").format == "custom"


def test_packed_weights_are_counted_one_by_one(tmp_path: Path) -> None:
    groups = {"group_0": {"weights": {"num_bits": 4, "type": "int"}, "input_activations": None}}
    quantization = {"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": groups}
    directory = tmp_path / "model"
    directory.mkdir()
    write_transformers(directory, quantization_config=quantization)
    write_safetensors(
        directory / "model.safetensors",
        {
            "l.weight_packed": numpy.zeros((8, 2), numpy.int32),
            "l.weight_scale": numpy.zeros((8, 1), numpy.float16),
            "l.weight_shape": numpy.zeros(2, numpy.int64),
            "embed.weight": numpy.zeros((4, 4), numpy.float16),
        },
    )
    found = info(directory)
    assert (found.parameters, found.quantization) == (8 * 16 + 16, "W4A16")


@pytest.mark.parametrize(
    ("quantization", "expected"),
    [
        ({"quant_method": "gptq", "bits": 4}, "GPTQ 4-bit"),
        ({"quant_method": "awq", "bits": 4}, "AWQ 4-bit"),
        ({"quant_method": "fp8"}, "FP8"),
        ({"quant_method": "mxfp4"}, "MXFP4"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes 4-bit"),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {
                    "g": {"weights": {"num_bits": 8, "type": "int"}, "input_activations": {"num_bits": 8}}
                },
            },
            "W8A8",
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"g": {"weights": {"num_bits": 8, "type": "float"}}},
            },
            "FP8",
        ),
        ("nonsense", ""),
    ],
)
def test_quantization_is_named_as_people_do(tmp_path: Path, quantization: object, expected: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"quantization_config": quantization}))
    assert config.read(tmp_path / "config.json").quantization == expected


def test_the_text_part_of_a_model_that_sees_counts(tmp_path: Path) -> None:
    text = {"max_position_embeddings": 32768, "dtype": "bfloat16"}
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["Gemma3"], "text_config": text}))
    found = config.read(tmp_path / "config.json")
    assert (found.architecture, found.context_length, found.dtype) == ("Gemma3", 32768, "bfloat16")


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '"text"', "\x80"])
def test_a_config_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, "latin-1")
    with pytest.raises(InvalidModel, match=r"config\.json is not"):
        config.read(tmp_path / "config.json")


@pytest.mark.parametrize("value", [None, 1, [], {}, [1], "x", {"a": []}])
def test_a_config_of_odd_values_says_nothing_and_breaks_nothing(tmp_path: Path, value: object) -> None:
    keys = ["architectures", "model_type", "max_position_embeddings", "text_config", "quantization_config", "dtype"]
    (tmp_path / "config.json").write_text(json.dumps(dict.fromkeys(keys, value)))
    config.read(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", card.ModelCard()),
        ("# Plain", card.ModelCard(heading="Plain")),
        ("---\nlicense: mit\n---\n", card.ModelCard(license="mit")),
        ("---\r\nlicense: [mit, apache-2.0]\r\n---\r\n", card.ModelCard(license="mit")),
        ("---\nlicense: other\nlicense_name: qwen\n---", card.ModelCard(license="qwen")),
        ("---\nlanguage: no\n---\n", card.ModelCard(languages=("no",))),
        ("---\nmodel-index:\n- name: X\n---\n", card.ModelCard(name="X")),
        ("---\nbase_model:\n- a/b\n- c/d\n---\n", card.ModelCard(base_model="a/b")),
        ("---\nlicense: {a: b}\ntags: 3\nmodel-index: 7\n---\n", card.ModelCard()),
        ("---\n: [\n---\n# T", card.ModelCard(heading="T")),
        ("---\nlicense: !!python/object/apply:os.system ['true']\n---\n", card.ModelCard()),
    ],
)
def test_cards_are_read_as_far_as_they_make_sense(tmp_path: Path, text: str, expected: card.ModelCard) -> None:
    (tmp_path / "README.md").write_bytes(text.encode())
    assert card.read(tmp_path / "README.md") == expected
