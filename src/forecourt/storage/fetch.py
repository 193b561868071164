"""A URI -> a directory with the model's files, as KServe's storage initializer has it; each scheme has a function.

Below the directory of models::

    <hex>/                   a ModelCar's files, by its manifest's digest: hard links, shared by all its deployments
    files-<hex>/             files from elsewhere, by their names and contents: hard links, too
    file-<hex>/              one file that is used where it lies, by its path, size and time: a link
    .sources/                what is remembered of places elsewhere
    .<name>.<pid>-<random>/  what is being made

A directory is there when it is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import psutil

from forecourt import modelcar
from forecourt.errors import Conflict, InvalidInput, NotFound, from_os_error
from forecourt.oci import SILENT, ClientFactory, Clients, ContentStore, Patience, Progress, Reference, Repositories
from forecourt.storage.credentials import Credentials
from forecourt.storage.http import HttpSource
from forecourt.storage.hub import HubSource
from forecourt.storage.model import Source
from forecourt.storage.place import FetchedModel, Place
from forecourt.storage.remote import from_source
from forecourt.storage.s3 import S3Source, addressed
from forecourt.storage.selection import Patterns
from forecourt.storage.web import PATIENCE, Trust, Web, without_secrets

Resolvers = Mapping[str, Callable[[str], str]]
"""By scheme, what says which URI one of it stands for."""

_LONGEST_WAY = 8  # URIs that stand for others
_VOLUME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def fetch(
    uri: str,
    *,
    models: Path,
    store: ContentStore,
    images: Repositories,
    client_for: ClientFactory,
    volumes: Path | None = None,
    credentials: Credentials | None = None,
    allow: Iterable[str] = (),
    ignore: Iterable[str] = (),
    resolvers: Resolvers | None = None,
    patience: Patience = PATIENCE,
    progress: Progress = SILENT,
) -> FetchedModel:
    """Bring the model of `uri` to this machine, once for everybody who asks for it.

    `credentials` are a connection's; what they do not say is taken from this process's environment. `allow` and
    `ignore` are patterns of files (see `forecourt.storage.selection`). `volumes` has the directories that ``pvc://``
    names. `resolvers` are for the schemes that only stand for another URI (``model-registry``): they return that.
    `patience` is for servers elsewhere that are slow or silent.

    Raises `InvalidInput` for a scheme that is not known, and what its way of fetching raises: `NotFound`,
    `Unavailable`, `Denied`, `ContentMismatch`, `Conflict`, `UnsafeContent`, `StorageFull`; then nothing half done is
    left but the bytes that the next attempt goes on with.
    """
    uri = resolved(uri, resolvers or {})
    function = SCHEMES.get(scheme_of(uri))
    if function is None:
        raise InvalidInput(
            f"Models cannot be fetched from {uri!r}.", hint=f"Known are {', '.join(f'{name}://' for name in SCHEMES)}."
        )
    who = (credentials or Credentials()).over(Credentials.from_environment())
    patterns = Patterns(tuple(allow), tuple(ignore))
    return function(uri, Place(models, store, images, client_for, volumes, who, patterns, patience), progress)


def scheme_of(uri: str) -> str:
    """Return a URI's scheme; a path is a file's."""
    return uri.partition("://")[0] if "://" in uri else "file"


def resolved(uri: str, resolvers: Resolvers) -> str:
    """Return what a URI stands for in the end; raises `InvalidInput` where there is no end."""
    seen = [uri]
    while resolve := resolvers.get(scheme_of(uri)):
        uri = resolve(uri)
        if uri in seen or len(seen) > _LONGEST_WAY:
            raise InvalidInput(
                f"{seen[0]} leads in circles: {' -> '.join([*seen[:4], uri])}.",
                hint="Register the version again with the URI of its files.",
            )
        seen.append(uri)
    return uri


def from_image(uri: str, place: Place, progress: Progress) -> FetchedModel:
    """Pull a ModelCar and lay it out, once for all deployments: hard links into the store."""
    reference = Reference.parse(uri.partition("://")[2])
    if reference.digest and (there := place.models / reference.digest.hex).is_dir():
        return FetchedModel(there, reference.digest)  # laid out before; what a digest names never changes
    with _logged_in(place) as client_for:
        image = modelcar.fetch(
            reference, store=place.store, images=place.images, client_for=client_for, progress=progress
        )
    digest = image.manifest.digest
    directory = place.models / digest.hex
    if not directory.is_dir():
        _sweep(place.models)
        with contextlib.suppress(Conflict):  # another process was first
            modelcar.lay_out(image, directory, place.store, progress)
    return FetchedModel(directory, digest)


def from_hub(uri: str, place: Place, progress: Progress) -> FetchedModel:
    """Fetch a model of a hub; ``?allow=`` and ``?ignore=`` may choose files."""
    uri, patterns = patterns_of(uri, place.patterns)
    with contextlib.closing(Web(place.patience)) as web:
        source = HubSource.parse(uri, patterns, place.credentials, web)
        found = _from_elsewhere(source, web, place, progress)
        path = f"/{source.path}" if source.path else ""
        return replace(found, source=f"hf://{source.repository}@{found.revision}{path}")


def from_s3(uri: str, place: Place, progress: Progress) -> FetchedModel:
    """Fetch the objects below a prefix, or one object; ``?allow=`` and ``?ignore=`` may choose.

    ``?endpoint=`` and ``?defaultRegion=`` say where the store is, where the credentials do not.
    """
    uri, s3 = addressed(uri, place.credentials.s3)
    uri, patterns = patterns_of(uri, place.patterns)
    with contextlib.closing(Web(place.patience, Trust(s3.certificate, s3.verify).context())) as web:
        source = S3Source.parse(uri, patterns, replace(place.credentials, s3=s3), web)
        return replace(_from_elsewhere(source, web, place, progress), source=f"s3://{source.title}")


def from_web(uri: str, place: Place, progress: Progress) -> FetchedModel:
    """Fetch one file, or an archive and unpack it."""
    with contextlib.closing(Web(place.patience)) as web:
        source = HttpSource.parse(uri, place.credentials, web)
        return replace(_from_elsewhere(source, web, place, progress), source=without_secrets(uri))


def from_volume(uri: str, place: Place, progress: Progress) -> FetchedModel:
    """Use a directory of a persistent volume claim, which on this machine is a folder of that name."""
    name, _, path = uri.removeprefix("pvc://").partition("/")
    below = unquote(path).strip("/")
    if not _VOLUME.fullmatch(name) or ".." in Path(below).parts:
        raise InvalidInput(f"{uri!r} names no volume.", hint="Write pvc://name/path/of/model.")
    volume = place.volumes / name if place.volumes else None
    if volume is None or not volume.is_dir():
        raise NotFound(
            f"There is no volume {name!r} on this machine.",
            hint=f"Put its files, or a link to where they are, at {volume}."
            if volume
            else "Say where the folders of volumes are.",
        )
    target = (volume / below).resolve()
    if not target.is_relative_to(volume.resolve()):
        raise InvalidInput(f"{uri!r} leads out of its volume by a link.")
    return from_directory(str(target), place, progress)


def from_directory(uri: str, place: Place, progress: Progress) -> FetchedModel:
    """Use a directory where it is; a single file through a directory with a link to it."""
    path = Path(unquote(uri.removeprefix("file://")) if uri.startswith("file://") else uri).expanduser()
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
    "hf": from_hub,
    "s3": from_s3,
    "https": from_web,
    "http": from_web,
    "pvc": from_volume,
    "file": from_directory,
}
"""How each scheme's models are fetched."""


