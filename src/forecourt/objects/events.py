"""Who watches objects is told of their changes, in order, however fast or slow they listen.

What happened of late is kept in memory, so that a client which lists and then watches misses nothing. One that
asks for what is no longer kept is told to list again, as Kubernetes tells it (410 Expired).
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from forecourt.errors import Expired

_KEPT = 2048  # events of late
_BEHIND = 8192  # events that one who listens may be behind before being told to list again

EventType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Event:
    """A change of an object; `document` is the object after it, or as it was last where it is deleted."""

    type: EventType
    kind: str
    resource_version: int
    document: dict[str, Any]


class Subscription:
    """The events that one listener has not seen yet."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Event] = asyncio.Queue()

    async def next(self) -> Event:
        """Wait for the next event; raises `Expired` where the listener fell too far behind."""
        if self._queue.qsize() > _BEHIND:
            raise _expired()
        return await self._queue.get()

    def put(self, event: Event) -> None:
        """Hand over an event, from any thread."""
        # One too many may be handed over, which `next` notices; a listener who never comes back takes no more memory.
        if self._queue.qsize() <= _BEHIND:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, event)


class Events:
    """The changes of late, and who listens for those to come; `start` is the last change that is not kept."""

    def __init__(self, start: int) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Event] = deque(maxlen=_KEPT)
        self._floor = start
        self._subscriptions: set[Subscription] = set()

    def publish(self, event: Event) -> None:
        """Tell everyone, from any thread."""
        with self._lock:
            if len(self._kept) == _KEPT:
                self._floor = self._kept[0].resource_version
            self._kept.append(event)
            for subscription in list(self._subscriptions):
                try:
                    subscription.put(event)
                except RuntimeError:  # its event loop is closed
                    self._subscriptions.discard(subscription)

    @contextmanager
    def subscribe(self, since: int | None) -> Iterator[Subscription]:
        """Listen, from the first event after the resource version `since` on, or from now; raises `Expired`."""
        subscription = Subscription()
        with self._lock:
            if since is not None:
                if since < self._floor:
                    raise _expired()
                for event in self._kept:
                    if event.resource_version > since:
                        subscription.put(event)
            self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)


def _expired() -> Expired:
    return Expired("The changes that were asked for are no longer kept.", hint="List the objects again, then watch.")
