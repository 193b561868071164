"""A space of rows, the models or their artifacts, with a column for each property that one of them has."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pyroaring import BitMap

from forecourt.catalog.index.columns import Column, Rows
from forecourt.query import Kind, Scalar

_TYPES: dict[str, Kind] = {
    "string_value": "string",
    "int_value": "int",
    "double_value": "double",
    "bool_value": "bool",
}


class Space:
    """Rows, numbered from 0; filled once, then frozen."""

    def __init__(self, other_names: Mapping[str, str] = MappingProxyType({})) -> None:
        """`other_names` lead to the names of fields."""
        self._other_names = dict(other_names)
        self.columns: dict[str, Column] = {}
        self.fields: set[str] = set()
        """The columns that are fields of their own, and no custom properties."""
        self.size = 0

    def add(self, fields: Mapping[str, Scalar | list[str] | None], properties: Mapping[str, Mapping[str, Any]]) -> int:
        """Add a row with its fields and custom properties, and return its number.

        A field hides a custom property of its name. A list has each of its texts; so has a text that is one in JSON, as
        upstream's catalogs write ``validated_on``.
        """
        row, self.size = self.size, self.size + 1
        for name, value in fields.items():
            self.fields.add(name)
            if isinstance(value, list):
                self._add_texts(row, self._column(name), value)
            elif value not in (None, ""):
                self._column(name).add(row, _kind(value), value)
        columns, hidden = self.columns, self._other_names
        for name, metadata in properties.items():
            if name in fields or (name in hidden and hidden[name] in fields):
                continue
            column = columns.get(name) or self._column(name)
            number = metadata.get("double_value")
            if type(number) is float:  # as most are
                column.doubles.add(row, number)
            else:
                self._add_value(row, column, metadata)
        return row

    def freeze(self, owner: Sequence[int] | None = None) -> None:
        """Make it ready to be asked; rows may belong to an owner each."""
        for column in self.columns.values():
            column.freeze(owner)

    @property
    def everything(self) -> Rows:
        """All rows."""
        rows: Rows = BitMap()
        rows.add_range(0, self.size)
        return rows

    def named(self, name: str) -> str:
        """Return the name that a property's column has."""
        return self._other_names.get(name, name)

    def column(self, name: str) -> Column:
        """Return a property's column; an empty one where no row has it."""
        return self.columns.get(self.named(name)) or Column()

    def _add_value(self, row: int, column: Column, metadata: Mapping[str, Any]) -> None:
        for key, value in metadata.items():
            kind = _TYPES.get(key)
            if kind is None or value is None:
                continue
            if kind == "string" and value[:1] == "[" and (texts := _texts(value)) is not None:
                self._add_texts(row, column, texts)
                continue
            with contextlib.suppress(ValueError, OverflowError):  # a number that nothing can be compared with
                column.add(row, kind, value)

    def _add_texts(self, row: int, column: Column, values: Iterable[str]) -> None:
        for value in dict.fromkeys(values):
            column.add(row, "string", value)

    def _column(self, name: str) -> Column:
        column = self.columns.get(name)
        if column is None:
            column = self.columns[name] = Column()
        return column


def _kind(value: Scalar) -> Kind:
    return (
        "bool"
        if isinstance(value, bool)
        else "string"
        if isinstance(value, str)
        else "int"
        if isinstance(value, int)
        else "double"
    )


def _texts(value: str) -> list[str] | None:
    """Return the texts of a JSON list of texts; None for anything else."""
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, list) and all(isinstance(each, str) for each in read) else None
