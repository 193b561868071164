"""Which replica a request goes to, what it waits for, and how it ends when something breaks."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack

import aiohttp
import openai
import pytest
from aiohttp import web
from serving.gateway.parts import Handler, Running, listen, runtime, until

from forecourt.serving.endpoints import Replica

OUTSTANDING = 'forecourt_gateway_outstanding_requests{name="m",namespace="default"}'
HELD = 'forecourt_gateway_held_requests{name="m",namespace="default"}'
DISCONNECTS = 'forecourt_gateway_disconnects_total{name="m",namespace="default"}'
RETRIES = 'forecourt_gateway_retries_total{name="m",namespace="default"}'


def requests(code: int) -> str:
    return f'forecourt_gateway_requests_total{{code="{code}",name="m",namespace="default"}}'


class Stream:
    """A runtime that sends an event each time it is told to, and notices when nobody listens."""

    def __init__(self, content_type: str = "text/event-stream") -> None:
        self.content_type = content_type
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.started = 0
        self.gone = asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.started += 1
        response = web.StreamResponse(headers={"Content-Type": self.content_type})
        await response.prepare(request)
        try:
            while (event := await self.events.get()) is not None:
                if event == b"break":
                    assert request.transport is not None
                    request.transport.abort()
                    return response
                await response.write(event)
        except (asyncio.CancelledError, ConnectionError):
            self.gone.set()
            raise
        return response


def dead() -> Replica:
    """Return a replica whose port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Replica(f"dead{port}", f"http://127.0.0.1:{port}")


def named(name: str, seen: Counter[str]) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        seen[name] += 1
        return web.Response(text=name)

    return handler


def post(gateway: Running, path: str = "/v1/completions") -> aiohttp.client._RequestContextManager:
    return gateway.session.post(gateway.url + path, json={"model": "m", "stream": True})


# Streams


