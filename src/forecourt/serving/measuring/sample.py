"""What was seen of a deployment during some seconds.

All that is in a sample adds up: two that follow each other make one of both. What is a level (memory, replicas) is kept
as its sum over time, so that a mean over any stretch is right.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

_NOTHING: list[float | None] = [0, 0, 0, 0, 0, 0, 0, None, 0, 0, 0]


@dataclass(frozen=True, slots=True)
class Distribution:
    """How long things took: `total` seconds together, and how many of them took no longer than each bound (seconds)."""

    total: float = 0.0
    counts: Mapping[float, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts.values())

    @property
    def mean(self) -> float | None:
        """How long they took on average, in seconds; None where there were none."""
        return self.total / self.count if self.count else None

    def __add__(self, other: Distribution) -> Distribution:
        if not other.counts:
            return self
        counts = dict(self.counts)
        for bound, count in other.counts.items():
            counts[bound] = counts.get(bound, 0) + count
        return Distribution(self.total + other.total, counts)

    def __sub__(self, before: Distribution) -> Distribution:
        """Return what came after `before`, an earlier reading of the same counts."""
        later = {bound: count - before.counts.get(bound, 0) for bound, count in self.counts.items()}
        return Distribution(self.total - before.total, {bound: count for bound, count in later.items() if count > 0})

    def quantile(self, part: float, bounds: Sequence[float]) -> float | None:
        """Return the seconds that a part of them took no longer than, as Prometheus' histogram_quantile estimates it.

        `bounds` are those of the histogram, rising: between two of them an even spread is assumed, and what is above
        the last is said to be at it. None where there were none.
        """
        wanted, below = part * self.count, 0
        for bound in sorted(self.counts):
            inside = self.counts[bound]
            if below + inside >= wanted and inside:
                at = bisect_left(bounds, bound)
                if at >= len(bounds):
                    return bounds[-1]
                low = bounds[at - 1] if at else 0.0
                return low + (bound - low) * max(0.0, wanted - below) / inside
            below += inside
        return None


@dataclass(frozen=True, slots=True)
class Sample:
    """`seconds` of a deployment.

    `succeeded` and `failed` are requests that ended, `durations` and `first_bytes` how long they and their first bytes
    took. `tokens` were generated (None: the runtime does not say). `requests` are request-seconds, `cpu` core-seconds,
    `memory` byte-seconds, `replicas` replica-seconds. One that is `held` goes on: until the next sample nothing
    is asked of the deployment and its replicas are as they were.
    """

    seconds: float = 0.0
    succeeded: int = 0
    failed: int = 0
    durations: Distribution = Distribution()
    first_bytes: Distribution = Distribution()
    tokens: float | None = None
    requests: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0
    replicas: float = 0.0
    held: bool = False

    def __add__(self, later: Sample) -> Sample:
        tokens = None if self.tokens is None and later.tokens is None else (self.tokens or 0.0) + (later.tokens or 0.0)
        return Sample(
            self.seconds + later.seconds,
            self.succeeded + later.succeeded,
            self.failed + later.failed,
            self.durations + later.durations,
            self.first_bytes + later.first_bytes,
            tokens,
            self.requests + later.requests,
            self.cpu + later.cpu,
            self.memory + later.memory,
            self.replicas + later.replicas,
            later.held,
        )

    def level(self, integral: float) -> float | None:
        """Return the mean level of something that is kept as its sum over time; None where nothing was seen."""
        return integral / self.seconds if self.seconds else None

    def idle(self, seconds: float) -> Sample:
        """Return how it goes on while nothing is asked of it."""
        part = seconds / self.seconds if self.seconds else 0.0
        tokens = None if self.tokens is None else 0.0
        return Sample(
            seconds if self.seconds else 0.0,
            tokens=tokens,
            memory=self.memory * part,
            replicas=self.replicas * part,
            held=True,
        )

    def ended(self) -> Sample:
        """Return it as the last of its kind: what comes after is not known."""
        return replace(self, held=False)

    def encode(self) -> str:
        """Return it as JSON, short: what is 0 at its end is left out."""
        values = [
            round(self.seconds, 2),
            int(self.held),
            _number(self.memory),
            _number(self.replicas),
            _number(self.cpu),
            self.succeeded,
            self.failed,
            None if self.tokens is None else _number(self.tokens),
            _number(self.requests),
            _spread(self.durations),
            _spread(self.first_bytes),
        ]
        while values and values[-1] == _NOTHING[len(values) - 1]:
            values.pop()
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> Sample:
        """Return what `encode` wrote."""
        values = json.loads(text)
        values += _NOTHING[len(values) :]
        seconds, held, memory, replicas, cpu, succeeded, failed, tokens, requests, durations, first_bytes = values
        return cls(
            seconds,
            succeeded,
            failed,
            _read(durations),
            _read(first_bytes),
            tokens,
            requests,
            cpu,
            memory,
            replicas,
            bool(held),
        )


def _number(value: float) -> float:
    return int(value) if value == int(value) or abs(value) >= 1e5 else round(value, 4)


def _spread(distribution: Distribution) -> list[object] | int:
    if not distribution.counts:
        return 0
    counts = {f"{bound:g}": count for bound, count in sorted(distribution.counts.items())}
    return [round(distribution.total, 5), counts]


def _read(value: list[object] | int) -> Distribution:
    if not isinstance(value, list):
        return Distribution()
    total, counts = value
    assert isinstance(total, int | float)
    assert isinstance(counts, dict)
    return Distribution(total, {float(bound): count for bound, count in counts.items()})
