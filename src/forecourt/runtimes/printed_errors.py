"""What a program has printed before it gave up, so that the last line of its log can say why.

The scripts beside it import it, in the environments of their runtimes: it needs the standard library alone.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

_MOST_BYTES = 4 * 1024 * 1024


class PrintedErrors:
    """The errors that this process, or a library in it, prints from now on, where standard error is a file."""

    def __init__(self) -> None:
        seen = os.fstat(sys.stderr.fileno())
        self._begins = seen.st_size if stat.S_ISREG(seen.st_mode) else None

    def reasons(self, error: re.Pattern[str]) -> Iterator[str]:
        """Yield what the group ``why`` of `error` is in each line that it matches, the first line first."""
        if self._begins is None:
            return
        try:
            with Path(f"/dev/fd/{sys.stderr.fileno()}").open("rb") as log:
                log.seek(self._begins)
                lines = log.read(_MOST_BYTES).decode(errors="replace").splitlines()
        except OSError:
            return
        yield from (found["why"] for line in lines if (found := error.match(line)))
