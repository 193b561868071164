"""What the other runtimes need: MLServer, Caikit, and those that nothing is known of."""

from __future__ import annotations

from forecourt.serving.fit.estimate import CACHE, RUNTIME, WEIGHTS, Estimate, Item, Launch
from forecourt.serving.fit.structure import Structure

CAIKIT_BYTES = 500 * 10**6
"""Measured with caikit-nlp 0.5 and SmolLM2-135M in float32: 1.04 GB in all, 0.54 GB of it weights."""
MLSERVER_BYTES = 205 * 10**6
"""Measured with MLServer 1.7, its plugin for scikit-learn, and a model of 1 MB."""
_UNPICKLED = 2
"""What a pickle becomes in memory: measured with a random forest of 108 MB, which took 2.03 times its file."""


def caikit(model: Structure, launch: Launch) -> Estimate:
    """Return what Caikit needs: transformers loads the weights as float32, and the cache of a request."""
    floats = {"F16": 2, "BF16": 1 * 2, "F32": 1 * 4}
    weights = sum(size * 4 // floats.get(kind, 4) for kind, size in model.weights.items())
    length = model.context or 2048
    cache = sum(layer.width * min(layer.window or length, length) for layer in model.layers) * 4
    items = [Item(WEIGHTS, weights, "float32"), Item(RUNTIME, CAIKIT_BYTES)]
    if cache:
        items.insert(1, Item(CACHE, cache, f"one request of {length} tokens"))
    return Estimate(tuple(items), known=bool(model.layers), unknown=model.unknown, tokens=length)


def mlserver(model: Structure, launch: Launch) -> Estimate:
    """Return what MLServer needs, where the files are not compressed."""
    times = _UNPICKLED if model.format == "sklearn" else 1
    unknown = (*model.unknown, f"How large the model is depends on its class: {times} x its files' size is counted.")
    return Estimate((Item(WEIGHTS, times * model.size), Item(RUNTIME, MLSERVER_BYTES)), unknown=unknown)


def unknown_runtime(model: Structure, launch: Launch) -> Estimate:
    """Return the least that any runtime needs: the weights."""
    unknown = (*model.unknown, "What the runtime itself and its cache take is not known: only the weights are counted.")
    return Estimate((Item(WEIGHTS, model.size),), known=False, unknown=unknown)
