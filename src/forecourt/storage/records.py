"""What is remembered of a source: which files it had, and where they are, so that what has not changed does not move.

Below the directory of models, by the hash of the source's key: ``.sources/<hex>.json``; ``<hex>.begun.json``, the files
that have come of what is being fetched, for whoever goes on with it; and ``<hex>.lock`` that whoever fetches holds, in
any process.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from forecourt import durable
from forecourt.errors import InvalidDigest, from_os_error
from forecourt.oci import Digest
from forecourt.oci.client.interruption import pause
from forecourt.storage.model import Listing, RemoteFile, StoredFile

_TURN = 0.2
_NOTE_SECONDS = 1.0
_LARGE = 1024 * 1024  # a file that is noted at once

Listed = tuple[str, int | None, str]
"""A file as its source listed it: its name, its size, its identity."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a source had when it was last fetched, and the directory that this is in."""

    listed: tuple[Listed, ...]
    files: tuple[StoredFile, ...]
    directory: str
    revision: str = ""

    @classmethod
    def of(cls, listing: Listing, files: list[StoredFile], directory: str) -> Self:
        """Return what is to be remembered."""
        return cls(listed(listing), tuple(files), directory, listing.revision)

    def find(self, file: RemoteFile) -> StoredFile | None:
        """Return a file that is the same as it was then."""
        if not file.identity or (file.name, file.size, file.identity) not in self.listed:
            return None
        return next((each for each in self.files if each.name == file.name), None)

    def has_all(self, listing: Listing) -> bool:
        """Say whether the source has now what it had then."""
        return listed(listing) == self.listed and all(each[2] for each in self.listed)


def listed(listing: Listing) -> tuple[Listed, ...]:
    """Return what is remembered of a listing."""
    return tuple((file.name, file.size, file.identity) for file in listing.files)


def read(models: Path, key: str) -> Record | None:
    """Return what is remembered of a source; None where it is nothing, or nothing that can be read."""
    return _read(_path(models, key))


def _read(path: Path) -> Record | None:
    try:
        said = json.loads(path.read_text())
        return Record(
            tuple((name, size, identity) for name, size, identity in said["listed"]),
            tuple(StoredFile(each["name"], Digest(each["layer"]), each["sha256"]) for each in said["files"]),
            str(said["directory"]),
            str(said["revision"]),
        )
    except (OSError, ValueError, LookupError, TypeError, InvalidDigest):
        return None


def write(models: Path, key: str, record: Record) -> None:
    """Remember a source; what cannot be written is only fetched again."""
    with contextlib.suppress(OSError):
        durable.write(_path(models, key), json.dumps(asdict(record)))
        _begun(models, key).unlink(missing_ok=True)


def read_begun(models: Path, key: str) -> Record | None:
    """Return the files that have come of what an earlier attempt began."""
    return _read(_begun(models, key))


class Begun:
    """Notes which files have come, now and then, while others do. Several threads may `add`."""

    def __init__(self, models: Path, key: str) -> None:
        self._path = _begun(models, key)
        self._lock = threading.Lock()
        self._files: list[tuple[Listed, StoredFile]] = []
        self._noted = time.monotonic()

    def add(self, file: RemoteFile, stored: StoredFile) -> None:
        """Count a file as there."""
        with self._lock:
            self._files.append(((file.name, file.size, file.identity), stored))
            if (file.size or 0) >= _LARGE or time.monotonic() - self._noted >= _NOTE_SECONDS:
                self._noted = time.monotonic()
                listed, files = zip(*self._files, strict=True)
                with contextlib.suppress(OSError):
                    durable.write(self._path, json.dumps(asdict(Record(listed, files, ""))))


@contextmanager
def alone(models: Path, key: str, waiting: Callable[[], None]) -> Iterator[bool]:
    """Wait until nobody else fetches from a source, in this process or another, and keep others waiting.

    Calls `waiting` once where there is somebody, and says then that there was.
    """
    path = _path(models, key).with_suffix(".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise from_os_error(error, path) or error from error
    waited = False
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    waiting()
                waited = True
                pause(_TURN)
        yield waited
    finally:
        os.close(descriptor)


def _begun(models: Path, key: str) -> Path:
    return _path(models, key).with_suffix(".begun.json")


def _path(models: Path, key: str) -> Path:
    return models / ".sources" / f"{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()}.json"
