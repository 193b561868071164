"""What is in an image's layers: the model's files, each from the layer that has the last word on it.

Layers of one file, as we pack them, are known without reading them. Others (of a container build, gzipped or not) are
read through once. Everything is checked before anything is written: a name that is absolute or has ``..`` is refused
wherever it is in the image, a link, a device or a name that is there twice where it is below ``models/``.

Layers and whiteouts: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from forecourt.errors import InvalidManifest, UnsafeContent
from forecourt.modelcar.annotations import announced_file
from forecourt.modelcar.model import ModelFile
from forecourt.oci import LAYER_TAR, Blob, ContentStore, Digest, Manifest

DIRECTORY = "models"
"""Where KServe looks for the model in an image."""

_TARS = frozenset(
    {
        LAYER_TAR,
        f"{LAYER_TAR}+gzip",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    }
)
_ARTIFACTS = {
    "application/vnd.cncf.model.": "a ModelPack artifact",
    "application/vnd.docker.ai.": "a Docker Model Runner artifact",
    "application/vnd.kitops.": "a KitOps ModelKit",
    "application/vnd.ollama.": "an Ollama model",
}
_OPAQUE = ".wh..wh..opq"
_WHITEOUT = ".wh."
_MOST_FILES = 100_000
_REFUSED = "Nothing was written. Do not use this image, or pack its model anew."


def files(manifest: Manifest, store: ContentStore) -> list[ModelFile]:
    """Return the model's files, sorted by path. All layers must be in the store.

    Raises `UnsafeContent` where one must not be written, and `InvalidManifest` where the image has none or its layers
    cannot be read.
    """
    check_readable(manifest)
    found: dict[str, ModelFile] = {}
    for layer in manifest.layers:
        if layer.media_type in _TARS:
            _read(store.open(layer.digest)).put_over(found)
    if not found:
        raise InvalidManifest(
            f"The image has no files below {DIRECTORY}/.", hint="It is no ModelCar; forecourt modelcar pack makes one."
        )
    return sorted(found.values(), key=lambda file: file.path)


def announced(manifest: Manifest) -> list[ModelFile]:
    """Return the files that the layers' descriptors announce, where no layer has been pulled."""
    return [
        ModelFile(path, size, layer.digest)
        for layer in manifest.layers
        for path, size in [announced_file(layer)]
        if path
    ]


def check_readable(manifest: Manifest) -> None:
    """Raise `InvalidManifest` where the image is of a kind that is no ModelCar; its layers need not be pulled then."""
    for kind in (manifest.artifact_type, manifest.config.media_type, *(layer.media_type for layer in manifest.layers)):
        for prefix, name in _ARTIFACTS.items():
            if kind.startswith(prefix):
                raise InvalidManifest(
                    f"This is {name}, not a ModelCar: its layers are no tars with files below {DIRECTORY}/.",
                    hint="Fetch its files with the tool that made it, then: forecourt modelcar pack.",
                )
        if kind.endswith("+zstd"):
            raise InvalidManifest(
                "The image has layers that are compressed with zstd, which KServe's fetch mode refuses too.",
                hint="Build it again with gzip or uncompressed layers, or pack its model anew.",
            )


class Chunked(Protocol):
    """A layer that can be read from beginning to end: one of the store, or one that its registry sends."""

    @property
    def digest(self) -> Digest:
        """What it is called."""

    def chunks(self) -> Iterator[bytes | memoryview]:
        """Yield its bytes."""


@contextmanager
def opened(blob: Chunked) -> Iterator[tarfile.TarFile]:
    """Open a layer of many files, gzipped or not, to be read from beginning to end.

    Raises `InvalidManifest` where it turns out to be no tar, or a damaged one.
    """
    stream = io.BufferedReader(_Stream(blob))
    try:
        mode = "r|gz" if stream.peek(2)[:2] == b"\x1f\x8b" else "r|"
        with stream, tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
            yield archive
    except (tarfile.TarError, EOFError, zlib.error, OverflowError, ValueError) as error:
        raise InvalidManifest(f"The layer {blob.digest.short} is no sound tar: {error}.") from None


