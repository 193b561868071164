"""What a job tells of itself while it runs: from any thread, as often as it likes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from forecourt.processes.jobs.model import Step

_SHOWN = 12  # steps that a status has; of those that are done, the last


class Cancelled(Exception):
    """The job is to be left off. Not an error of anybody's, and so none of `ForecourtError`."""


@dataclass(slots=True)
class _Piece:
    total: int
    done: int = 0


class Telling:
    """A `Progress` of the oci room that keeps what it is told, and ends whoever tells it anything once it is cancelled.

    `changed` is called, from whichever thread, after each change.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._running: dict[str, _Piece] = {}
        self._finished: list[Step] = []
        self._finished_bytes = 0
        self._message = ""
        self._cancelled = threading.Event()

    # For who does the work

    def say(self, message: str) -> None:
        """Say what is being done now; raises `Cancelled` where it is to be left off."""
        with self._lock:
            self._message = message
        self._told()

    def begin(self, what: str, total: int) -> None:
        """Work on `what` begins, of `total` bytes."""
        with self._lock:
            self._running[what] = _Piece(total)
        self._told()

    def advance(self, what: str, count: int) -> None:
        """`count` more bytes of it are done."""
        with self._lock:
            if piece := self._running.get(what):
                piece.done += count
        self._told()

    def done(self, what: str, note: str) -> None:
        """It is done, as `note` says."""
        with self._lock:
            piece = self._running.pop(what, None) or _Piece(0)
            self._finished_bytes += piece.total
            self._finished.append(Step(name=what, total=piece.total, done=piece.total, state="done", note=note))
            del self._finished[:-_SHOWN]
        self._told()

    # For who runs it

    def cancel(self) -> None:
        """Have it left off at the next thing it tells."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether it is to be left off."""
        return self._cancelled.is_set()

    def status(self) -> dict[str, Any]:
        """Return what a status says of the progress."""
        with self._lock:
            running = [Step(name=name, total=one.total, done=one.done) for name, one in self._running.items()]
            steps = [*self._finished[-(_SHOWN - min(len(running), _SHOWN)) or len(self._finished) :], *running[:_SHOWN]]
            return {
                "message": self._message,
                "total": self._finished_bytes + sum(one.total for one in running),
                "done": self._finished_bytes + sum(one.done for one in running),
                "steps": [step.to_dict() for step in steps],
            }

    def _told(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        self._changed()
