"""Reads a file that may lie about itself: every length is held against what is left before a byte is read for it."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from forecourt.errors import InvalidModel, from_os_error

_READ = 1024 * 1024


class BoundedFile:
    """A file being read from its beginning; anything that does not fit raises `InvalidModel`, which says where."""

    def __init__(self, path: Path, kind: str, name: str = "") -> None:
        self.kind = kind
        self.name = name or path.name
        try:
            self._file = path.open("rb", buffering=_READ)
            self.size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise from_os_error(error, path) or error from error
        self.position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def left(self) -> int:
        """The bytes after the present position."""
        return self.size - self.position

    def read(self, count: int, what: str) -> bytes:
        """Return the next `count` bytes, which are `what`."""
        self.need(count, what)
        data = self._file.read(count)
        if len(data) < count:
            raise self.invalid(f"ends within {what}")
        self.position += count
        return data

    def skip(self, count: int, what: str) -> None:
        """Step over `count` bytes, which are `what`."""
        self.need(count, what)
        self._file.seek(count, os.SEEK_CUR)
        self.position += count

    def need(self, count: int, what: str) -> None:
        """Raise where fewer than `count` bytes are left."""
        if count > self.left:
            raise self.invalid(f"{what} needs {count} bytes at offset {self.position}, and {self.left} are left")

    def invalid(self, what: str) -> InvalidModel:
        """Return the error that says what is wrong with this file."""
        return InvalidModel(
            f"{self.name} is not a sound {self.kind} file of {self.size} bytes: {what}.",
            hint="It may be truncated or damaged: download it again and compare its checksum.",
        )
