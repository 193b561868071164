"""Times of files, as the API says them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path


def instant(seconds: float) -> str:
    """Return a time in seconds since the epoch as RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def changed(path: Path) -> str | None:
    """Return when a file was changed last; None where it is gone."""
    try:
        return instant(path.stat().st_mtime)
    except OSError:
        return None
