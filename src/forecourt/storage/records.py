"""What is remembered of a source: which files it had, and where they are, so that what has not changed does not move.

Below the directory of models: ``.sources/<hex>.json`` by the hash of the source's key, and ``<hex>.lock`` that whoever
fetches from it holds, in any process.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from forecourt import durable
from forecourt.errors import InvalidDigest, from_os_error
from forecourt.oci import Digest
from forecourt.oci.client.interruption import pause
from forecourt.storage.model import Listing, StoredFile

_TURN = 0.2

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

    @property
    def identities(self) -> dict[str, Listed]:
        """Return what can be known again, by name."""
        return {each[0]: each for each in self.listed if each[2]}

    def has_all(self, listing: Listing) -> bool:
        """Say whether the source has now what it had then."""
        return listed(listing) == self.listed and all(each[2] for each in self.listed)


def listed(listing: Listing) -> tuple[Listed, ...]:
    """Return what is remembered of a listing."""
    return tuple((file.name, file.size, file.identity) for file in listing.files)


def read(models: Path, key: str) -> Record | None:
    """Return what is remembered of a source; None where it is nothing, or nothing that can be read."""
    try:
        said = json.loads(_path(models, key).read_text())
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


def _path(models: Path, key: str) -> Path:
    return models / ".sources" / f"{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()}.json"
