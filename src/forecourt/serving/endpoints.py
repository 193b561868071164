"""Where requests for a deployment can go: what the reconcile loop publishes and the gateway reads.

The drivers publish what they see (a replica is ready, one is on its way, none is wanted); the gateway chooses among the
ready replicas, counts what each has in hand, and holds requests while one is on its way. All of it belongs to one event
loop: nothing here may be called from another thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(eq=False)
class Replica:
    """One running copy of a model, at `url` (scheme, host and port, no path).

    `outstanding` is how many requests it has in hand. Whoever publishes a replica keeps it and publishes the same
    object again for as long as it is the same process, so that the count is right.
    """

    id: str
    url: str
    outstanding: int = 0
    _drained: list[asyncio.Future[None]] = field(default_factory=list, repr=False)

    def begin(self) -> None:
        """Count a request in."""
        self.outstanding += 1

    def end(self) -> None:
        """Count a request out: its response is complete, or given up."""
        self.outstanding -= 1
        if not self.outstanding and self._drained:
            _wake(self._drained)

    async def drained(self) -> None:
        """Return when no request is in hand. Stop publishing the replica first, or new ones keep coming."""
        while self.outstanding:
            await _next(self._drained)


@dataclass(eq=False)
class Load:
    """How many requests a deployment has, those that are held too: `now`, and over time.

    `answered` are those that have ended, `failed` those of them that ended with a server's error. `last` is when the
    last one came or went, by `time.monotonic`.
    """

    now: int = 0
    answered: int = 0
    failed: int = 0
    last: float = field(default_factory=time.monotonic)
    _area: float = 0.0

    def change(self, by: int) -> None:
        """Count requests in or out."""
        moment = time.monotonic()
        self._area = self.area(moment)
        self.last = moment
        self.now += by

    def area(self, moment: float) -> float:
        """Return the time that all requests have taken so far, together, in seconds."""
        return self._area + self.now * max(0.0, moment - self.last)


@dataclass(eq=False)
class Endpoint:
    """A deployment as the gateway sees it; its owner changes it through `Endpoints.publish`.

    `replicas` are the ready ones; where they are of two revisions, `shares` says how many percent of the requests go to
    which of them. `waiting` says that one is on its way, so that requests are held rather than refused,
    and `message` is what a person is told meanwhile: "pulling the model: 41 %", "stopped". `created` is when it was
    first published, in seconds since the epoch. `patience` is how long, in seconds, a request may be held where that is
    longer than usual. An endpoint that is `withdrawn` has no replicas and never will again.
    """

    namespace: str
    name: str
    replicas: tuple[Replica, ...] = ()
    shares: tuple[tuple[int, tuple[Replica, ...]], ...] = ()
    waiting: bool = False
    message: str = ""
    patience: float = 0.0
    load: Load = field(default_factory=Load)
    wake: Callable[[], None] | None = field(default=None, repr=False)
    created: int = field(default_factory=lambda: int(time.time()))
    withdrawn: bool = False
    _changed: list[asyncio.Future[None]] = field(default_factory=list, repr=False)

    def begin(self) -> None:
        """Count a request in, and wake the deployment where it sleeps."""
        self.load.change(1)
        if self.wake and not self.replicas:
            self.wake()

    def end(self, *, failed: bool = False) -> None:
        """Count a request out."""
        self.load.change(-1)
        self.load.answered += 1
        self.load.failed += failed

    async def changed(self, seconds: float) -> None:
        """Return when it is next published or withdrawn, or after `seconds`, whichever is first."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _next(self._changed)


class Endpoints:
    """Every endpoint by namespace and name. Not thread-safe."""

    def __init__(self) -> None:
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._withdrawn: list[Callable[[Endpoint], None]] = []

    def publish(
        self,
        namespace: str,
        name: str,
        replicas: Iterable[Replica],
        *,
        waiting: bool,
        message: str = "",
        shares: Iterable[tuple[int, Iterable[Replica]]] = (),
        patience: float = 0.0,
        wake: Callable[[], None] | None = None,
    ) -> Endpoint:
        """Say what can serve the deployment now, and wake every request that is held for it.

        `replicas` are those that are ready; `waiting` says that one more is on its way. Neither means stopped or
        failed: requests are refused at once, with `message`. `wake` is called when a request comes and none is ready.
        """
        endpoint = self._endpoints.get((namespace, name))
        if endpoint is None:
            endpoint = self._endpoints[namespace, name] = Endpoint(namespace, name)
        endpoint.replicas = tuple(replicas)
        endpoint.shares = tuple((percent, tuple(those)) for percent, those in shares)
        endpoint.waiting = waiting
        endpoint.message = message
        endpoint.patience = patience
        endpoint.wake = wake
        _wake(endpoint._changed)
        return endpoint

    def withdraw(self, namespace: str, name: str) -> None:
        """Forget the deployment: it was deleted. Streams that run go on; requests that are held end with 404."""
        endpoint = self._endpoints.pop((namespace, name), None)
        if endpoint is None:
            return
        endpoint.replicas = endpoint.shares = ()
        endpoint.waiting = False
        endpoint.wake = None
        endpoint.withdrawn = True
        for tell in self._withdrawn:
            tell(endpoint)
        _wake(endpoint._changed)

    def get(self, namespace: str, name: str) -> Endpoint | None:
        """Return the deployment's endpoint, or None where there is no such deployment."""
        return self._endpoints.get((namespace, name))

    def __iter__(self) -> Iterator[Endpoint]:
        """Yield every endpoint, in the order in which they were first published."""
        return iter(tuple(self._endpoints.values()))

    def on_withdraw(self, tell: Callable[[Endpoint], None]) -> None:
        """Call `tell` with each endpoint that is withdrawn from now on."""
        self._withdrawn.append(tell)


async def _next(waiters: list[asyncio.Future[None]]) -> None:
    """Wait until the next `_wake` of `waiters`."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiters.append(future)
    try:
        await future
    finally:
        with contextlib.suppress(ValueError):  # woken: the list was emptied
            waiters.remove(future)


def _wake(waiters: list[asyncio.Future[None]]) -> None:
    woken, waiters[:] = tuple(waiters), ()
    for future in woken:
        if not future.done():
            future.set_result(None)
