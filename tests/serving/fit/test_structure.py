"""What headers say of a model's memory, held against numbers worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_models import write_gguf, write_safetensors

from forecourt.errors import InvalidModel, NotFound
from forecourt.modelcar.gguf import GGUF, Array
from forecourt.modelcar.gguf import Tensor as GGUFTensor
from forecourt.modelcar.safetensors import Safetensors, Tensor
from forecourt.serving.fit import Layer, Structure, from_gguf, from_transformers, read

LLAMA_8B = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}


def weights(**sizes: int) -> list[Safetensors]:
    """Headers of some bytes of each type."""
    return [Safetensors({}, tuple(Tensor(kind, (size,), kind, 0, size) for kind, size in sizes.items()))]


def per_token(structure: Structure, width: int = 2) -> int:
    return sum(layer.width for layer in structure.layers) * width


def gguf_header(architecture: str, tensors: tuple[GGUFTensor, ...] = (), **says: Any) -> GGUF:
    metadata = {"general.architecture": architecture}
    return GGUF(3, metadata | {f"{architecture}.{k.replace('__', '.')}": v for k, v in says.items()}, tensors)


def test_llama_8b_keeps_128_kib_of_each_token() -> None:
    found = from_transformers.structure(LLAMA_8B, weights(BF16=16_060_522_496))
    assert per_token(found) == 2 * 32 * 8 * 128 * 2 == 131072
    assert (found.size, found.context, found.vocabulary, found.unknown) == (16_060_522_496, 131072, 128256, ())


def test_grouped_queries_of_qwen_have_few_keys() -> None:
    qwen = LLAMA_8B | {
        "model_type": "qwen2",
        "hidden_size": 3584,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "sliding_window": 131072,
        "use_sliding_window": False,
    }
    found = from_transformers.structure(qwen, ())
    assert found.layers == (Layer(512, 512),) * 28
    assert per_token(found) == 57344


def test_gemma_sees_all_of_the_text_in_every_sixth_layer() -> None:
    gemma: dict[str, Any] = {
        "hidden_size": 2560,
        "num_hidden_layers": 34,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "sliding_window": 1024,
    }
    for document in (
        {"text_config": gemma | {"model_type": "gemma3_text"}},
        {"text_config": gemma | {"layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 6}},
        gemma | {"sliding_window_pattern": 6},
    ):
        windows = [layer.window for layer in from_transformers.structure(document, ()).layers]
        assert windows.count(0) == 5
        assert windows[:6] == [1024] * 5 + [0]
    header = gguf_header(
        "gemma3",
        block_count=34,
        embedding_length=2560,
        attention__head_count=8,
        attention__head_count_kv=4,
        attention__key_length=256,
        attention__value_length=256,
        attention__sliding_window=1024,
    )
    assert [layer.window for layer in from_gguf.structure([header]).layers] == windows


def test_a_mixture_of_experts_has_all_its_weights_and_computes_with_some() -> None:
    mixture = LLAMA_8B | {"num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768}
    found = from_transformers.structure(mixture | {"intermediate_size": 6144}, weights(BF16=61_000_000_000))
    assert (found.size, found.feed_forward) == (61_000_000_000, 8 * 768)


def test_latent_attention_keeps_one_vector_for_all_heads() -> None:
    deepseek = LLAMA_8B | {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "num_hidden_layers": 27}
    assert per_token(from_transformers.structure(deepseek, ())) == 27 * 576 * 2


def test_a_hybrid_keeps_something_in_some_layers_only() -> None:
    hybrid = LLAMA_8B | {"layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 8}
    found = from_transformers.structure(hybrid, ())
    assert len(found.layers) == 8
    assert "recurrent" in found.unknown[0]
    header = gguf_header(
        "granitehybrid",
        block_count=4,
        embedding_length=1024,
        attention__head_count=8,
        attention__head_count_kv=Array(4, (0, 0, 2, 0)),
        ssm__state_size=128,
    )
    assert from_gguf.structure([header]).layers == (Layer(256, 256),)


def test_a_gguf_file_is_counted_by_its_types_and_its_matrices() -> None:
    tensors = (
        GGUFTensor("token_embd.weight", (64, 256), "Q6_K", 0, 13440),
        GGUFTensor("blk.0.ffn_up.weight", (64, 128), "Q4_K", 0, 4608),
        GGUFTensor("blk.0.attn_norm.weight", (64,), "F32", 0, 256),
        GGUFTensor("blk.0.strange.weight", (64,), "type 99", 0, None),
    )
    found = from_gguf.structure([gguf_header("llama", tensors)])
    assert found.weights == {"Q6_K": 13440, "Q4_K": 4608, "F32": 256}
    assert found.repackable == {"Q4_K": 4608}
    assert "type 99" in found.unknown[0]


def test_what_a_header_does_not_say_is_said_to_be_unknown(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}")
    found = read(tmp_path)
    assert not found.layers
    assert "KV cache is not counted" in found.unknown[0]
    window = gguf_header(
        "novel", block_count=2, embedding_length=64, attention__head_count=4, attention__sliding_window=16
    )
    assert "which ones is not known" in from_gguf.structure([window]).unknown[0]


@pytest.mark.parametrize(
    ("field", "value"),
    [("num_hidden_layers", 10**9), ("hidden_size", 2**60), ("hidden_size", -1), ("vocab_size", 2**62)],
)
def test_absurd_numbers_in_a_config_are_refused(field: str, value: int) -> None:
    with pytest.raises(InvalidModel, match="which cannot be"):
        from_transformers.structure(LLAMA_8B | {field: value}, ())


def test_absurd_numbers_in_a_gguf_header_are_refused() -> None:
    for says in ({"block_count": 2**31}, {"embedding_length": 2**60}, {"attention__head_count": -3}):
        with pytest.raises(InvalidModel, match="which cannot be"):
            from_gguf.structure([gguf_header("llama", **{"block_count": 2, "embedding_length": 64} | says)])


def test_lists_of_fractions_are_no_numbers_of_heads() -> None:
    odd = gguf_header(
        "llama",
        block_count=2,
        embedding_length=64,
        attention__head_count=4,
        attention__head_count_kv=Array(2, (float("nan"), float("inf"))),
    )
    assert from_gguf.structure([odd]).layers == (Layer(64, 64),) * 2


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "[" * 100_000])
def test_a_config_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    write_safetensors(tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InvalidModel, match=r"config\.json is not"):
        read(tmp_path)


@pytest.mark.parametrize("field", ["num_attention_heads", "hidden_size", "layer_types", "text_config"])
@pytest.mark.parametrize("value", [None, "many", [1, 2], {}, True, 1.5])
def test_fields_of_another_type_are_passed_over(field: str, value: object) -> None:
    from_transformers.structure(LLAMA_8B | {field: value}, ())


def test_a_truncated_header_is_refused(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "model.gguf")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidModel, match=r"model\.gguf is not a sound GGUF file"):
        read(tmp_path)


def test_a_model_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(tmp_path / "nothing")


def test_other_formats_are_counted_by_their_files(tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"x" * 1000)
    (tmp_path / "README.md").write_text("a model")
    assert read(tmp_path).weights == {"sklearn": 1000}
    onnx = tmp_path / "onnx"
    onnx.mkdir()
    (onnx / "model.onnx").write_bytes(b"y" * 500)
    assert read(onnx).weights == {"onnx": 500}


def test_openvinos_weights_lie_beside_its_network(tmp_path: Path) -> None:
    (tmp_path / "openvino_model.xml").write_text('<?xml version="1.0"?><net name="x"></net>')
    (tmp_path / "openvino_model.bin").write_bytes(b"z" * 4000)
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_8B))
    found = read(tmp_path)
    assert found.format == "openvino"
    assert 4000 <= found.size < 4100
    assert len(found.layers) == 32
