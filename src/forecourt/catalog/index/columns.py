"""What a property's values are, row by row, kept so that a comparison answers with a set of rows.

A set is a compressed bitmap (Roaring, https://roaringbitmap.org): a hundred thousand rows take a few kilobytes, and two
sets are intersected or counted within microseconds.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeAlias

from pyroaring import BitMap

from forecourt.catalog.index.substrings import Substrings
from forecourt.query import Comparison, Kind, Scalar, check_operator, fitting, value_kind

Rows: TypeAlias = "BitMap"

_BLOCK = 4096  # numbers in order that are kept as a set


class Texts:
    """Texts, of which a row may have several."""

    def __init__(self) -> None:
        self._rows: dict[str, int | array[int] | Rows] = {}

    def add(self, row: int, value: str) -> None:
        """Say that a row has a value."""
        known = self._rows.get(value)
        if known is None:
            self._rows[value] = row
        elif isinstance(known, int):
            self._rows[value] = array("I", (known, row))
        else:
            known.append(row)  # type: ignore[union-attr]

    def freeze(self) -> None:
        """Pack what was added; nothing is added afterwards."""
        for value, rows in self._rows.items():
            if isinstance(rows, array):
                self._rows[value] = BitMap(rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @cached_property
    def _substrings(self) -> Substrings:
        return Substrings(self._rows)

    @property
    def everything(self) -> Rows:
        """All rows that have a text."""
        return self.union(self._rows)

    def rows(self, value: str) -> Rows:
        """Return the rows that have a value."""
        rows = self._rows.get(value)
        return BitMap() if rows is None else BitMap((rows,)) if isinstance(rows, int) else rows  # type: ignore[return-value]

    def union(self, values: Iterable[str]) -> Rows:
        """Return the rows that have any of these values."""
        single, several = array("I"), []
        for value in values:
            rows = self._rows.get(value)
            if isinstance(rows, int):
                single.append(rows)
            elif rows is not None:
                several.append(rows)
        return BitMap(single).union(*several) if several else BitMap(single)  # type: ignore[arg-type]

    def matching(self, operator: str, value: Scalar) -> Rows:
        """Return the rows of which a value compares so; the row that has others besides is among them."""
        text = str(value)
        match operator:
            case "=":
                return self.rows(text)
            case "LIKE" | "ILIKE":
                return self.union(self._substrings.like(text, any_case=operator == "ILIKE"))
            case "<":
                return self.union(each for each in self._rows if each < text)
            case "<=":
                return self.union(each for each in self._rows if each <= text)
            case ">":
                return self.union(each for each in self._rows if each > text)
            case _:
                return self.union(each for each in self._rows if each >= text)


class Numbers:
    """Numbers, of which a row has at most one; in order once they are frozen.

    The rows in order stand in blocks, each a set of its own, so that a range is a union of few sets.
    """

    def __init__(self) -> None:
        self.values = array("d")
        self.rows = array("I")
        self._blocks: list[Rows] = []
        self._owners: list[Rows] = []

    def add(self, row: int, value: float) -> None:
        """Say that a row has a value; one that is no number it has not."""
        if value == value:
            self.values.append(value)
            self.rows.append(row)

    def freeze(self, owner: Sequence[int] | None) -> None:
        """Put what was added in order; nothing is added afterwards. Rows may belong to an owner each."""
        order = sorted(range(len(self.values)), key=self.values.__getitem__)
        self.values = array("d", map(self.values.__getitem__, order))
        self.rows = array("I", map(self.rows.__getitem__, order))
        for start in range(0, len(self.rows), _BLOCK):
            rows = self.rows[start : start + _BLOCK]
            self._blocks.append(BitMap(rows))
            if owner is not None:
                self._owners.append(BitMap(array("I", map(owner.__getitem__, rows))))

    def between(self, start: int, end: int) -> Rows:
        """Return the rows from one position in order to another."""
        first, last = -(-start // _BLOCK), end // _BLOCK
        if first >= last:
            return BitMap(self.rows[start:end])
        edges = BitMap(self.rows[start : first * _BLOCK] + self.rows[last * _BLOCK : end])
        return edges.union(*self._blocks[first:last])

    def owners_between(self, start: int, end: int, owner: Sequence[int]) -> Rows:
        """Return the owners of these rows."""
        first, last = -(-start // _BLOCK), end // _BLOCK
        if first >= last:
            return BitMap(array("I", map(owner.__getitem__, self.rows[start:end])))
        edges = self.rows[start : first * _BLOCK] + self.rows[last * _BLOCK : end]
        return BitMap(array("I", map(owner.__getitem__, edges))).union(*self._owners[first:last])

    @property
    def range(self) -> tuple[float, float] | None:
        """The least and the greatest; None where there is none."""
        return (self.values[0], self.values[-1]) if self.values else None

    def positions(self, operator: str, value: float) -> tuple[int, int]:
        """Return from where to where in order the numbers stand that compare so."""
        low, high, end = bisect_left(self.values, value), bisect_right(self.values, value), len(self.values)
        return {"=": (low, high), "<": (0, low), "<=": (0, high), ">": (high, end)}.get(operator, (low, end))

    def matching(self, operator: str, value: float) -> Rows:
        """Return the rows whose value compares so."""
        return self.between(*self.positions(operator, value))


class Column:
    """A property's values in a space of rows: texts, numbers, and what is true or false."""

    def __init__(self) -> None:
        self.texts = Texts()
        self.integers = Numbers()
        self.doubles = Numbers()
        self.truths = (BitMap(), BitMap())
        """The rows for which it is false, and those for which it is true."""
        self.present: Rows = BitMap()
        """The rows that have a value."""

    def add(self, row: int, kind: Kind, value: Scalar) -> None:
        """Say that a row has a value."""
        if kind == "string":
            self.texts.add(row, str(value))
        elif kind == "double":
            self.doubles.add(row, float(value))
        elif kind == "int":
            self.integers.add(row, float(value))
        else:
            self.truths[bool(value)].add(row)

    def freeze(self, owner: Sequence[int] | None = None) -> None:
        """Make it ready to be asked; rows may belong to an owner each."""
        self.texts.freeze()
        self.integers.freeze(owner)
        self.doubles.freeze(owner)
        self.present = self.truths[0].union(self.truths[1], self.texts.everything)
        self.present |= BitMap(self.integers.rows).union(BitMap(self.doubles.rows))
        self.present.run_optimize()

    def owners_matching(self, comparison: Comparison, owner: Sequence[int]) -> Rows | None:
        """Return the owners of rows of which it compares so, where that is known without the rows; else None."""
        kinds = self._asked(comparison)
        numbers = {"int": self.integers, "double": self.doubles}.get(kinds[0]) if len(kinds) == 1 else None
        if numbers is None or comparison.operator in ("!=", "IN") or isinstance(comparison.value, tuple):
            return None
        check_operator(comparison, kinds[0])
        value = float(_fitting(comparison.value, comparison, kinds[0]))
        return numbers.owners_between(*numbers.positions(comparison.operator, value), owner)

    @cached_property
    def numbers(self) -> Numbers:
        """Its numbers, whether they are integers or doubles."""
        if not self.integers.rows or not self.doubles.rows:
            return self.doubles if self.doubles.rows else self.integers
        both = Numbers()
        both.values = self.integers.values + self.doubles.values
        both.rows = self.integers.rows + self.doubles.rows
        both.freeze(None)
        return both

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of value that it has."""
        parts: dict[Kind, int] = {
            "string": len(self.texts),
            "double": len(self.doubles.values),
            "int": len(self.integers.values),
            "bool": len(self.truths[0]) + len(self.truths[1]),
        }
        return [kind for kind, count in parts.items() if count]

    def matching(self, comparison: Comparison) -> Rows:
        """Return the rows of which it compares so; raises `InvalidFilter` for a value or operator that does not fit.

        A row that has no value matches nothing, ``!=`` included. Without a suffix that asks for a type, a number is
        compared with integers and doubles alike, as the number that it is.
        """
        kinds = self._asked(comparison)
        if comparison.operator == "!=":
            return self._of(kinds) - self._any(comparison, "=", kinds)
        return self._any(comparison, comparison.operator, kinds)

    def _any(self, comparison: Comparison, operator: str, kinds: list[Kind]) -> Rows:
        values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
        operator = "=" if operator == "IN" else operator
        found: Rows = BitMap()
        for kind in kinds:
            check_operator(comparison, kind)
            if kind == "string" and operator == "=":
                found |= self.texts.union(str(_fitting(value, comparison, kind)) for value in values)
                continue
            for value in values:
                found |= self._one(kind, operator, _fitting(value, comparison, kind))
        return found

    def _one(self, kind: Kind, operator: str, value: Scalar) -> Rows:
        match kind:
            case "string":
                return self.texts.matching(operator, value)
            case "int":
                return self.integers.matching(operator, float(value))
            case "double":
                return self.doubles.matching(operator, float(value))
            case "bool":
                return self.truths[bool(value)]

    def _of(self, kinds: list[Kind]) -> Rows:
        if set(self.kinds) <= set(kinds):
            return self.present
        found: Rows = BitMap()
        for kind in kinds:
            match kind:
                case "string":
                    found |= self.texts.union(self.texts)
                case "int":
                    found |= BitMap(self.integers.rows)
                case "double":
                    found |= BitMap(self.doubles.rows)
                case "bool":
                    found |= self.truths[0] | self.truths[1]
        return found

    def _asked(self, comparison: Comparison) -> list[Kind]:
        """Return the kinds of value that a comparison is about."""
        if comparison.property.type is not None:
            return [comparison.property.type]
        kind = value_kind(comparison.value, column=comparison.column)
        if kind in ("int", "double"):
            return [each for each in ("int", "double") if each in self.kinds] or ["double"]
        if kind == "string" and self.kinds == ["int"]:
            return ["int"]  # an integer that is written out, as the API writes times and ids
        return [kind]


def _fitting(value: Scalar, comparison: Comparison, kind: Kind) -> Scalar:
    """Return a value as one of a kind; raises `InvalidFilter`. A number fits integers where no suffix asks for them."""
    number = kind == "int" and comparison.property.type is None and not isinstance(value, str)
    return fitting(value, comparison, "double" if number else kind)
