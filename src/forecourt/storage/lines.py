"""Several connections at once: first a file each, and where some are free, several for one large file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from forecourt.oci.client import Interruption

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Lines:
    """So many threads that each hold a connection; use `each` once, and `share` within its work."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = threading.Semaphore(count)
        self._lock = threading.Lock()
        self._waiting = 0
        self._together = Interruption()
        self._threads = ThreadPoolExecutor(2 * count, thread_name_prefix="storage")

    def each(self, work: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
        """Return what `work` makes of each item; the first error, or Ctrl-C, stops the rest at once and is raised."""
        results: dict[int, _Result] = {}

        def one(number: int) -> None:
            with self._lock:
                self._waiting += 1
            try:
                self._free.acquire()
            finally:
                with self._lock:
                    self._waiting -= 1
            try:
                results[number] = work(items[number])
            finally:
                self._free.release()

        # Helpers have threads of their own, so that they never stand in a queue behind what waits for them.
        with self._threads, ThreadPoolExecutor(self._count, thread_name_prefix="storage-file") as files:
            futures = [files.submit(self._together.run, lambda at=at: one(at)) for at in range(len(items))]  # type: ignore[misc]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            except BaseException:
                for future in futures:
                    future.cancel()
                self._together.stop()
                raise
        return [results[at] for at in range(len(items))]

    def share(self, work: Callable[[_Item], None], pieces: Sequence[_Item]) -> None:
        """Do `work` for every piece, here and on connections that nobody else waits for."""
        left = list(reversed(pieces))
        helpers: list[Future[None]] = []

        def go_on(helper: bool) -> None:
            while True:
                with self._lock:
                    if not left or (helper and self._waiting):
                        return
                    piece = left.pop()
                    more = bool(left) and not self._waiting
                if more and self._free.acquire(blocking=False):
                    helpers.append(self._threads.submit(self._together.run, help_out))
                try:
                    work(piece)
                except BaseException:
                    with self._lock:
                        left.clear()
                    raise

        def help_out() -> None:
            try:
                go_on(helper=True)
            finally:
                self._free.release()

        try:
            go_on(helper=False)
        finally:
            while pending := [helper for helper in helpers if not helper.done()]:
                wait(pending)
        for helper in helpers:
            helper.result()
