"""A model's files -> an image that KServe can serve: a layer a file, uncompressed, the same digests everywhere.

An image's layers are tars with one file each, ``models/<path>``, modes 0644 and 0755, no times and no owners. Nothing
of the machine or the moment goes into it, so the same files give the same digests anywhere, and a file that changed is
the only one that moves. With a base image its layers come first, so that the image runs: KServe's sidecar mode wants a
shell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from forecourt.errors import InvalidInput
from forecourt.modelcar import formats, source
from forecourt.modelcar.annotations import of_layer, to_annotations
from forecourt.modelcar.base import Base, no_base
from forecourt.modelcar.contents import DIRECTORY
from forecourt.modelcar.image import DEFAULT_PLATFORM, Image, model_car
from forecourt.modelcar.info import describe
from forecourt.modelcar.keeping import kept
from forecourt.modelcar.model import ModelCar, SourceFile
from forecourt.oci import (
    LAYER_TAR,
    SILENT,
    ContentStore,
    Descriptor,
    Manifest,
    Platform,
    Progress,
    Reference,
    Repositories,
)
from forecourt.oci.manifest import CONFIG, canonical_json


def pack(
    path: Path,
    reference: Reference,
    *,
    store: ContentStore,
    images: Repositories,
    base: Base | None = None,
    platform: Platform = DEFAULT_PLATFORM,
    annotations: Mapping[str, str] | None = None,
    format: str = "",  # noqa: A002 (KServe's word)
    allow: Iterable[str] = (),
    follow_links: bool = False,
    copy: bool = False,
    progress: Progress = SILENT,
) -> ModelCar:
    """Pack the directory or file at `path` as the image `reference` of this machine.

    Files are linked into the store, which makes them read-only where they are, or copied with `copy`. `annotations` are
    set over what the files say, and `format` is said where they do not tell it; `allow` names pickles that are packed
    all the same. Raises `InvalidInput`, `InvalidModel`, `UnsafeContent`, `StorageFull`; then no image is recorded.
    """
    if reference.digest:
        raise InvalidInput(f"{reference} has a digest, which cannot be chosen.", hint="Name the image by a tag.")
    files = source.find(path, follow_links=follow_links)
    formats.refuse_pickles(files, allow)
    notes = to_annotations(describe(files, format=format), annotations)
    under = base or no_base(platform)
    with kept(store):
        layers = [_layer(file, store, copy, progress) for file in files]
        config = under.with_layers(layers, labels=notes)
        digest = store.add(raw := canonical_json(config))
        manifest = Manifest.build(Descriptor(CONFIG, digest, len(raw)), [*under.layers, *layers], annotations=notes)
        images.put(reference.name, manifest, reference.tag)
    return model_car(Image(reference, manifest, config, local=True))


def _layer(file: SourceFile, store: ContentStore, copy: bool, progress: Progress) -> Descriptor:
    progress.begin(file.name, file.size)
    blob = store.add_file(
        file.path,
        f"{DIRECTORY}/{file.name}",
        executable=file.executable,
        copy=copy,
        progress=partial(progress.advance, file.name),
    )
    progress.done(file.name, "packed")
    return Descriptor(LAYER_TAR, blob.digest, blob.size, of_layer(file))
