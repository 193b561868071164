"""Load over HTTP/1.1: clients that each send their next request as soon as the last one is answered.

Light enough not to be what is measured: a process of its own, requests that are bytes already, and a parser in C. What
it can do at most, against a server that does nothing: ``python benchmarks/load.py``.

A client holds *conversations*, generators that yield requests and are sent the bodies of the answers, so that a request
can follow from an answer (an id, the token of a next page). A status other than 200 or 201, and a connection that ends
before its answer, is an error; errors are counted, never left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import socket
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import httptools

Conversation = Generator[bytes, bytes, None]
Conversations = Callable[[], Iterator[Conversation]]
"""What the clients take their conversations from; called in the load's process, before the clock starts."""

SILENCE = 120.0
"""How long an answer is waited for, in seconds."""


@dataclass(frozen=True)
class Load:
    """Who asks what, and for how long."""

    port: int
    conversations: Conversations
    clients: int
    seconds: float | None = None
    """Until when conversations are held, from the end of the warm-up; None: until there are no more of them."""
    warm_up: float = 0.0
    """Seconds at the start that do not count."""


@dataclass(frozen=True)
class Outcome:
    """What came of it; times in seconds."""

    answers: int
    took: float
    median: float
    p95: float
    p99: float
    longest: float
    busy: float
    """The part of a core that the load itself needed."""
    all_answers: int
    """With those of the warm-up."""
    errors: int = 0
    error: str = ""
    """What the first error was."""
    cpu: float = 0.0
    """Seconds of the server's CPU for an answer, where whoever measures adds it."""

    @property
    def rate(self) -> float:
        """Answers/s."""
        return self.answers / self.took if self.took else 0.0


def measure(load: Load) -> Outcome:
    """Put the load on a server, from a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        return executor.submit(_measure, load).result()


def _measure(load: Load) -> Outcome:
    return asyncio.run(_Work(load).run())


# The clients


@dataclass
class _Work:
    """What the clients have in common."""

    load: Load
    clients: set[_Client] = field(default_factory=set)
    times: list[float] = field(default_factory=list)
    answers: int = 0
    errors: int = 0
    error: str = ""
    counted: float = 0.0
    end: float = float("inf")
    last: float = 0.0

    async def run(self) -> Outcome:
        self.conversations = self.load.conversations()
        for _ in range(self.load.clients):
            await self.connect()
        self.done = asyncio.Event()
        began, cpu = time.perf_counter(), time.process_time()
        self.counted = began + self.load.warm_up
        if self.load.seconds is not None:
            self.end = self.counted + self.load.seconds
        for client in list(self.clients):
            client.converse()
        while self.clients:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.done.wait(), 1)
            silent = time.perf_counter() - SILENCE
            for client in [client for client in self.clients if client.began < silent]:
                client.fail(f"no answer within {SILENCE:g} s")
                client.leave()
        elapsed = time.perf_counter() - began
        busy = (time.process_time() - cpu) / elapsed
        times = sorted(self.times)
        parts = (times[int(len(times) * part)] if times else 0.0 for part in (0.5, 0.95, 0.99))
        longest = times[-1] if times else 0.0
        took = max(self.last - self.counted, 0.0)
        return Outcome(len(times), took, *parts, longest, busy, self.answers, self.errors, self.error)

    async def connect(self) -> _Client:
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(lambda: _Client(self), "127.0.0.1", self.load.port)
        self.clients.add(client)
        return client


class _Client(asyncio.Protocol):
    """One connection that stays open."""

    def __init__(self, work: _Work) -> None:
        self.work = work
        self.conversation: Conversation | None = None
        self.began = float("inf")
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.parser = httptools.HttpResponseParser(self)
        self.body: list[bytes] = []

    def converse(self, answer: bytes | None = None) -> None:
        """Send the next request of this conversation, or the first of the next one; leave where there is none."""
        while time.perf_counter() < self.work.end:
            try:
                if self.conversation is None:
                    self.conversation = next(self.work.conversations)
                    request = next(self.conversation)
                else:
                    request = self.conversation.send(answer or b"")
            except StopIteration:
                if self.conversation is None:
                    break
                self.conversation = None
                continue
            self.began = time.perf_counter()
            self.transport.write(request)
            return
        self.leave()

    def leave(self) -> None:
        self.began = float("inf")
        self.work.clients.discard(self)
        self.transport.close()
        if not self.work.clients:
            self.work.done.set()

    def fail(self, error: str) -> None:
        self.work.errors += 1
        self.work.error = self.work.error or error

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.fail(f"no HTTP: {error}")
            self.leave()

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        now, work = time.perf_counter(), self.work
        work.answers += 1
        body = b"".join(self.body)
        self.body.clear()
        status = self.parser.get_status_code()
        if status not in (200, 201):
            self.fail(f"{status} {body[:500]!r}")
            self.conversation = None
        elif self.began >= work.counted:
            work.times.append(now - self.began)
            work.last = now
        self.began = float("inf")
        if self.parser.should_keep_alive():
            self.converse(body)
        else:
            self.continued = asyncio.ensure_future(self._go_on(body))

    async def _go_on(self, body: bytes) -> None:
        """Go on over a new connection, as the server asked for."""
        client = await self.work.connect()
        self.work.clients.discard(self)
        client.conversation = self.conversation
        client.converse(body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.began != float("inf"):
            self.fail(f"the connection ended before the answer ({exc})")
            self.leave()


# Requests


def get(port: int, path: str) -> bytes:
    """Return the bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n\r\n".encode()


def post(port: int, path: str, data: bytes) -> bytes:
    """Return the bytes of a POST of JSON."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


def repeated(requests: Sequence[bytes]) -> Iterator[Conversation]:
    """Yield conversations that send these requests one after the other, for ever, each from another place on."""
    start = 0
    while True:
        yield _repeat(requests, start % len(requests))
        start += 7919


def _repeat(requests: Sequence[bytes], start: int) -> Conversation:
    number, count = start, len(requests)
    while True:
        yield requests[number]
        number = (number + 1) % count


# The most that it can do


class _Nothing(asyncio.Protocol):
    """Answers every request, of which each is one segment, with the same kilobyte."""

    REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + b" " * 1000

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(self.REPLY)  # type: ignore[attr-defined]


def _serve_nothing(listening: socket.socket) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Nothing, sock=listening)
        await server.serve_forever()

    asyncio.run(serve())


def ceiling(clients: int, seconds: float) -> Outcome:
    """Measure a server that does nothing, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        port = listening.getsockname()[1]
        server = multiprocessing.get_context("spawn").Process(target=_serve_nothing, args=(listening,))
        server.start()
        try:
            return measure(Load(port, partial(repeated, [get(port, "/")]), clients, seconds, 0.5))
        finally:
            server.kill()
            server.join()


def main() -> None:
    for clients in (1, 8, 32):
        outcome = ceiling(clients, 3)
        print(
            f"{clients:>3} clients: {outcome.rate:,.0f} requests/s, median {outcome.median * 1e3:.3f} ms, "
            f"p99 {outcome.p99 * 1e3:.3f} ms, {outcome.busy:.0%} of a core, {outcome.errors} errors"
        )


if __name__ == "__main__":
    main()
