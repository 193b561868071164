"""Files that share their bytes on the disk: reflinks, hard links, and what frees them."""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path

from forecourt.oci.blob import CHUNK

_FICLONE = 0x40049409  # ioctl_ficlone(2)


def reflink(source: Path, destination: Path) -> bool:
    """Share the source's blocks, copy on write, where the file system can; the source is left as it is."""
    if sys.platform != "linux":
        return False
    with source.open("rb") as reading, destination.open("xb") as writing:
        try:
            fcntl.ioctl(writing.fileno(), _FICLONE, reading.fileno())
        except OSError:
            destination.unlink()
            return False
    return True


def hardlink(source: Path, destination: Path) -> bool:
    """Give a file a second name, where the file system can."""
    try:
        destination.hardlink_to(source)
    except OSError:
        return False
    return True


def same_bytes(one: Path, other: Path) -> bool:
    """Say whether two files hold the same."""
    with one.open("rb", buffering=0) as a, other.open("rb", buffering=0) as b:
        while left := a.read(CHUNK):
            if left != b.read(CHUNK):
                return False
        return not b.read(1)


def unlink(path: Path) -> int:
    """Remove a file, and return its size where this frees it."""
    try:
        seen = path.stat()
        path.unlink()
    except FileNotFoundError:
        return 0
    return seen.st_size if seen.st_nlink == 1 else 0
