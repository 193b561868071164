"""What an image says of its model: annotations of its manifest, and the same as labels of its config.

The general ones are the image specification's (https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md);
a layer's path is ModelPack's (https://github.com/modelpack/model-spec/blob/main/docs/annotations.md); the others are
ours, and begin with `PREFIX`.
"""

from __future__ import annotations

from collections.abc import Mapping

from forecourt.errors import InvalidInput
from forecourt.modelcar.model import ModelInfo, SourceFile
from forecourt.oci import Descriptor

TITLE = "org.opencontainers.image.title"
FILEPATH = "org.cncf.model.filepath"
PREFIX = "dev.forecourt.model."
FORMAT = f"{PREFIX}format"
SIZE = f"{PREFIX}size"
"""Bytes: of all the model's files on a manifest, of the one file on a layer."""

_TEXTS = {
    "title": TITLE,
    "description": "org.opencontainers.image.description",
    "source": "org.opencontainers.image.source",
    "revision": "org.opencontainers.image.revision",
    "license": "org.opencontainers.image.licenses",
    "format": FORMAT,
    "architecture": f"{PREFIX}architecture",
    "quantization": f"{PREFIX}quantization",
    "base_model": f"{PREFIX}base-model",
}
_NUMBERS = {
    "parameters": f"{PREFIX}parameters",
    "context_length": f"{PREFIX}context-length",
    "size": SIZE,
}
_LISTS = {"languages": f"{PREFIX}languages", "tags": f"{PREFIX}tags"}

FIELDS: Mapping[str, str] = _TEXTS | _NUMBERS | _LISTS
"""Which annotation carries which field of `ModelInfo`."""

_LONGEST = 2000  # characters: a manifest must not grow with what a file says of itself
_LARGEST = 2**63


def to_annotations(info: ModelInfo, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what is known, by annotation; what is `given` comes first, and removes one where it is empty.

    Raises `InvalidInput` where a number is given that is none.
    """
    for key in _NUMBERS.values():
        if (value := (given or {}).get(key)) and _number(value) is None:
            raise InvalidInput(f"{value!r} cannot be the annotation {key}, which is a number.")
    found = {key: getattr(info, name) for name, key in _TEXTS.items()}
    found |= {key: str(getattr(info, name) or "") for name, key in _NUMBERS.items()}
    found |= {key: ",".join(getattr(info, name)) for name, key in _LISTS.items()}
    found = {key: _text(value) for key, value in found.items()}
    return {key: value for key, value in (found | dict(given or {})).items() if value}


def from_annotations(annotations: Mapping[str, str]) -> ModelInfo:
    """Read the same back; what another tool wrote otherwise is left out."""
    texts = {name: annotations.get(key, "") for name, key in _TEXTS.items()}
    numbers = {name: _number(annotations.get(key, "")) for name, key in _NUMBERS.items()}
    lists = {name: tuple(filter(None, annotations.get(key, "").split(","))) for name, key in _LISTS.items()}
    return ModelInfo(**texts, **(numbers | {"size": numbers["size"] or 0}), **lists)  # type: ignore[arg-type]


def of_layer(file: SourceFile) -> dict[str, str]:
    """Return the annotations of the layer that holds `file`."""
    return {TITLE: file.name, FILEPATH: file.name, SIZE: str(file.size)}


def announced_file(layer: Descriptor) -> tuple[str, int | None]:
    """Return the path and the size (bytes) of the file that a layer says it holds, or nothing and None."""
    return layer.annotations.get(FILEPATH) or layer.title, _number(layer.annotations.get(SIZE, ""))


def _number(text: str) -> int | None:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None
    return number if number is None or number < _LARGEST else None


def _text(value: str) -> str:
    """Return what can stand in a manifest: one line of UTF-8, not too long (JSON can smuggle in half characters)."""
    plain = " ".join(value.encode("utf-8", "replace").decode().split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
