"""Inserts that are compiled once and go straight to the driver, for where there are thousands a second."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Dialect, Insert
from sqlalchemy.exc import DBAPIError

_AT_ONCE = 50  # rows in one statement


class PreparedInsert:
    """An insert of some columns of a table, which may return one value of the row."""

    def __init__(self, statement: Insert, columns: Sequence[str]) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, tuple[str, list[str]]] = {}
        self._of_many: dict[tuple[str, int], str] = {}

    def one(self, connection: Connection, row: Mapping[str, Any]) -> Any:
        """Insert a row, which has all the columns, and return what the statement returns of it, if anything.

        Raises what SQLAlchemy raises, `IntegrityError` among it.
        """
        text, order = self._text(connection.dialect)
        values = [row[name] for name in order]
        with _cursor(connection, text, values) as cursor:
            cursor.execute(text, values)
            return cursor.fetchone()[0] if cursor.description else None

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, each of which has all the columns, many in one statement; raises as `one` does."""
        _, order = self._text(connection.dialect)
        for start in range(0, len(rows), _AT_ONCE):
            chunk = rows[start : start + _AT_ONCE]
            text = self._text_of(connection.dialect, len(chunk))
            values = [row[name] for row in chunk for name in order]
            with _cursor(connection, text, values) as cursor:
                cursor.execute(text, values)

    def _text(self, dialect: Dialect) -> tuple[str, list[str]]:
        if dialect.name not in self._compiled:
            kind: Any = type(dialect)
            positional = kind(paramstyle="qmark" if dialect.name == "sqlite" else "format")
            compiled = self._statement.compile(dialect=positional, column_keys=list(self._columns))
            self._compiled[dialect.name] = (str(compiled), list(compiled.positiontup or ()))
        return self._compiled[dialect.name]

    def _text_of(self, dialect: Dialect, count: int) -> str:
        key = dialect.name, count
        if key not in self._of_many:
            text, _ = self._text(dialect)
            row = re.search(r"VALUES (\(.*\))$", text)
            assert row is not None
            self._of_many[key] = text + f", {row[1]}" * (count - 1)
        return self._of_many[key]


@contextmanager
def sent_together(connection: Connection) -> Iterator[None]:
    """Send the prepared inserts in the block without waiting for each, where the database is elsewhere; then wait."""
    if connection.dialect.name != "postgresql":
        yield
        return
    driver: Any = connection.connection.driver_connection
    with driver.pipeline():
        yield


@contextmanager
def _cursor(connection: Connection, text: str, values: Any) -> Iterator[Any]:
    """Open the driver's cursor in the connection's transaction; its errors are raised as SQLAlchemy raises them."""
    dbapi: Any = connection.dialect.loaded_dbapi
    cursor = connection.connection.cursor()
    try:
        yield cursor
    except dbapi.Error as error:
        raise DBAPIError.instance(text, values, error, dbapi.Error, dialect=connection.dialect) from error
    finally:
        cursor.close()
