"""Attempts to sign in: the first few are free, then one waits, twice as long each time."""

from __future__ import annotations

import pytest

from forecourt.access.throttle import Throttle
from forecourt.errors import TooMany


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_wait_doubles_up_to_a_quarter_of_an_hour_and_is_forgotten() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(5):
        throttle.attempt("anna", "10.0.0.1")
    waits = []
    for _ in range(12):
        with pytest.raises(TooMany) as refused:
            throttle.attempt("anna", "10.0.0.1")
        waits.append(refused.value.seconds)
        clock.now += refused.value.seconds
        throttle.attempt("anna", "10.0.0.1")
    assert waits[:4] == [2, 4, 8, 16]
    assert max(waits) == 900
    clock.now += 3601
    throttle.attempt("anna", "10.0.0.1")


def test_one_who_signs_in_begins_anew_and_others_are_not_held_up() -> None:
    throttle = Throttle(Clock())
    for _ in range(5):
        throttle.attempt("anna", "10.0.0.1")
    throttle.attempt("anna", "10.0.0.2")
    throttle.attempt("bert", "10.0.0.1")
    throttle.succeeded("anna", "10.0.0.1")
    throttle.attempt("anna", "10.0.0.1")


def test_an_address_that_tries_many_names_and_a_name_tried_from_many_addresses_wait() -> None:
    throttle = Throttle(Clock())
    for number in range(20):
        throttle.attempt(f"user-{number}", "10.0.0.1")
    with pytest.raises(TooMany):
        throttle.attempt("somebody", "10.0.0.1")
    for number in range(50):
        throttle.attempt("anna", f"10.0.1.{number}")
    with pytest.raises(TooMany):
        throttle.attempt("anna", "10.0.2.1")
