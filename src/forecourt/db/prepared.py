"""Statements that are compiled once and go straight to the driver, for where there are thousands a second."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, String
from sqlalchemy.exc import DBAPIError

from forecourt.db.pipeline import Pipelined

_AT_ONCE = 50  # rows in one statement
_STYLES = {"sqlite": "qmark", "postgresql": "format"}
_NUMBERED = "numeric_dollar"


class _Prepared:
    """A statement, compiled for each dialect that it meets. Its errors are raised as SQLAlchemy raises them."""

    def __init__(self, statement: Any, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, tuple[str, list[str], Mapping[str, Any]]] = {}

    def _text(self, dialect: Dialect, style: str = "") -> tuple[str, list[str], Mapping[str, Any]]:
        """Return its SQL, the names of its parameters in order, and the values of those that are always the same."""
        style = style or _STYLES[dialect.name]
        if style not in self._compiled:
            kind: Any = type(dialect)
            columns = list(self._columns) if self._columns else None
            compiled = self._statement.compile(dialect=kind(paramstyle=style), column_keys=columns)
            self._compiled[style] = (str(compiled), list(compiled.positiontup or ()), compiled.params)
        return self._compiled[style]


class PreparedQuery(_Prepared):
    """A query with named parameters; IN is none for it, since a list has no length of its own."""

    def __init__(self, statement: Any, *, changes: bool = False) -> None:
        """Prepare a statement, which `changes` something or only reads."""
        super().__init__(statement)
        self._changes = changes

    def rows(self, connection: Connection | Pipelined, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return what it finds, as the driver has it."""
        if isinstance(connection, Pipelined):
            text, order, fixed = self._text(connection.dialect, _NUMBERED)
            given = [values[name] if name in values else fixed[name] for name in order]
            return connection.rows(text, given, changes=self._changes)
        text, order, fixed = self._text(connection.dialect)
        given = [values[name] if name in values else fixed[name] for name in order]
        with _cursor(connection, text, given) as cursor:
            cursor.execute(text, given)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows


class PreparedInsert(_Prepared):
    """An insert of some columns of a table, which may return one value of the row."""

    def __init__(self, statement: Insert, columns: Sequence[str]) -> None:
        super().__init__(statement, columns)
        self._of_many: dict[int, str] = {}
        self._of_arrays = ""

    def one(self, connection: Connection, row: Mapping[str, Any]) -> Any:
        """Insert a row, which has all the columns, and return what the statement returns of it, if anything."""
        text, order, _ = self._text(connection.dialect)
        values = [row[name] for name in order]
        with _cursor(connection, text, values) as cursor:
            cursor.execute(text, values)
            return cursor.fetchone()[0] if cursor.description else None

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, each of which has all the columns, many in one statement."""
        for start in range(0, len(rows), _AT_ONCE):
            chunk = rows[start : start + _AT_ONCE]
            if connection.dialect.name == "postgresql":
                text = self._text_of_arrays(connection.dialect)
                values: list[Any] = [[row[name] for row in chunk] for name in self._columns or ()]
            else:
                text, order = self._text_of(connection.dialect, len(chunk))
                values = [row[name] for row in chunk for name in order]
            with _cursor(connection, text, values) as cursor:
                cursor.execute(text, values)

    def _text_of(self, dialect: Dialect, count: int) -> tuple[str, list[str]]:
        text, order, _ = self._text(dialect)
        if count not in self._of_many:
            row = re.search(r"VALUES (\(.*\))$", text)
            assert row is not None
            self._of_many[count] = text + f", {row[1]}" * (count - 1)
        return self._of_many[count], order

    def _text_of_arrays(self, dialect: Dialect) -> str:
        """Return the one text for any number of rows that PostgreSQL has to plan once: an array for each column."""
        if not self._of_arrays:
            table, names = self._statement.table, self._columns or ()
            types = [
                "TEXT" if isinstance(table.c[name].type, String) else table.c[name].type.compile(dialect)
                for name in names
            ]
            arrays = ", ".join(f"%s::{kind}[]" for kind in types)
            self._of_arrays = f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({arrays})"  # noqa: S608
        return self._of_arrays


@contextmanager
def _cursor(connection: Connection, text: str, values: Any) -> Iterator[Any]:
    """Open the driver's cursor in the connection's transaction; its errors are raised as SQLAlchemy raises them."""
    dbapi: Any = connection.dialect.loaded_dbapi
    cursor = connection.connection.cursor()
    try:
        yield cursor
    except dbapi.Error as error:
        gone = connection.dialect.is_disconnect(error, connection.connection, cursor)
        if gone:
            connection.invalidate(error)
        raise DBAPIError.instance(
            text, values, error, dbapi.Error, connection_invalidated=gone, dialect=connection.dialect
        ) from error
    finally:
        cursor.close()
