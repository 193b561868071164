"""Statements that are compiled once, for where they are run thousands of times a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Insert


class PreparedInsert:
    """An insert of some columns of a table, with what it returns."""

    def __init__(self, statement: Insert, columns: Sequence[str]) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, tuple[str, list[str] | None]] = {}

    def one(self, connection: Connection, row: Mapping[str, Any]) -> CursorResult[Any]:
        """Insert a row, which has all the columns."""
        text, order = self._text(connection)
        return connection.exec_driver_sql(text, tuple(row[name] for name in order) if order else dict(row))

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, each of which has all the columns."""
        text, order = self._text(connection)
        connection.exec_driver_sql(text, [tuple(row[name] for name in order) if order else dict(row) for row in rows])

    def _text(self, connection: Connection) -> tuple[str, list[str] | None]:
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            compiled = self._statement.compile(dialect=dialect, column_keys=list(self._columns))
            positions = compiled.positiontup
            self._compiled[dialect.name] = (str(compiled), list(positions) if positions else None)
        return self._compiled[dialect.name]
