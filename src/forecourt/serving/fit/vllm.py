"""What vLLM needs (vllm/config/cache.py, vllm/v1/worker/ at vllm-project/vllm), on processors and on accelerators.

On a processor the KV cache is taken whole as the server starts, as large as ``VLLM_CPU_KVCACHE_SPACE`` says (GiB). On
an accelerator vLLM takes a share of its memory (``--gpu-memory-utilization``); the cache is what weights leave of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from forecourt.serving.fit.estimate import CACHE, COMPUTE, GIB, RUNTIME, WEIGHTS, Estimate, Item, Launch
from forecourt.serving.fit.structure import Structure

RUNTIME_BYTES = 1500 * 10**6
"""Two processes that have loaded torch and vLLM: measured with vllm-cpu 0.32 and SmolLM2-135M, as what is left of the
proportional set size after weights and cache."""
WORKERS_BYTES = 500 * 10**6
"""A third one, where the engine does not compute itself (``runtimes/vllm_server.py``): measured likewise, 2.04 GB for
the three, with a llama of 465 million parameters too."""
HOST_BYTES = 3000 * 10**6
"""Of the machine's own memory beside an accelerator: an assumption, not measured."""

_BATCHED_TOKENS = 2048
_SEQUENCES = 256
_UTILIZATION = 0.9
_BYTES = {"float32": 4, "float": 4, "float16": 2, "half": 2, "bfloat16": 2}
_FLOATS = {"F32": 4, "F16": 2, "BF16": 2, "F64": 8}


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a model needs wherever it is computed, in bytes; `request` is the cache of one of `length` tokens."""

    weights: Item
    request: int
    computing: Item
    per_token: int
    length: int
    shards: int
    unknown: tuple[str, ...]

    def estimate(self, cache: Item, *further: Item, refuses: str, hint: str) -> Estimate:
        """Return the estimate of a replica with such a cache."""
        return Estimate(
            items=(self.weights, cache, self.computing, *further),
            known=bool(self.weights.bytes),
            unknown=self.unknown,
            refuses=refuses,
            tokens=self.length,
            per_token=self.per_token,
            context_option="--max-model-len",
            hint=hint,
        )


def estimate(model: Structure, launch: Launch) -> Estimate:
    """Return what a replica needs with these options and variables."""
    needs = _needs(model, launch)
    return _on_device(needs, launch) if launch.devices else _on_processor(needs, launch)


def _needs(model: Structure, launch: Launch) -> _Needs:
    width = _width(model, launch)
    weights = sum(size // _FLOATS[kind] * width if kind in _FLOATS else size for kind, size in model.weights.items())
    stored = launch.value("--kv-cache-dtype") or "auto"
    cache_width = 1 if stored.startswith(("fp8", "int8")) else width
    length = launch.number("--max-model-len") or 0
    if length <= 0:
        length = model.context
    sequences = launch.number("--max-num-seqs") or _SEQUENCES
    tokens = max(launch.number("--max-num-batched-tokens") or _BATCHED_TOKENS, 1)
    computing = tokens * (2 * model.feed_forward + 4 * model.embedding) * width + sequences * model.vocabulary * 4
    return _Needs(
        weights=Item(WEIGHTS, weights, launch.value("--dtype") or model.dtype),
        request=sum(layer.width * min(layer.window or length, length) for layer in model.layers) * cache_width,
        computing=Item(COMPUTE, computing),
        per_token=sum(layer.width for layer in model.layers) * cache_width,
        length=length,
        shards=launch.number("-tp", "--tensor-parallel-size") or 1,
        unknown=tuple(model.unknown),
    )


def _on_processor(needs: _Needs, launch: Launch) -> Estimate:
    space, how = _space(launch.env.get("VLLM_CPU_KVCACHE_SPACE", ""), launch)
    refuses = ""
    if needs.request > space:
        refuses = (
            f"vLLM would not start: one request of {needs.length} tokens needs {needs.request / GIB:.1f} GiB of KV "
            f"cache, and it has {space / GIB:.1f} GiB"
        )
    return needs.estimate(
        Item(CACHE, space, f"{space // needs.per_token} tokens, {how}" if needs.per_token else how),
        Item(RUNTIME, RUNTIME_BYTES + (WORKERS_BYTES if _has_workers(launch, needs.shards) else 0)),
        refuses=refuses,
        hint=f"a {'larger' if refuses else 'smaller'} VLLM_CPU_KVCACHE_SPACE (GiB)",
    )


def _has_workers(launch: Launch, shards: int) -> bool:
    bound = launch.env.get("VLLM_CPU_OMP_THREADS_BIND") not in (None, "nobind")
    return shards > 1 or bound or bool(launch.value("--distributed-executor-backend"))


def _on_device(needs: _Needs, launch: Launch) -> Estimate:
    """Return what it needs at least: vLLM gives the cache whatever is left of its share."""
    text = launch.value("--gpu-memory-utilization")
    try:
        share = float(text or _UTILIZATION)
    except ValueError:
        share = _UTILIZATION
    shards = max(needs.shards, 1)
    there = round(launch.device * shards * share)
    refuses = ""
    if launch.device and needs.weights.bytes + needs.request + needs.computing.bytes > there:
        refuses = (
            f"vLLM would not start: it takes {share:.0%} of {shards} x {launch.device / 1e9:.1f} GB, which "
            f"leaves no room for one request of {needs.length} tokens"
        )
    estimate = needs.estimate(
        Item(CACHE, needs.request, f"one request of {needs.length} tokens, at least"),
        refuses=refuses,
        hint="a quantised model, or more accelerators (--tensor-parallel-size)",
    )
    unknown = () if launch.device else ("How much memory the accelerator has is not known.",)
    return replace(estimate, unknown=(*estimate.unknown, *unknown), on_device=True, host=HOST_BYTES)


def _width(model: Structure, launch: Launch) -> int:
    """Return the bytes of a number as it is loaded: ``--dtype``, or as saved, where float32 becomes a half."""
    said = launch.value("--dtype") or "auto"
    if said in _BYTES:
        return _BYTES[said]
    return 2


def _space(said: str, launch: Launch) -> tuple[int, str]:
    """Return the size of the cache on a processor, and where it comes from: where none is said, the launcher's rule."""
    try:
        gib = float(said) if said else 0.0
    except ValueError:
        gib = 0.0
    if gib > 0:
        return int(min(gib, 2**20) * GIB), f"VLLM_CPU_KVCACHE_SPACE={said}"
    free = min(launch.free, launch.limit) if launch.limit else launch.free
    return min(8, max(1, free // 4 // GIB)) * GIB, "a quarter of what is free, 1 to 8 GiB"
