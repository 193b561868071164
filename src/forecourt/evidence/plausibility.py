"""Which published points of performance cannot be what they say, as far as the points themselves show it.

- *Out of line.* A request with fewer tokens in and out is not much slower than one with more, on the same hardware with
  the same model. Measurements scatter by some percent; a point that another one contradicts by a factor of 1.5 is a
  misprint. Of two points that contradict each other, the one that contradicts more others is doubted.
- *Copied.* Two models that have the same number at each size, all of them, were not both measured: a row was copied,
  or one of the names is wrong. Which of them was measured, the numbers do not say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from forecourt.evidence.model import Direction, Performance

SCATTER = Decimal("1.5")
"""The factor by which a smaller request may be slower than a larger one before one of the two is doubted."""

FEWEST_ALIKE = 4
"""How many sizes two models need to have in common for equal numbers at all of them to be no coincidence."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Points that cannot be right, or not all of them, and the sentence that says why."""

    points: tuple[Performance, ...]
    sentence: str


def doubts(points: Iterable[Performance]) -> tuple[Doubt, ...]:
    """Return what the points say against each other: those out of line first, then those that were copied."""
    series: dict[tuple[str, ...], list[Performance]] = defaultdict(list)
    for point in points:
        series[(point.model, point.provenance.source, *_setting(point))].append(point)
    out_of_line = [doubt for one in series.values() for doubt in _out_of_line(one)]
    return (*out_of_line, *_copied(list(series.values())))


def _setting(point: Performance) -> tuple[str, ...]:
    return (
        point.hardware_type,
        str(point.hardware_count),
        point.metric,
        point.framework,
        point.framework_version,
        point.provenance.tier,
    )


def _out_of_line(series: Sequence[Performance]) -> list[Doubt]:
    found: list[Doubt] = []
    left = list(series)
    while True:
        against = {point: [other for other in left if _contradict(point, other)] for point in left}
        worst = max(left, key=lambda point: len(against[point]), default=None)
        if worst is None or not (others := against[worst]):
            return found
        found.append(Doubt((worst,), _sentence(worst, others[0])))
        left.remove(worst)


def _contradict(one: Performance, other: Performance) -> bool:
    return _much_slower(one, other) or _much_slower(other, one)


def _much_slower(small: Performance, large: Performance) -> bool:
    """Return whether a request that is no larger in anything takes longer than another, by more than scatter."""
    if small.input_tokens > large.input_tokens or small.output_tokens > large.output_tokens:
        return False
    if small.metric.direction is Direction.LOWER:
        return small.value > SCATTER * large.value
    return small.value * SCATTER < large.value


def _sentence(point: Performance, other: Performance) -> str:
    return (
        f"{point.model} on {point.hardware_type} is said to have {point.value} {point.unit} with {_size(point)}, "
        f"but {other.value} {other.unit} with {_size(other)}."
    )


def _size(point: Performance) -> str:
    return f"{point.input_tokens:,} tokens in and {point.output_tokens:,} out"


def _copied(series: Sequence[Sequence[Performance]]) -> list[Doubt]:
    alike: dict[tuple[object, ...], list[Performance]] = defaultdict(list)
    for points in series:
        if len(points) >= FEWEST_ALIKE:
            numbers = sorted((each.input_tokens, each.output_tokens, each.value) for each in points)
            alike[(*_setting(points[0]), *numbers)].extend(points)
    found = []
    for points in alike.values():
        names = sorted({each.model for each in points})
        if len(names) > 1:
            first = points[0]
            count = len({(each.input_tokens, each.output_tokens) for each in points})
            found.append(
                Doubt(
                    tuple(points),
                    f"{' and '.join(names)} are said to have the same {first.metric} at all {count} sizes "
                    f"on {first.hardware_type}: they were not all measured.",
                )
            )
    return found
