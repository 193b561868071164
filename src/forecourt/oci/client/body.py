"""Request bodies that never are in memory: from a file by ``sendfile``, or from another registry as it comes."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator

from forecourt.errors import ContentMismatch, from_os_error
from forecourt.oci.blob import Blob, FileRange

Advance = Callable[[int], None]

_PIECE = 8 * 1024 * 1024  # between two words about progress
_TLS_BUFFER = 256 * 1024


class BlobBody:
    """Bytes `start` to `start + length` of a blob of the content store."""

    def __init__(self, blob: Blob, start: int, length: int, advance: Advance) -> None:
        self.size = length
        self._blob = blob
        self._start = start
        self._advance = advance

    def send(self, connection: socket.socket) -> None:
        """Hand the file's pages to the socket; under TLS they have to be read."""
        for segment in self._blob.segments(self._start, self.size):
            if isinstance(segment, bytes):
                connection.sendall(segment)
                self._advance(len(segment))
            else:
                self._send_file(connection, segment)

    def _send_file(self, connection: socket.socket, segment: FileRange) -> None:
        try:
            file = segment.path.open("rb", buffering=0)
        except OSError as error:
            raise from_os_error(error, segment.path) or error from error
        with file:
            position, end = segment.start, segment.start + segment.length
            buffer = memoryview(bytearray(_TLS_BUFFER)) if isinstance(connection, ssl.SSLSocket) else None
            file.seek(position)
            while position < end:
                if buffer:
                    count = file.readinto(buffer[: min(len(buffer), end - position)]) or 0
                    connection.sendall(buffer[:count])
                else:
                    count = connection.sendfile(file, position, min(_PIECE, end - position))
                if not count:
                    raise ContentMismatch(f"{segment.path} became shorter while it was sent.", hint="Pack it again.")
                position += count
                self._advance(count)


class StreamBody:
    """The next `length` bytes of a stream."""

    def __init__(self, chunks: Iterator[memoryview], length: int, advance: Advance) -> None:
        self.size = length
        self._chunks = chunks
        self._advance = advance

    def send(self, connection: socket.socket) -> None:
        """Send each part as it comes."""
        for chunk in self._chunks:
            connection.sendall(chunk)
            self._advance(len(chunk))
