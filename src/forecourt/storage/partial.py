"""A file on its way: its bytes as they come, in any order, and which of them are there; found again by a new process.

Below the content store: ``partial/<key>`` has the bytes, each where it belongs, ``partial/<key>.json`` which are
written and synced. Whoever uses one holds the lock of its source, so it is one's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from forecourt import durable
from forecourt.errors import from_os_error
from forecourt.oci import ContentStore

DIRECTORY = "partial"

_NOTE_SECONDS = 1.0  # between two notes of what is there: so much is fetched again after a kill
_KEPT_DAYS = 7

Span = tuple[int, int]
"""Bytes from the first to before the second."""


class Partial:
    """The bytes of one file so far. Several threads may write; `close` it at the end, or `discard` it."""

    def __init__(self, store: ContentStore, key: str, identity: str, size: int | None) -> None:
        self.path = store.root / DIRECTORY / key
        self.size = size
        self._journal = self.path.with_name(f"{key}.json")
        self._identity = identity
        self._lock = threading.Lock()
        self._noting = threading.Lock()
        self._grown = threading.Condition(self._lock)
        self._noted = time.monotonic()
        self._failed = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._spans = self._read() if identity and size is not None else []
        if not self._spans:
            os.ftruncate(self._file, 0)
        self.resumed = bool(self._spans)

    # Asking

    @property
    def present(self) -> int:
        """How many bytes are there."""
        with self._lock:
            return sum(end - start for start, end in self._spans)

    def missing(self) -> list[Span]:
        """Return what is not there yet, in order; the size must be known."""
        assert self.size is not None
        with self._lock:
            found, at = [], 0
            for start, end in [*self._spans, (self.size, self.size)]:
                if at < start:
                    found.append((at, start))
                at = end
            return found

    def wait_beyond(self, position: int) -> int:
        """Wait until more than the first `position` bytes are there or nothing more comes; return how many are."""
        with self._grown:
            while self._frontier() <= position and not self._failed and self._frontier() != self.size:
                self._grown.wait()
            return -1 if self._failed else self._frontier()

    def read(self, position: int, length: int) -> bytes:
        """Return bytes that are there."""
        return os.pread(self._file, length, position)

    # Changing

    def write(self, position: int, data: memoryview) -> None:
        """Put bytes where they belong; raises `StorageFull`. They count once `wrote` is told."""
        try:
            while data:
                count = os.pwrite(self._file, data, position)
                position, data = position + count, data[count:]
        except OSError as error:
            raise from_os_error(error, self.path) or error from error

    def wrote(self, start: int, end: int) -> None:
        """Count these bytes as there, and note it now and then."""
        with self._grown:
            merged: list[Span] = []
            for span in sorted([*self._spans, (start, end)]):
                if merged and span[0] <= merged[-1][1]:
                    merged[-1] = (merged[-1][0], max(merged[-1][1], span[1]))
                else:
                    merged.append(span)
            self._spans = merged
            self._grown.notify_all()
        if time.monotonic() - self._noted >= _NOTE_SECONDS:
            self.note()

    def ends_at(self, size: int) -> None:
        """Say how many bytes there are, where that was not known."""
        with self._grown:
            self.size = size
            self._grown.notify_all()

    def fail(self) -> None:
        """Let nobody wait for more."""
        with self._grown:
            self._failed = True
            self._grown.notify_all()

    def restart(self) -> None:
        """Forget the bytes that are there."""
        with self._lock:
            self._failed = False
            self._spans = []
            self._journal.unlink(missing_ok=True)
            os.ftruncate(self._file, 0)

    def note(self) -> None:
        """Write down what is there, once it is on the disk."""
        if not self._identity or not self._noting.acquire(blocking=False):
            return
        try:
            self._noted = time.monotonic()
            with self._lock:
                spans = list(self._spans)
            _sync(self._file)
            durable.write(
                self._journal,
                json.dumps({"identity": self._identity, "size": self.size, "spans": spans}),
                self._aside(),
            )
        except OSError as error:
            raise from_os_error(error, self._journal) or error from error
        finally:
            self._noting.release()

    def finish(self) -> Path:
        """Sync the whole file and return where it is; its journal is left until `discard`."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise from_os_error(error, self.path) or error from error
        return self.path

    def close(self) -> None:
        """Leave the file for the next attempt; without an identity nobody could know it again, so it goes."""
        self.fail()
        if self._file < 0:
            return
        with contextlib.suppress(Exception):
            if self._spans:
                self.note()
        os.close(self._file)
        self._file = -1
        if not self._identity or not self._spans:
            self.discard()

    def discard(self) -> None:
        """Remove what is left of it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self.path.unlink(missing_ok=True)
        self._journal.unlink(missing_ok=True)

    # Inside

    def _frontier(self) -> int:
        return self._spans[0][1] if self._spans and self._spans[0][0] == 0 else 0

    def _aside(self) -> Path:
        return self._journal.with_name(f"{self._journal.name}.new")

    def _read(self) -> list[Span]:
        """Return what an earlier process has left of this very file."""
        self._aside().unlink(missing_ok=True)
        note = _Note.read(self._journal)
        if note is None or (note.identity, note.size) != (self._identity, self.size):
            return []
        length = os.fstat(self._file).st_size
        return [span for span in note.spans if 0 <= span[0] < span[1] <= length]


@dataclass(frozen=True, slots=True)
class _Note:
    identity: str
    size: int | None
    spans: tuple[Span, ...]

    @classmethod
    def read(cls, path: Path) -> _Note | None:
        try:
            said = json.loads(path.read_text())
            return cls(said["identity"], said["size"], tuple((int(a), int(b)) for a, b in said["spans"]))
        except (OSError, ValueError, LookupError, TypeError):
            return None


def there(store: ContentStore, key: str, identity: str, size: int | None) -> int:
    """Return how many bytes of a file an earlier attempt has left, without touching them."""
    note = _Note.read(store.root / DIRECTORY / f"{key}.json") if identity else None
    if note is None or (note.identity, note.size) != (identity, size):
        return 0
    return sum(end - start for start, end in note.spans)


def sweep(store: ContentStore) -> None:
    """Remove what nobody has gone on with for a week."""
    oldest = time.time() - _KEPT_DAYS * 86_400
    for path in (store.root / DIRECTORY).glob("*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _sync(descriptor: int) -> None:
    getattr(os, "fdatasync", os.fsync)(descriptor)
