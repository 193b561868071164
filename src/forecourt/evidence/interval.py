"""What a printed number leaves open: the values that round to it.

Everything is exact (`Fraction`), and an interval has both its ends: at the half of the last digit, authors round up,
down or to even, and each of them is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Interval:
    """All values from `low` to `high`, with both."""

    low: Fraction
    high: Fraction

    def meets(self, other: Interval) -> bool:
        """Return whether a value is in both."""
        return self.low <= other.high and other.low <= self.high

    def below(self, whole: int) -> Interval:
        """Return what is missing from each value to the whole."""
        return Interval(whole - self.high, whole - self.low)

    def over(self, other: Interval) -> Interval | None:
        """Return all quotients of the two, of which neither is negative; None where some are without bounds."""
        if other.low <= 0:
            return None
        return Interval(max(self.low, Fraction(0)) / other.high, self.high / other.low)


def last_digit(value: Decimal) -> Fraction:
    """Return what one more in the last printed digit is worth: 1/100 for 65.00."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), "neither infinite nor no number"
    return Fraction(10) ** exponent


def rounded(value: Decimal) -> Interval:
    """Return the values that round to a printed one: half a unit of its last digit to each side."""
    half = last_digit(value) / 2
    return Interval(Fraction(value) - half, Fraction(value) + half)


def cut_off(value: Decimal) -> Interval:
    """Return the values that become a printed one when the digits behind its last are left out."""
    return Interval(Fraction(value), Fraction(value) + last_digit(value))


def mean(intervals: Sequence[Interval]) -> Interval:
    """Return the means of values, one from each interval; there is at least one."""
    count = len(intervals)
    return Interval(
        sum((i.low for i in intervals), Fraction(0)) / count, sum((i.high for i in intervals), Fraction(0)) / count
    )
