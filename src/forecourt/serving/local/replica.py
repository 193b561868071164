"""One process that serves a model: watched from its start, asked whether it is ready, retired in the end."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections.abc import Callable

import aiohttp

from forecourt.processes import Footprint, Process
from forecourt.serving.driver import Running
from forecourt.serving.endpoints import Replica
from forecourt.serving.local.probe import ReadinessProbe

HOST = "127.0.0.1"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0  # seconds between two questions to a replica that is starting
_PAUSE_SHARE = 0.03  # of the time that it has been starting: so much longer it may seem to take
_WEIGH_SECONDS = 3.0  # between two looks at the memory of a replica that starts, or comes near its limit
_WEIGH_SELDOM_SECONDS = 15.0  # of any other: a look walks all its pages
_NEAR = 0.5  # of the limit
_FENCE_SECONDS = 60.0  # between two looks at what a replica that is ready listens on


class LocalReplica:
    """A process, whose labels say its revision, ordinal and port, and the address that the gateway knows it by.

    `changed` is called whenever `ready`, `gone`, `exposed` or `over_limit` change. Times are those of `time.monotonic`,
    in seconds.

    What it serves is for the gateway, which asks for tokens; so a replica that listens to other machines too is not
    made ready: `exposed` says where it listens. With `fenced` false that is not looked at.

    `used` is the memory that it was last seen to use. `over_limit` is how much of it the system cannot take back, once
    that is more than `limit` (bytes; 0: none). Pages of mapped files do not count: a cgroup's limit has the kernel drop
    those before it kills.
    """

    def __init__(
        self,
        process: Process,
        *,
        probe: ReadinessProbe,
        session: aiohttp.ClientSession,
        changed: Callable[[], None],
        fenced: bool = True,
        limit: int = 0,
        weighed: Callable[[Process, Footprint], None] = lambda *_: None,
    ) -> None:
        self.process = process
        self.revision = process.labels["revision"]
        self.ordinal = int(process.labels["ordinal"])
        self.port = int(process.labels["port"])
        self.endpoint = Replica(process.id, f"http://{HOST}:{self.port}")
        self.ready = False
        self.gone = False
        self.exposed: tuple[str, ...] = ()
        self.started = time.monotonic()
        self.ready_since: float | None = None
        self._probe = probe
        self._session = session
        self._changed = changed
        self._fenced = fenced
        self._looked = float("-inf")
        self.limit = limit
        self.over_limit = 0
        self.used = Footprint()
        self._weighed = weighed
        self._task = asyncio.create_task(self._watch())
        self._weighing = asyncio.create_task(self._weigh())

    @property
    def running(self) -> Running:
        """What it is, for whoever measures it."""
        process = self.process
        started = process.started.timestamp()
        return Running(process.id, process.pid, self.endpoint.url, self.used.total, self.ready, started)

    @property
    def was_ready_for(self) -> float:
        """How long it has been ready, in seconds; 0 where it never was."""
        return 0.0 if self.ready_since is None else time.monotonic() - self.ready_since

    @property
    def starting_for(self) -> float:
        """How long it has been starting, in seconds; 0 once it was ready."""
        return 0.0 if self.ready_since is not None else time.monotonic() - self.started

    async def retire(self, *, drain: float, grace: float) -> None:
        """Let it finish its requests for `drain` seconds, end it within `grace` more, and forget its log."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain):
                await self.endpoint.drained()
        await self.process.stop(grace)
        await self.leave()
        self.process.forget()

    async def leave(self) -> None:
        """Stop watching it; the process goes on."""
        for task in (self._task, self._weighing):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        end = asyncio.create_task(self.process.wait())
        try:
            pause, refusals = _FIRST_PAUSE, 0
            while not end.done():
                question = asyncio.create_task(self._probe.ask(self._session, HOST, self.port))
                await asyncio.wait({end, question}, return_when=asyncio.FIRST_COMPLETED)
                if end.done():
                    question.cancel()
                    break
                refusals = 0 if question.result() else refusals + 1
                if question.result() and await self._reaches_others():
                    self._turn(ready=False)
                elif question.result() and not self.ready:
                    self._turn(ready=True)
                elif self.ready and refusals >= self._probe.failures:
                    self._turn(ready=False)
                await asyncio.wait({end}, timeout=self._probe.period if self.ready else pause)
                pause = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, _PAUSE_SHARE * self.starting_for))
            self.gone = True
            self._turn(ready=False)
        finally:
            end.cancel()

    async def _weigh(self) -> None:
        """Look at the memory that it uses, again and again, until it has ended or used too much."""
        while not self.gone:
            used = await asyncio.to_thread(self.process.footprint)
            self.used = used
            self._weighed(self.process, used)
            if self.limit and used.kept > self.limit:
                self.over_limit = used.kept
                self._changed()
                return
            near = bool(self.limit) and used.kept > _NEAR * self.limit
            seldom = self.ready_since is not None and not near
            await asyncio.sleep(_WEIGH_SELDOM_SECONDS if seldom else _WEIGH_SECONDS)

    async def _reaches_others(self) -> bool:
        """Look, now and then, whether it listens on any address but the machine's own."""
        if self._fenced and time.monotonic() - self._looked >= _FENCE_SECONDS:
            listening = await asyncio.to_thread(self.process.listening)
            self.exposed = tuple(sorted(f"{ip}:{port}" for ip, port in listening if not _is_loopback(ip)))
            self._looked = time.monotonic()
        return bool(self.exposed)

    def _turn(self, *, ready: bool) -> None:
        self.ready = ready
        if ready and self.ready_since is None:
            self.ready_since = time.monotonic()
        self._changed()


def _is_loopback(address: str) -> bool:
    """Say whether nobody but this machine can reach an address; IPv4 may be written as IPv6 has it."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def free_port() -> int:
    """Return a port that nobody listens on now; should another program take it first, the replica starts again."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
