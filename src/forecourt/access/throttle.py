"""How often one may try to sign in: after a few failures one waits, each time twice as long."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from forecourt.errors import TooMany

_FREE = {"both": 5, "address": 20, "name": 50}
"""Failures without a wait: of one name from one address, from one address, of one name from everywhere."""

_FIRST_WAIT, _LONGEST_WAIT = 2.0, 900.0  # seconds
_FORGOTTEN = 3600.0  # seconds without a failure
_MOST = 20_000  # names and addresses that are remembered


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0


class Throttle:
    """Counts failures to sign in. `clock` gives seconds that only grow. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def attempt(self, name: str, address: str) -> None:
        """Count an attempt as a failure until it `succeeded`; raises `TooMany` where one has to wait, and counts none.

        It is counted beforehand, so that many at once are no way around it.
        """
        now = self._clock()
        with self._lock:
            waits = [self._wait(key, now) for key in _keys(name, address)]
            if (wait := max(waits)) > 0:
                seconds = math.ceil(wait)
                raise TooMany(
                    "There were too many attempts to sign in.",
                    seconds=seconds,
                    hint=f"Try again in {seconds} seconds." if seconds > 1 else "Try again in a second.",
                )
            for key in _keys(name, address):
                failures = self._failures.setdefault(key, _Failures())
                failures.count, failures.last = failures.count + 1, now
                self._failures.move_to_end(key)
            while len(self._failures) > _MOST:
                self._failures.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of a name from an address, and that this attempt counted as one of others."""
        with self._lock:
            both, *others = _keys(name, address)
            self._failures.pop(both, None)
            for key in others:
                if key in self._failures:
                    self._failures[key].count -= 1

    def _wait(self, key: tuple[str, str], now: float) -> float:
        failures = self._failures.get(key)
        if failures is None:
            return 0.0
        if now - failures.last > _FORGOTTEN:
            del self._failures[key]
            return 0.0
        beyond = failures.count - _FREE[key[0]]
        wait = 0.0 if beyond < 0 else min(_FIRST_WAIT * 2.0 ** min(beyond, 16), _LONGEST_WAIT)
        return failures.last + wait - now


def _keys(name: str, address: str) -> tuple[tuple[str, str], ...]:
    return ("both", f"{address} {name}"), ("address", address), ("name", name)
