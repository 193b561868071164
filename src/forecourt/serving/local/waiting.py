"""What a deployment waits for, as a sentence: how much of the model is there, what uv is doing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

_EVERY = 0.25  # seconds between two sentences, so that a fast pull does not flood whoever reads them

_UNITS = ("B", "kB", "MB", "GB", "TB")


class Waiting:
    """Collects what several things report and tells `tell`, on `loop`, the reason (CamelCase) and the sentence.

    It is the `Progress` of a pull, and may be called from several threads.
    """

    fetched = False
    """Whether the model is there."""
    made = False
    """Whether the environment is made."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tell: Callable[[str, str], None]) -> None:
        self._loop = loop
        self._tell = tell
        self._lock = threading.Lock()
        self._pieces: dict[str, list[int]] = {}  # bytes that have come, and all, by name
        self._began = time.monotonic()
        self._told = self._began
        self._pulling = False
        self._environment = ""

    def begin(self, what: str, total: int) -> None:
        """A blob of `total` bytes begins to be pulled."""
        with self._lock:
            self._pulling = True
            self._pieces[what] = [0, total]

    def advance(self, what: str, count: int) -> None:
        """`count` more bytes of it have come."""
        with self._lock:
            self._pieces[what][0] += count
        self._say_now_and_then()

    def done(self, what: str, note: str) -> None:
        """It has come whole, or was there before."""
        with self._lock:
            if piece := self._pieces.get(what):
                piece[0] = piece[1]
        self._say_now_and_then()

    def pulled(self) -> None:
        """The model is there."""
        with self._lock:
            self._pulling = False
            self.fetched = True
        self._say()

    def environment(self, message: str) -> None:
        """What the making of the environment is at; empty once it is made."""
        self._environment = message
        self.made = not message
        self._say()

    def _say_now_and_then(self) -> None:
        if time.monotonic() - self._told >= _EVERY:
            self._say()

    def _say(self) -> None:
        self._told = now = time.monotonic()
        sentences = []
        if self._pulling:
            with self._lock:
                done, total = (sum(column) for column in zip(*self._pieces.values(), strict=True))
            rate = done / max(now - self._began, 0.001)
            share = 100 * done // total if total else 0
            amount = f"{bytes_as_text(done)} of {bytes_as_text(total)}, {bytes_as_text(rate)}/s"
            sentences.append(f"pulling the model: {share} % ({amount})")
        if self._environment:
            sentences.append(f"creating the environment: {self._environment}")
        if sentences:
            reason = "PullingModel" if self._pulling else "CreatingEnvironment"
            self._loop.call_soon_threadsafe(self._tell, reason, "; ".join(sentences))


def bytes_as_text(count: float) -> str:
    """Return a number of bytes as a person reads it, in powers of 1000: ``98.4 MB``."""
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 else f"{count:.1f} {_UNITS[unit]}"
