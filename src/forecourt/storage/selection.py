"""Which files of a source are wanted: what a person's patterns say, and else what a person who names a model expects.

Patterns are KServe's (``STORAGE_ALLOW_PATTERNS``, ``STORAGE_IGNORE_PATTERNS``): `fnmatch` on a file's whole path, where
``*`` stands for ``/`` too; a pattern that ends with ``/`` means all below it, as in huggingface_hub.

A repository on a hub often holds one model several times. Where no pattern asks for files, these are left out:

- in a directory with safetensors, the same weights as pickles or of other frameworks;
- exports in directories of their own (``onnx/``, ``openvino/``, ``original/`` …), GGUF files and ``consolidated*``
  safetensors, where the model itself is there as safetensors;
- of several quantisations as GGUF all but one: ``Q4_K_M``, as llama.cpp takes, or what is nearest to it. A vision
  model's projector (``mmproj``) stays, one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

OTHER_WEIGHTS = frozenset(
    {".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".ot", ".pkl", ".pickle", ".onnx", ".onnx_data", ".tflite"}
)
_EXPORTS = frozenset({"onnx", "openvino", "original", "coreml", "metal", "gguf", "tf", "flax"})
_BESIDE = frozenset({".gitattributes", ".gitignore"})
_SHARD = re.compile(r"-\d{5}-of-\d{5}(?=\.gguf$)")
_QUANTIZATIONS = (
    "Q4_K_M", "Q4_K_S", "Q4_K_XL", "Q4_0", "Q4_1", "MXFP4", "IQ4_NL", "IQ4_XS", "Q5_K_M", "Q5_K_S", "Q5_0", "Q8_0",
    "Q6_K",
)  # fmt: skip
_PROJECTORS = ("F16", "BF16", "Q8_0")


@dataclass(frozen=True, slots=True)
class Patterns:
    """What a person asked for: without `allow` all files, but those that `ignore` names in any case."""

    allow: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def allows(self, name: str) -> bool:
        """Say whether a file is asked for."""
        return (not self.allow or _matches(name, self.allow)) and not _matches(name, self.ignore)

    def __bool__(self) -> bool:
        """Say whether there are any."""
        return bool(self.allow or self.ignore)

    def and_also(self, other: Patterns) -> Patterns:
        """Return both together."""
        return Patterns((*self.allow, *other.allow), (*self.ignore, *other.ignore))


def of_a_hub(names: Iterable[str], patterns: Patterns) -> list[str]:
    """Return which files of a hub's repository are wanted, in their order."""
    found = [name for name in names if patterns.allows(name)]
    return found if patterns.allow else _one_of_each(found)


def _one_of_each(names: Sequence[str]) -> list[str]:
    paths = {name: PurePosixPath(name) for name in names if PurePosixPath(name).name not in _BESIDE}
    tensors = {path.parent for path in paths.values() if path.suffix == ".safetensors"}
    at_root = PurePosixPath() in tensors
    plain = any(
        path.suffix == ".safetensors" and not path.name.startswith("consolidated") and len(path.parts) == 1
        for path in paths.values()
    )

    def again(path: PurePosixPath) -> bool:
        """Say whether these are weights that are there in another form."""
        if path.parent in tensors and path.suffix in OTHER_WEIGHTS:
            return True
        if path.parent in tensors and path.name.endswith((".bin.index.json", ".h5.index.json")):
            return True
        if not at_root:
            return False
        if path.suffix == ".gguf" or (len(path.parts) > 1 and path.parts[0] in _EXPORTS):
            return True
        return plain and len(path.parts) == 1 and path.name.startswith("consolidated") and path.suffix == ".safetensors"

    kept = [name for name, path in paths.items() if not again(path)]
    quantized = _chosen([name for name in kept if name.lower().endswith(".gguf")])
    return [name for name in kept if not name.lower().endswith(".gguf") or name in quantized]


def _chosen(names: Sequence[str]) -> set[str]:
    """Return the files of one quantisation among GGUF files, and one projector."""
    models: dict[str, list[str]] = {}
    projectors: dict[str, list[str]] = {}
    for name in names:
        beside = PurePosixPath(name).name.lower().startswith("mmproj") or "mmproj" in name.lower()
        (projectors if beside else models).setdefault(_SHARD.sub("", name), []).append(name)
    return {*_best(models, _QUANTIZATIONS), *_best(projectors, _PROJECTORS)}


def _best(groups: dict[str, list[str]], order: Sequence[str]) -> list[str]:
    if not groups:
        return []

    def rank(name: str) -> tuple[int, str]:
        for at, quantization in enumerate(order):
            if re.search(rf"(?<![A-Z0-9]){quantization}(?![A-Z0-9_])", name.upper()):
                return at, name
        return len(order), name

    return groups[min(groups, key=rank)]


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, f"{pattern}*" if pattern.endswith("/") else pattern) for pattern in patterns)
