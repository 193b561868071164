"""What rows have of a property, asked by the row."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

T = TypeVar("T", int, float, str)
D = TypeVar("D")


class ByRow(Mapping[int, T]):
    """The value of each row that has one. It takes four bytes a row: a dictionary of sixty thousand takes megabytes."""

    def __init__(self, size: int, values: Sequence[T], places: Iterable[tuple[int, int]]) -> None:
        """Take the values, and the rows (of which there are `size`) with the places of their values among these."""
        self._values: Sequence[T] = values
        self._places = array("I", bytes(array("I").itemsize * size))  # one more than the place; 0: it has none
        for row, place in places:
            self._places[row] = place + 1
        self._count = size - self._places.count(0)

    @overload
    def get(self, row: int, /) -> T | None: ...
    @overload
    def get(self, row: int, /, default: T | D) -> T | D: ...
    def get(self, row: int, /, default: Any = None) -> Any:
        """Return a row's value; the default where it has none."""
        place = self._places[row] if 0 <= row < len(self._places) else 0
        return self._values[place - 1] if place else default

    def __getitem__(self, row: int) -> T:
        value = self.get(row)
        if value is None:
            raise KeyError(row)
        return value

    def __iter__(self) -> Iterator[int]:
        return (row for row, place in enumerate(self._places) if place)

    def __len__(self) -> int:
        return self._count
