"""Several things at once, their results in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import islice

import pytest

from forecourt.catalog.remote.ahead import ahead
from forecourt.errors import Unavailable


def test_results_come_in_the_order_of_the_items_and_several_are_worked_on_at_once() -> None:
    most, going, lock = 0, 0, threading.Lock()

    def work(number: int) -> int:
        nonlocal most, going
        with lock:
            going += 1
            most = max(most, going)
        time.sleep(0.02 if number % 3 else 0.06)
        with lock:
            going -= 1
        return number * number

    found = list(ahead(work, range(20), lambda: None, 4))
    assert found == [number * number for number in range(20)]
    assert most == 4


def test_items_are_asked_for_in_the_callers_thread_and_not_long_before_they_are_needed() -> None:
    asked: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            assert threading.current_thread() is threading.main_thread()
            asked.append(number)
            yield number

    results = ahead(lambda number: number, items(), lambda: None, 4)
    assert next(results) == 0
    assert asked == [0, 1, 2, 3]
    results.close()
    assert asked == [0, 1, 2, 3]


def test_when_the_caller_goes_away_what_goes_on_is_made_to_end_and_waited_for() -> None:
    leave, begun, ended = threading.Event(), [], []

    def work(number: int) -> int:
        begun.append(number)
        if number:
            leave.wait(10)
        ended.append(number)
        return number

    results = ahead(work, range(100), leave.set, 4)
    assert next(results) == 0
    results.close()
    assert sorted(begun) == sorted(ended)
    assert len(begun) <= 4


def test_what_fails_ends_all() -> None:
    left: list[bool] = []

    def work(number: int) -> int:
        return 10 // (3 - number)

    results = ahead(work, range(100), lambda: left.append(True), 2)
    assert [next(results), next(results), next(results)] == [3, 5, 10]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert left == [True]


def test_where_the_items_break_off_what_was_begun_comes_first() -> None:
    def items() -> Iterator[int]:
        yield from range(6)
        raise Unavailable("The list broke off.")

    results = ahead(lambda number: number, items(), lambda: None, 4)
    assert list(islice(results, 6)) == [0, 1, 2, 3, 4, 5]
    with pytest.raises(Unavailable, match="broke off"):
        next(results)
