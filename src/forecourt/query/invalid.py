"""The one error of this package."""

from __future__ import annotations

from forecourt.errors import InvalidInput


class InvalidFilter(InvalidInput):
    """A filterQuery that cannot be read, or that does not fit what it filters.

    `column` is where in the text, from 1; one past its end where something is missing there.
    """

    def __init__(self, problem: str, *, column: int, hint: str = "") -> None:
        super().__init__(f"invalid filterQuery at column {column}: {problem}", hint=hint)
        self.column = column
