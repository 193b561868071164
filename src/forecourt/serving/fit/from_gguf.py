"""The structure of a GGUF model, as llama.cpp reads it (src/llama-hparams.cpp, src/models/ at ggml-org/llama.cpp)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from forecourt.errors import InvalidModel
from forecourt.modelcar.gguf import GGUF, Array
from forecourt.serving.fit.structure import MOST, MOST_LAYERS, Layer, Structure

_PERIODS = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "cohere2": 4, "gpt-oss": 2, "llama4": 4, "exaone4": 4, "olmo2": 4}
"""Every so manyeth layer sees all of the text, the others a window of it (`set_swa_pattern`); a header can say more."""
_CHUNKED = {"llama4": 8192}
"""Windows that llama.cpp knows and the header does not say."""
_NO_WINDOW = {"phi3", "qwen2", "qwen3", "llama", "mistral3"}
"""Architectures whose window llama.cpp does not use, whatever the header says."""
_NO_MULTIPLICATION = ("token_embd.", "per_layer_token_embd.", "rope_", "position_embd.", "token_types.")


def structure(shards: Sequence[GGUF]) -> Structure:
    """Return what the headers of all the parts of a model say; raises `InvalidModel` for numbers that cannot be."""
    first = shards[0]
    weights: Counter[str] = Counter()
    repackable: Counter[str] = Counter()
    unknown: list[str] = []
    for tensor in (tensor for shard in shards for tensor in shard.tensors):
        if tensor.size is None:
            unknown.append(f"The size of tensors of the {tensor.type} is not known.")
            continue
        weights[tensor.type] += tensor.size
        matrix = len(tensor.shape) > 1 and tensor.shape[1] % 8 == 0
        if matrix and not tensor.name.startswith(_NO_MULTIPLICATION):
            repackable[tensor.type] += tensor.size
    says = _Says(first)
    tokens = first.metadata.get("tokenizer.ggml.tokens")
    layers = _layers(says, unknown)
    experts = says.number("expert_used_count")
    expert_width = says.number("expert_feed_forward_length")
    return Structure(
        format="gguf",
        weights=dict(weights),
        repackable=dict(repackable),
        layers=layers,
        embedding=says.number("embedding_length"),
        feed_forward=max(says.number("feed_forward_length"), experts * expert_width),
        heads=says.number("attention.head_count"),
        vocabulary=says.number("vocab_size") or (tokens.length if isinstance(tokens, Array) else 0),
        context=says.number("context_length"),
        quantized=any(not kind.startswith(("F", "BF")) for kind in weights),
        unknown=tuple(dict.fromkeys(unknown)),
    )


class _Says:
    """The metadata of an architecture, each number held against what can be."""

    def __init__(self, header: GGUF) -> None:
        self.header = header
        self.architecture = header.architecture

    def number(self, key: str) -> int:
        """Return a number, the largest where it is one for each layer; 0 where the header does not say."""
        return max(self.each(key, 1), default=0)

    def each(self, key: str, layers: int) -> tuple[int, ...]:
        """Return a number for each layer; nothing where the header does not say."""
        name = f"{self.architecture}.{key}"
        found = self.header.numbers(name)
        if not found:
            one = self.header.number(name)
            found = () if one is None else (one,) * layers
        if any(not 0 <= number <= MOST for number in found):
            raise InvalidModel(f"The header says {name} is {max(found, key=abs)}, which cannot be.")
        return found

    def has(self, key: str) -> bool:
        """Whether the header says anything of it."""
        return f"{self.architecture}.{key}" in self.header.metadata


def _layers(says: _Says, unknown: list[str]) -> tuple[Layer, ...]:
    count = says.number("block_count")
    if count > MOST_LAYERS:
        raise InvalidModel(f"The header says that the model has {count} layers, which cannot be.")
    heads, embedding = says.number("attention.head_count"), says.number("embedding_length")
    if not (count and heads and embedding):
        if says.architecture not in ("", "clip"):
            unknown.append("The header does not say how many layers and heads there are: the KV cache is not counted.")
        return ()
    kv_heads = says.each("attention.head_count_kv", count) or says.each("attention.head_count", count)
    keys = says.number("attention.key_length") or embedding // heads
    values = says.number("attention.value_length") or embedding // heads
    if says.has("attention.kv_lora_rank"):
        unknown.append("Attention is compressed (MLA): keys and values are counted as the header has them, at most.")
    if says.has("ssm.state_size") or says.has("wkv.head_size"):
        unknown.append("The state of recurrent layers is not counted; it does not grow with the text.")
    interval = says.number("full_attention_interval")
    windows = _windows(says, count, unknown)
    shared = says.number("attention.shared_kv_layers")
    found = []
    for index in range(count - min(shared, count)):
        of_this = kv_heads[index] if index < len(kv_heads) else kv_heads[-1]
        if interval and (index + 1) % interval:
            of_this = 0
        windowed = windows[index] > 0
        width = says.number("attention.key_length_swa") if windowed else 0
        height = says.number("attention.value_length_swa") if windowed else 0
        found.append(Layer(of_this * (width or keys), of_this * (height or values), windows[index]))
    return tuple(layer for layer in found if layer.width)


def _windows(says: _Says, count: int, unknown: list[str]) -> list[int]:
    """Return how many tokens each layer sees, 0 for all."""
    window = says.number("attention.sliding_window") or _CHUNKED.get(says.architecture, 0)
    if not window or says.architecture in _NO_WINDOW:
        return [0] * count
    pattern = says.header.numbers(f"{says.architecture}.attention.sliding_window_pattern")
    if len(pattern) >= count:
        return [window if seen else 0 for seen in pattern[:count]]
    period = says.number("attention.sliding_window_pattern") or _PERIODS.get(says.architecture, 0)
    if not period:
        unknown.append(
            f"Some layers see a window of {window} tokens, and which ones is not known: all are counted in full."
        )
        return [0] * count
    return [window if index % period < period - 1 else 0 for index in range(count)]
