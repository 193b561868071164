"""One number for how much of a model's quality is left: the average recovery.

There are two. `mean_recovery` is ours: the mean of the tasks' recoveries, computed from their scores, each task of each
suite once and no printed average among them. It is what models are searched and sorted by, for every table has it.
`recovery_of_averages` is what most cards put forward: for each suite the recovery of its average score. In it tasks
with high scores weigh more, and tasks with scores near zero hardly at all.

For the same reason the mean of recoveries needs care with scores near zero: 0.33 after 0.17 is a recovery of 194 %, or
of anything from 186 % to 203 %, and says nothing about quality. So a task is left out where rounding alone leaves what
is divided by open by more than 1 %; what is left out is told, and why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from forecourt.evidence.interval import last_digit
from forecourt.evidence.model import Comparison, Direction

LEAST_CERTAIN = Fraction(1, 100)
"""How far from what was printed the divisor of a recovery may be, as a share of it, for the recovery to be averaged."""


@dataclass(frozen=True, slots=True)
class AverageRecovery:
    """A mean of recoveries in percent, None for none; what it is of, and what was left out, with the reason."""

    value: Decimal | None
    counted: tuple[Comparison, ...]
    left_out: tuple[tuple[Comparison, str], ...]


def mean_recovery(comparisons: Iterable[Comparison]) -> AverageRecovery:
    """Return the mean of the recoveries of all tasks, printed averages aside."""
    recoveries: list[Decimal] = []
    counted: list[Comparison] = []
    left_out: list[tuple[Comparison, str]] = []
    for each in comparisons:
        if each.task.is_average:
            continue
        recovery = each.recovery
        if recovery is None or (why := uncertain(each)):
            left_out.append((each, each.no_recovery or why))
        else:
            recoveries.append(recovery)
            counted.append(each)
    value = sum(recoveries, Decimal()) / len(recoveries) if recoveries else None
    return AverageRecovery(value, tuple(counted), tuple(left_out))


def recovery_of_averages(comparisons: Iterable[Comparison]) -> dict[str, Decimal]:
    """Return the recovery, in percent, of the average that a table prints for a suite, by the suite's name."""
    averages = (each for each in comparisons if each.task.is_average)
    return {each.task.suite: recovery for each in averages if (recovery := each.recovery) is not None}


def uncertain(comparison: Comparison) -> str:
    """Return why a recovery is too uncertain to be averaged; empty where it is not, or where there is none."""
    divisor = comparison.score if comparison.task.direction is Direction.LOWER else comparison.baseline
    if comparison.recovery is None or divisor is None:
        return ""
    if last_digit(divisor.value) / 2 <= LEAST_CERTAIN * Fraction(divisor.value):
        return ""
    return f"A score of {divisor.value} is too close to zero for its digits."
