"""Where an uploaded blob's bytes come from: the content store, or another registry while it sends them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

from forecourt.errors import ContentMismatch
from forecourt.oci.blob import Blob
from forecourt.oci.client.body import Advance, BlobBody, StreamBody
from forecourt.oci.client.request import Body, Lost
from forecourt.oci.digest import Digest
from forecourt.oci.manifest import Descriptor


class Source(Protocol):
    """Where a blob's bytes are sent from."""

    @property
    def digest(self) -> Digest:
        """The blob's digest."""
        ...

    @property
    def size(self) -> int:
        """Its length in bytes."""
        ...

    @property
    def seekable(self) -> bool:
        """Whether a part can be sent that does not follow the one before it."""
        ...

    def body(self, start: int, length: int, advance: Advance) -> Body:
        """Return a part of it, to be sent once: from its beginning, or (seekable or not) on from the last part."""
        ...


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob of the content store, as something to send."""

    blob: Blob
    seekable: bool = True

    @property
    def digest(self) -> Digest:
        """The blob's digest."""
        return self.blob.digest

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self.blob.size

    def body(self, start: int, length: int, advance: Advance) -> Body:
        """Return a part of it."""
        return BlobBody(self.blob, start, length, advance)


class PassingBlob:
    """A blob that comes from another registry and goes on as it comes, hashed on the way.

    Its last part is held back until the digest is known to be right, so that wrong bytes never make a whole blob.
    """

    seekable = False

    def __init__(self, descriptor: Descriptor, open_stream: Callable[[], Iterator[memoryview]]) -> None:
        self.digest = descriptor.digest
        self.size = descriptor.size
        self._open = open_stream
        self._chunks: Iterator[memoryview] = iter(())
        self._rest = memoryview(b"")
        self._hasher = self.digest.hasher()
        self._position = 0

    def body(self, start: int, length: int, advance: Advance) -> Body:
        """Return the blob's first part, which opens the stream (again), or the one after the last."""
        if start == 0:
            self.close()
            self._chunks, self._rest = self._open(), memoryview(b"")
            self._hasher, self._position = self.digest.hasher(), 0
        assert start == self._position, "a passing blob has no way back"
        return StreamBody(self._take(length), length, advance)

    def close(self) -> None:
        """Let go of the stream."""
        if isinstance(self._chunks, Generator):
            self._chunks.close()

    def _take(self, length: int) -> Iterator[memoryview]:
        while length:
            if not self._rest:
                self._rest = next(self._chunks, memoryview(b""))
                if not self._rest:
                    raise Lost(f"The blob {self.digest} ended early.")
                self._hasher.update(self._rest)
            part, self._rest = self._rest[:length], self._rest[length:]
            self._position += len(part)
            length -= len(part)
            if self._position == self.size and Digest.finish(self._hasher, self.digest.algorithm) != self.digest:
                raise ContentMismatch(f"The blob {self.digest} came with other bytes than its digest promises.")
            yield part
