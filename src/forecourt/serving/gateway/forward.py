"""One request, from a client to a replica and back.

A replica is chosen by how few requests it has in hand. While none is ready but one is on its way, the request is held
and goes on the moment one is published. A replica that refuses the connection, or drops it before its response began,
costs the client nothing: the request is sent to another, or held until it is back. From the first byte of the response
on there is no second try, and a stream that breaks is made to look broken.
"""

from __future__ import annotations

import asyncio
import io
import logging
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from starlette.types import Receive, Scope, Send
from yarl import URL

from forecourt.errors import ForecourtError
from forecourt.serving.endpoints import Endpoint, Replica
from forecourt.serving.gateway.client import Watch
from forecourt.serving.gateway.errors import (
    ModelNotFound,
    ModelNotReady,
    ModelStopped,
    UpstreamFailed,
    document,
    refuse,
)
from forecourt.serving.gateway.headers import for_client, for_runtime
from forecourt.serving.gateway.metrics import Metrics, Traffic
from forecourt.serving.gateway.models import model_id

CLIENT_GONE = 499
"""What a request is counted as when nobody was left to answer (nginx's word)."""

_SERVER_ERROR = 500
_DROPS = 2  # a request that two replicas dropped may be what ends them: it is not tried on a third
_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between looks at a replica that refuses but is said to be ready
_COPY = 512 * 1024  # bytes of body that are handed to the HTTP client whole

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Call:
    """A request that is under way to `endpoint`.

    `target` is the path and query for the runtime, as they are sent; `prefix` what was taken off the client's path.
    `body` is None where it is streamed: it then can be sent once only, and `length` is its size where known.
    """

    scope: Scope
    receive: Receive
    send: Send
    endpoint: Endpoint
    target: str
    prefix: str
    body: bytes | None
    length: int | None
    openai: bool


class Forwarder:
    """Sends calls through `session`; requests are held for up to `hold_seconds`."""

    def __init__(self, session: aiohttp.ClientSession, metrics: Metrics, hold_seconds: float) -> None:
        self._session = session
        self._metrics = metrics
        self._hold_seconds = hold_seconds
        self._turn = 0

    async def forward(self, call: Call) -> None:
        """Answer the client, whatever happens."""
        started = time.perf_counter()
        traffic = self._metrics.of(call.endpoint)
        traffic.outstanding += 1
        call.endpoint.begin()
        watch = Watch(call.receive, upload=call.body is None)
        code = CLIENT_GONE
        try:
            replica, response = await self._open(call, watch, traffic)
            try:
                code = await _relay(call, response, traffic, started)
            finally:
                response.close()  # where it is complete, this does nothing
                replica.end()
        except ForecourtError as error:
            code = error.status
            await refuse(call.send, error, openai=call.openai)
        except asyncio.CancelledError:
            if not watch.gone:
                raise
            watch.forgive()
        finally:
            watch.stop()
            if watch.gone:
                code = CLIENT_GONE
                traffic.disconnects.inc()
            traffic.outstanding -= 1
            call.endpoint.end(failed=code >= _SERVER_ERROR)
            traffic.count(code)
            traffic.duration.observe(time.perf_counter() - started)
            traffic.request_bytes.inc(watch.received if call.body is None else len(call.body))

    async def _open(self, call: Call, watch: Watch, traffic: Traffic) -> tuple[Replica, aiohttp.ClientResponse]:
        """Return a response that has begun and the replica it comes from, whose request is counted in."""
        endpoint = call.endpoint
        headers = for_runtime(call.scope, call.prefix)
        if call.body is None and call.length is not None:
            headers["Content-Length"] = str(call.length)
        held = Held(endpoint, traffic, self._hold_seconds)
        share = random.random() * 100  # noqa: S311 - which revision a request goes to is no secret
        refused: set[Replica] = set()
        drops = 0
        while True:
            replica = self._choose(_of_share(endpoint, share, refused), refused)
            if replica is None:
                await held.wait(retry=bool(refused))
                refused.clear()
                continue
            replica.begin()
            response = None
            try:
                response = await self._session.request(
                    call.scope["method"],
                    URL(replica.url + call.target, encoded=True),
                    headers=headers,
                    data=_payload(call.body, watch),
                    allow_redirects=False,
                )
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                log.info("%s: replica %s refuses: %s", model_id(endpoint), replica.id, error)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                drops += 1
                log.warning("%s: replica %s dropped a request: %s", model_id(endpoint), replica.id, error)
                if drops == _DROPS or (call.body is None and watch.taken):
                    raise UpstreamFailed(
                        f"{model_id(endpoint)} dropped the request before it answered.",
                        hint=f"`forecourt logs {endpoint.name}` may say why.",
                    ) from error
            except (aiohttp.ClientError, ValueError) as error:
                log.warning("%s: replica %s sent no HTTP response: %s", model_id(endpoint), replica.id, error)
                raise UpstreamFailed(f"{model_id(endpoint)} sent no valid HTTP response.") from error
            finally:
                if response is None:
                    replica.end()
            if response is not None:
                return replica, response
            refused.add(replica)
            traffic.retries.inc()

    def _choose(self, replicas: tuple[Replica, ...], refused: set[Replica]) -> Replica | None:
        """Return the replica with the fewest requests in hand, each in turn where they are equal."""
        if len(replicas) == 1 and not refused:
            return replicas[0]
        candidates = [replica for replica in replicas if replica not in refused]
        if not candidates:
            return None
        fewest = min(replica.outstanding for replica in candidates)
        idlest = [replica for replica in candidates if replica.outstanding == fewest]
        self._turn += 1
        return idlest[self._turn % len(idlest)]


