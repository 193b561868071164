"""Ranges of bytes: HTTP's, for reading a blob, and the distribution specification's, for writing one in chunks."""

from __future__ import annotations

import re
from dataclasses import dataclass

_REQUESTED = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII | re.IGNORECASE)
# The specification has ``start-end``; clients that write HTTP's own form are understood too.
_CONTENT = re.compile(r"(?:bytes\s+)?(\d+)-(\d+)(?:/(?:\d+|\*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """`length` bytes from `start` of something."""

    start: int
    length: int

    @property
    def last(self) -> int:
        """The number of the last byte, which HTTP counts in."""
        return self.start + self.length - 1


class Unsatisfiable(ValueError):
    """A range that has no bytes in common with what there is."""


def requested(header: str | None, size: int) -> Span | None:
    """Read a ``Range`` header about something of `size` bytes (RFC 9110, section 14.2).

    None means all of it: no header, one that is malformed, of another unit or of several ranges, which a server may
    disregard. Raises `Unsatisfiable`.
    """
    match = _REQUESTED.fullmatch(header or "")
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the last so many bytes
        length = min(int(last), size)
        start = size - length
    else:
        start = int(first)
        if last and int(last) < start:
            return None
        length = min(int(last) + 1 if last else size, size) - start
    if length <= 0:
        raise Unsatisfiable
    return Span(start, length)


def sent(header: str) -> Span | None:
    """Read the ``Content-Range`` of a chunk; None where it is malformed."""
    match = _CONTENT.fullmatch(header.strip())
    if not match:
        return None
    first, last = map(int, match.groups())
    return Span(first, last - first + 1) if first <= last else None
