"""Reads the header of a GGUF file: metadata and tensor infos, no weights.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian. What llama.cpp
refuses to load is refused here: tensors out of order or beyond the end of the file, shapes that do not fit their type.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from forecourt.modelcar.bounded import BoundedFile

MAGIC = b"GGUF"

_MAX_KEY = 65535
_MAX_TEXT = 64 * 1024 * 1024
_MAX_DIMENSIONS = 4
_MAX_ELEMENTS = 2**63
_FEW = 1024  # numbers in a list that is kept: no model has as many layers

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_FORMATS = {code: struct.Struct("<" + letter) for code, letter in _SCALARS.items()}
_TEXT, _ARRAY = 8, 9

_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}
"""ggml_type: its name, the elements of a block, the bytes of a block."""

_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE", 39: "NVFP4",
    40: "Q1_0",
}  # fmt: skip
"""llama_ftype, without ``MOSTLY_``."""


@dataclass(frozen=True, slots=True)
class Array:
    """A metadata value that is a list, of which mostly only the length is kept: vocabularies are long.

    `numbers` are its elements where it is a list of few numbers: something of each layer.
    """

    length: int
    numbers: tuple[int | float | bool, ...] = ()


Value = int | float | bool | str | Array


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor is (bytes from the beginning of the file), its shape as ggml writes it, and its type.

    `size` is in bytes; None for a type that this version does not know.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    size: int | None

    @property
    def elements(self) -> int:
        """The product of the shape."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class GGUF:
    """The header of a GGUF file."""

    version: int
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]

    def text(self, key: str) -> str:
        """Return the metadata of `key`, or nothing where it is missing or no text."""
        value = self.metadata.get(key)
        return value.strip() if isinstance(value, str) else ""

    def number(self, key: str) -> int | None:
        """Return the metadata of `key`, or None where it is missing or no whole number."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def numbers(self, key: str) -> tuple[int, ...]:
        """Return the metadata of `key` where it is a list of whole numbers or truths, one for each layer."""
        value = self.metadata.get(key)
        if not isinstance(value, Array) or any(isinstance(number, float) for number in value.numbers):
            return ()
        return tuple(map(int, value.numbers))

    @property
    def architecture(self) -> str:
        """``general.architecture``: llama, qwen2, gemma3."""
        return self.text("general.architecture")

    @property
    def parameters(self) -> int:
        """The elements of all tensors."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def context_length(self) -> int | None:
        """The length of context that the model was trained for, in tokens."""
        return self.number(f"{self.architecture}.context_length")

    @property
    def quantization(self) -> str:
        """What ``general.file_type`` says, or the type that most elements have: Q4_K_M, BF16."""
        said = _FILE_TYPES.get(self.number("general.file_type") or 0)
        if said and "general.file_type" in self.metadata:
            return said
        elements: Counter[str] = Counter()
        for tensor in self.tensors:
            elements[tensor.type] += tensor.elements
        return elements.most_common(1)[0][0] if elements else ""


def read(path: Path, name: str = "") -> GGUF:
    """Read the header of the file at `path`, which errors call `name`.

    Raises `InvalidModel` where it is truncated, corrupted or of a version that is not supported.
    """
    with BoundedFile(path, "GGUF", name) as file:
        if file.read(4, "the magic number") != MAGIC:
            raise file.invalid("it does not begin with the letters GGUF")
        version = _number(file, "I", "the version")
        if version & 0xFFFF == 0:
            raise file.invalid("it is big-endian, and only little-endian files are supported")
        if version not in (2, 3):
            raise file.invalid(f"version {version} is not supported, only 2 and 3 are")
        tensor_count = _number(file, "Q", "the number of tensors")
        pair_count = _number(file, "Q", "the number of metadata keys")
        # A key takes at least 13 bytes, a tensor info 24: a count that cannot be is found before it costs anything.
        file.need(pair_count * 13 + tensor_count * 24, f"{pair_count} metadata keys and {tensor_count} tensors")
        metadata: dict[str, Value] = {}
        for index in range(pair_count):
            key = _text(file, f"metadata key {index}", _MAX_KEY)
            if key in metadata:
                raise file.invalid(f"the metadata key {key!r} is there twice")
            metadata[key] = _value(file, _number(file, "I", f"the type of {key!r}"), key)
        infos = [_tensor(file, index) for index in range(tensor_count)]
        alignment = metadata.get("general.alignment", 32)
        if type(alignment) is not int or alignment <= 0 or alignment & (alignment - 1):
            raise file.invalid(f"the alignment {alignment!r} is not a power of 2")
        return GGUF(version, metadata, _placed(file, infos, alignment))


