"""Files that are there whole and for good, or not at all: written aside, synced, renamed, and the rename synced too."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write(path: Path, text: str, staged: Path | None = None) -> None:
    """Put `text` at `path`, readable by its owner alone, by way of `staged` on the same file system (or beside it)."""
    aside = staged or path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    aside.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        move(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_once(path: Path, text: str) -> str:
    """Put `text` at `path` unless another process was first; return what is there."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write(aside, text)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(aside)
    finally:
        aside.unlink(missing_ok=True)
    sync(path.parent)
    return path.read_text()


def move(staged: Path, path: Path) -> None:
    """Rename a file that is synced, and make the rename itself last: the directory is synced too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file's or a directory's content is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
