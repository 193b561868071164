"""What takes up environments: the programs that run in them, and the disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from forecourt.processes import marker

_BLOCK = 512  # bytes: the unit of st_blocks, whatever the file system's own is


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Bytes on disk. `own` are those that nothing else has hard links to, so that removing it frees them."""

    size: int
    own: int


def disk_use(*roots: Path) -> DiskUse:
    """Return what directories take on disk together: a file once, however many hard links lead to it.

    uv hard-links what it installs from its cache, where the file system lets it. Blocks; it takes about ten seconds for
    a million files.
    """
    seen: dict[tuple[int, int], list[int]] = {}
    for status in _statuses(roots):
        if (status.st_dev, status.st_ino) in seen:
            seen[status.st_dev, status.st_ino][1] -= 1
        else:
            links = status.st_nlink - 1 if not _is_directory(status) else 0
            seen[status.st_dev, status.st_ino] = [status.st_blocks * _BLOCK, links]
    size = sum(size for size, _ in seen.values())
    return DiskUse(size, sum(size for size, links_elsewhere in seen.values() if links_elsewhere <= 0))


def occupants(home: Path, environments: Path) -> dict[str, set[str]]:
    """Return which of a home's programs run in which environment below a directory: their ids, by its key."""
    found: dict[str, set[str]] = {}
    for process in marker.marked(marker.home_id(home)):
        root = Path(marker.environment_of(process.pid).get("VIRTUAL_ENV", ""))
        if process.id and root.parent == environments:
            found.setdefault(root.name, set()).add(process.id)
    return found


def _statuses(roots: Iterable[Path]) -> Iterator[os.stat_result]:
    left = [str(root) for root in roots]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    yield entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
        except OSError:  # it is being removed
            continue


def _is_directory(status: os.stat_result) -> bool:
    return (status.st_mode & 0o170000) == 0o040000
