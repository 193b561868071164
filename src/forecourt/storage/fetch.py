"""A URI -> a directory with the model's files, as KServe's storage initializer has it; each scheme has a function.

Below the directory of models::

    <hex>/                   a ModelCar's files, by its manifest's digest: hard links, shared by all its deployments
    file-<hex>/              one file that is used where it lies, by its path, size and time: a link
    .<name>.<pid>-<random>/  what is being made

A directory is there when it is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import psutil

from forecourt import modelcar
from forecourt.errors import Conflict, InvalidInput, NotFound, from_os_error
from forecourt.oci import SILENT, ClientFactory, ContentStore, Progress, Reference, Repositories


@dataclass(frozen=True, slots=True)
class FetchedModel:
    """A model that is on this machine, in the directory `path`.

    `digest` is its image's; empty for files that have none.
    """

    path: Path
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where models go, and what they come through: `models` has a directory for each image, named by its digest."""

    models: Path
    store: ContentStore
    images: Repositories
    client_for: ClientFactory


def fetch(
    uri: str,
    *,
    models: Path,
    store: ContentStore,
    images: Repositories,
    client_for: ClientFactory,
    resolvers: Mapping[str, Callable[[str], str]] | None = None,
    progress: Progress = SILENT,
) -> FetchedModel:
    """Bring the model of `uri` to this machine, once for everybody who asks for it.

    `resolvers` are for the schemes that only stand for another URI (``model-registry``): they return that.

    Raises `InvalidInput` for a scheme that is not known, and what its way of fetching raises: `NotFound`,
    `Unavailable`, `Denied`, `ContentMismatch`, `UnsafeContent`, `StorageFull`; then nothing half done is left.
    """
    scheme = uri.partition("://")[0] if "://" in uri else "file"
    if resolve := (resolvers or {}).get(scheme):
        uri = resolve(uri)
        scheme = uri.partition("://")[0] if "://" in uri else "file"
    function = SCHEMES.get(scheme)
    if function is None:
        raise InvalidInput(
            f"Models cannot be fetched from {uri!r}.", hint=f"Known are {', '.join(f'{name}://' for name in SCHEMES)}."
        )
    return function(uri, Place(models, store, images, client_for), progress)


def from_image(uri: str, place: Place, progress: Progress) -> FetchedModel:
    """Pull a ModelCar and lay it out, once for all deployments: hard links into the store."""
    reference = Reference.parse(uri.partition("://")[2])
    if reference.digest and (there := place.models / reference.digest.hex).is_dir():
        return FetchedModel(there, reference.digest)  # laid out before; what a digest names never changes
    image = modelcar.fetch(
        reference, store=place.store, images=place.images, client_for=place.client_for, progress=progress
    )
    digest = image.manifest.digest
    directory = place.models / digest.hex
    if not directory.is_dir():
        _sweep(place.models)
        with contextlib.suppress(Conflict):  # another process was first
            modelcar.lay_out(image, directory, place.store, progress)
    return FetchedModel(directory, digest)


def from_directory(uri: str, place: Place, progress: Progress) -> FetchedModel:
    """Use a directory where it is; a single file through a directory with a link to it."""
    path = Path(unquote(uri.removeprefix("file://"))).expanduser()
    if not path.is_absolute():
        raise InvalidInput(f"{uri!r} is no absolute path.", hint="Write file:///path/to/model.")
    try:
        seen = path.stat()
    except FileNotFoundError:
        raise NotFound(
            f"{path} does not exist.", hint="The path is one on the machine where the server runs."
        ) from None
    except OSError as error:
        raise from_os_error(error, path) or error from error
    if path.is_dir():
        return FetchedModel(path)
    if not path.is_file():
        raise InvalidInput(f"{path} is no file and no directory.")
    known_by = hashlib.sha256(f"{path}\0{seen.st_size}\0{seen.st_mtime_ns}".encode("utf-8", "surrogateescape"))
    directory = place.models / f"file-{known_by.hexdigest()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (directory / path.name).symlink_to(path)
    except OSError as error:
        raise from_os_error(error, directory) or error from error
    return FetchedModel(directory)


SCHEMES: dict[str, Callable[[str, Place, Progress], FetchedModel]] = {
    "oci": from_image,
    "oci+native": from_image,
    "oci+modelcar": from_image,
    "oci+fetch": from_image,
    "file": from_directory,
}
"""How each scheme's models are fetched."""


def _sweep(models: Path) -> None:
    """Remove what processes that are gone left half made."""
    for path in models.glob(".*.*-*"):
        owner = path.name.rpartition(".")[2].partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(path, ignore_errors=True)
