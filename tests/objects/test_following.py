"""Following goes on: anew where it fell behind, and after a while where it failed."""

from __future__ import annotations

import asyncio
import logging

import pytest

from forecourt.errors import Expired, Unavailable
from forecourt.objects import following, keep_following


class Followed:
    """What is followed: each time it raises the next of some errors, and at last it is cancelled."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1
        if not self.errors:
            raise asyncio.CancelledError
        raise self.errors.pop(0)


async def follow(followed: Followed) -> None:
    with pytest.raises(asyncio.CancelledError):
        await keep_following(followed, "It was not followed")


async def test_who_falls_behind_begins_anew_at_once(caplog):
    expired = Expired("The changes are no longer kept.")
    followed = Followed(expired, ExceptionGroup("two", [expired, expired]))
    await follow(followed)
    assert (followed.times, caplog.records) == (3, [])


async def test_what_fails_is_logged_and_tried_again(caplog, monkeypatch):
    monkeypatch.setattr(following, "_AGAIN_SECONDS", 0.01)
    mixed = ExceptionGroup("two", [Expired("…"), ZeroDivisionError()])
    followed = Followed(Unavailable("The database does not answer."), mixed)
    with caplog.at_level(logging.ERROR):
        await follow(followed)
    assert followed.times == 3
    assert [record.getMessage() for record in caplog.records] == ["It was not followed; it will be tried again."] * 2
