"""A blob that is in the content store: where its bytes are, so that they can be sent without being read into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from forecourt.oci.digest import Digest

CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileRange:
    """Bytes `start` to `start + length` of a file: what ``sendfile`` takes."""

    path: Path
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of a digest: `head`, then the whole of `path` (`file_size` bytes), then `tail` zeros.

    For a blob kept as it came the head is empty and the tail is 0; for a layer of one file, `path` is that file and
    `name` is what it is called in the layer.
    """

    digest: Digest
    path: Path
    file_size: int
    head: bytes = b""
    tail: int = 0
    name: str = ""

    @property
    def size(self) -> int:
        """The length of the blob, in bytes."""
        return len(self.head) + self.file_size + self.tail

    def segments(self, start: int = 0, length: int | None = None) -> Iterator[bytes | FileRange]:
        """Yield bytes `start` to `start + length` of the blob in order, as bytes and as ranges of the file."""
        end = self.size if length is None else min(self.size, start + length)
        file_start, file_end = len(self.head), len(self.head) + self.file_size
        if start < min(end, file_start):
            yield self.head[start : min(end, file_start)]
        first, last = max(start, file_start), min(end, file_end)
        if first < last:
            yield FileRange(self.path, first - file_start, last - first)
        zeros = end - max(start, file_end)
        if zeros > 0:
            yield bytes(zeros)

    def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the same bytes, read, at most 1 MiB at a time."""
        for segment in self.segments(start, length):
            if isinstance(segment, bytes):
                yield segment
                continue
            with segment.path.open("rb", buffering=0) as file:
                file.seek(segment.start)
                left = segment.length
                while left:
                    chunk = file.read(min(CHUNK, left))
                    if not chunk:
                        return
                    left -= len(chunk)
                    yield chunk
