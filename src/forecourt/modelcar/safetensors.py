"""Reads the header of safetensors files, and checks that sharded models are whole; no weights are read.

The format: https://github.com/huggingface/safetensors#format. As its own reader does, tensors must cover the data
without gaps and overlaps, so that nothing can hide between them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from forecourt.errors import InvalidModel
from forecourt.modelcar.bounded import BoundedFile

INDEX_SUFFIX = ".safetensors.index.json"

_MAX_HEADER = 100_000_000
_MAX_INDEX = 100_000_000
_BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "F64": 64, "I64": 64, "U64": 64, "C64": 64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor is (bytes from the beginning of the file), its shape and its type. `size` is in bytes."""

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    size: int

    @property
    def elements(self) -> int:
        """The product of the shape."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Safetensors:
    """The header of a safetensors file."""

    metadata: Mapping[str, str]
    tensors: tuple[Tensor, ...]

    @property
    def parameters(self) -> int:
        """The elements of all tensors."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def types(self) -> Counter[str]:
        """How many elements there are of each type."""
        elements: Counter[str] = Counter()
        for tensor in self.tensors:
            elements[tensor.type] += tensor.elements
        return elements


def read(path: Path, name: str = "") -> Safetensors:
    """Read the header of the file at `path`, which errors call `name`.

    Raises `InvalidModel` where it is truncated or corrupted.
    """
    with BoundedFile(path, "safetensors", name) as file:
        length = int.from_bytes(file.read(8, "the header's length"), "little")
        if length > _MAX_HEADER:
            raise file.invalid(f"its header has {length} bytes, more than the {_MAX_HEADER} that are allowed")
        raw = file.read(length, "the header")
        if not raw.startswith(b"{"):
            raise file.invalid("its header is not a JSON object")
        try:
            document = json.loads(raw, object_pairs_hook=_unique)
        except (ValueError, RecursionError) as error:
            raise file.invalid(f"its header is not JSON ({error})") from None
        metadata = document.pop("__metadata__", None) or {}
        if not isinstance(metadata, dict):
            raise file.invalid("its __metadata__ is not a JSON object")
        tensors = sorted((_tensor(file, *item) for item in document.items()), key=lambda t: (t.offset, t.size))
        end = file.position
        for tensor in tensors:
            if tensor.offset != end:
                raise file.invalid(f"tensor {tensor.name!r} begins at {tensor.offset}, and should at {end}")
            end += tensor.size
        if end != file.size:
            raise file.invalid(f"its tensors end at {end}")
        return Safetensors({str(key): str(value) for key, value in metadata.items()}, tuple(tensors))


def check_index(path: Path, shards: Mapping[str, Safetensors], name: str = "") -> None:
    """Check that the shards which an index names are there, and hold the tensors that it says they hold.

    `path` is the index (``model.safetensors.index.json``), `shards` the safetensors files beside it, by their names.
    Raises `InvalidModel`.
    """
    name = name or path.name
    with BoundedFile(path, "index", name) as file:
        if file.size > _MAX_INDEX:
            raise file.invalid("it is too large")
        raw = file.read(file.size, "the index")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidModel(f"{name} is not JSON: {error}.") from None
    weights = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(shard, str) for shard in weights.values()):
        raise InvalidModel(f"{name} has no weight_map that says which file holds which tensor.")
    if missing := sorted({shard for shard in weights.values() if shard not in shards}):
        raise InvalidModel(
            f"{name} names files that are not there: {_some(missing)}.",
            hint="Download the missing files, then try again.",
        )
    held = {shard: {tensor.name for tensor in header.tensors} for shard, header in shards.items()}
    if lost := sorted(tensor for tensor, shard in weights.items() if tensor not in held[shard]):
        raise InvalidModel(
            f"{name} says that {weights[lost[0]]} holds {_some(lost)}, and it does not.",
            hint="The files are of different revisions: download the model again.",
        )


def _some(names: list[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name is there twice")
    return document


def _tensor(file: BoundedFile, name: str, entry: object) -> Tensor:
    """Read what the header says of one tensor; its place is counted from the end of the header."""
    entry = entry if isinstance(entry, dict) else {}
    kind, shape, place = entry.get("dtype"), _counts(entry.get("shape")), _counts(entry.get("data_offsets"))
    if not isinstance(kind, str) or shape is None or place is None or len(place) != 2:
        raise file.invalid(f"tensor {name!r} has no proper dtype, shape and data_offsets")
    start, end = place
    if start > end or end > file.left:
        raise file.invalid(f"the data of tensor {name!r} is from {start} to {end}, and {file.left} bytes are there")
    bits = _BITS.get(kind)
    if bits and prod(shape) * bits != (end - start) * 8:
        raise file.invalid(f"tensor {name!r} of {kind} {shape} cannot have {end - start} bytes")
    return Tensor(name, shape, kind, file.position + start, end - start)


def _counts(value: object) -> tuple[int, ...] | None:
    """Return a list of whole numbers that are not negative, or None where it is anything else."""
    if isinstance(value, list) and all(type(number) is int and number >= 0 for number in value):
        return tuple(value)
    return None
