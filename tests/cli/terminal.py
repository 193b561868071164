"""A command on a terminal, as a person has it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time


class Terminal:
    """A command with a terminal of its own."""

    def __init__(self, *words: str) -> None:
        self._terminal, theirs = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "forecourt", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # makes it the controlling terminal
            env=os.environ | {"TERM": "dumb"},
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def until(self, pattern: str) -> str:
        """Read until the pattern is seen, and return what came since the last call."""
        deadline = time.monotonic() + 20
        while not (found := re.search(pattern, self.seen)):
            assert time.monotonic() < deadline, self.seen
            try:
                self.seen += os.read(self._terminal, 4096).decode(errors="replace")
            except OSError:
                raise AssertionError(f"it ended: {self.seen}") from None
        text, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return text

    def close(self) -> int:
        try:
            return self.process.wait(timeout=20)
        finally:
            self.process.kill()
            os.close(self._terminal)
