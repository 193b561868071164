"""What a model's headers say about the memory that it will take: its weights by type, its layers, its widths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_LAYERS = 1024
MOST = 2**40
"""No width, vocabulary or context is larger: what says so is no header of a model."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What attention in one layer keeps of each token, in elements; `window` tokens at most, 0 where all are kept."""

    keys: int
    values: int
    window: int = 0

    @property
    def width(self) -> int:
        """Keys and values together."""
        return self.keys + self.values


@dataclass(frozen=True, slots=True)
class Structure:
    """A model, as far as its memory goes. Sizes are in bytes, widths in elements; 0 where a header does not say.

    `weights` are the bytes of all tensors by type, in the words of the format (``Q4_K``, ``BF16``); `repackable` those
    of the matrices among them that a processor multiplies by, by type. `unknown` are sentences about what the headers
    do not say, and what was assumed for it.
    """

    format: str
    weights: Mapping[str, int]
    repackable: Mapping[str, int] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()
    embedding: int = 0
    feed_forward: int = 0
    heads: int = 0
    vocabulary: int = 0
    context: int = 0
    """The longest text that it was trained for, in tokens."""
    dtype: str = ""
    """What ``config.json`` says that it computes in."""
    quantized: bool = False
    tied: bool = False
    """Whether the matrix that tokens are read from is the one that they are written with."""
    unknown: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The bytes of all tensors."""
        return sum(self.weights.values())

    @property
    def generative(self) -> bool:
        """Whether it is known to have layers that keep something of each token."""
        return bool(self.layers)
