"""Models or artifacts in an order, and a page of those that match.

An order is a permutation of all rows, made once. A page of few matches puts these in order; a page of many walks the
order until it is full. Either way it costs what the page is, not what there is.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from math import log2

from forecourt.catalog.index.columns import Column, Rows


class Order:
    """All rows of a space, one after the other; `keys` are the numbers that they are ordered by where they have one."""

    def __init__(self, rows: Iterable[int], size: int) -> None:
        """Order rows so; those that are not named follow, in the order of their numbers."""
        given = array("I", rows)
        if len(given) < size:
            rest = bytearray(size)
            for row in given:
                rest[row] = 1
            given.extend(row for row in range(size) if not rest[row])
        self._rows = given
        self._position = array("I", bytes(4 * size))
        for position, row in enumerate(given):
            self._position[row] = position

    def position(self, row: int) -> int:
        """Return where a row stands."""
        return self._position[row]

    def page(self, among: Rows | None, start: int, limit: int) -> list[int]:
        """Return the first rows from a position on, where `among` is given only those of it."""
        if among is None:
            return list(self._rows[start : start + limit])
        matches, size = len(among), len(self._rows)
        if not matches:
            return []
        if matches * (log2(matches) + 1) < limit * size / matches:
            positions = sorted(map(self._position.__getitem__, among))
            return [self._rows[position] for position in positions if position >= start][:limit]
        found = []
        for position in range(start, size):
            row = self._rows[position]
            if row in among:
                found.append(row)
                if len(found) == limit:
                    break
        return found


def by_column(
    column: Column, size: int, *, descending: bool, texts: bool = False, owner: Sequence[int] | None = None
) -> Order:
    """Return the order by a property: its numbers, or its `texts` where it has none or they are asked for.

    Rows without a value come last. With an `owner` for each row the order is that of the owners, by the least of their
    rows' values, or the greatest where it is descending.
    """
    numbers = column.numbers
    if numbers.rows and not texts:
        rows: Iterable[int] = reversed(numbers.rows) if descending else numbers.rows
    else:
        known = sorted(column.texts, key=str.casefold, reverse=descending)
        rows = (row for text in known for row in column.texts.rows(text))
    if owner is not None:
        rows = map(owner.__getitem__, rows)
    return Order(dict.fromkeys(rows), size)
