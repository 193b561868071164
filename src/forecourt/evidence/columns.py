"""Whether the columns of a published table are what they are taken for.

A table whose header lacks a heading, or that is read with its columns in the wrong order, has numbers in every row and
none of them means what it seems to. Two things give it away, each by what the rows have in common:

- *A column is missing.* A recovery is made of two scores. Where most rows print one beside a single score, a column
  was lost, and the figures that stand as recoveries are something else.
- *The columns are shifted.* Where most recoveries do not fit their scores, and nearly all would if two of the three
  columns changed places, it is the order that is wrong and not the recoveries. Which order is right, the numbers do
  not say: a baseline and its recovery can change places without a trace, since each is the score divided by the other
  (and of an error rate, the score and the recovery).

One row never condemns a table: what is wrong with one row is said of that row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forecourt.evidence.model import Claim, Comparison, Score
from forecourt.evidence.recovery import Verdict, judge

_FEWEST_MISSING, _FEWEST_SHIFTED = 2, 3
_EXCHANGED = ((1, 0, 2), (0, 2, 1), (2, 1, 0))  # two of baseline, score and recovery in each other's place


def fault(comparisons: Sequence[Comparison]) -> str:
    """Return why the columns of a table cannot be what they are taken for; empty where nothing speaks against them."""
    return _missing(comparisons) or _shifted(comparisons)


def _missing(comparisons: Sequence[Comparison]) -> str:
    claimed = [each for each in comparisons if each.claim]
    single = [(score, each.claim) for each in claimed if each.claim and (score := _only_score(each))]
    if len(single) < _FEWEST_MISSING or 2 * len(single) <= len(claimed):
        return ""
    near = sum(abs(claim.value - score.value) < abs(claim.value - 100) for score, claim in single)
    reason = f"A column is missing: {len(single)} of {len(claimed)} rows print a recovery beside a single score."
    if 2 * near > len(single):
        reason += f" In {near} of them the recovery is nearer to that score than to 100 %, as another score would be."
    return reason


def _only_score(comparison: Comparison) -> Score | None:
    if comparison.baseline and comparison.score:
        return None
    return comparison.baseline or comparison.score


def _shifted(comparisons: Sequence[Comparison]) -> str:
    whole = [each for each in comparisons if each.baseline and each.score and each.claim]
    if len(whole) < _FEWEST_SHIFTED or 2 * _agreeing(whole) >= len(whole):
        return ""
    for order in _EXCHANGED:
        fitting = _agreeing([_reordered(each, order) for each in whole])
        if 10 * fitting >= 9 * len(whole):
            return f"The columns are shifted: {fitting} of {len(whole)} rows fit if they are read in another order."
    return ""


def _agreeing(comparisons: Sequence[Comparison]) -> int:
    return sum(judge(each).verdict is Verdict.AGREES for each in comparisons)


def _reordered(comparison: Comparison, order: tuple[int, ...]) -> Comparison:
    """Return the comparison with each of its three numbers taken from the place that `order` says."""
    assert comparison.baseline and comparison.score and comparison.claim
    places = (comparison.baseline.value, comparison.score.value, comparison.claim.value)
    baseline, score, claim = (places[place] for place in order)
    return replace(
        comparison,
        baseline=replace(comparison.baseline, value=baseline),
        score=replace(comparison.score, value=score),
        claim=Claim(claim, comparison.claim.basis),
    )
