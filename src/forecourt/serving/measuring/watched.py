"""One deployment as it is measured: what was last read of it, and what there is to write down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from forecourt.serving.driver import Running
from forecourt.serving.gateway import Counts, Times
from forecourt.serving.measuring.sample import Distribution, Sample
from forecourt.serving.measuring.timeline import HOLD_SECONDS

_IDLE_CORES = 0.05  # so much the replicas of a deployment may use while nothing is asked of it


@dataclass(frozen=True, slots=True)
class Reading:
    """What counters say at a moment. `area` is the request-seconds so far, `cpu` and `tokens` are by replica."""

    counts: Counts = field(default_factory=Counts)
    area: float = 0.0
    cpu: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, float] = field(default_factory=dict)


class Watched:
    """A deployment. `began` is when measuring did: what started before has counted without us."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._before = Reading()
        self._level: tuple[int, int] | None = None
        self._held: int | None = None

    def busy(self, now: Reading) -> bool:
        """Say whether anything was asked of it since the last reading."""
        before = self._before
        ended = (now.counts.succeeded, now.counts.failed) != (before.counts.succeeded, before.counts.failed)
        return ended or now.area > before.area

    def take(self, now: Reading, replicas: Sequence[Running], seconds: float) -> Sample:
        """Return what happened in the `seconds` since the last reading."""
        before, self._before = self._before, replace(now, tokens={**self._before.tokens, **now.tokens})
        fresh = {each.id for each in replicas if each.started >= self._began}
        tokens = _grown(before.tokens, now.tokens, fresh)
        return Sample(
            seconds=seconds,
            succeeded=max(0, now.counts.succeeded - before.counts.succeeded),
            failed=max(0, now.counts.failed - before.counts.failed),
            durations=_distribution(now.counts.durations) - _distribution(before.counts.durations),
            first_bytes=_distribution(now.counts.first_bytes) - _distribution(before.counts.first_bytes),
            tokens=tokens if now.tokens else None,
            requests=max(0.0, now.area - before.area),
            cpu=_grown(before.cpu, now.cpu, fresh),
            memory=sum(each.memory for each in replicas) * seconds,
            replicas=sum(each.ready for each in replicas) * seconds,
        )

    def kept(self, sample: Sample, replicas: Sequence[Running], start: int, *, last: bool = False) -> Sample | None:
        """Return what of a sample is to be written down; None where what was written goes on.

        The `last` one before the server ends says that nothing is known from there on.
        """
        busy = bool(sample.succeeded or sample.failed or sample.requests)
        idle = not busy and (sample.level(sample.cpu) or 0.0) < _IDLE_CORES
        level = (len(replicas), sum(each.ready for each in replicas))
        was = self._level
        self._level = level
        if not replicas and not busy:
            stopped, self._held = was is not None and was[0] > 0, None
            return Sample() if stopped else None
        if last:
            return sample.ended() if not idle or self._held is not None else None
        if not idle:
            self._held = None
            return sample
        if self._held is not None and was == level and start - self._held < HOLD_SECONDS:
            return None
        self._held = start
        return replace(sample, held=True)


def _grown(before: Mapping[str, float], now: Mapping[str, float], fresh: set[str]) -> float:
    """Return by how much counters grew; one that is seen first counts whole if its replica is new, else not at all."""
    return sum(max(0.0, value - before.get(name, 0.0 if name in fresh else value)) for name, value in now.items())


def _distribution(times: Times) -> Distribution:
    return Distribution(times.total, times.counts)
