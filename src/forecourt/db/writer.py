"""Many small changes at once, each for itself: they are made in the order in which they came, and committed together.

A commit costs SQLite more than the change it commits. So what waits while one is made shares the next: each change in
a savepoint of its own, undone alone where it fails, and told as done when all are committed. PostgreSQL commits for
many at once by itself; there each change has a transaction and a thread of its own.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection

from forecourt.db.database import Database

T = TypeVar("T")
Work = Callable[[Connection], Any]

_TOGETHER = 64  # changes in one commit at most, so that the first does not wait for long
_POSTGRESQL_THREADS = 8


class Writer:
    """Makes changes to a database in threads of its own; `close` it when there will be no more."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[tuple[Work, Future[Any]] | None] = queue.SimpleQueue()
        self._pool = None
        self._thread = None
        if database.is_sqlite:
            self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
            self._thread.start()
        else:
            self._pool = ThreadPoolExecutor(_POSTGRESQL_THREADS, thread_name_prefix="writer")

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Have `work` make its change, all or nothing; the future has what it returns, once that is committed."""
        if self._pool is not None:
            return self._pool.submit(self._alone, work)
        future: Future[T] = Future()
        self._waiting.put((work, future))
        return future

    def close(self) -> None:
        """Wait for what has been submitted."""
        if self._pool is not None:
            self._pool.shutdown()
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()

    def _alone(self, work: Callable[[Connection], T]) -> T:
        with self._database.transaction() as connection:
            return work(connection)

    def _run(self) -> None:
        ending = False
        while not ending:
            batch = [self._waiting.get()]
            while len(batch) < _TOGETHER:
                try:
                    batch.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            ending = None in batch
            self._commit([one for one in batch if one is not None])

    def _commit(self, batch: list[tuple[Work, Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with self._database.transaction() as connection:
                for work, future in batch:
                    if not future.set_running_or_notify_cancel():
                        continue
                    connection.exec_driver_sql("SAVEPOINT change")
                    try:
                        done.append((future, work(connection), None))
                    except BaseException as error:
                        connection.exec_driver_sql("ROLLBACK TO change")
                        done.append((future, None, error))
                    connection.exec_driver_sql("RELEASE change")
        except BaseException as error:  # nothing of it was committed
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for future, result, failure in done:
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(result)
