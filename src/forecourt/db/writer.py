"""Many small changes at once: made in the order in which they came, and committed together.

A commit costs more than the change that it commits, so what waits while one is made shares the next. Where one of them
fails, nothing of the batch is kept, and each is made again for itself: whoever is refused is refused alone.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import Connection

from forecourt.db.database import Database
from forecourt.errors import ForecourtError

T = TypeVar("T")
Job = tuple[Callable[[Connection], Any], Future[Any]]

_TOGETHER = 64  # changes in one commit at most, so that the first does not wait for long
_TIDY_SECONDS = 0.5  # between two checkpoints of SQLite's log
_POSTGRESQL_THREADS = 2  # each waits for the network most of the time; SQLite has one writer at a time anyway


class Writer:
    """Makes changes to a database in threads of its own; `close` it when there will be no more."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        count = 1 if database.is_sqlite else _POSTGRESQL_THREADS
        self._threads = [threading.Thread(target=self._run, name="writer", daemon=True) for _ in range(count)]
        self._committed = threading.Event()
        self._ending = threading.Event()
        if database.is_sqlite:
            self._threads.append(threading.Thread(target=self._tidy, name="checkpoint", daemon=True))
        for thread in self._threads:
            thread.start()

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Have `work` make its change, all or nothing; the future has what it returns, once that is committed.

        `work` may be called twice: what it does to anything but the connection must not matter.
        """
        future: Future[T] = Future()
        self._waiting.put((work, future))
        return future

    def close(self) -> None:
        """Wait for what has been submitted."""
        for _ in self._threads:
            self._waiting.put(None)
        self._ending.set()
        self._committed.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while True:
            batch: list[Job] = []
            while len(batch) < _TOGETHER:
                try:
                    job = self._waiting.get(block=not batch)
                except queue.Empty:
                    break
                if job is None:
                    self._make(batch)
                    return
                if job[1].set_running_or_notify_cancel():
                    batch.append(job)
            self._make(batch)

    def _make(self, batch: list[Job]) -> None:
        try:
            results = self._commit(batch)
        except BaseException as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            for job in batch:
                self._make([job])
        else:
            self._committed.set()
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)

    def _tidy(self) -> None:
        """Move the log into the database aside, so that no change waits for it."""
        while not self._ending.is_set():
            self._committed.wait()
            self._committed.clear()
            with contextlib.suppress(ForecourtError):  # whoever writes next is told
                self._database.checkpoint()
            self._ending.wait(_TIDY_SECONDS)

    def _commit(self, batch: list[Job]) -> list[Any]:
        if not batch:
            return []
        with self._database.transaction() as connection:
            return [work(connection) for work, _ in batch]
