"""Which hardware is recommended: Kubeflow's rules, each by a case that was reckoned by hand."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.recommendations import Configuration, recommended


def configured(*rows: tuple[float | None, float | None, float | None] | tuple[Any, ...]) -> list[Configuration]:
    """Return configurations of (latency, hardware count, requests/s) and maybe another type of hardware."""
    return [
        Configuration(number, row[3] if len(row) > 3 else "H100", row[1], row[0], row[2])
        for number, row in enumerate(rows)
    ]


def kept(*rows: tuple[Any, ...], rps: float = 0) -> list[int]:
    return [one.number for one in recommended(configured(*rows), rps)]


@pytest.mark.parametrize(
    ("target", "rps", "replicas", "total"),
    [
        (10, 4.0, 3, 12.0),
        (10, 5.0, 2, 10.0),
        (10, 10.5, 1, 10.5),
        (1, 100.0, 1, 100.0),
        (10, None, 10, 10.0),  # what one takes was not measured, so it counts as one request/s
        (10, 0.0, 10, 10.0),
        (10, -3.0, 10, 10.0),
        (0, 4.0, 1, 4.0),
        (2**31 - 1, 1e-300, 2**31 - 1, (2**31 - 1) * 1e-300),
        (2**31 - 1, 5e-324, 2**31 - 1, (2**31 - 1) * 5e-324),
    ],
)
def test_replicas_are_as_many_as_take_the_requests(target: int, rps: float, replicas: int, total: float) -> None:
    one = Configuration(0, "H100", 1, 100, rps)
    assert (one.replicas(target), one.total_rps(target)) == (replicas, total)


def test_what_is_slower_and_no_cheaper_goes() -> None:
    # Costs 1, 2, 4: the fastest is the dearest. (300, 4) is slower than (200, 2), and dearer.
    assert kept((400, 1, 1.0), (200, 2, 1.0), (100, 4, 1.0), (300, 4, 1.0)) == [0, 1, 2]


def test_what_costs_the_same_and_is_slower_goes() -> None:
    assert kept((200, 2, 1.0), (100, 2, 1.0)) == [1]


def test_of_the_same_latency_the_fewer_machines_stay() -> None:
    assert kept((100, 4, 1.0), (100, 2, 1.0)) == [1]


def test_five_per_cent_faster_are_not_worth_it_and_a_little_more_are() -> None:
    assert kept((1000, 1, 1.0), (950, 2, 1.0)) == [0]
    assert kept((1000, 1, 1.0), (949, 2, 1.0)) == [0, 1]


def test_once_it_is_fast_it_takes_ten_per_cent() -> None:
    assert kept((100, 1, 1.0), (91, 2, 1.0)) == [0]
    assert kept((100, 1, 1.0), (90, 2, 1.0)) == [0]
    assert kept((100, 1, 1.0), (89, 2, 1.0)) == [0, 1]
    assert kept((101, 1, 1.0), (94, 2, 1.0)) == [0, 1]


def test_a_gain_is_reckoned_from_the_last_that_was_kept() -> None:
    # 960 gains 4 % on 1000; 920 gains 8 % on 1000, though 4 % on 960.
    assert kept((1000, 1, 1.0), (960, 2, 1.0), (920, 3, 1.0)) == [0, 2]


def test_types_of_hardware_are_looked_at_apart() -> None:
    assert kept((400, 1, 1.0, "A100"), (500, 2, 1.0, "H100"), (100, 8, 1.0, "A100")) == [0, 1, 2]


def test_what_it_costs_goes_with_the_requests_that_are_wanted() -> None:
    small, large = (200, 1, 1.0), (100, 4, 8.0)
    assert kept(small, large) == [0, 1]
    assert kept(small, large, rps=8) == [1]  # eight of the small ones cost 8, one of the large ones 4


def test_they_come_in_the_order_in_which_they_were_given() -> None:
    assert kept((100, 4, 1.0), (400, 1, 1.0), (200, 2, 1.0)) == [0, 1, 2]


def test_what_was_not_measured_comes_last_and_costs_as_one() -> None:
    assert kept((None, 1, 1.0), (100, 2, 1.0)) == [0, 1]  # the only one for so little
    assert kept((None, 2, 1.0), (100, 2, 1.0)) == [1]
    assert kept((0, 2, 1.0), (-5, 2, 1.0), (100, 2, 1.0)) == [2]
    assert kept((200, 2, 1.0), (100, None, 1.0)) == [1]
    assert kept((200, None, 1.0), (100, 2, 1.0)) == [0, 1]
    assert kept((None, None, None)) == [0]
    assert kept((None, None, None), (None, None, None)) == [0]


def test_nothing_gives_nothing() -> None:
    assert recommended([], 5) == []


NUMBERS = st.none() | st.sampled_from([-1.0, 0.0, 1.0, 2.0, 4.0, 50.0, 95.0, 100.0, 105.0, 200.0, 5e-324, 1e308])
CONFIGURATIONS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["", "A100", "H100"])), max_size=10)


@given(CONFIGURATIONS, st.integers(0, 100))
def test_what_is_recommended_is_a_front_of_cost_and_latency(rows: list[Any], target: int) -> None:
    everything = configured(*rows)
    chosen = recommended(everything, target)
    assert [one.number for one in chosen] == sorted(one.number for one in chosen)
    assert {one.hardware_type for one in chosen} == {one.hardware_type for one in everything}

    def latency(one: Configuration) -> float:
        return one.latency if one.latency is not None and one.latency > 0 else math.inf

    def cost(one: Configuration) -> float:
        count = one.hardware_count if one.hardware_count is not None and one.hardware_count > 0 else 1
        return count * one.replicas(target or 1)

    for kind in {one.hardware_type for one in chosen}:
        theirs = sorted((one for one in chosen if one.hardware_type == kind), key=cost)
        group = [one for one in everything if one.hardware_type == kind]
        assert min(map(cost, group)) == cost(theirs[0])  # the cheapest is always among them
        for cheaper, dearer in pairwise(theirs):
            assert cost(cheaper) < cost(dearer)
            assert latency(cheaper) > latency(dearer)
        for one in theirs:  # nothing is both faster and no dearer
            assert not any(latency(other) < latency(one) and cost(other) <= cost(one) for other in group)
    assert recommended(chosen, target) == chosen
