"""Stopping at once: the network work of several threads, ended by the one that waits for them.

A thread that waits for a silent peer looks at no flag, so its socket is shut down under it. Work that runs inside
`Interruption.run` has its sockets watched; work outside of one (a single request from the main thread) is not, since
Ctrl-C reaches it anyway.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar

_current: ContextVar[Interruption | None] = ContextVar("interruption", default=None)


class Interrupted(Exception):
    """The work was stopped from another thread; raised only to leave this one, nobody is told of it."""


class Interruption:
    """What several threads do together, and can be made to leave together."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()

    def run(self, work: Callable[[], None]) -> None:
        """Do `work` in this thread, unless all is stopped already."""
        self.check()
        token = _current.set(self)
        try:
            work()
        finally:
            _current.reset(token)

    def stop(self) -> None:
        """Make every thread leave: what it waits for ends now, what it would begin raises `Interrupted`."""
        with self._lock:
            self._stopped.set()
            for watched in self._sockets:
                with contextlib.suppress(OSError):
                    # Not SSLSocket's own shutdown: that one takes the TLS state away from the thread that uses it.
                    socket.socket.shutdown(watched, socket.SHUT_RDWR)

    def check(self) -> None:
        """Raise `Interrupted` once `stop` has been called."""
        if self._stopped.is_set():
            raise Interrupted

    def wait(self, seconds: float) -> None:
        """Wait, unless stopped meanwhile; then raise `Interrupted`."""
        self._stopped.wait(seconds)
        self.check()

    @contextlib.contextmanager
    def watching(self, watched: socket.socket) -> Iterator[None]:
        """Shut `watched` down when all is stopped while the block runs."""
        with self._lock:
            self.check()
            self._sockets.add(watched)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.discard(watched)


def check() -> None:
    """Raise `Interrupted` where this thread's work was stopped."""
    if current := _current.get():
        current.check()


def pause(seconds: float) -> None:
    """Wait before trying again; raise `Interrupted` where this thread's work was stopped."""
    if current := _current.get():
        current.wait(seconds)
    else:
        time.sleep(seconds)


def watching(watched: socket.socket) -> contextlib.AbstractContextManager[None]:
    """Shut `watched` down when this thread's work is stopped while the block runs."""
    current = _current.get()
    return current.watching(watched) if current else contextlib.nullcontext()