def path_of(name: str) -> str | None:
    """Return the path below ``models/`` that a member's name means, or None where it lies elsewhere.

    Raises `UnsafeContent` where it is absolute, or leads out of its directory.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or "\\" in name:
        raise UnsafeContent(f"The image has a file {name!r}, which could be written anywhere.", hint=_REFUSED)
    below = path.parts[:1] == (DIRECTORY,) and len(path.parts) > 1
    return str(PurePosixPath(*path.parts[1:])) if below else None


@dataclass(slots=True)
class _Layer:
    """What one layer says: its files, its directories, and what it takes away of the layers below it."""

    files: dict[str, ModelFile] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    """Paths that the layers below no longer have, with everything below them; the empty path is all of it."""

    def put_over(self, found: dict[str, ModelFile]) -> None:
        """Change what the layers below have left to what they and this one have."""
        for path in self.files:
            for parent in map(str, PurePosixPath(path).parents[:-1]):
                if parent in self.files:
                    raise UnsafeContent(f"The image has {parent!r} as a file and as a directory.", hint=_REFUSED)
                self.directories.add(parent)
        if both := sorted(self.directories & self.files.keys()):
            raise UnsafeContent(f"The image has {both[0]!r} as a file and as a directory.", hint=_REFUSED)
        replaced = self.gone | self.files.keys()
        for path in [p for p in found if p in self.directories or _is_at_or_below(p, replaced)]:
            del found[path]
        found.update(self.files)

    def add(self, path: str, size: int, blob: Blob, executable: bool, alone: bool) -> None:
        """Take a file; a whiteout says what is gone."""
        folder, _, name = path.rpartition("/")
        if name == _OPAQUE:
            self.gone.add(folder)
        elif name.startswith(_WHITEOUT):
            self.gone.add("/".join(filter(None, (folder, name.removeprefix(_WHITEOUT)))))
        elif path in self.files:
            raise UnsafeContent(f"The image has {path!r} twice in one layer.", hint=_REFUSED)
        elif len(self.files) >= _MOST_FILES:
            raise UnsafeContent(f"A layer of the image has more than {_MOST_FILES} files.", hint=_REFUSED)
        else:
            self.files[path] = ModelFile(path, size, blob.digest, executable, alone)


def _is_at_or_below(path: str, places: Set[str]) -> bool:
    return path in places or "" in places or any(str(parent) in places for parent in PurePosixPath(path).parents)


def _read(blob: Blob) -> _Layer:
    """Read a layer; of one with a single file, only its head."""
    layer = _Layer()
    if blob.head:
        with tarfile.open(fileobj=io.BytesIO(blob.head), mode="r:") as archive:
            # The file's own bytes do not follow its header here, so the archive ends with it.
            while (member := archive.next()) is not None:
                _take(member, layer, blob, alone=True)
                if member.isreg():
                    break
    else:
        with opened(blob) as archive:
            for member in archive:
                _take(member, layer, blob, alone=False)
    return layer


def _take(member: tarfile.TarInfo, layer: _Layer, blob: Blob, *, alone: bool) -> None:
    path = path_of(member.name)
    plain = PurePosixPath(member.name)
    if path is None:
        if plain.parts in {(f"{_WHITEOUT}{DIRECTORY}",), (_OPAQUE,)}:
            layer.gone.add("")
        elif plain.parts == (DIRECTORY,) and not member.isdir():
            raise UnsafeContent(f"The image's {DIRECTORY} is no directory.", hint=_REFUSED)
    elif member.isdir():
        layer.directories.add(path)
    elif member.issym() or member.islnk():
        raise UnsafeContent(f"The image has a link at {member.name!r}, to {member.linkname!r}.", hint=_REFUSED)
    elif not member.isreg() or member.issparse():
        raise UnsafeContent(f"The image has a device, a pipe or a sparse file at {member.name!r}.", hint=_REFUSED)
    else:
        layer.add(path, member.size, blob, bool(member.mode & 0o100), alone)


class _Stream(io.RawIOBase):
    """A blob, read from beginning to end."""

    def __init__(self, blob: Chunked) -> None:
        self._chunks = blob.chunks()
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
