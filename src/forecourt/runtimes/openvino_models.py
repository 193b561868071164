"""Which model lies in a directory, for OpenVINO: a language model, or one that predicts.

OpenVINO Model Server wants each version of a model in a directory of its number (``1/model.xml``); models packed for
other places lie in the directory itself. Both are taken, of several versions the latest.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_LANGUAGE_MODELS = ("openvino_model.xml", "openvino_language_model.xml")
_TOKENIZER = "openvino_tokenizer.xml"
_READABLE = (".xml", ".onnx", ".pb", ".pdmodel", ".tflite")


@dataclass(frozen=True, slots=True)
class Found:
    """A model: what OpenVINO is to load, and whether it makes text."""

    path: Path
    generative: bool
    version: str = "1"


def find_model(directory: Path) -> Found:
    """Return the model in a directory; raises `LookupError`, which says what is there, where there is none to serve."""
    if not directory.exists():
        raise LookupError(f"there is no model at {directory}")
    if directory.is_file():
        return _file(directory)
    place, version = _latest(directory)
    if (place / _TOKENIZER).exists() and any((place / name).exists() for name in _LANGUAGE_MODELS):
        return Found(place, generative=True, version=version)
    ggufs = sorted(path for path in place.rglob("*.gguf") if not path.name.startswith(("mmproj", ".")))
    if len(ggufs) == 1:
        return _file(ggufs[0], version)
    if ggufs:
        several = ", ".join(path.name for path in ggufs)
        raise LookupError(f"there are several models in {place}: {several}; OpenVINO loads a GGUF model of one file")
    models = sorted(path for path in place.iterdir() if path.suffix in _READABLE and not _beside_a_tokenizer(path))
    if len(models) == 1:
        return Found(models[0], generative=False, version=version)
    if models:
        several = ", ".join(path.name for path in models)
        raise LookupError(f"there are several models in {place}: {several}; leave one, or choose it with --model_path")
    names = sorted(path.name for path in place.iterdir())
    there = f"it has {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}" if names else "it is empty"
    hint = ""
    if any(name.endswith(".safetensors") for name in names):
        hint = "; export it first: optimum-cli export openvino --model DIRECTORY OUTPUT, or serve it with vLLM"
    raise LookupError(f"there is no model in {place} that OpenVINO reads ({there}){hint}")


def _file(path: Path, version: str = "1") -> Found:
    if path.suffix == ".gguf":
        check_gguf(path)
        return Found(path, generative=True, version=version)
    return Found(path, generative=False, version=version)


def _latest(directory: Path) -> tuple[Path, str]:
    """Return the directory of the latest version, and its number, where there are versions."""
    versions = [path for path in directory.iterdir() if path.is_dir() and path.name.isdigit()]
    latest = max(versions, key=lambda path: int(path.name), default=None)
    return (directory, "1") if latest is None else (latest, latest.name)


def _beside_a_tokenizer(path: Path) -> bool:
    return path.name in (_TOKENIZER, "openvino_detokenizer.xml")


# GGUF: OpenVINO ends by a segmentation fault where a file is cut off, so its bounds are looked at first.

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # of values, by their type, in bytes
_TEXT, _ARRAY = 8, 9
_ALIGNMENT = "general.alignment"
_BLOCKS = {  # of tensors' types: how many weights a block has, and how many bytes
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 30: (1, 2),
}  # fmt: skip


def check_gguf(path: Path) -> None:
    """Raise `LookupError` where a file is no GGUF or lacks its end (https://github.com/ggml-org/ggml, docs/gguf.md)."""
    with path.open("rb") as file:
        try:
            needed = _gguf_length(file)
        except (struct.error, OverflowError, MemoryError, UnicodeDecodeError) as error:
            raise LookupError(f"{path} is cut off or corrupted: its header cannot be read") from error
    if path.stat().st_size < needed:
        raise LookupError(
            f"{path} is cut off: its tensors need {needed} bytes, and it has {path.stat().st_size}; fetch it again"
        )


def _gguf_length(file: BinaryIO) -> int:
    """Return how long a GGUF file must be for all of its tensors, those of types that are not known left out."""

    def read(format: str) -> int:  # noqa: A002
        (value,) = struct.unpack(f"<{format}", file.read(struct.calcsize(format)))
        return int(value)

    def text() -> str:
        length = read("Q")
        if length > 1 << 32:
            raise OverflowError
        return file.read(length).decode()

    if file.read(4) != b"GGUF":
        raise LookupError(f"{file.name} is no GGUF file")
    if read("I") > 1 << 16:
        raise LookupError(f"{file.name} is written for big-endian machines, which OpenVINO cannot read")
    tensors, fields = read("Q"), read("Q")
    alignment = 32
    for _ in range(fields):
        name = text()
        value = _skip_value(read("I"), read, text, file)
        alignment = value if name == _ALIGNMENT and value else alignment
    end = 0
    for _ in range(tensors):
        text()
        weights = 1
        for _ in range(read("I")):
            weights *= read("Q")
        kind, offset = read("I"), read("Q")
        block, size = _BLOCKS.get(kind, (1, 0))
        end = max(end, offset + weights // block * size)
    return file.tell() + -file.tell() % alignment + end


def _skip_value(kind: int, read: Callable[[str], int], text: Callable[[], str], file: BinaryIO) -> int:
    """Read over a value, and return it where it is a 32-bit number."""
    if kind == _TEXT:
        text()
    elif kind == _ARRAY:
        element, count = read("I"), read("Q")
        if element in _SIZES:
            file.seek(_SIZES[element] * count, 1)
        else:
            for _ in range(count):
                _skip_value(element, read, text, file)
    elif kind == 4:
        return read("I")
    elif kind in _SIZES:
        file.seek(_SIZES[kind], 1)
    else:
        raise OverflowError
    return 0
