"""Whether a printed recovery is what its own two scores give.

Scores and recovery are rounded, so a recovery that differs from the quotient of the printed scores may still be right.
It agrees where some pair of true scores, which round to the printed ones, has a true recovery that rounds to the
printed one. The scores vary independently, so their quotients fill an interval: from the lowest score over the highest
baseline to the highest over the lowest. The claim agrees where that interval meets the one of the values that round to
the claim. Both are exact and have their ends, so no honest claim is called a contradiction.

Each number is taken to be rounded in its last printed digit. That needs the text that was printed: 65.00, read as a
float and written again, is 65.0, whose interval is ten times as wide.

An average of tasks has two recoveries that authors print: that of the two averages, and the mean of the tasks'
recoveries. A claim about an average agrees where it agrees with either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from forecourt.evidence.interval import Interval, cut_off, mean, rounded
from forecourt.evidence.model import Basis, Comparison, Direction


class Verdict(StrEnum):
    """What comes of a recovery that was looked at."""

    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    UNCLAIMED = "unclaimed"
    UNCHECKABLE = "uncheckable"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the scores say of a claim.

    `computed` is the recovery that the printed scores give on the claim's own basis, `possible` all that they leave
    open, in percent. `reason` says why a claim could not be checked, or what it was found to agree with. `cut_off` is
    set where a contradiction is one of the last digit only: digits were left out instead of rounded.
    """

    verdict: Verdict
    computed: Decimal | None = None
    possible: Interval | None = None
    difference: Decimal | None = None
    reason: str = ""
    cut_off: bool = False


def judge(comparison: Comparison, parts: Sequence[Comparison] = ()) -> Judgement:
    """Return what the scores say of the claim; `parts` are the tasks that an average is taken over."""
    claim = comparison.claim
    if claim is None:
        partial = comparison.baseline is None or comparison.score is None
        verdict = Verdict.UNCHECKABLE if partial else Verdict.UNCLAIMED
        return Judgement(verdict, comparison.recovery, possible(comparison), reason=comparison.no_recovery)
    computed, left_open = _computed(comparison, claim.basis), possible(comparison, claim.basis)
    if computed is None or left_open is None:
        why = comparison.no_recovery or "Nothing is missing from the baseline's score to the whole."
        return Judgement(Verdict.UNCHECKABLE, reason=why)
    difference, claimed = claim.value - computed, rounded(claim.value)
    if claimed.meets(left_open):
        return Judgement(Verdict.AGREES, computed, left_open, difference)
    if comparison.task.is_average and (of_tasks := _mean_of(parts, claim.basis)) and claimed.meets(of_tasks):
        return Judgement(Verdict.AGREES, computed, left_open, difference, "It is the mean of the tasks' recoveries.")
    only_cut_off = cut_off(claim.value).meets(left_open)
    return Judgement(Verdict.CONTRADICTS, computed, left_open, difference, cut_off=only_cut_off)


def judge_all(comparisons: Sequence[Comparison]) -> tuple[Judgement, ...]:
    """Return a judgement for each comparison of one table, where an average is one over its suite."""
    return tuple(judge(each, tasks_of(each, comparisons)) for each in comparisons)


def tasks_of(average: Comparison, comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Return the tasks that an average is taken over: those of its suite; none for what is no average."""
    if not average.task.is_average:
        return ()
    return tuple(each for each in comparisons if not each.task.is_average and each.task.suite == average.task.suite)


def possible(comparison: Comparison, basis: Basis = Basis.SCORES) -> Interval | None:
    """Return all recoveries, in percent, of true scores that round to the printed ones; None where there is none."""
    if (printed := _divided(comparison, basis)) is None:
        return None
    above, below = map(rounded, printed)
    if basis is Basis.COMPLEMENT and (whole := comparison.task.unit.whole):
        above, below = above.below(whole), below.below(whole)
    quotients = above.over(below)
    return quotients and Interval(quotients.low * 100, quotients.high * 100)


def _computed(comparison: Comparison, basis: Basis) -> Decimal | None:
    if (printed := _divided(comparison, basis)) is None:
        return None
    above, below = printed
    if basis is Basis.COMPLEMENT and (whole := comparison.task.unit.whole):
        above, below = whole - above, whole - below
    return above * 100 / below


def _divided(comparison: Comparison, basis: Basis) -> tuple[Decimal, Decimal] | None:
    """Return the two scores in the order in which they are divided, or None where that cannot be done."""
    if comparison.baseline is None or comparison.score is None:
        return None
    score, baseline = comparison.score.value, comparison.baseline.value
    if basis is Basis.COMPLEMENT:
        whole = comparison.task.unit.whole
        return (score, baseline) if whole is not None and 0 <= baseline < whole and score >= 0 else None
    if comparison.no_recovery:
        return None
    return (baseline, score) if comparison.task.direction is Direction.LOWER else (score, baseline)


def _mean_of(parts: Sequence[Comparison], basis: Basis) -> Interval | None:
    known = [found for each in parts if (found := possible(each, basis))]
    return mean(known) if known else None
