"""What OpenVINO needs: OpenVINO GenAI's continuous batching for language models, a compiled network for others.

The weights are mapped, and a processor makes a copy in another order of all that it multiplies by, at the first
request.
The KV cache is written as it is used, up to ``--cache_size``.
"""

from __future__ import annotations

from forecourt.serving.fit.estimate import CACHE, COMPUTE, RUNTIME, WEIGHTS, Estimate, Item, Launch
from forecourt.serving.fit.structure import Structure

RUNTIME_BYTES = 170 * 10**6
"""Python, the libraries and the tokenizer: measured with openvino-genai 2026.4 as what is left of the proportional
set size after the rest: 159 to 177 MB with SmolLM2-135M, 171 MB with a llama of 465 million parameters, in int8."""
_CACHE_BYTES = {"u8": 1, "i8": 1, "f16": 2, "bf16": 2, "f32": 4}
_SCALES = 8
"""Bytes beside each head's keys, and its values, of a token in a cache of whole bytes: a scale and a zero point."""
_GB = 1024**3


def estimate(model: Structure, launch: Launch) -> Estimate:
    """Return what a replica needs with these options."""
    unknown = list(model.unknown)
    if not model.generative:
        items = (Item(WEIGHTS, 2 * model.size, "mapped and compiled"), Item(RUNTIME, RUNTIME_BYTES))
        return Estimate(items, unknown=(*unknown, "What the network computes in between is not known and not counted."))
    precision = launch.value("--kv_cache_precision") or "u8"
    width = _CACHE_BYTES.get(precision, 1)
    scales = _SCALES * 2 if width == 1 else 0
    heads = model.layers[0].keys // max(1, model.embedding // max(1, model.heads))
    per_token = sum(layer.width * width + scales * heads for layer in model.layers)
    size = launch.number("--cache_size") or 0
    length = model.context or 4096
    cache, note = (
        (size * _GB, f"--cache_size={size}") if size > 0 else (per_token * length, f"one request of {length} tokens")
    )
    if size <= 0:
        unknown.append("The KV cache grows with the requests: one of the whole context is counted.")
    copied = max(0, model.size - (0 if model.tied else model.vocabulary * model.embedding))
    batched = launch.number("--max_num_batched_tokens") or 256
    computing = batched * (2 * model.feed_forward + 4 * model.embedding + model.vocabulary) * 4
    return Estimate(
        (
            Item(WEIGHTS, model.size, mapped=True),
            Item("weights in another order", copied, "a copy that this processor multiplies faster"),
            Item(CACHE, cache, note),
            Item(COMPUTE, computing),
            Item(RUNTIME, RUNTIME_BYTES),
        ),
        unknown=tuple(unknown),
        tokens=length,
        per_token=per_token,
        context_option="",
        hint="a smaller --cache_size (GB)" if size else "--cache_size=1 (GB), or int4 weights",
    )
