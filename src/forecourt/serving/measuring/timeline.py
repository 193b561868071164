"""Samples on a line of time: how long each kind is kept, and how fine ones become coarse ones.

Ten seconds each for the last hour, minutes for a day, ten minutes for a week, hours for a month: a deployment that is
never idle has about 4,000 rows of some 200 bytes, under a megabyte, however long it runs. One that is idle has a row in
ten minutes, which says that it goes on so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from forecourt.serving.measuring.sample import Sample

HOLD_SECONDS = 600
"""How often an idle deployment is written down all the same."""
REACH_SECONDS = HOLD_SECONDS + 60
"""How long a sample that is held may stand for what came after: where nothing follows it, the server was not there."""

_HOUR, _DAY = 3600, 86400


@dataclass(frozen=True, slots=True)
class Tier:
    """Samples of `step` seconds, kept for `keep` seconds at least."""

    step: int
    keep: int


TIERS = (
    Tier(10, _HOUR + 600),
    Tier(60, _DAY + _HOUR),
    Tier(600, 7 * _DAY + 6 * _HOUR),
    Tier(3600, 31 * _DAY),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A sample of `step` seconds that begins at `start` (seconds since the epoch)."""

    start: int
    step: int
    sample: Sample


@dataclass(frozen=True, slots=True)
class Bucket:
    """What came together in a stretch of time; `seen` says that a sample was taken in it, and it is not all held."""

    sample: Sample
    seen: bool


def spread(placed: Sequence[Placed], start: int, end: int, step: int) -> Mapping[int, Bucket]:
    """Return what was in each stretch of `step` seconds from `start` to `end`, by its beginning.

    `placed` are in order, none longer than `step` and each within a stretch; those before `start` are there to be held.
    """
    found: dict[int, Bucket] = {}

    def put(at: int, sample: Sample, seen: bool) -> None:
        there = found.get(at)
        if there is None:
            found[at] = Bucket(sample, seen)
        else:
            found[at] = Bucket(there.sample + sample, there.seen or seen)

    for index, one in enumerate(placed):
        if start <= one.start < end:
            put(_begin(one.start, step), one.sample, seen=True)
        if one.sample.held:
            until = placed[index + 1].start if index + 1 < len(placed) else end
            first = one.start + one.step
            for begin, seconds in _pieces(max(first, start), min(until, first + REACH_SECONDS, end), step):
                put(begin, one.sample.idle(seconds), seen=False)
    return found


def _begin(moment: int, step: int) -> int:
    return moment - moment % step


def _pieces(start: int, end: int, step: int) -> Iterable[tuple[int, int]]:
    """Yield the stretches between two moments, each with how many seconds of it are between them."""
    while start < end:
        begin = _begin(start, step)
        stop = min(end, begin + step)
        yield begin, stop - start
        start = stop