def _number(file: BoundedFile, letter: str, what: str) -> int:
    value: int = struct.unpack("<" + letter, file.read(struct.calcsize(letter), what))[0]
    return value


def _text(file: BoundedFile, what: str, most: int = _MAX_TEXT) -> str:
    length = _number(file, "Q", f"the length of {what}")
    file.need(length, what)
    if length > most:
        raise file.invalid(f"{what} has {length} bytes, more than the {most} that are allowed")
    data = file.read(length, what)
    try:
        return data.decode()
    except UnicodeDecodeError:
        if most < _MAX_TEXT:  # a name: it has to be right
            raise file.invalid(f"{what} is not UTF-8 text") from None
        return data.decode(errors="replace")


def _value(file: BoundedFile, kind: int, key: str, depth: int = 0) -> Value:
    what = f"the value of {key!r}"
    if kind == _TEXT:
        return _text(file, what)
    if kind == _ARRAY:
        return _array(file, key, depth)
    if kind not in _FORMATS:
        raise file.invalid(f"{what} has the type {kind}, which is none")
    scalar = _FORMATS[kind]
    value: int | float | bool = scalar.unpack(file.read(scalar.size, what))[0]
    return value


def _array(file: BoundedFile, key: str, depth: int) -> Array:
    what = f"the list {key!r}"
    kind = _number(file, "I", f"the type of {what}")
    length = _number(file, "Q", f"the length of {what}")
    if kind in _FORMATS and length <= _FEW:
        raw = file.read(length * _FORMATS[kind].size, what)
        return Array(length, tuple(number for (number,) in _FORMATS[kind].iter_unpack(raw)))
    if kind in _FORMATS:
        file.skip(length * _FORMATS[kind].size, what)
    elif kind == _TEXT:
        file.need(length * 8, what)
        for _ in range(length):
            file.skip(_number(file, "Q", what), what)
    elif kind == _ARRAY and depth < 4:
        file.need(length * 12, what)
        for _ in range(length):
            _array(file, key, depth + 1)
    else:
        raise file.invalid(f"{what} has elements of the type {kind}, which is none")
    return Array(length)


def _tensor(file: BoundedFile, index: int) -> tuple[str, tuple[int, ...], int, int]:
    """Read one tensor info: name, shape, type and offset within the data."""
    name = _text(file, f"the name of tensor {index}", _MAX_KEY)
    count = _number(file, "I", f"the dimensions of tensor {name!r}")
    if count > _MAX_DIMENSIONS:
        raise file.invalid(f"tensor {name!r} has {count} dimensions, and at most {_MAX_DIMENSIONS} are allowed")
    shape = struct.unpack(f"<{count}Q", file.read(8 * count, f"the shape of tensor {name!r}"))
    if prod(shape) >= _MAX_ELEMENTS:
        raise file.invalid(f"tensor {name!r} has an impossible shape {shape}")
    kind = _number(file, "I", f"the type of tensor {name!r}")
    return name, shape, kind, _number(file, "Q", f"the offset of tensor {name!r}")


def _placed(
    file: BoundedFile, infos: list[tuple[str, tuple[int, ...], int, int]], alignment: int
) -> tuple[Tensor, ...]:
    """Say where in the file each tensor is, and that it is all there."""
    start = _aligned(file.position, alignment) if infos else file.position
    expected: int | None = 0
    tensors: list[Tensor] = []
    names: set[str] = set()
    for name, shape, kind, offset in infos:
        if name in names:
            raise file.invalid(f"tensor {name!r} is there twice")
        names.add(name)
        type_name, block, block_size = _TYPES.get(kind, (f"type {kind}", 0, 0))
        size = None
        if block:
            if (shape[0] if shape else 1) % block:
                raise file.invalid(f"the rows of tensor {name!r} are not made of whole {type_name} blocks")
            size = prod(shape) // block * block_size
        if offset % alignment or (expected is not None and offset != expected):
            raise file.invalid(f"tensor {name!r} is at offset {offset} of the data, and should be at {expected}")
        if start + offset + (size or 0) > file.size:
            raise file.invalid(f"the data of tensor {name!r} ends at {start + offset + (size or 0)}, beyond the end")
        expected = None if size is None else _aligned(offset + size, alignment)
        tensors.append(Tensor(name, shape, type_name, start + offset, size))
    return tuple(tensors)


def _aligned(offset: int, alignment: int) -> int:
    return offset + -offset % alignment
