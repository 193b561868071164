"""A layer of one file: an uncompressed tar whose only regular file we keep as itself.

Such a layer is ``head + file + tail``: the head is every byte before the file's data (its tar header, and any
long-name, PAX or directory entries before that), the tail is zeros (padding to 512 bytes, the two closing blocks, and
what some tars add to fill a record). Knowing the head and the tail's length, the layer is given back byte for byte
from the file.

The tar format: POSIX.1-2017 pax, "ustar Interchange Format"; GNU's long names and base-256 sizes are read and written,
since Clair misreads PAX sizes over 8 GiB.
"""

from __future__ import annotations

import base64
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

BLOCK = 512
MAX_HEAD = 64 * 1024
"""A head longer than this is not worth remembering: such a layer is kept as it came."""

_EXTENSIONS = {b"x", b"g", b"L", b"K"}
_REGULAR = {b"0", b"\0"}


@dataclass(frozen=True, slots=True)
class Head:
    """The bytes before a file's data, and what they say: its name, its size (bytes), whether it is executable."""

    raw: bytes
    name: str
    size: int
    executable: bool

    @property
    def tail(self) -> int:
        """The zeros that end the shortest tar: padding, and two blocks."""
        return -self.size % BLOCK + 2 * BLOCK

    @property
    def mode(self) -> int:
        """The mode the file has in the store: read-only, so that an edit cannot reach it."""
        return 0o555 if self.executable else 0o444


def build(name: str, size: int, *, executable: bool = False) -> Head:
    """Make the head of a layer that holds `name`; the same arguments give the same bytes."""
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o755 if executable else 0o644
    return Head(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"), name, size, executable)


class HeadReader:
    """Finds the head at the beginning of a stream of bytes, without needing more of it than there is so far.

    `feed` returns True as soon as it is known how it ends: `head` is the head, or None where the stream is not a layer
    of one file (then it is to be kept as it came).
    """

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.head: Head | None = None
        self._offset = 0  # of the next tar entry

    def feed(self, data: bytes | bytearray | memoryview) -> bool:
        """Take the next bytes."""
        self.buffer += data[: MAX_HEAD + BLOCK - len(self.buffer)]
        while len(self.buffer) >= self._offset + BLOCK:
            block = bytes(self.buffer[self._offset : self._offset + BLOCK])
            try:
                info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            except tarfile.HeaderError:
                return True
            self._offset += BLOCK
            if info.type in _REGULAR:
                self.head = self._read(bytes(self.buffer[: self._offset]))
                return True
            if info.type in _EXTENSIONS and 0 <= info.size <= MAX_HEAD:
                self._offset += info.size + -info.size % BLOCK
            elif info.type != tarfile.DIRTYPE:
                return True
            if self._offset > MAX_HEAD:
                return True
        return False

    @staticmethod
    def _read(raw: bytes) -> Head | None:
        """Let the standard library read the whole head: names and sizes may stand in the entries before the file's."""
        try:
            with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
                while (info := archive.next()) is not None:
                    if info.isreg():
                        whole = info.size >= 0 and not info.issparse()
                        return Head(raw, info.name, info.size, bool(info.mode & 0o100)) if whole else None
        except (tarfile.TarError, ValueError, ArithmeticError):  # entries that the library cannot make sense of
            return None
        return None


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """What is remembered of a layer of one file."""

    head: bytes
    name: str
    size: int
    tail: int
    mtime_ns: int

    @classmethod
    def read(cls, path: Path) -> LayerRecord:
        """Read what was written; raises `FileNotFoundError`."""
        document = json.loads(path.read_bytes())
        head = base64.b64decode(document["head"])
        reader = HeadReader()
        reader.feed(head)
        assert reader.head, f"{path} holds no tar header"
        return cls(head, reader.head.name, reader.head.size, document["tail"], document["mtime_ns"])

    def to_json(self) -> str:
        """Return it as it is written."""
        head = base64.b64encode(self.head).decode()
        return json.dumps({"head": head, "tail": self.tail, "mtime_ns": self.mtime_ns})
