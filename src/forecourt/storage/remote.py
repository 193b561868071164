"""A source elsewhere -> a directory of hard links into the content store; what has not changed does not move.

The directory is named after what is in it, so the same files are one directory, wherever they are from; a source that
changed gets another one: a deployment that uses the old one keeps it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forecourt.errors import Conflict, ContentMismatch, NotFound, StorageFull, Unavailable, from_os_error
from forecourt.modelcar import DIRECTORY, kept
from forecourt.oci import Progress, contents
from forecourt.storage import partial, records
from forecourt.storage.archives import unpack
from forecourt.storage.download import Advance, Downloads, partial_key
from forecourt.storage.model import Changed, Listing, RemoteFile, Source, StoredFile, check_names
from forecourt.storage.place import FetchedModel, Place
from forecourt.storage.records import Record
from forecourt.storage.web import Web

_ATTEMPTS = 2  # of a source that changes meanwhile
_SPARE = 64 * 1024 * 1024  # bytes of the disk that are left free


def from_source(source: Source, web: Web, place: Place, progress: Progress) -> FetchedModel:
    """Fetch what a source has; one process at a time, and the others find it there.

    Where the source does not answer, and this machine has what it last gave, that is returned. Raises `Conflict` where
    the source changes while it is read, again and again, and what the source and the content store raise.
    """
    partial.sweep(place.store)
    elsewhere = f"{source.title}, which is fetched already"
    with records.alone(place.models, source.key, lambda: progress.begin(elsewhere, 0)) as waited:
        if waited:
            progress.done(elsewhere, "waited for")
        record = records.read(place.models, source.key)
        for _ in range(_ATTEMPTS):
            try:
                listing = source.list()
            except Unavailable:
                if record and (there := place.models / record.directory).is_dir():
                    return FetchedModel(there, revision=record.revision)
                raise
            if record and record.has_all(listing) and (there := place.models / record.directory).is_dir():
                _tell(progress, source, listing)
                return FetchedModel(there, revision=listing.revision, left_out=listing.left_out)
            check_names([file.name for file in listing.files])
            with contextlib.suppress(Changed), kept(place.store):
                fetching = _Fetching(source, web, place, progress, record)
                files = fetching.bring(listing)
                directory = _lay_out(files, place)
                records.write(place.models, source.key, Record.of(listing, files, directory.name))
                return FetchedModel(
                    directory, revision=listing.revision, moved=fetching.moved, left_out=listing.left_out
                )
    raise Conflict(
        f"{source.title} changed while it was read, and again when it was read anew.",
        hint="Try again when nobody writes to it; nothing was kept of the mixture.",
    )


@dataclass(slots=True)
class _Fetching:
    """One attempt."""

    source: Source
    web: Web
    place: Place
    progress: Progress
    record: Record | None
    moved: int = 0

    def bring(self, listing: Listing) -> list[StoredFile]:
        """Return the listed files, or those that the listed archive has, once all are in the store."""
        found = {} if listing.archive else {file.name: stored for file in listing.files if (stored := self._here(file))}
        missing = [file for file in listing.files if file.name not in found]
        self._check_space(missing)
        total = sum(file.size or 0 for file in listing.files)
        title = self.source.title
        self.progress.begin(title, total)
        self.progress.advance(title, total - sum(file.size or 0 for file in missing))
        begun = records.Begun(self.place.models, self.source.key)
        downloads = Downloads(self.source, self.place.store, self.web, self._advance(title), begun.add)
        if listing.archive:
            files = self._unpacked(listing.files[0], downloads)
        else:
            found |= {file.name: file for file in downloads.fetch(missing)}
            files = sorted(found.values(), key=lambda file: file.name)
        self.progress.done(title, "fetched" if self.moved else "already there")
        return files

    def _advance(self, title: str) -> Advance:
        lock = threading.Lock()

        def advance(count: int) -> None:
            with lock:
                self.moved += count
            self.progress.advance(title, count)

        return advance

    def _here(self, file: RemoteFile) -> StoredFile | None:
        """Return a file that need not come: it came before and has not changed, or its bytes are here already."""
        store = self.place.store
        if file.sha256 and file.size is not None and (blob := contents.find(store, file.sha256, file.size)):
            return StoredFile(file.name, blob.digest, file.sha256)
        for record in filter(None, (records.read_begun(self.place.models, self.source.key), self.record)):
            if (stored := record.find(file)) and self._is_here(stored, record):
                return stored
        return None

    def _is_here(self, stored: StoredFile, record: Record) -> bool:
        """See that a file that came before is in the store, or put it there from the directory that it was laid in."""
        store = self.place.store
        with contextlib.suppress(NotFound, ContentMismatch):
            store.open(stored.layer)
            return True
        if not record.directory:
            return False
        laid = self.place.models / record.directory / stored.name
        with contextlib.suppress(NotFound):  # the store was pruned; the directory still has the file
            return store.add_file(laid, f"{DIRECTORY}/{stored.name}").digest == stored.layer
        return False

    def _check_space(self, missing: Sequence[RemoteFile]) -> None:
        """Raise `StorageFull`, with the numbers, where what is to come does not fit."""
        store = self.place.store
        there = sum(partial.there(store, partial_key(self.source, file), file.identity, file.size) for file in missing)
        needed = sum(file.size or 0 for file in missing) - there
        root = next(path for path in (store.root, *store.root.parents) if path.exists())
        free = shutil.disk_usage(root).free
        if needed > max(0, free - _SPARE):
            raise StorageFull(
                f"{self.source.title} needs {_gigabytes(needed)}, and {_gigabytes(free)} are free on the disk of "
                f"{store.root}.",
                hint="Free some space (forecourt modelcar prune), or set FORECOURT_HOME to a larger disk.",
            )

    def _unpacked(self, file: RemoteFile, downloads: Downloads) -> list[StoredFile]:
        archive = downloads.fetch_aside(file)
        name = f"unpacking {file.name}"
        try:
            self.progress.begin(name, 0)
            files = unpack(archive.path, file.name, self.place.store, lambda count: self.progress.advance(name, count))
            self.progress.done(name, f"{len(files)} files")
        except StorageFull:
            archive.close()  # whole, for when there is space
            raise
        except BaseException:
            archive.discard()
            raise
        archive.discard()
        return files


def _tell(progress: Progress, source: Source, listing: Listing) -> None:
    total = sum(file.size or 0 for file in listing.files)
    progress.begin(source.title, total)
    progress.advance(source.title, total)
    progress.done(source.title, "already there")


def _lay_out(files: Sequence[StoredFile], place: Place) -> Path:
    """Put files that are in the store into the directory that is named after them."""
    named = "".join(f"{file.layer} {file.name}\n" for file in files)
    directory = place.models / f"files-{hashlib.sha256(named.encode('utf-8', 'surrogateescape')).hexdigest()}"
    if directory.is_dir():
        return directory
    aside = directory.with_name(f".{directory.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        aside.mkdir(parents=True)
        for file in files:
            place.store.place(file.layer, aside / file.name)
        aside.rename(directory)
    except OSError as error:
        if not directory.is_dir():  # another process with the same files may have been first
            raise from_os_error(error, directory) or error from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return directory


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
