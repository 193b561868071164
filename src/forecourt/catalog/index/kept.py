"""Answers that are kept, those that were asked for last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Kept:
    """At most so many answers, by their questions. Threads may share it.

    `functools.lru_cache` around a method of an object would keep the object alive until the garbage collector comes by,
    which it rarely does where there is much: a snapshot is to go when the next one is there.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: dict[object, Any] = {}

    def once(self, question: object, answer: Callable[[], Any]) -> Any:
        """Return what `answer` returns, asked once as long as not much else was asked for since."""
        try:
            found = self._answers.pop(question)
        except KeyError:
            found = answer()
            if len(self._answers) >= self._most:
                self._answers.pop(next(iter(self._answers)), None)
        self._answers[question] = found
        return found
