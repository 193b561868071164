"""How long to wait before a replica is started again: not at all, then 1 s, 2 s, 4 s … up to a minute."""

from __future__ import annotations

import time

_FIRST, _LONGEST = 1.0, 60.0  # seconds
STEADY_SECONDS = 30.0
"""A replica that was ready for so long did well: its end counts as the first."""
BLOCKED_AFTER = 3
"""So many failures in a row, and the deployment is called blocked: requests are refused rather than held."""


class Backoff:
    """Counts failures in a row and says when the next attempt is due (by `time.monotonic`)."""

    def __init__(self) -> None:
        self.failures = 0
        self.pause = 0.0  # before the next attempt, in seconds
        self._due = 0.0

    def failed(self, *, steady: bool) -> None:
        """Count a failure; `steady` says that it had run well before, so that this is the first in a row."""
        self.failures = 1 if steady else self.failures + 1
        self.pause = 0.0 if steady else min(_LONGEST, _FIRST * 2.0 ** (self.failures - 1))
        self._due = time.monotonic() + self.pause

    def reset(self) -> None:
        """Forget all failures: something else is to be tried now."""
        self.failures, self.pause, self._due = 0, 0.0, 0.0

    @property
    def remaining(self) -> float:
        """Seconds until the next attempt is due; 0 when it is."""
        return max(0.0, self._due - time.monotonic())

    @property
    def blocked(self) -> bool:
        """Whether it has failed too often to expect the next attempt to do better."""
        return self.failures >= BLOCKED_AFTER
