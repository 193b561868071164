"""What a model's own files say of it, read from their headers alone; what is truncated or corrupted is refused.

Where several files say the same thing, the weights are believed first, then ``config.json``, then the model card.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from forecourt.errors import InvalidModel
from forecourt.modelcar import card, config, gguf, safetensors, source
from forecourt.modelcar.card import ModelCard
from forecourt.modelcar.config import ModelConfig
from forecourt.modelcar.formats import formats
from forecourt.modelcar.gguf import GGUF
from forecourt.modelcar.model import ModelInfo, SourceFile
from forecourt.modelcar.safetensors import Safetensors

_SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
_LICENSES = {
    "apache-2.0": "Apache-2.0", "mit": "MIT", "bsd": "BSD-3-Clause", "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause", "gpl-2.0": "GPL-2.0-only", "gpl-3.0": "GPL-3.0-only", "lgpl-3.0": "LGPL-3.0-only",
    "agpl-3.0": "AGPL-3.0-only", "mpl-2.0": "MPL-2.0", "cc0-1.0": "CC0-1.0", "cc-by-4.0": "CC-BY-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0", "cc-by-nc-4.0": "CC-BY-NC-4.0", "unlicense": "Unlicense", "isc": "ISC",
}  # fmt: skip
"""Hugging Face's words for licences, in SPDX's; others stay as they are."""

_TYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_PACKED = (".qweight", ".weight_packed", ".qzeros")
_BESIDE = re.compile(
    r"\.(scales|qzeros|g_idx|weight_scale(_inv)?|weight_global_scale|weight_zero_point|weight_shape|weight_g_idx"
    r"|input_scale|input_zero_point|input_global_scale|output_scale|k_scale|v_scale"
    r"|absmax|quant_map|nested_absmax|nested_quant_map|quant_state\..*)$"
)
"""Tensors that say how others are quantised, and are no parameters of the model."""


def describe_path(path: Path) -> ModelInfo | None:
    """Return what the files at a path say, None where there are no weights of a known format among them.

    Raises what `source.find` and `describe` do.
    """
    files = source.find(path, follow_links=True)
    return describe(files) if formats(files) else None


def describe(files: Sequence[SourceFile], *, format: str = "") -> ModelInfo:  # noqa: A002 (KServe's word)
    """Return what `files`, the whole of a model, say of it; `format` is what the caller knows its format to be.

    Raises `InvalidModel` where weights or their index are truncated or corrupted, where a shard is missing, and where
    there are no weights of a known format and none was given.
    """
    by_name = {file.name: file for file in files}
    found = formats(files)
    if not found and not format:
        raise InvalidModel(
            "There are no weights of a known format among the files.",
            hint="Known are gguf, safetensors, onnx, openvino and others; if it is one, name it with --format.",
        )
    # By name, so that a damaged one is noticed too.
    quantized = [(file, gguf.read(file.path, file.name)) for file in files if file.name.lower().endswith(".gguf")]
    tensors = {
        file.name: safetensors.read(file.path, file.name) for file in files if file.name.endswith(".safetensors")
    }
    _check_gguf_shards(quantized)
    for file in files:
        if file.name.endswith(safetensors.INDEX_SUFFIX):
            folder = file.name.rpartition("/")[0]
            shards = {PurePosixPath(n).name: t for n, t in tensors.items() if n.rpartition("/")[0] == folder}
            safetensors.check_index(file.path, shards, file.name)
    said_config = config.read(by_name["config.json"].path, "config.json") if "config.json" in by_name else ModelConfig()
    said_card = card.read(by_name["README.md"].path) if "README.md" in by_name else ModelCard()
    kind = format or found[0]
    # The name of a single file is a part of the image; that of a directory is not, and must not change it.
    stem = PurePosixPath(files[0].name).stem if len(files) == 1 else ""
    info = _Said(kind, said_config, said_card, sum(file.size for file in files), stem)
    main = _main_gguf(quantized)
    if kind == "gguf" and main:
        return info.of_gguf(main)
    if kind == "safetensors" and tensors:
        return info.of_safetensors(_main_safetensors(tensors))
    return info.of_others()


def _check_gguf_shards(headers: Sequence[tuple[SourceFile, GGUF]]) -> None:
    """Raise where a model was split into files and one is missing."""
    names = {file.name for file, _ in headers}
    for file, _ in headers:
        if match := _SHARD.search(file.name):
            stem = file.name[: match.start()]
            count = int(match[2])
            shards = (f"{stem}-{number:05}-of-{match[2]}.gguf" for number in range(1, min(count, 10_000) + 1))
            if missing := [name for name in shards if name not in names]:
                raise InvalidModel(
                    f"{file.name} is one of {count} files, and {missing[0]} is not there.",
                    hint="Download the missing files, then try again.",
                )


def _main_gguf(headers: Sequence[tuple[SourceFile, GGUF]]) -> list[GGUF]:
    """Return the headers of the largest model, all its shards in order; projectors and adapters lie beside it."""
    groups: dict[str, list[tuple[SourceFile, GGUF]]] = {}
    for file, header in sorted(headers, key=lambda each: each[0].name):
        groups.setdefault(_SHARD.sub("", file.name), []).append((file, header))

    def weight(group: list[tuple[SourceFile, GGUF]]) -> tuple[bool, int]:
        first = group[0][1]
        beside = first.architecture == "clip" or first.text("general.type") in {"mmproj", "adapter"}
        return not beside, sum(file.size for file, _ in group)

    return [header for _, header in max(groups.values(), key=weight)] if groups else []


def _main_safetensors(headers: dict[str, Safetensors]) -> list[Safetensors]:
    """Return the headers that make the model; the same weights in another layout (Mistral's) are left out."""
    consolidated = [name for name in headers if PurePosixPath(name).name.startswith("consolidated")]
    if len(consolidated) < len(headers):
        return [header for name, header in headers.items() if name not in consolidated]
    return list(headers.values())


@dataclass(frozen=True, slots=True)
class _Said:
    """What is known before the weights have spoken."""

    kind: str
    config: ModelConfig
    card: ModelCard
    size: int
    stem: str

    def of_gguf(self, shards: list[GGUF]) -> ModelInfo:
        first = shards[0]
        base = first.text("general.base_model.0.repo_url") or first.text("general.base_model.0.name")
        return self._info(
            architecture=first.architecture,
            parameters=sum(shard.parameters for shard in shards),
            quantization=first.quantization,
            context_length=first.context_length,
            license_name=first.text("general.license"),
            title=first.text("general.name"),
            description=first.text("general.description"),
            source=first.text("general.source.url") or first.text("general.repo_url") or first.text("general.url"),
            base_model=base,
        )

    def of_safetensors(self, shards: list[Safetensors]) -> ModelInfo:
        types: Counter[str] = Counter()
        parameters = 0
        for tensor in (tensor for shard in shards for tensor in shard.tensors):
            if self.config.quantization and _BESIDE.search(tensor.name):
                continue
            types[tensor.type] += tensor.elements
            packed = self.config.packed_bits and tensor.name.endswith(_PACKED)
            bits = {"I32": 32, "U8": 8, "I8": 8}.get(tensor.type, 0)
            parameters += tensor.elements * (bits // (self.config.packed_bits or 1) if packed and bits else 1)
        common = types.most_common(1)
        return self._info(
            parameters=parameters,
            quantization=self.config.quantization or (common[0][0] if common else ""),
        )

    def of_others(self) -> ModelInfo:
        return self._info(quantization=self.config.quantization or _TYPES.get(self.config.dtype, ""))

    def _info(
        self,
        *,
        quantization: str,
        architecture: str = "",
        parameters: int | None = None,
        context_length: int | None = None,
        license_name: str = "",
        title: str = "",
        description: str = "",
        source: str = "",
        base_model: str = "",
    ) -> ModelInfo:
        license_name = license_name or self.card.license
        return ModelInfo(
            format=self.kind,
            architecture=architecture or self.config.architecture or self.config.model_type,
            parameters=parameters,
            quantization=quantization,
            context_length=context_length or self.config.context_length,
            license=_LICENSES.get(license_name.lower(), license_name),
            size=self.size,
            title=self.card.name or title or self.config.name or self.card.heading or self.stem,
            description=description,
            source=source,
            base_model=self.card.base_model or base_model,
            languages=self.card.languages,
            tags=self.card.tags,
        )
