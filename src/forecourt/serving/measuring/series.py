"""What was measured, as series over an hour, a day, a week or a month."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from forecourt.errors import InvalidInput
from forecourt.serving.gateway import DURATION_BOUNDS, FIRST_BYTE_BOUNDS
from forecourt.serving.measuring.sample import Distribution, Sample
from forecourt.serving.measuring.store import Measurements
from forecourt.serving.measuring.timeline import TIERS, Bucket, Tier, spread

_HOUR, _DAY = 3600, 86400
_FIVE_MINUTES = 300


@dataclass(frozen=True, slots=True)
class Range:
    """A range of time that can be asked for: its length and the step between two points, in seconds."""

    seconds: int
    step: int
    tier: Tier


RANGES: Mapping[str, Range] = {
    "1h": Range(_HOUR, 60, TIERS[0]),
    "24h": Range(_DAY, 900, TIERS[1]),
    "7d": Range(7 * _DAY, 2 * _HOUR, TIERS[2]),
    "30d": Range(30 * _DAY, 8 * _HOUR, TIERS[3]),
}

Value = Callable[[Sample], float | None]


def _each(distribution: Callable[[Sample], Distribution], bounds: Sequence[float]) -> dict[str, Value]:
    """Return the values of a distribution, in milliseconds."""

    def quantile(part: float) -> Value:
        return lambda sample: _milliseconds(distribution(sample).quantile(part, bounds))

    return {
        "Mean": lambda sample: _milliseconds(distribution(sample).mean),
        "P50": quantile(0.5),
        "P90": quantile(0.9),
        "P99": quantile(0.99),
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _per_five_minutes(count: int, sample: Sample) -> float | None:
    return count * _FIVE_MINUTES / sample.seconds if sample.seconds else None


SERIES: Mapping[str, tuple[str, Value]] = {
    "requestsSucceeded": ("requests per 5 minutes", lambda sample: _per_five_minutes(sample.succeeded, sample)),
    "requestsFailed": ("requests per 5 minutes", lambda sample: _per_five_minutes(sample.failed, sample)),
    **{f"responseTime{name}": ("ms", v) for name, v in _each(lambda s: s.durations, DURATION_BOUNDS).items()},
    **{f"timeToFirstToken{name}": ("ms", v) for name, v in _each(lambda s: s.first_bytes, FIRST_BYTE_BOUNDS).items()},
    "tokensPerSecond": ("tokens/s", lambda sample: None if sample.tokens is None else sample.level(sample.tokens)),
    "requestsInFlight": ("requests", lambda sample: sample.level(sample.requests)),
    "cpu": ("cores", lambda sample: sample.level(sample.cpu)),
    "memory": ("bytes", lambda sample: sample.level(sample.memory)),
    "replicas": ("replicas", lambda sample: sample.level(sample.replicas)),
}
"""What can be told of a stretch of time, each with its unit."""


def series(measurements: Measurements, uid: str, asked: str, now: float) -> dict[str, Any]:
    """Return a deployment's series over the range that is asked for (``1h``, ``24h``, ``7d``, ``30d``), up to `now`.

    Raises `InvalidInput` for another range.
    """
    if asked not in RANGES:
        raise InvalidInput(f"range is {asked[:50]!r}.", hint=f"Say one of {', '.join(RANGES)}.")
    chosen = RANGES[asked]
    step = chosen.step
    end = int(now) + 1
    start = end - end % step + step - chosen.seconds
    buckets = spread(measurements.read(uid, chosen.tier, start, end), start, end, step)
    moments = list(range(start, end, step))
    whole = _whole(buckets)
    return {
        "range": asked,
        "start": _written(start),
        "end": _written(end),
        "step": step,
        "times": moments,
        "series": [
            {"name": name, "unit": unit, "values": [_rounded(value, buckets.get(moment)) for moment in moments]}
            for name, (unit, value) in SERIES.items()
        ],
        "totals": {
            "requestsSucceeded": whole.succeeded,
            "requestsFailed": whole.failed,
            "tokens": None if whole.tokens is None else round(whole.tokens),
        },
    }


def _whole(buckets: Mapping[int, Bucket]) -> Sample:
    whole = Sample()
    for bucket in buckets.values():
        whole += bucket.sample
    return whole


def _rounded(value: Value, bucket: Bucket | None) -> float | None:
    found = value(bucket.sample) if bucket else None
    if found is None:
        return None
    return float(f"{found:.4g}") if abs(found) < 1000 else round(found)


def _written(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
