"""A snapshot as a stream of pieces, from one process to another.

Python's unpickler makes a whole object before any other thread goes on. So what is large is a pickle of its own, and
the last one has their numbers in their places: between two pieces, a few milliseconds apart, whoever reads a stream
lets the others go on.
"""

from __future__ import annotations

import pickle
from io import BytesIO
from itertools import islice
from typing import IO, Any

from forecourt.catalog.index.columns import Column
from forecourt.catalog.index.orders import Order
from forecourt.catalog.index.snapshot import Snapshot

_LARGE = 4096  # entries of a dict or a list


def write(snapshot: Snapshot, file: IO[bytes]) -> None:
    """Write a snapshot to a stream."""
    _Stream(file).put(snapshot)
    pickle.dump(None, file)


def read(file: IO[bytes]) -> Snapshot:
    """Return the snapshot that a stream has; raises `EOFError` where it ends too early.

    A pickle can do anything: the stream must be of our own process's making.
    """
    pieces: list[Any] = []
    try:
        while (piece := _Reader(file, pieces).load()) is not None:
            pieces.append(piece)
    except pickle.UnpicklingError as error:
        raise EOFError(str(error)) from None
    snapshot: Snapshot = pieces[-1]
    return snapshot


class _Stream:
    """A stream, to which pieces are written, the inner ones first."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._count = 0
        self._known: dict[int, tuple[Any, ...]] = {}

    def put(self, piece: object) -> int:
        """Write a piece behind those in it, and return its number."""
        written = BytesIO()
        _Writer(written, self, piece).dump(piece)
        self._file.write(written.getbuffer())
        self._count += 1
        return self._count - 1

    def name(self, value: Any) -> tuple[Any, ...] | None:
        """Return what stands for a value that is large; None for others."""
        large = type(value) in (dict, list) and len(value) > _LARGE
        if not large and type(value) not in (Column, Order):
            return None
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = self._slices(value) if large else (self.put(value),)
        return known

    def _slices(self, value: Any) -> tuple[Any, ...]:
        entries = iter(value.items() if isinstance(value, dict) else value)
        numbers = []
        while some := tuple(islice(entries, _LARGE)):
            numbers.append(self.put(some))
        return (type(value).__name__, *numbers)


class _Writer(pickle.Pickler):
    def __init__(self, file: IO[bytes], stream: _Stream, piece: object) -> None:
        super().__init__(file, protocol=5)
        self._stream, self._piece = stream, piece

    def persistent_id(self, value: Any) -> tuple[Any, ...] | None:
        return None if value is self._piece else self._stream.name(value)


class _Reader(pickle.Unpickler):
    def __init__(self, file: IO[bytes], pieces: list[Any]) -> None:
        super().__init__(file)
        self._pieces = pieces

    def persistent_load(self, name: tuple[Any, ...]) -> Any:
        match name:
            case ("dict", *numbers):
                return {key: value for number in numbers for key, value in self._pieces[number]}
            case ("list", *numbers):
                return [value for number in numbers for value in self._pieces[number]]
        return self._pieces[name[0]]
