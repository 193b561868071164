"""The structure of a model as transformers saves one: ``config.json`` and the headers of its safetensors files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from forecourt.errors import InvalidModel, from_os_error
from forecourt.modelcar.safetensors import Safetensors
from forecourt.serving.fit.structure import MOST, MOST_LAYERS, Layer, Structure

_LARGEST_CONFIG = 16 * 1024 * 1024
_RECURRENT = ("mamba", "linear_attention", "recurrent", "conv")
_PERIODS = {"gemma2": 2, "gemma3_text": 6, "gemma3": 6, "cohere2": 4}
"""What transformers assumes where ``config.json`` says neither ``layer_types`` nor ``sliding_window_pattern``."""


def read_config(path: Path) -> dict[str, Any]:
    """Read a ``config.json``; raises `InvalidModel` where it is no JSON object."""
    try:
        document = json.loads(path.read_bytes()) if path.stat().st_size <= _LARGEST_CONFIG else None
    except OSError as error:
        raise from_os_error(error, path) or error from error
    except (ValueError, RecursionError) as error:
        raise InvalidModel(
            f"{path.name} is not JSON: {error}.", hint="It may be truncated: download it again."
        ) from None
    if not isinstance(document, dict):
        raise InvalidModel(f"{path.name} is not a JSON object.")
    return document


def structure(config: dict[str, Any], shards: Iterable[Safetensors], format: str = "safetensors") -> Structure:  # noqa: A002
    """Return what the two say; raises `InvalidModel` for numbers that cannot be."""
    weights: Counter[str] = Counter()
    for tensor in (tensor for shard in shards for tensor in shard.tensors):
        weights[tensor.type] += tensor.size
    inner = config.get("text_config")
    says = _Says(config | inner if isinstance(inner, dict) else config)
    unknown: list[str] = []
    experts = says.number("num_experts_per_tok", "moe_topk") or 1
    width = says.number("moe_intermediate_size")
    return Structure(
        format=format,
        weights=dict(weights),
        layers=_layers(says, unknown),
        embedding=says.number("hidden_size", "n_embd", "d_model"),
        feed_forward=max(says.number("intermediate_size", "n_inner", "ffn_dim"), experts * width),
        heads=says.number("num_attention_heads", "n_head"),
        vocabulary=says.number("vocab_size"),
        context=says.number("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"),
        dtype=str(says.document.get("dtype") or says.document.get("torch_dtype") or "").removeprefix("torch."),
        tied=says.document.get("tie_word_embeddings") is True,
        quantized=isinstance(says.document.get("quantization_config"), dict),
        unknown=tuple(unknown),
    )


class _Says:
    """The fields of ``config.json``, each number held against what can be."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def number(self, *names: str) -> int:
        """Return the first of some fields that is a whole number; 0 where none is."""
        for name in names:
            value = self.document.get(name)
            if type(value) is int:
                if not 0 <= value <= MOST:
                    raise InvalidModel(f"config.json says {name} is {value}, which cannot be.")
                return value
        return 0

    def texts(self, name: str) -> list[str]:
        """Return a list of words; nothing where it is none."""
        value = self.document.get(name)
        return [str(each) for each in value] if isinstance(value, list) else []


def _layers(says: _Says, unknown: list[str]) -> tuple[Layer, ...]:
    count = says.number("num_hidden_layers", "n_layer", "num_layers")
    if count > MOST_LAYERS:
        raise InvalidModel(f"config.json says that the model has {count} layers, which cannot be.")
    heads, embedding = says.number("num_attention_heads", "n_head"), says.number("hidden_size", "n_embd", "d_model")
    if not (count and heads and embedding):
        unknown.append("config.json does not say how many layers and heads there are: the KV cache is not counted.")
        return ()
    kinds = says.texts("layer_types")
    if any(kind.startswith(_RECURRENT) for kind in kinds):
        unknown.append("The state of recurrent layers is not counted; it does not grow with the text.")
    if rank := says.number("kv_lora_rank"):  # latent attention: one vector for all heads, which is keys and values
        whole = Layer(rank + says.number("qk_rope_head_dim"), 0)
        return (whole,) * count
    kv_heads = says.number("num_key_value_heads", "num_kv_heads") or heads
    if says.document.get("multi_query") is True and "num_kv_heads" not in says.document:
        kv_heads = 1
    width = says.number("head_dim") or embedding // heads
    found = []
    for index, window in enumerate(_windows(says, count, kinds)):
        if index < len(kinds) and kinds[index].startswith(_RECURRENT):
            continue
        found.append(Layer(kv_heads * width, kv_heads * width, window))
    return tuple(found)


def _windows(says: _Says, count: int, kinds: list[str]) -> list[int]:
    """Return how many tokens each layer sees, 0 for all."""
    window = says.number("sliding_window") or says.number("attention_chunk_size")
    if not window or says.document.get("use_sliding_window") is False:
        return [0] * count
    if len(kinds) >= count:
        return [window if kind.startswith(("sliding", "chunked")) else 0 for kind in kinds[:count]]
    model_type = str(says.document.get("model_type") or "")
    if period := says.number("sliding_window_pattern") or _PERIODS.get(model_type, 0):
        return [0 if (index + 1) % period == 0 else window for index in range(count)]
    if model_type.startswith("qwen2"):  # the first layers see everything
        return [window if index >= says.number("max_window_layers") else 0 for index in range(count)]
    return [window] * count
