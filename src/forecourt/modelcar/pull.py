"""An image -> the model's files in a directory: hard links into the store where a layer is one file, never half."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from forecourt.errors import Conflict, ForecourtError, from_os_error
from forecourt.modelcar.contents import check_readable, files, opened, path_of
from forecourt.modelcar.image import DEFAULT_PLATFORM, Image, find_here, find_there, model_car
from forecourt.modelcar.keeping import kept
from forecourt.modelcar.model import ModelCar, ModelFile
from forecourt.oci import (
    SILENT,
    ClientFactory,
    ContentStore,
    Manifest,
    Platform,
    Progress,
    Reference,
    Repositories,
    transfer,
)

_CHUNK = 1024 * 1024


def pull(
    reference: Reference,
    destination: Path | None = None,
    *,
    store: ContentStore,
    images: Repositories,
    client_for: ClientFactory,
    platform: Platform = DEFAULT_PLATFORM,
    progress: Progress = SILENT,
) -> ModelCar:
    """Pull the image from its registry, and put the model's files into the new directory `destination`, if given.

    Raises `Conflict` where that is there and not empty, `UnsafeContent` where the image holds what must not be
    written; then the directory is not made.
    """
    if destination:
        _check_new(destination)
    image = _pull(reference, store, images, client_for, platform, progress)
    if destination:
        lay_out(image, destination, store, progress)
    return model_car(image)


def fetch(
    reference: Reference,
    *,
    store: ContentStore,
    images: Repositories,
    client_for: ClientFactory,
    platform: Platform = DEFAULT_PLATFORM,
    progress: Progress = SILENT,
) -> Image:
    """Return the image with every layer in the store; the registry decides what a tag stands for.

    Where the registry does not answer or does not have it, and this machine has the image whole, that is returned; an
    image named by its digest, which this machine has whole, is not asked for.
    """
    here = _whole(reference, store, images, platform)
    if here and reference.digest:
        return here
    try:
        return _pull(reference, store, images, client_for, platform, progress)
    except ForecourtError:
        if here:
            return here
        raise


def lay_out(image: Image, destination: Path, store: ContentStore, progress: Progress = SILENT) -> None:
    """Put the model's files into the new directory `destination`: made beside it, and renamed when complete.

    Raises `UnsafeContent`, `InvalidManifest` and `StorageFull`, and `Conflict` where the directory is there and not
    empty; then it is left as it is.
    """
    destination = destination.absolute()
    # Named after this process, so that what is left of one that was killed can be told (`storage` sweeps it away).
    aside = destination.with_name(f".{destination.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with kept(store):
            listed = files(image.manifest, store)
            aside.mkdir(parents=True)
            for file in listed:
                if file.alone:
                    store.place(file.layer, aside / file.path)
            _extract([file for file in listed if not file.alone], image.manifest, aside, store, progress)
        _check_new(destination)
        aside.rename(destination)
    except OSError as error:
        _check_new(destination)  # somebody else may have made it meanwhile
        raise from_os_error(error, destination) or error from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _check_new(destination: Path) -> None:
    if destination.is_dir():
        if any(destination.iterdir()):
            raise Conflict(f"{destination} is there already, and not empty.", hint="Name a new directory, or empty it.")
    elif destination.exists():
        raise Conflict(f"{destination} is there already, and no directory.", hint="Name a new directory.")


def _pull(
    reference: Reference,
    store: ContentStore,
    images: Repositories,
    client_for: ClientFactory,
    platform: Platform,
    progress: Progress,
) -> Image:
    """Pull an image once its manifest shows that it can carry a model."""
    seen = find_there(reference, client_for=client_for, platform=platform)
    check_readable(seen.manifest)
    pinned = reference.at(seen.manifest.digest)
    with kept(store):
        transfer.pull(pinned, images, store, client_for, progress=progress)
    return seen


def _whole(reference: Reference, store: ContentStore, images: Repositories, platform: Platform) -> Image | None:
    """Return this machine's image of the name, if there is one and nothing of it is missing."""
    try:
        image = find_here(reference, store=store, images=images, platform=platform)
    except ForecourtError:
        return None
    return image if all(store.has(layer.digest) for layer in image.manifest.layers) else None


def _extract(
    wanted: Iterable[ModelFile], manifest: Manifest, directory: Path, store: ContentStore, progress: Progress
) -> None:
    """Copy files out of layers that hold several; each layer is read once, from beginning to end."""
    by_layer: dict[str, dict[str, ModelFile]] = {}
    for file in wanted:
        by_layer.setdefault(file.layer, {})[file.path] = file
    for layer in manifest.layers:
        paths = by_layer.pop(layer.digest, {})
        if not paths:
            continue
        with opened(store.open(layer.digest)) as archive:
            for member in archive:
                path = path_of(member.name) if member.isreg() else None
                content = archive.extractfile(member) if path in paths else None
                if path is None or content is None:
                    continue
                target = directory / path
                target.parent.mkdir(parents=True, exist_ok=True)
                progress.begin(path, member.size)
                with target.open("xb") as out:
                    while chunk := content.read(_CHUNK):
                        out.write(chunk)
                        progress.advance(path, len(chunk))
                    out.flush()
                    os.fsync(out.fileno())
                target.chmod(0o555 if member.mode & 0o100 else 0o444)
                progress.done(path, "unpacked")