def _from_elsewhere(source: Source, web: Web, place: Place, progress: Progress) -> FetchedModel:
    _sweep(place.models)
    return from_source(source, web, place, progress)


def patterns_of(uri: str, patterns: Patterns) -> tuple[str, Patterns]:
    """Take the patterns out of a URI's query; raises `InvalidInput` for what else is there."""
    uri, _, query = uri.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    if unknown := sorted({key for key, _ in pairs} - {"allow", "ignore"}):
        raise InvalidInput(
            f"{uri} has a query that says {', '.join(unknown)}.", hint="Known are ?allow=PATTERN and ?ignore=PATTERN."
        )
    allow, ignore = (tuple(value for key, value in pairs if key == wanted) for wanted in ("allow", "ignore"))
    return uri, patterns.and_also(Patterns(allow, ignore))


@contextlib.contextmanager
def _logged_in(place: Place) -> Iterator[ClientFactory]:
    """Give what asks registries, with the connection's logins before this machine's."""
    logins = place.credentials.registries
    if not logins or not isinstance(place.client_for, Clients):
        yield place.client_for
        return
    with place.client_for.having(logins) as clients:
        yield clients


def _sweep(models: Path) -> None:
    """Remove what processes that are gone left half made."""
    for path in models.glob(".*.*-*"):
        owner = path.name.rpartition(".")[2].partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(path, ignore_errors=True)