async def test_each_chunk_is_passed_on_as_soon_as_it_arrives(gateway: Running) -> None:
    stream = Stream()
    await gateway.deploy(stream)
    async with post(gateway) as response:
        for event in (b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"):
            await stream.events.put(event)  # the next comes only when this one was seen
            assert await asyncio.wait_for(response.content.readany(), 2) == event
        await stream.events.put(None)
        assert await response.content.readany() == b""


async def test_a_client_that_goes_away_ends_the_generation_at_once(gateway: Running) -> None:
    stream = Stream()
    replica = await gateway.deploy(stream)
    async with post(gateway) as response:
        await stream.events.put(b"data: 1\n\n")
        await response.content.readany()
        assert gateway.metrics()[OUTSTANDING] == replica.outstanding == 1
        response.close()
    await asyncio.wait_for(stream.gone.wait(), 1)
    await until(lambda: replica.outstanding == 0 and gateway.metrics()[OUTSTANDING] == 0)
    assert gateway.metrics()[DISCONNECTS] == gateway.metrics()[requests(499)] == 1


async def test_a_client_that_goes_away_before_the_response_begins_is_noticed(gateway: Running) -> None:
    gone, called = asyncio.Event(), asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        called.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            gone.set()
            raise
        return web.Response()

    replica = await gateway.deploy(handler)
    asking = asyncio.create_task(post(gateway).__aenter__())
    await called.wait()
    asking.cancel()
    await asyncio.wait_for(gone.wait(), 1)
    await replica.drained()
    await until(lambda: gateway.metrics().get(DISCONNECTS) == 1)


async def test_openai_client_that_stops_reading_ends_the_generation(gateway: Running) -> None:
    stream = Stream()
    await gateway.deploy(stream)
    chunk = {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": []}
    await stream.events.put(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k") as api:
        async with await api.completions.create(model="m", prompt="x", stream=True) as events:
            async for _ in events:
                break
        await asyncio.wait_for(stream.gone.wait(), 1)


async def test_a_client_that_reads_slowly_slows_the_runtime_down(gateway: Running) -> None:
    produced = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal produced
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x" * 64 * 1024)
            produced += 1
        return response

    await gateway.deploy(handler)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.connect(("127.0.0.1", int(gateway.url.rsplit(":", 1)[1])))
    client.sendall(b"GET /serving/default/m/x HTTP/1.1\r\nHost: h\r\n\r\n")
    await until(lambda: produced > 0)
    seen = -1
    while produced != seen:  # until it stands still
        seen = produced
        await asyncio.sleep(0.1)
    assert produced < 500  # of 1000: what sockets on the way hold, not what memory would
    client.close()


async def test_a_hundred_streams_run_side_by_side(gateway: Running) -> None:
    started, go = 0, asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal started
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        started += 1
        await go.wait()
        for number in range(20):
            await response.write(b"data: %d\n\n" % number)
            await asyncio.sleep(0)
        return response

    await gateway.deploy(handler)

    async def read() -> bytes:
        async with post(gateway) as response:
            return await response.read()

    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(read()) for _ in range(100)]
        await until(lambda: started == 100)
        assert gateway.metrics()[OUTSTANDING] == 100
        go.set()
    whole = b"".join(b"data: %d\n\n" % number for number in range(20))
    assert [reader.result() for reader in readers] == [whole] * 100


async def test_an_event_stream_that_breaks_ends_with_an_error_event(gateway: Running) -> None:
    stream = Stream()
    replica = await gateway.deploy(stream)
    async with post(gateway) as response:
        await stream.events.put(b"data: 1\n\n")
        assert await response.content.readany() == b"data: 1\n\n"
        await stream.events.put(b"break")
        rest = await response.read()
    assert rest.startswith(b"data: ") and rest.endswith(b"\n\n")
    assert json.loads(rest.removeprefix(b"data: "))["error"]["code"] == "upstream_failed"
    assert replica.outstanding == 0
    assert gateway.metrics()[requests(502)] == 1
    assert stream.started == 1


async def test_openai_client_raises_when_a_stream_breaks(gateway: Running) -> None:
    stream = Stream()
    await gateway.deploy(stream)
    chunk = {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": []}
    await stream.events.put(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k") as api:
        events = await api.completions.create(model="m", prompt="x", stream=True)
        assert (await anext(events)).id == "c"
        await stream.events.put(b"break")
        with pytest.raises(openai.APIError, match="broke off the response"):
            await anext(events)


@pytest.mark.parametrize(
    ("content_type", "sent"), [("text/event-stream", b'data: {"half'), ("application/octet-stream", b"data\n\n")]
)
async def test_what_cannot_carry_an_error_event_ends_incomplete(
    gateway: Running, content_type: str, sent: bytes
) -> None:
    stream = Stream(content_type)
    await gateway.deploy(stream)
    async with post(gateway) as response:
        await stream.events.put(sent)
        assert await response.content.readany() == sent
        await stream.events.put(b"break")
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


# Replicas


async def test_requests_go_to_each_replica_in_turn(gateway: Running) -> None:
    seen: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(runtime(named(name, seen))) for name in "abc"]
        gateway.endpoints.publish("default", "m", replicas, waiting=False)
        for _ in range(30):
            async with post(gateway) as response:
                await response.read()
    assert seen == {"a": 10, "b": 10, "c": 10}


async def test_requests_go_to_the_replica_with_the_fewest_in_hand(gateway: Running) -> None:
    seen: Counter[str] = Counter()
    stream = Stream()
    async with AsyncExitStack() as stack:
        busy = await stack.enter_async_context(runtime(stream))
        gateway.endpoints.publish("default", "m", [busy], waiting=False)
        running = await post(gateway).__aenter__()
        idle = await stack.enter_async_context(runtime(named("idle", seen)))
        gateway.endpoints.publish("default", "m", [busy, idle], waiting=False)
        for _ in range(10):
            async with post(gateway) as response:
                await response.read()
        assert seen == {"idle": 10}
        await stream.events.put(None)  # counted until its stream ends
        await running.read()
        await busy.drained()
        running.close()


async def test_a_replica_that_refuses_costs_the_client_nothing(gateway: Running) -> None:
    seen: Counter[str] = Counter()
    async with runtime(named("alive", seen)) as alive:
        gateway.endpoints.publish("default", "m", [dead(), alive, dead()], waiting=False)
        for _ in range(10):
            async with post(gateway) as response:
                assert (response.status, await response.text()) == (200, "alive")
    assert gateway.metrics()[RETRIES] > 0


async def test_a_request_that_is_dropped_is_sent_to_another_replica_with_its_body(gateway: Running) -> None:
    bodies: list[bytes] = []

    async def drop(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def serve(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response(text="served")

    async with runtime(drop) as one, runtime(serve) as other:
        other.outstanding = 1  # so that the other one is chosen first
        gateway.endpoints.publish("default", "m", [one, other], waiting=False)
        async with post(gateway) as response:
            assert await response.text() == "served"
    assert len(bodies) == 2 and bodies[0] == bodies[1] != b""
    assert one.outstanding == 0


async def test_a_request_that_ends_every_replica_is_given_up(gateway: Running) -> None:
    dropped: Counter[str] = Counter()

    def drop(name: str) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            dropped[name] += 1
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        return handler

    async with runtime(drop("a")) as a, runtime(drop("b")) as b, runtime(drop("c")) as c:
        gateway.endpoints.publish("default", "m", [a, b, c], waiting=False)
        async with post(gateway) as response:
            assert response.status == 502
            assert (await response.json())["error"]["code"] == "upstream_failed"
    assert dropped.total() == 2


async def test_a_body_that_was_streamed_is_not_sent_twice(gateway: Running) -> None:
    async def drop(request: web.Request) -> web.Response:
        await request.content.readany()
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    seen: Counter[str] = Counter()

    async def pieces() -> object:
        yield b"x"
        yield b"y"

    async with runtime(drop) as one, runtime(named("other", seen)) as other:
        other.outstanding = 1
        gateway.endpoints.publish("default", "m", [one, other], waiting=False)
        async with gateway.session.post(f"{gateway.url}/serving/default/m/v1/x", data=pieces()) as response:
            assert response.status == 502
        gateway.endpoints.publish("default", "m", [dead(), other], waiting=False)
        async with gateway.session.post(f"{gateway.url}/serving/default/m/v1/x", data=pieces()) as response:
            assert response.status == 200  # nothing of it was sent to the one that refused
    assert seen == {"other": 1}


async def test_what_is_no_http_is_a_bad_gateway(gateway: Running) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, sock=listen())
    port = server.sockets[0].getsockname()[1]
    gateway.endpoints.publish("default", "m", [Replica("r", f"http://127.0.0.1:{port}")], waiting=False)
    async with post(gateway) as response:
        assert response.status == 502
    server.close()


# Holding


async def test_a_request_is_held_until_a_replica_is_ready(gateway: Running) -> None:
    seen: Counter[str] = Counter()
    gateway.endpoints.publish("default", "m", [], waiting=True, message="loading")
    async with runtime(named("ready", seen)) as replica, asyncio.TaskGroup() as group:

        async def ask() -> str:
            async with post(gateway) as response:
                return await response.text()

        asking = [group.create_task(ask()) for _ in range(5)]
        await until(lambda: gateway.metrics().get(HELD) == 5)
        gateway.endpoints.publish("default", "m", [], waiting=True, message="still loading")
        await asyncio.sleep(0.01)
        assert gateway.metrics()[HELD] == 5
        gateway.endpoints.publish("default", "m", [replica], waiting=False)
        assert [await task for task in asking] == ["ready"] * 5
    assert gateway.metrics()[HELD] == 0


async def test_a_request_that_is_held_too_long_is_told_why_and_when_to_come_back(hasty_gateway: Running) -> None:
    hasty_gateway.endpoints.publish("default", "m", [], waiting=True, message="pulling the model: 41 %")
    async with post(hasty_gateway) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        error = (await response.json())["error"]
    assert error["code"] == "model_not_ready"
    assert "pulling the model: 41 %" in error["message"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda gateway: gateway.endpoints.withdraw("default", "m"), 404),
        (lambda gateway: gateway.endpoints.publish("default", "m", [], waiting=False, message="failed"), 503),
    ],
)
async def test_held_requests_end_when_there_is_nothing_left_to_wait_for(
    gateway: Running, change: Callable[[Running], object], status: int
) -> None:
    gateway.endpoints.publish("default", "m", [], waiting=True)
    asking = asyncio.create_task(post(gateway).__aenter__())
    await until(lambda: gateway.metrics().get(HELD) == 1)
    change(gateway)
    response = await asyncio.wait_for(asking, 2)
    assert response.status == status
    response.close()


async def test_a_client_that_goes_away_while_it_is_held_is_forgotten(gateway: Running) -> None:
    gateway.endpoints.publish("default", "m", [], waiting=True)
    asking = asyncio.create_task(post(gateway).__aenter__())
    await until(lambda: gateway.metrics().get(HELD) == 1)
    asking.cancel()
    await until(lambda: gateway.metrics()[HELD] == 0)
    assert gateway.metrics()[DISCONNECTS] == 1


async def test_a_request_to_the_only_replica_is_held_while_it_restarts_unnoticed(gateway: Running) -> None:
    seen: Counter[str] = Counter()
    replica = dead()
    gateway.endpoints.publish("default", "m", [replica], waiting=False)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(post(gateway).__aenter__())
        await until(lambda: gateway.metrics().get(HELD) == 1)
        async with runtime(named("back", seen), port=int(replica.url.rsplit(":", 1)[1])):
            response = await asking
            assert await response.text() == "back"
            response.close()


async def test_a_replica_that_never_comes_back_is_given_up(hasty_gateway: Running) -> None:
    hasty_gateway.endpoints.publish("default", "m", [dead()], waiting=False)
    async with post(hasty_gateway) as response:
        assert response.status == 503
        assert (await response.json())["error"]["code"] == "model_not_ready"


# Metrics


async def test_metrics_of_a_deployment_go_with_it(gateway: Running) -> None:
    stream = Stream()
    await gateway.deploy(stream)
    async with post(gateway) as response:
        await stream.events.put(b"data: 1\n\n")
        await response.content.readany()
        assert any('name="m"' in sample for sample in gateway.metrics())
        gateway.endpoints.withdraw("default", "m")
        assert not any('name="m"' in sample for sample in gateway.metrics())
        await stream.events.put(None)  # a stream that runs goes on
        assert await response.read() == b""
    await asyncio.sleep(0.01)
    assert not any('name="m"' in sample for sample in gateway.metrics())


async def test_durations_and_bytes_are_measured(gateway: Running) -> None:
    seen: Counter[str] = Counter()
    await gateway.deploy(named("twelve bytes", seen))
    async with post(gateway) as response:
        await response.read()
    await until(lambda: requests(200) in gateway.metrics())
    metrics = gateway.metrics()
    label = '{name="m",namespace="default"}'
    assert metrics[f"forecourt_gateway_response_bytes_total{label}"] == 12
    assert metrics[f"forecourt_gateway_request_bytes_total{label}"] == len('{"model": "m", "stream": true}')
    first = metrics[f"forecourt_gateway_time_to_first_byte_seconds_sum{label}"]
    assert 0 < first <= metrics[f"forecourt_gateway_request_duration_seconds_sum{label}"] < 5
