"""An image -> the headers of its files, in files that are as large as the real ones and otherwise empty.

Nothing is pulled: of a layer that is not on this machine as much is read from its registry as a header takes, and the
rest is left. So what a model needs is known before it has come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from forecourt.errors import InvalidManifest, from_os_error
from forecourt.modelcar.contents import announced, check_readable, opened, path_of
from forecourt.modelcar.image import Image
from forecourt.oci import ClientFactory, ContentStore, Descriptor, Digest, RegistryClient

_GGUF = 32 * 1024 * 1024  # with a vocabulary of a million words it is not longer
_SAFETENSORS = 100_000_000
_WHOLE = 1024 * 1024  # files up to this size are there whole
_HEAD = 4096
_MOST_LAYERS = 2000


@dataclass(frozen=True, slots=True)
class _There:
    """A layer of a registry."""

    client: RegistryClient
    repository: str
    descriptor: Descriptor

    @property
    def digest(self) -> Digest:
        return self.descriptor.digest

    def chunks(self) -> Iterator[memoryview]:
        return self.client.stream_blob(self.repository, self.descriptor)


def lay_out_headers(image: Image, directory: Path, store: ContentStore, client_for: ClientFactory) -> None:
    """Put stand-ins of the model's files into the directory, which is there and empty.

    Raises `InvalidManifest` where the image is no ModelCar, and what the registry's client raises.
    """
    check_readable(image.manifest)
    alone = {file.layer for file in announced(image.manifest)}
    if len(image.manifest.layers) > _MOST_LAYERS:
        raise InvalidManifest(f"The image has {len(image.manifest.layers)} layers, too many for a model.")
    try:
        for layer in image.manifest.layers:
            _read(image, layer, directory, store, client_for, only_one=layer.digest in alone)
    except OSError as error:
        raise from_os_error(error, directory) or error from error


def _read(
    image: Image,
    layer: Descriptor,
    directory: Path,
    store: ContentStore,
    client_for: ClientFactory,
    *,
    only_one: bool,
) -> None:
    """Write what is needed of one layer; of one that holds a single file nothing is read after its header."""
    reference = image.reference
    blob = (
        store.open(layer.digest)
        if store.has(layer.digest)
        else _There(client_for(reference.registry), reference.repository, layer)
    )
    with opened(blob) as archive:
        for member in archive:
            path = path_of(member.name) if member.isreg() else None
            content = archive.extractfile(member) if path else None
            if path is None or content is None:
                continue
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                for part in _header(content, path, member.size):
                    out.write(part)
                out.truncate(member.size)
            if only_one:
                break


def _header(content: IO[bytes], path: str, size: int) -> Iterator[bytes]:
    """Yield the beginning of a file, as much as says what it is."""
    if path.endswith(".safetensors"):
        first = content.read(8)
        yield first
        length = int.from_bytes(first, "little")
        if length <= _SAFETENSORS:
            yield content.read(length)
    elif path.lower().endswith(".gguf"):
        yield content.read(_GGUF)
    else:
        yield content.read(size if size <= _WHOLE else _HEAD)
