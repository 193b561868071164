"""What llama.cpp needs (src/llama-kv-cache*.cpp, ggml/src/ggml-cpu/repack.cpp at ggml-org/llama.cpp).

The file is mapped: its pages are the weights. Types that a processor has faster kernels for are copied into another
order, beside the file. The KV cache is written when the server starts, for the whole context.
"""

from __future__ import annotations

import platform

from forecourt.serving.fit.estimate import CACHE, COMPUTE, MIB, RUNTIME, WEIGHTS, Estimate, Item, Launch
from forecourt.serving.fit.structure import Layer, Structure

RUNTIME_BYTES = 58 * 10**6
"""Python, the library (15 MB of it mapped) and the vocabulary: measured with xllamacpp 2026.10 and SmolLM2-135M, as
what is left of the proportional set size after weights and cache, at contexts of 2048, 8192 and 32768 (56 to 58 MB)."""

SLOTS = 4
_UBATCH, _BATCH = 512, 2048
_PAD = 256
_PROMPTS = 8192 * MIB
"""What llama-server may keep of prompts that it has answered, unless --cache-ram says."""

_REPACKED_X86 = frozenset({"Q4_0", "Q4_K", "IQ4_NL", "MXFP4"})
_REPACKED_ARM = frozenset({"Q4_0", "Q4_K", "Q5_K", "Q6_K", "Q8_0", "IQ4_NL", "MXFP4"})
_BITS = {"f32": 32.0, "f16": 16.0, "bf16": 16.0, "q8_0": 8.5, "q5_1": 6.0, "q5_0": 5.5, "q4_1": 5.0, "q4_0": 4.5}
_BITS["iq4_nl"] = 4.5


def estimate(model: Structure, launch: Launch) -> Estimate:
    """Return what a replica of a GGUF model needs with these options."""
    unknown = list(model.unknown)
    parallel = launch.number("-np", "--parallel") or 0
    unified = parallel <= 0
    if launch.has("-kvu", "--kv-unified"):
        unified = True
    if launch.has("-no-kvu", "--no-kv-unified"):
        unified = False
    parallel = parallel if parallel > 0 else SLOTS
    context = launch.number("-c", "--ctx-size") or model.context
    if not context and model.generative:
        context = 4096
        unknown.append("The header does not say how long the context is: 4096 tokens are counted.")
    ubatch = min(launch.number("-ub", "--ubatch-size") or _UBATCH, launch.number("-b", "--batch-size") or _BATCH)
    sequence = _padded(context if unified else -(-context // parallel))
    streams = 1 if unified else parallel
    full = launch.has("--swa-full")
    cells = {
        layer.window: min(sequence, _padded(min(sequence, layer.window * (parallel if unified else 1) + ubatch)))
        if layer.window and not full
        else sequence
        for layer in model.layers
    }
    bits = tuple(
        _BITS.get(launch.value(*names) or "f16", 16.0)
        for names in (("-ctk", "--cache-type-k"), ("-ctv", "--cache-type-v"))
    )
    cache = sum(_of_token(layer, bits) * cells[layer.window] * streams for layer in model.layers)
    whole = sum(_of_token(layer, bits) for layer in model.layers if cells[layer.window] == sequence)
    tokens = sequence * streams
    items = [Item(WEIGHTS, model.size, _types(model), mapped=not launch.has("--no-mmap"))]
    on_device = launch.devices > 0 and launch.value("-ngl", "--gpu-layers", "--n-gpu-layers") != "0"
    kinds = _REPACKED_ARM if platform.machine() in ("arm64", "aarch64") else _REPACKED_X86
    repacked = 0 if on_device else sum(size for kind, size in model.repackable.items() if kind in kinds)
    if repacked:
        items.append(Item("weights in another order", repacked, "a copy that this processor multiplies faster"))
    if cache:
        shared = f" x {parallel}" if not unified and parallel > 1 else ""
        items.append(Item(CACHE, round(cache), f"{sequence} tokens{shared}"))
    items.append(Item(COMPUTE, _computing(model, ubatch, min(sequence, context), parallel, launch)))
    items.append(Item(RUNTIME, RUNTIME_BYTES))
    if launch.has("--lora", "-mm", "--mmproj"):
        unknown.append("Adapters and projectors are not counted.")
    remembered = launch.number("-cram", "--cache-ram")
    growth = _PROMPTS if remembered is None or remembered < 0 else remembered * MIB
    return Estimate(
        items=tuple(items),
        known=bool(model.layers),
        unknown=tuple(unknown),
        growth=growth if cache and not launch.has("--no-cache-prompt") else 0,
        tokens=tokens,
        per_token=round(whole),
        context_option="--ctx-size",
        hint="a smaller quantisation of the model",
        on_device=on_device,
        host=RUNTIME_BYTES if on_device else 0,
    )


def _computing(model: Structure, ubatch: int, context: int, parallel: int, launch: Launch) -> int:
    """Return what a step writes into: activations of a batch, the mask over the context, the scores of the next tokens.

    llama.cpp reserves more; this is what it touches.
    """
    activations = ubatch * (2 * model.feed_forward + 4 * model.embedding) * 4
    mask = ubatch * context * 4
    if launch.value("-fa", "--flash-attn") == "off":
        mask += ubatch * context * model.heads * 4
    return activations + mask + parallel * model.vocabulary * 4


def _of_token(layer: Layer, bits: tuple[float, ...]) -> float:
    return (layer.keys * bits[0] + layer.values * bits[1]) / 8


def _types(model: Structure) -> str:
    return ", ".join(sorted(model.weights, key=lambda kind: -model.weights[kind])[:2])


def _padded(tokens: int) -> int:
    return tokens + -tokens % _PAD
