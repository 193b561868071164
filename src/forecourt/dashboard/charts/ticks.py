"""Where an axis is marked: at round numbers, at powers of ten, at hours and days that people know."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_TIMES = (
    *(_MINUTE * count for count in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * count for count in (1, 2, 3, 4, 6, 12)),
    *(_DAY * count for count in (1, 2, 3, 5, 7, 14, 28)),
)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: the value that it stands at, and what is written there."""

    value: float
    text: str


def linear(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers, evenly apart, that reach from `low` or below to `high` or above.

    There are at least two, and no more than about `most`. Bounds that are no finite numbers are taken for 0.
    """
    low, high = (value if math.isfinite(value) else 0.0 for value in (low, high))
    low, high = min(low, high), max(low, high)
    if high - low <= max(abs(low), abs(high)) * 1e-9:  # one value: some room around it
        room = abs(high) / 2 or 0.5
        low, high = (0.0, high) if high > 0 else (low - room, high + room)
    step = _round_step((high - low) / max(1, most - 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, 2 - math.floor(math.log10(step)))
    return [round(index * step, digits) + 0.0 for index in range(first, last + 1)]


def _round_step(rough: float) -> float:
    size = 10.0 ** math.floor(math.log10(rough)) if rough > 1e-300 else 1e-300
    return next((step * size for step in _STEPS if step * size >= rough * (1 - 1e-9)), 10 * size)


def logarithmic(low: float, high: float, most: int = 7) -> list[float]:
    """Return marks for a logarithmic axis, from `low` or below to `high` or above; values must be above 0.

    These are 1, 2 and 5 times powers of ten, or the powers alone where that would be more than `most`.
    """
    low, high = max(min(low, high), 1e-12), max(low, high, 1e-12)
    least, greatest = math.floor(math.log10(low) + 1e-12), math.ceil(math.log10(high) - 1e-12)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        marks = [factor * 10.0**power for power in range(least, max(greatest, least + 1) + 1) for factor in factors]
        below = max((mark for mark in marks if mark <= low * (1 + 1e-9)), default=marks[0])
        above = min((mark for mark in marks if mark >= high * (1 - 1e-9)), default=marks[-1])
        kept = [mark for mark in marks if below <= mark <= above]
        if len(kept) <= most:
            break
    if len(kept) < 2:
        kept = sorted({kept[0], kept[0] * 10}) if kept else [low, low * 10]
    every = math.ceil(len(kept) / most)
    return kept if every == 1 else [*kept[:-1:every], kept[-1]]


def times(start: float, end: float, zone: tzinfo = UTC, most: int = 7) -> list[Tick]:
    """Return marks between two moments (seconds since the epoch) at round local times, with what is written there.

    Hours are written ``14:30``, days ``26 Nov``; midnight is written as the day that begins.
    """
    span = max(1.0, end - start)
    step = next((each for each in _TIMES if span / each <= most), _TIMES[-1])
    day = datetime.fromtimestamp(start, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    if step >= _DAY:  # counted from a fixed day, so that the marks stay where they are as time goes on
        day -= timedelta(days=day.toordinal() % (step // _DAY))
    found: list[Tick] = []
    while (midnight := _moment(day, zone)) <= end:
        inside = range(0, _DAY, step) if step < _DAY else (0,)
        for second in inside:
            moment = _moment(day + timedelta(seconds=second), zone) if second else midnight
            if start <= moment <= end:
                found.append(Tick(moment, _written(moment, zone, step)))
        day += timedelta(days=max(1, step // _DAY))
    return found


def _moment(local: datetime, zone: tzinfo) -> float:
    return local.replace(tzinfo=zone).timestamp()


def _written(moment: float, zone: tzinfo, step: int) -> str:
    local = datetime.fromtimestamp(moment, zone)
    if step >= _DAY or (local.hour, local.minute) == (0, 0):
        return f"{local.day} {local:%b}"
    return f"{local:%H:%M}"