def _of_share(endpoint: Endpoint, share: float, refused: set[Replica]) -> tuple[Replica, ...]:
    """Return the replicas of the revision whose share of all requests a point between 0 and 100 falls into.

    A revision none of whose replicas can be asked gives its share to the others.
    """
    if not endpoint.shares:
        return endpoint.replicas
    there = [(percent, those) for percent, those in endpoint.shares if percent and any(r not in refused for r in those)]
    point = share / 100 * sum(percent for percent, _ in there)
    for percent, those in there:
        if point < percent:
            return those
        point -= percent
    return endpoint.replicas


class Held:
    """Holds one request while no replica takes it. Only the time spent here counts against `seconds`.

    An endpoint may ask for more patience: one that sleeps takes as long as its model takes to load.
    """

    def __init__(self, endpoint: Endpoint, traffic: Traffic, seconds: float) -> None:
        self._endpoint = endpoint
        self._traffic = traffic
        self._spent = 0.0
        self._seconds = seconds
        self._pause = _PAUSE

    async def wait(self, *, retry: bool) -> None:
        """Return when it is worth trying again; `retry` says that replicas are published but do not answer.

        Raises `ModelNotFound`, `ModelStopped` and, when the time is over, `ModelNotReady`.
        """
        endpoint, name = self._endpoint, model_id(self._endpoint)
        if endpoint.withdrawn:
            raise ModelNotFound(f"The model {name!r} was deleted.")
        why = f": {endpoint.message}" if endpoint.message else ""
        if not endpoint.replicas and not endpoint.waiting:
            raise ModelStopped(
                f"{name} does not run{why}.",
                hint=f"`forecourt describe {endpoint.name}` says why.",
            )
        seconds = max(self._seconds, endpoint.patience)
        if (left := seconds - self._spent) <= 0:
            raise ModelNotReady(
                f"{name} is not ready after {seconds:g} s{why}.",
                hint=f"Try again in a while; `forecourt describe {endpoint.name}` says what it waits for.",
            )
        started = time.monotonic()
        self._traffic.held += 1
        try:
            await endpoint.changed(min(left, self._pause) if retry else left)
        finally:
            self._traffic.held -= 1
            self._spent += time.monotonic() - started
        if retry:
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)


async def _relay(call: Call, response: aiohttp.ClientResponse, traffic: Traffic, started: float) -> int:
    """Pass the response on, each chunk as it arrives, and return what it is counted as.

    `send` waits while the client does not read, and then nothing more is read from the runtime.
    """
    status = response.status if response.status < 600 else UpstreamFailed.status
    send, content = call.send, response.content
    await send({"type": "http.response.start", "status": status, "headers": for_client(response.raw_headers, status)})
    sent, tail, more = 0, b"", True
    try:
        while more:
            chunk = await content.readany()
            if not sent:
                traffic.first_byte.observe(time.perf_counter() - started)
            sent += len(chunk)
            tail = chunk[-2:] if len(chunk) > 1 else tail[-1:] + chunk
            more = not content.at_eof()
            await send({"type": "http.response.body", "body": chunk, "more_body": more})
    except (aiohttp.ClientError, OSError) as error:
        name = model_id(call.endpoint)
        log.warning("%s broke off a response after %d bytes: %s", name, sent, error)
        if response.content_type == "text/event-stream" and tail in {b"", b"\n\n", b"\r\r"}:
            await _last_event(send, name)
        return UpstreamFailed.status
    finally:
        traffic.response_bytes.inc(sent)
    return status


async def _last_event(send: Send, name: str) -> None:
    """End a broken event stream with an error, which OpenAI's clients raise.

    This is for a stream that broke between two events. In the middle of one, and in anything that is no event stream,
    the response is left incomplete: the server closes the connection, and a client knows what that means.
    """
    error = UpstreamFailed(f"{name} broke off the response.", hint="What came so far is not all of it.")
    event = b"data: " + document(error, openai=True) + b"\n\n"
    await send({"type": "http.response.body", "body": event})


def _payload(body: bytes | None, watch: Watch) -> bytes | io.BytesIO | AsyncIterator[bytes] | None:
    """Return the body as the HTTP client sends it best: one write for a small one, by pieces for a large one."""
    if body is None:
        return watch.body()
    if len(body) > _COPY:
        return io.BytesIO(body)
    return body or None
