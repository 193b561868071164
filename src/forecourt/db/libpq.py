"""A connection to PostgreSQL in libpq's pipeline mode, driven by the event loop.

https://www.postgresql.org/docs/current/libpq-pipeline-mode.html: statements between two synchronisation points are one
transaction, and nothing is waited for before the next is sent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection, Error, OperationalError
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

Rows = list[tuple[Any, ...]]
Statement = tuple[str, Sequence[Any]]
"""A text, whose parameters are ``$1`` and so on, and their values."""


@dataclass(slots=True, eq=False)
class _Transaction:
    """Statements that are made together, in flight."""

    statements: list[Statement]
    done: asyncio.Future[list[Rows]]
    results: list[Rows] = field(default_factory=list)
    error: DBAPIError | None = None

    def end(self) -> None:
        if self.done.done():  # who waited for it has gone
            return
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.results)


class Pipeline:
    """A connection on which transactions follow each other without one waiting for the other's answer.

    It is opened when it is first needed, and again after it was cut.
    """

    def __init__(self, engine: Engine) -> None:
        self._dialect: Any = engine.dialect
        _, self._options = engine.dialect.create_connect_args(engine.url)
        self._opening = asyncio.Lock()
        self._connection: Any = None
        self._names: dict[str, bytes] = {}
        self._in_flight: deque[_Transaction] = deque()
        self._flushing = False

    async def together(self, statements: list[Statement]) -> list[Rows]:
        """Make a transaction of statements, and return what each returns; raises `DBAPIError`, for all of them."""
        if self._connection is None:
            async with self._opening:
                if self._connection is None:
                    await self._open(statements)
        for text, _ in statements:
            if text not in self._names:
                self._names[text] = b"q%d" % len(self._names)
                prepared = self._send([], text)
                prepared.add_done_callback(asyncio.Future.exception)  # the statement that needs it tells
        return await self._send(statements)

    async def _open(self, statements: list[Statement]) -> None:
        try:
            connection: Any = await AsyncConnection.connect(
                **self._options, client_encoding="utf8", autocommit=True, prepare_threshold=None
            )
        except Error as error:
            raise self._told(error, statements, gone=True) from error
        connection.pgconn.nonblocking = 1
        connection.pgconn.enter_pipeline_mode()
        self._loop = asyncio.get_running_loop()
        self._socket = connection.pgconn.socket  # which libpq forgets when the connection is lost
        self._loop.add_reader(self._socket, self._read)
        self._transformer = Transformer()
        self._names = {}
        self._connection = connection

    def close(self) -> None:
        """Close it, unless it was never opened; what is not answered yet fails."""
        self._lose(OperationalError("the connection was closed before the answer came"))

    def _send(self, statements: list[Statement], prepared: str = "") -> asyncio.Future[list[Rows]]:
        transaction = _Transaction(statements, self._loop.create_future())
        values = [[_encoded(value) for value in given] for _, given in statements]
        libpq = self._connection.pgconn
        try:
            if prepared:
                libpq.send_prepare(self._names[prepared], prepared.encode())
            for (text, _), given in zip(statements, values, strict=True):
                libpq.send_query_prepared(self._names[text], given)
            libpq.pipeline_sync()
        except Error as error:
            self._lose(error)
            raise self._told(error, statements, gone=True) from error
        idle = not self._in_flight
        self._in_flight.append(transaction)
        if idle:
            self._flush()  # the server waits for it
        elif not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)  # with what else is sent meanwhile
        return transaction.done

    def _flush(self) -> None:
        self._flushing = False
        if self._connection is None:
            return
        libpq = self._connection.pgconn
        self._loop.remove_writer(self._socket)
        try:
            full = libpq.flush()
        except Error as error:
            self._lose(error)
            return
        if full:
            self._loop.add_writer(self._socket, self._flush)

    def _read(self) -> None:
        libpq = self._connection.pgconn
        try:
            libpq.consume_input()
            while self._in_flight and not libpq.is_busy():
                if (result := libpq.get_result()) is not None:  # else it is the end of a statement's results
                    self._take(result)
        except Error as error:
            self._lose(error)

    def _take(self, result: Any) -> None:
        transaction = self._in_flight[0]
        match result.status:
            case ExecStatus.PIPELINE_SYNC:
                self._in_flight.popleft()
                transaction.end()
            case ExecStatus.TUPLES_OK:
                self._transformer.set_pgresult(result)
                transaction.results.append(self._transformer.load_rows(0, result.ntuples, tuple))
            case ExecStatus.FATAL_ERROR if transaction.error is None:
                transaction.error = self._told(error_from_result(result), transaction.statements)
            case _:
                pass  # a statement was prepared, or follows one that failed

    def _lose(self, error: Exception) -> None:
        """Give the connection up, and what was not answered."""
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        connection.pgconn.finish()
        while self._in_flight:
            transaction = self._in_flight.popleft()
            transaction.error = self._told(error, transaction.statements, gone=True)
            transaction.end()

    def _told(self, error: Exception, statements: list[Statement], *, gone: bool = False) -> DBAPIError:
        """Return an error as SQLAlchemy raises it."""
        text, values = statements[0] if statements else ("", ())
        base = self._dialect.loaded_dbapi.Error
        told: Any = DBAPIError.instance(
            text, tuple(values), error, base, connection_invalidated=gone, dialect=self._dialect
        )
        return told  # type: ignore[no-any-return]


def _encoded(value: str | int | None) -> bytes | None:
    """Return a value as PostgreSQL reads it; raises `ValueError` for a null byte, at which libpq would stop."""
    if value is None:
        return None
    text = str(value)
    if "\0" in text:
        raise ValueError("PostgreSQL holds no text with a null byte")
    return text.encode()
