"""How long work says what it is doing: to a progress bar, to a status message, or to nobody."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of pieces of work, each by its name (a file's, a blob's title) and its size in bytes.

    May be called from several threads at once.
    """

    def begin(self, what: str, total: int) -> None:
        """Work on `what` begins; it has `total` bytes."""

    def advance(self, what: str, count: int) -> None:
        """`count` more bytes of it are done; negative where some have to be done again."""

    def done(self, what: str, note: str) -> None:
        """It is done; `note` says how in a word or two: ``pushed``, ``already there``, ``linked``."""


class Silent:
    """A `Progress` that tells nobody."""

    def begin(self, what: str, total: int) -> None:
        """Do nothing."""

    def advance(self, what: str, count: int) -> None:
        """Do nothing."""

    def done(self, what: str, note: str) -> None:
        """Do nothing."""


SILENT = Silent()
