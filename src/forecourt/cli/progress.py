"""How long work shows: a bar for each piece on a terminal, one plain line for each elsewhere. On standard error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from forecourt.cli.invocation import invocation
from forecourt.cli.output import console, rate, seconds, size

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID
    from rich.status import Status

    from forecourt.oci import Progress

_WORTH_TELLING = 0.1  # seconds
_TELL_AGAIN = 10.0  # seconds


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Show each piece of work with its bytes, rate and time to go, and one line when it is done."""
    if invocation.quiet:
        from forecourt.oci import SILENT

        yield SILENT
    elif console.is_terminal:
        with _rich_bars() as bars:
            yield _Bars(bars)
    else:
        yield _Bars(None)


@dataclass(slots=True)
class _Piece:
    total: int
    task: TaskID | None
    done: int = 0
    began: float = field(default_factory=time.monotonic)


class _Bars:
    """A `Progress` of the `oci` room; safe for several threads."""

    def __init__(self, bars: RichProgress | None) -> None:
        self._bars = bars
        self._pieces: dict[str, _Piece] = {}
        self._lock = threading.Lock()

    def begin(self, what: str, total: int) -> None:
        """Show a bar for `what`, of `total` bytes."""
        with self._lock:
            task = self._bars.add_task(what, total=total) if self._bars else None
            self._pieces[what] = _Piece(total, task)

    def advance(self, what: str, count: int) -> None:
        """Move its bar on by `count` bytes."""
        with self._lock:
            piece = self._pieces[what]
            piece.done += count
            if self._bars and piece.task is not None:
                self._bars.advance(piece.task, count)

    def done(self, what: str, note: str) -> None:
        """Put one line in its bar's place: name, bytes, how it was done, and how fast."""
        with self._lock:
            piece = self._pieces.pop(what, None) or _Piece(0, None)
            elapsed = time.monotonic() - piece.began
            fast = f", {rate(piece.done, elapsed)}" if piece.done and elapsed > 0.001 else ""
            line = f"{what}  {size(piece.total)}  {note}  ({seconds(elapsed)}{fast})"
            if self._bars and piece.task is not None:
                self._bars.remove_task(piece.task)
                self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)
            else:
                console.note(line)


def _rich_bars() -> RichProgress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        transient=True,
    )


class Steps:
    """Work in steps whose sizes are not known: what it does now, and one line for each step that is done.

    On a terminal the present step is a line that changes; elsewhere it is told again when it takes long. Steps that are
    over at once are not told.
    """

    def __init__(self, status: Status | None) -> None:
        self._status = status
        self._key = ""
        self._message = ""
        self._began = self._told = time.monotonic()

    def show(self, key: str, message: str) -> None:
        """Say what is done now; a new `key` ends the step before and begins another.

        A message says what, and after a colon how far it is: ``pulling: 41 % (40.2 of 98.4 MB, 230 MB/s)``.
        """
        now = time.monotonic()
        if key != self._key:
            self.end()
            self._key, self._began, self._told = key, now, now
        self._message = message
        if self._status:
            self._status.update(message.replace("[", r"\["))
        elif now - self._told >= _TELL_AGAIN:
            self._told = now
            console.note(message)

    def end(self) -> None:
        """End the present step: say what it was, how much in brackets where that was said, and how long it took."""
        elapsed = time.monotonic() - self._began
        if self._key and elapsed >= _WORTH_TELLING:
            what, _, rest = self._message.partition(": ")
            _, _, much = rest.rpartition("(")
            facts = [much.rstrip(")")] if much.endswith(")") else []
            line = f"{what}  ({', '.join([*facts, seconds(elapsed)])})"
            if self._status:
                self._status.console.print(line, markup=False, highlight=False, soft_wrap=True)
            else:
                console.note(line)
        self._key = self._message = ""


@contextmanager
def steps() -> Iterator[Steps]:
    """Show work in steps."""
    if invocation.quiet or not console.is_terminal:
        yield Steps(None)
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield Steps(status)
