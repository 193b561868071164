"""A model's files -> its structure, from headers and sizes alone; no weights are read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from forecourt.errors import InvalidModel, NotFound, from_os_error
from forecourt.modelcar import gguf, safetensors
from forecourt.modelcar.formats import format_of, formats
from forecourt.modelcar.model import SourceFile
from forecourt.serving.fit import from_gguf, from_transformers
from forecourt.serving.fit.structure import Structure

_SHARD = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
_MOST_FILES = 100_000


def read(model: Path) -> Structure:
    """Return the structure of the model in a directory, or of the one file that it is.

    Raises `NotFound`, and `InvalidModel` where a header is truncated or says what cannot be.
    """
    try:
        if not model.exists():
            raise NotFound(f"There is no model at {model}.")
        paths = [model] if model.is_file() else sorted(path for path in model.rglob("*") if path.is_file())
        root = model.parent if model.is_file() else model
        files = [SourceFile(path, path.relative_to(root).as_posix(), path.stat().st_size) for path in paths]
    except OSError as error:
        raise from_os_error(error, model) or error from error
    if len(files) > _MOST_FILES:
        raise InvalidModel(f"{model} holds {len(files)} files, too many for a model.")
    return of_files(files)


def of_files(files: Sequence[SourceFile]) -> Structure:
    """Return the structure of a model of these files; raises as `read`."""
    named = {file.name: file for file in files}
    known = formats(files)
    kind = known[0] if known else ""
    if kind == "gguf":
        return from_gguf.structure([gguf.read(file.path, file.name) for file in _main_gguf(files)])
    if kind == "safetensors":
        headers = [safetensors.read(file.path, file.name) for file in _main_safetensors(files)]
        return from_transformers.structure(_config(named), headers)
    return _by_size(files, named, kind)


def _by_size(files: Sequence[SourceFile], named: Mapping[str, SourceFile], kind: str) -> Structure:
    """Return what sizes say: of the files that are weights, or of all where none is known to be."""
    weights: Counter[str] = Counter()
    for file in files:
        if format_of(file, named) == kind or not kind:
            weights[kind or "files"] += file.size
    if "config.json" not in named:
        return Structure(kind, dict(weights))
    said = from_transformers.structure(_config(named), (), kind)
    return Structure(
        kind,
        dict(weights),
        layers=said.layers,
        embedding=said.embedding,
        feed_forward=said.feed_forward,
        heads=said.heads,
        vocabulary=said.vocabulary,
        context=said.context,
        dtype=said.dtype,
        tied=said.tied,
        unknown=said.unknown if kind in ("openvino", "pytorch") else (),
    )


def _config(named: Mapping[str, SourceFile]) -> dict[str, object]:
    config = named.get("config.json")
    return from_transformers.read_config(config.path) if config else {}


def _main_gguf(files: Sequence[SourceFile]) -> list[SourceFile]:
    """Return the parts of the largest model; projectors and adapters lie beside it."""
    groups: dict[str, list[SourceFile]] = {}
    for file in files:
        if file.name.lower().endswith(".gguf") or format_of(file, {file.name: file}) == "gguf":
            groups.setdefault(_SHARD.sub("", file.name), []).append(file)

    def weight(group: list[SourceFile]) -> tuple[bool, int]:
        return not PurePosixPath(group[0].name).name.startswith("mmproj"), sum(file.size for file in group)

    return max(groups.values(), key=weight)


def _main_safetensors(files: Sequence[SourceFile]) -> list[SourceFile]:
    """Return the files that make the model; the same weights in another layout (Mistral's) are left out."""
    found = [file for file in files if file.name.endswith(".safetensors")]
    others = [file for file in found if not PurePosixPath(file.name).name.startswith("consolidated")]
    return others or found
