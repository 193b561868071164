"""A process's log: appended to by the process itself, so that it outlives the server, and rotated under its hands.

The process holds the file open, so rotation copies and truncates; because it appends, it goes on at the new start.
What is written in the instant between the last read and the truncation is lost (as with logrotate's copytruncate).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_BLOCK = 64 * 1024
_FARTHEST = 4 * 1024 * 1024


def open_log(path: Path) -> int:
    """Open a log for a process to append to, and return the descriptor."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def rotate(path: Path, limit: int, keep: int) -> bool:
    """Move what a log holds to ``log.1`` where it is longer than `limit` bytes, and say whether it was.

    The older ones move up; `keep` of them are kept. A crash on the way leaves lines twice, never not at all.
    """
    try:
        if path.stat().st_size <= limit:
            return False
    except FileNotFoundError:
        return False
    aside = _rotated(path, 0)
    with path.open("r+b", buffering=0) as log, aside.open("wb", buffering=0) as copy:
        shutil.copyfileobj(log, copy, 1024 * 1024)
        for number in range(keep - 1, 0, -1):
            if _rotated(path, number).exists():
                _rotated(path, number).replace(_rotated(path, number + 1))
        while block := log.read(_BLOCK):  # what came meanwhile
            copy.write(block)
        os.ftruncate(log.fileno(), 0)
    aside.replace(_rotated(path, 1))
    return True


def tail(path: Path, lines: int) -> tuple[str, ...]:
    """Return the last lines of a log, and of the one before it where it was rotated just now."""
    found: list[bytes] = []
    for log in (path, _rotated(path, 1)):
        if len(found) < lines:
            found = _last_lines(log, lines - len(found)) + found
    return tuple(line.decode(errors="replace").rstrip("\r") for line in found)


def _last_lines(path: Path, lines: int) -> list[bytes]:
    """Read a file backwards, no farther than is needed."""
    try:
        with path.open("rb", buffering=0) as file:
            at = end = file.seek(0, os.SEEK_END)
            text = b""
            while at and text.count(b"\n") <= lines and end - at < _FARTHEST:
                before, at = at, max(0, at - _BLOCK)
                file.seek(at)
                text = file.read(before - at) + text
    except FileNotFoundError:
        return []
    return text.removesuffix(b"\n").split(b"\n")[-lines:] if text and lines > 0 else []


def _rotated(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
