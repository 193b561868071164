"""Bytes on their way into the content store: hashed once as they pass, split where they are a layer of one file.

The writer keeps the bytes aside until `commit`, which checks the digest and hands over what has been written. A layer
of one file is recognised by its first bytes; should it turn out to hold more than that file, the rest goes to a file
of its own, `commit` copies that first file in before it, and the layer is kept as it came. So `write` never takes
longer than its bytes need, and may be called on an event loop; `commit` waits for the disk, and belongs on a thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Self

from forecourt.errors import ContentMismatch, from_os_error
from forecourt.oci.blob import CHUNK
from forecourt.oci.digest import Digest, new_hasher
from forecourt.oci.layer import Head, HeadReader

Bytes = bytes | bytearray | memoryview

Keep = Callable[[Digest, Path, Head | None, int], None]
"""Puts a finished file into the store: its blob's digest, where it is, and the head and tail it was taken from."""

_MAX_TAIL = 64 * 1024


class BlobWriter:
    """Takes the bytes of one blob. Made by `ContentStore.writer`; use it in a ``with`` block and `commit` at its end.

    Leaving the block without a commit leaves nothing behind.
    """

    def __init__(self, staging: Path, keep: Keep, expected: Digest | None, size: int | None) -> None:
        self.written = 0
        self._staging = staging
        self._keep = keep
        self._expected = expected
        self._size = size
        self._algorithm = expected.algorithm if expected else "sha256"
        self._hasher = new_hasher(self._algorithm)
        self._reader: HeadReader | None = HeadReader()
        self._head: Head | None = None
        self._left = 0  # bytes of the layer's file still to come
        self._tail = 0  # zeros seen after it
        self._file: FileIO | None = None
        self._first: tuple[FileIO, Head] | None = None  # what was taken for a layer's only file, and was not

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def discard(self) -> None:
        """Forget everything that was written; does nothing after a commit."""
        if self._first:
            self._first[0].close()
            self._first = None
            self._aside.unlink(missing_ok=True)
        if self._file:
            self._file.close()
            self._file = None
        self._staging.unlink(missing_ok=True)

    def write(self, data: Bytes) -> None:
        """Take the next bytes.

        Raises `ContentMismatch` once there are more than promised, `StorageFull` on a full disk.
        """
        self.written += len(data)
        if self._size is not None and self.written > self._size:
            raise ContentMismatch(f"More bytes came than the {self._size} that were promised.")
        self._hasher.update(data)
        try:
            self._take(memoryview(data))
        except OSError as error:
            raise from_os_error(error, self._staging) or error from error

    def commit(self) -> Digest:
        """Check what came, put it into the store, and return its digest.

        Raises `ContentMismatch` where digest or size are not as promised; then nothing is kept.
        """
        digest = Digest.finish(self._hasher, self._algorithm)
        if self._size is not None and self.written != self._size:
            raise ContentMismatch(f"{self.written} bytes came of the {self._size} that were promised.")
        if self._expected and digest != self._expected:
            raise ContentMismatch(f"The content has digest {digest}, not {self._expected} as promised.")
        try:
            self._settle()
            file = self._open()
            os.fsync(file.fileno())
            file.close()
            self._file = None
            self._keep(digest, self._staging, self._head, self._tail)
        except OSError as error:
            raise from_os_error(error, self._staging) or error from error
        return digest

    def require(self, digest: Digest) -> None:
        """Say which digest the bytes must turn out to have, where that was not known at the beginning."""
        self.hash_with(digest.algorithm)
        self._expected = digest

    def hash_with(self, algorithm: str) -> None:
        """Hash by `algorithm`, ``sha256`` (the default) or ``sha512``; raises `InvalidDigest` for another one.

        Best said before the first byte: what has been written by then is read again.
        """
        if algorithm != self._algorithm:
            self._algorithm, self._hasher = algorithm, new_hasher(algorithm)
            for part in self._parts():
                self._hasher.update(part)

    @property
    def _aside(self) -> Path:
        return self._staging.with_name(self._staging.name + ".first")

    def _take(self, data: memoryview) -> None:
        if self._reader:
            offset = len(self._reader.buffer)
            if not self._reader.feed(data):
                return
            buffer, head = bytes(self._reader.buffer), self._reader.head
            self._reader = None
            data = data[len(buffer) - offset :]
            if head is None:
                self._write(memoryview(buffer))
            else:
                self._begin_file(head)
                self._take(memoryview(buffer)[len(head.raw) :])
        if self._head:
            part = data[: self._left]
            self._write(part)
            self._left -= len(part)
            data = data[len(part) :]
            if self._tail + len(data) <= _MAX_TAIL and bytes(data).count(0) == len(data):
                self._tail += len(data)
                return
            self._part()
        self._write(data)

    def _begin_file(self, head: Head) -> None:
        self._head, self._left = head, head.size
        # Where the size is known beforehand, a full disk is found before the transfer and not after it.
        if self._size is not None and 0 < head.size <= self._size - len(head.raw):
            _reserve(self._open(), head.size)

    def _part(self) -> None:
        """Go on in another file: the layer is not one of one file. What is before it is left out until `_join`."""
        assert self._head
        self._first = (self._open(), self._head)
        self._staging.rename(self._aside)
        offset = len(self._head.raw) + self._head.size - self._left + self._tail
        self._file, self._head, self._tail, self._left = None, None, 0, 0
        self._open().seek(offset)

    def _settle(self) -> None:
        """Decide about what ended early: no whole header, or a file shorter than its header says."""
        if self._reader:
            buffer, self._reader = bytes(self._reader.buffer), None
            self._write(memoryview(buffer))
        if self._head and self._left:
            self._part()
        if self._first:
            self._join(*self._first)

    def _join(self, first: FileIO, head: Head) -> None:
        """Put head and first file before what came after them; the zeros between are a hole already."""
        end = self._open().tell()
        self._open().seek(0)
        self._write(memoryview(head.raw))
        for chunk in _read(first, first.tell()):
            self._write(memoryview(chunk))
        self._open().truncate(max(end, self._open().tell()))
        self._first = None
        first.close()
        self._aside.unlink()

    def _parts(self) -> Iterator[bytes]:
        """Yield everything that was written so far, read back."""
        if self._reader:
            yield bytes(self._reader.buffer)
        elif self._first:
            file, head = self._first
            yield head.raw
            yield from _read(file, file.tell())
            yield from _read(self._open(), self._open().tell(), len(head.raw) + file.tell())
        elif self._file:
            yield self._head.raw if self._head else b""
            yield from _read(self._file, self._file.tell())
            yield bytes(self._tail)

    def _open(self) -> FileIO:
        if self._file is None:
            self._staging.parent.mkdir(parents=True, exist_ok=True)
            self._file = FileIO(self._staging, "x+")
        return self._file

    def _write(self, data: memoryview) -> None:
        file = self._open()
        while data:
            data = data[file.write(data) :]


def _read(file: FileIO, end: int, start: int = 0) -> Iterator[bytes]:
    """Yield bytes `start` to `end` of a file, and leave it where it stands."""
    while start < end and (chunk := os.pread(file.fileno(), min(CHUNK, end - start), start)):
        start += len(chunk)
        yield chunk


def _reserve(file: FileIO, size: int) -> None:
    """Claim the space that a file needs; raises `OSError` where it is not there."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if from_os_error(error, "") is not None:  # and not a file system that cannot do this
            raise
