"""What differs between two images: files, the tensors in them, and the bytes that would move from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forecourt.errors import InvalidModel
from forecourt.modelcar import gguf, safetensors
from forecourt.modelcar.contents import announced, files
from forecourt.modelcar.image import Image
from forecourt.modelcar.model import ModelFile
from forecourt.oci import ContentStore, Descriptor

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tensors:
    """The names of tensors that one file of weights has and the other has not, and of those whose bytes differ.

    `metadata` are the keys of a file's own metadata that were added, removed or changed.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """What is different in the second image. `moves` is in bytes: the blobs that somebody with the first one lacks.

    `tensors` has an entry for each changed file of weights; it is None where not both versions are on this machine.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    moves: int
    total: int
    tensors: Mapping[str, Tensors | None] = field(default_factory=dict)


def difference(old: Image, new: Image, store: ContentStore) -> Difference:
    """Compare two images; no layer is pulled for it."""
    before, after = _files(old, store), _files(new, store)
    both = sorted(before.keys() & after.keys())
    changed = tuple(path for path in both if not _unchanged(before[path], after[path], store))
    have = {blob.digest for blob in old.manifest.children}
    blobs: dict[str, Descriptor] = {blob.digest: blob for blob in new.manifest.children}
    return Difference(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=changed,
        moves=sum(blob.size for digest, blob in blobs.items() if digest not in have),
        total=sum(blob.size for blob in blobs.values()),
        tensors={path: _tensors(before[path], after[path], store) for path in changed if _reader(path)},
    )


def _files(image: Image, store: ContentStore) -> dict[str, ModelFile]:
    here = all(store.has(layer.digest) for layer in image.manifest.layers)
    return {file.path: file for file in (files(image.manifest, store) if here else announced(image.manifest))}


def _here(file: ModelFile, store: ContentStore) -> Path | None:
    """Return where the file itself is, if it is kept on this machine as itself."""
    if not store.has(file.layer):
        return None
    blob = store.open(file.layer)
    return blob.path if blob.head else None


def _unchanged(old: ModelFile, new: ModelFile, store: ContentStore) -> bool:
    """Say whether the bytes are the same; a file may come in another layer without having changed."""
    if old.layer == new.layer:
        return True
    if old.size is not None and new.size is not None and old.size != new.size:
        return False
    one, other = _here(old, store), _here(new, store)
    if not (one and other):
        return False
    return _same(one, other, (0, one.stat().st_size), (0, other.stat().st_size))


def _tensors(old: ModelFile, new: ModelFile, store: ContentStore) -> Tensors | None:
    """Compare the tensors of a changed file; None where one of the two is not here, or is damaged."""
    one, other, read = _here(old, store), _here(new, store), _reader(old.path)
    if not (one and other and read):
        return None
    try:
        first, second = read(one, old.path), read(other, new.path)
    except InvalidModel:
        return None
    before, after = _places(first, one), _places(second, other)
    keys = first.metadata.keys() | second.metadata.keys()
    return Tensors(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(
            name
            for name in sorted(before.keys() & after.keys())
            if before[name][0] != after[name][0] or not _same(one, other, before[name][1], after[name][1])
        ),
        metadata=tuple(sorted(key for key in keys if first.metadata.get(key) != second.metadata.get(key))),
    )


def _reader(path: str) -> Callable[[Path, str], gguf.GGUF | safetensors.Safetensors] | None:
    if path.endswith(".gguf"):
        return gguf.read
    return safetensors.read if path.endswith(".safetensors") else None


def _places(weights: gguf.GGUF | safetensors.Safetensors, path: Path) -> dict[str, tuple[object, tuple[int, int]]]:
    """Return each tensor's type and shape, and where it is: its first byte, and how many there are.

    One of a type whose size is not known reaches to where the next one begins.
    """
    begins = sorted(tensor.offset for tensor in weights.tensors)
    ends = dict(zip(begins, [*begins[1:], path.stat().st_size], strict=True))
    return {
        one.name: ((one.type, one.shape), (one.offset, ends[one.offset] - one.offset if one.size is None else one.size))
        for one in weights.tensors
    }


def _same(one: Path, other: Path, here: tuple[int, int], there: tuple[int, int]) -> bool:
    """Say whether two ranges (first byte, number of bytes) of two files hold the same bytes."""
    if here[1] != there[1]:
        return False
    with one.open("rb", buffering=0) as left, other.open("rb", buffering=0) as right:
        left.seek(here[0])
        right.seek(there[0])
        rest = here[1]
        while rest:
            chunk = left.read(min(_CHUNK, rest))
            if not chunk or chunk != right.read(len(chunk)):
                return False
            rest -= len(chunk)
    return True
