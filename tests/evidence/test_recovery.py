"""A claim agrees where rounding can explain it, and contradicts its scores where nothing can."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from evidence.made import compared
from hypothesis import assume, given
from hypothesis import strategies as st

from forecourt.evidence import Basis, Comparison, Interval, Verdict, judge, judge_all
from forecourt.evidence.recovery import possible

WER = "Fleurs WER / German"
AVERAGE = "OpenLLM V1 / Average"


def verdict(baseline: str, scored: str, recovery: str, label: str = "GSM8K", basis: Basis = Basis.SCORES) -> Verdict:
    return judge(compared(baseline, scored, recovery, label=label, basis=basis)).verdict


@pytest.mark.parametrize(
    ("baseline", "scored", "recovery"),
    [
        ("80.36", "80.06", "99.6"),
        ("46.10", "46.44", "100.8"),  # 100.7375, of scores that may give 100.759
        ("71.97", "71.44", "99.2"),  # 99.2636, of scores that may give 99.2497
        ("3.7", "5.7", "156.0"),  # 154.05, of scores known to one digit each
        ("49.33", "52", "105.4"),
        ("0.17", "0.33", "190"),
    ],
)
def test_what_rounding_explains_agrees(baseline: str, scored: str, recovery: str) -> None:
    assert verdict(baseline, scored, recovery) is Verdict.AGREES


@pytest.mark.parametrize(
    ("baseline", "scored", "recovery"),
    [
        ("65.02", "65.59", "101.4"),
        ("42.63", "41.07", "99.4"),
        ("81.4", "80.2", "98.0"),
        ("39.42", "33.14", "87.39"),
        ("100.00", "99.50", "99.4"),
    ],
)
def test_what_rounding_does_not_explain_contradicts(baseline: str, scored: str, recovery: str) -> None:
    assert verdict(baseline, scored, recovery) is Verdict.CONTRADICTS


def test_zeros_at_the_end_count_as_digits() -> None:
    assert verdict("80.0", "79.0", "98.6") is Verdict.AGREES
    assert verdict("80.00", "79.00", "98.6") is Verdict.CONTRADICTS
    assert verdict("80.00", "79.00", "99") is Verdict.AGREES
    assert verdict("80.00", "79.00", "99.0") is Verdict.CONTRADICTS


def test_at_the_half_an_author_may_round_either_way() -> None:
    assert verdict("80.000000", "79.960000", "99.9") is Verdict.AGREES  # 99.95
    assert verdict("80.000000", "79.960000", "100.0") is Verdict.AGREES


def test_intervals_that_touch_have_a_value_in_common() -> None:
    low, high, beyond = (Interval(Fraction(each), Fraction(each + 1)) for each in (1, 2, 4))
    assert low.meets(high)
    assert high.meets(low)
    assert not high.meets(beyond)
    assert not beyond.meets(high)


def test_a_contradiction_says_what_the_scores_give() -> None:
    found = judge(compared("65.02", "65.59", "101.4"))
    assert found.computed is not None
    assert found.possible is not None
    assert found.difference is not None
    assert round(found.computed, 3) == Decimal("100.877")
    assert found.possible == Interval(Fraction(65585, 65025) * 100, Fraction(65595, 65015) * 100)
    assert round(found.difference, 3) == Decimal("0.523")
    assert not found.cut_off


def test_a_contradiction_of_digits_that_were_cut_off_is_told_from_others() -> None:
    assert judge(compared("90.45", "90.90", "100.4")).cut_off
    assert not judge(compared("90.45", "90.90", "100.3")).cut_off


def test_a_word_error_rate_that_rose_is_a_recovery_below_100() -> None:
    assert verdict("10.5004", "12.0418", "87.2", WER) is Verdict.AGREES
    assert verdict("10.5004", "12.0418", "114.7", WER) is Verdict.CONTRADICTS


def test_a_recovery_of_the_complement_is_judged_as_such_where_the_card_says_so() -> None:
    assert verdict("3.89", "3.95", "99.9", WER, Basis.COMPLEMENT) is Verdict.AGREES
    assert verdict("3.89", "3.95", "98.5", WER, Basis.COMPLEMENT) is Verdict.CONTRADICTS
    assert verdict("3.89", "3.95", "99.9", WER) is Verdict.CONTRADICTS
    assert verdict("3.89", "3.95", "98.5", WER) is Verdict.AGREES


def test_no_error_at_all_has_a_complement() -> None:
    assert verdict("0.00", "0.10", "99.9", WER, Basis.COMPLEMENT) is Verdict.AGREES


@pytest.mark.parametrize("label", ["LAMBADA (perplexity)", "GSM8K"])
def test_a_complement_that_is_not_there_cannot_be_checked(label: str) -> None:
    found = judge(compared("100.0", "99.0", "99.0", label=label, basis=Basis.COMPLEMENT))
    assert found.verdict is Verdict.UNCHECKABLE
    assert found.reason


@pytest.mark.parametrize(
    ("baseline", "scored", "recovery", "expected", "why"),
    [
        ("0.17", "0.33", None, Verdict.UNCLAIMED, ""),
        ("0.00", "0.00", None, Verdict.UNCLAIMED, "The baseline's score is zero."),
        ("0.00", "0.00", "100.0", Verdict.UNCHECKABLE, "The baseline's score is zero."),
        ("84.77", None, None, Verdict.UNCHECKABLE, "The model has no score."),
        ("84.77", None, "99.0", Verdict.UNCHECKABLE, "The model has no score."),
        (None, None, None, Verdict.UNCHECKABLE, "No scores are there."),
    ],
)
def test_what_cannot_be_checked_says_why(
    baseline: str | None, scored: str | None, recovery: str | None, expected: Verdict, why: str
) -> None:
    found = judge(compared(baseline, scored, recovery))
    assert (found.verdict, found.reason) == (expected, why)


def of_two_tasks(average: Comparison) -> Verdict:
    """100.680 % and 99.589 %: their mean is 100.135 %, the recovery of the averages 100.257 %."""
    tasks = [
        compared("70.62", "71.10", "100.68", label="OpenLLM V1 / IFEval"),
        compared("46.24", "46.05", "99.59", label="OpenLLM V1 / MMLU-Pro"),
        compared("10.00", "20.00", label="OpenLLM V2 / MuSR"),
    ]
    return judge_all([*tasks, average])[-1].verdict


@pytest.mark.parametrize(
    ("recovery", "expected"),
    [
        ("100.26", Verdict.AGREES),
        ("100.13", Verdict.AGREES),
        ("100.20", Verdict.CONTRADICTS),
        ("100.05", Verdict.CONTRADICTS),
    ],
)
def test_an_average_recovers_as_its_averages_or_as_the_mean_of_its_tasks(recovery: str, expected: Verdict) -> None:
    assert of_two_tasks(compared("58.43", "58.58", recovery, label=AVERAGE)) is expected


def test_what_is_no_average_does_not_recover_as_a_mean() -> None:
    assert of_two_tasks(compared("58.43", "58.58", "100.13", label="OpenLLM V1 / BBH")) is Verdict.CONTRADICTS


def test_only_an_average_has_parts() -> None:
    parts = [compared("70.62", "71.10"), compared("46.24", "46.05")]
    assert judge(compared("58.43", "58.58", "100.13", label=AVERAGE), parts).verdict is Verdict.AGREES
    assert judge(compared("58.43", "58.58", "100.13", label="BBH"), parts).verdict is Verdict.CONTRADICTS


def test_an_average_of_nothing_is_judged_by_its_own_scores() -> None:
    assert judge(compared("58.43", "58.58", "100.13", label=AVERAGE)).verdict is Verdict.CONTRADICTS


scores = st.decimals("0.5", "100", places=7)
places = st.integers(0, 3)
roundings = st.sampled_from([ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_HALF_DOWN])
labels = st.sampled_from(["GSM8K", WER, AVERAGE])


def printed(value: Decimal | Fraction, decimals: int, rounding: str) -> str:
    if isinstance(value, Fraction):
        value = Decimal(value.numerator) / Decimal(value.denominator)
    return str(value.quantize(Decimal(1).scaleb(-decimals), rounding))


@given(scores, scores, places, places, places, roundings, labels)
def test_what_an_author_rounds_honestly_is_never_called_a_contradiction(
    baseline: Decimal, scored: Decimal, first: int, second: int, third: int, rounding: str, label: str
) -> None:
    true = Fraction(baseline) / Fraction(scored) if label == WER else Fraction(scored) / Fraction(baseline)
    shown = printed(baseline, first, rounding), printed(scored, second, rounding)
    assume(all(Decimal(each) > 0 for each in shown))
    found = judge(compared(*shown, printed(true * 100, third, rounding), label=label))
    assert found.verdict is Verdict.AGREES


@given(scores, scores, places, places, roundings)
def test_a_complement_that_is_rounded_honestly_agrees(
    baseline: Decimal, scored: Decimal, first: int, second: int, rounding: str
) -> None:
    shown = printed(baseline, first, rounding), printed(scored, first, rounding)
    assume(Decimal(shown[0]) < 99)
    true = printed((100 - Fraction(scored)) / (100 - Fraction(baseline)) * 100, second, rounding)
    found = judge(compared(*shown, true, label=WER, basis=Basis.COMPLEMENT))
    assert found.verdict is Verdict.AGREES


@given(st.lists(st.tuples(scores, scores), min_size=1, max_size=6), places, places, roundings)
def test_an_honest_mean_of_recoveries_is_never_called_a_contradiction(
    pairs: list[tuple[Decimal, Decimal]], first: int, second: int, rounding: str
) -> None:
    assume(all(Decimal(printed(baseline, first, rounding)) > 0 for baseline, _ in pairs))
    tasks = [compared(printed(a, first, rounding), printed(b, first, rounding)) for a, b in pairs]
    mean = sum((Fraction(b) / Fraction(a) for a, b in pairs), Fraction(0)) * 100 / len(pairs)
    average = compared("50.00", "50.00", printed(mean, second, rounding), label=AVERAGE)
    assert judge_all([*tasks, average])[-1].verdict is Verdict.AGREES


@given(scores, scores, st.integers(1, 3), places, st.fractions("0.000001", 40), st.booleans(), labels)
def test_a_claim_beyond_what_rounding_explains_is_always_found(
    baseline: Decimal, scored: Decimal, first: int, second: int, beyond: Fraction, above: bool, label: str
) -> None:
    shown = printed(baseline, first, ROUND_HALF_UP), printed(scored, first, ROUND_HALF_UP)
    open_ = possible(compared(*shown, label=label))
    assume(open_ is not None)
    assert open_ is not None
    half = Fraction(10) ** -second / 2
    wrong = open_.high + half + beyond if above else open_.low - half - beyond
    assume(wrong >= 0)
    unit = 2 * half
    claim = -(-wrong // unit) * unit if above else wrong // unit * unit  # away from the interval, in whole units
    found = judge(compared(*shown, printed(claim, second, ROUND_DOWN), label=label))
    assert found.verdict is Verdict.CONTRADICTS
    assert found.difference is not None
    assert (found.difference > 0) is above


@given(scores, scores, places, labels)
def test_what_the_printed_scores_give_is_among_what_they_leave_open(
    baseline: Decimal, scored: Decimal, decimals: int, label: str
) -> None:
    comparison = compared(
        printed(baseline, decimals, ROUND_HALF_UP), printed(scored, decimals, ROUND_HALF_UP), label=label
    )
    assume(comparison.recovery is not None)
    found = judge(comparison)
    assert found.possible is not None
    assert found.computed is not None
    assert float(found.possible.low) <= float(found.computed) <= float(found.possible.high)
