"""The Pareto front of what was measured: the points of which none is both faster and takes more than another."""

from __future__ import annotations

from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]]) -> set[int]:
    """Return which of the points, each a latency and a throughput, no other point is better than.

    Another is better where it has no more latency and no less throughput, and one of the two is better indeed. Points
    that are the same are all on the front, or none.
    """
    kept: set[int] = set()
    best: tuple[float, float] | None = None
    for number in sorted(range(len(points)), key=lambda each: (points[each][0], -points[each][1])):
        if best is None or points[number][1] > best[1] or points[number] == best:
            best = points[number]
            kept.add(number)
    return kept
