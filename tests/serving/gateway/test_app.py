"""What a client sees of the gateway, through OpenAI's released client and raw HTTP."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import struct
import sys

import openai
import pytest
from aiohttp import web
from serving.gateway.parts import Running, until

from forecourt.serving.endpoints import Replica
from forecourt.serving.gateway import BODY_LIMIT, Gateway


def answer(text: str = "Paris") -> dict[str, object]:
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    }


def event(text: str) -> bytes:
    chunk = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


async def chat(request: web.Request) -> web.StreamResponse:
    """Answer as an OpenAI-compatible runtime does, with the model it was asked for."""
    asked = await request.json()
    if not asked.get("stream"):
        return web.json_response(answer(f"{asked['model']} {request.path}"))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for word in ("Par", "is", "."):
        await response.write(event(word))
    await response.write(b"data: [DONE]\n\n")
    return response


async def echo(request: web.Request) -> web.StreamResponse:
    """Say what arrived."""
    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "headers": [[name, value] for name, value in request.headers.items()],
            "length": len(body),
            "body": body[:2000].decode(errors="replace"),
        },
        headers=[("Connection", "X-Secret"), ("X-Secret", "hop"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")],
    )


def client(gateway: Running, path: str = "/v1") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=gateway.url + path, api_key="key", max_retries=0)


async def ask(api: openai.AsyncOpenAI, model: str = "m") -> str | None:
    done = await api.chat.completions.create(model=model, messages=[{"role": "user", "content": "Capital?"}])
    return done.choices[0].message.content


# OpenAI's client


async def test_openai_client_is_answered(gateway: Running) -> None:
    await gateway.deploy(chat)
    async with client(gateway) as api:
        assert await ask(api) == "m /v1/chat/completions"


async def test_openai_client_streams(gateway: Running) -> None:
    await gateway.deploy(chat)
    async with client(gateway) as api:
        stream = await api.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Capital?"}], stream=True
        )
        assert [chunk.choices[0].delta.content async for chunk in stream] == ["Par", "is", "."]


async def test_synchronous_openai_client_is_answered_and_streams(gateway: Running) -> None:
    await gateway.deploy(chat)

    def both() -> tuple[str | None, list[str | None]]:
        with openai.OpenAI(base_url=f"{gateway.url}/serving/default/m/v1", api_key="key", max_retries=0) as api:
            message = [{"role": "user", "content": "Capital?"}]
            whole = api.chat.completions.create(model="m", messages=message)
            stream = api.chat.completions.create(model="m", messages=message, stream=True)
            return whole.choices[0].message.content, [chunk.choices[0].delta.content for chunk in stream]

    assert await asyncio.to_thread(both) == ("m /v1/chat/completions", ["Par", "is", "."])


async def test_model_in_another_namespace_is_asked_for_by_namespace_and_name(gateway: Running) -> None:
    await gateway.deploy(chat, "llm", "team-a")
    async with client(gateway) as api:
        assert await ask(api, "team-a/llm") == "llm /v1/chat/completions"
        with pytest.raises(openai.NotFoundError):
            await ask(api, "llm")


async def test_models_that_serve_or_are_on_their_way_are_listed(gateway: Running) -> None:
    await gateway.deploy(chat)
    gateway.endpoints.publish("team-a", "coming", [], waiting=True, message="loading")
    gateway.endpoints.publish("default", "stopped", [], waiting=False)
    async with client(gateway) as api:
        models = [model async for model in api.models.list()]
        assert [(model.id, model.owned_by, model.object) for model in models] == [
            ("m", "default", "model"),
            ("team-a/coming", "team-a", "model"),
        ]
        assert (await api.models.retrieve("m")).created == models[0].created > 1_700_000_000
        assert (await api.models.retrieve("team-a/coming")).id == "team-a/coming"
        with pytest.raises(openai.NotFoundError):
            await api.models.retrieve("none")


async def test_unknown_model_is_refused_with_the_models_that_are_there(gateway: Running) -> None:
    await gateway.deploy(chat)
    async with client(gateway) as api:
        with pytest.raises(openai.NotFoundError) as caught:
            await ask(api, "gpt-4")
    assert caught.value.body == {
        "message": "The model 'gpt-4' does not exist. There is: m.",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }


async def test_stopped_model_is_refused_at_once_and_clients_do_not_try_again(gateway: Running) -> None:
    gateway.endpoints.publish("default", "m", [], waiting=False, message="stopped")
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="key", max_retries=3) as api:
        with pytest.raises(openai.InternalServerError) as caught:
            await ask(api)
    assert caught.value.status_code == 503
    assert caught.value.code == "model_stopped"
    assert "stopped" in caught.value.message
    assert gateway.metrics()['forecourt_gateway_requests_total{code="503",name="m",namespace="default"}'] == 1


async def test_every_path_that_takes_a_model_is_passed_on(gateway: Running) -> None:
    await gateway.deploy(echo)
    for path in ("completions", "embeddings", "responses", "rerank", "audio/speech", "score?x=1"):
        async with gateway.session.post(f"{gateway.url}/v1/{path}", json={"model": "m", "input": "a"}) as response:
            assert (await response.json())["path"] == f"/v1/{path}"


async def test_form_with_a_model_is_passed_on(gateway: Running) -> None:
    await gateway.deploy(echo, "whisper", "speech")
    async with client(gateway) as api:
        reply = await api.audio.transcriptions.with_raw_response.create(model="speech/whisper", file=("a.wav", b"RIFF"))
    passed = json.loads(reply.content)
    assert 'name="model"\r\n\r\nwhisper\r\n' in passed["body"]
    assert passed["length"] == len(passed["body"])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"prompt": "x"}', "names no model"),
        (b'{"model": 3}', "no string"),
        (b"[" * 100_000, "no JSON"),
        (b'{"messages": [{"model": "m"}]}', "names no model"),
    ],
)
async def test_body_that_names_no_model_is_refused(gateway: Running, body: bytes, says: str) -> None:
    await gateway.deploy(echo)
    async with gateway.session.post(f"{gateway.url}/v1/completions", data=body) as response:
        assert response.status == 400
        error = (await response.json())["error"]
    assert says in error["message"]
    assert error["type"] == "invalid_request_error"


async def test_compressed_body_is_refused(gateway: Running) -> None:
    async with gateway.session.post(
        f"{gateway.url}/v1/completions", data=b"x", headers={"Content-Encoding": "gzip"}
    ) as response:
        assert response.status == 415
        assert (await response.json())["error"]["code"] == "unsupported_content_encoding"


async def test_body_above_the_limit_is_refused(gateway: Running) -> None:
    await gateway.deploy(echo)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rsplit(":", 1)[1]))
    writer.write(b"POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1))
    assert b" 413 " in await reader.readline()
    writer.close()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/chat/completions"), ("DELETE", "/v1/models/m"), ("GET", "/v1/")]
)
async def test_unknown_path_below_v1_is_refused_in_openais_shape(gateway: Running, method: str, path: str) -> None:
    await gateway.deploy(echo)
    async with gateway.session.request(method, gateway.url + path) as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "unknown_url"


# Passing through


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_passes_through_with_path_query_and_body(gateway: Running, method: str) -> None:
    await gateway.deploy(echo)
    url = f"{gateway.url}/serving/default/m/v2/models/a%2Fb/infer?x=1&y=%20"
    async with gateway.session.request(method, url, data=b"abc" if method != "GET" else None) as response:
        seen = await response.json()
    assert (seen["method"], seen["path"]) == (method, "/v2/models/a%2Fb/infer?x=1&y=%20")
    assert seen["body"] == ("abc" if method != "GET" else "")


async def test_head_passes_through_without_a_body(gateway: Running) -> None:
    await gateway.deploy(echo)
    for _ in range(2):  # the connection stays usable
        async with gateway.session.head(f"{gateway.url}/serving/default/m/") as response:
            assert response.status == 200
            assert int(response.headers["Content-Length"]) > 0
            assert await response.read() == b""


async def test_deployment_without_a_path_is_its_root(gateway: Running) -> None:
    await gateway.deploy(echo)
    async with gateway.session.get(f"{gateway.url}/serving/default/m") as response:
        assert (await response.json())["path"] == "/"


async def test_headers_of_a_connection_stay_on_it(gateway: Running) -> None:
    replica = await gateway.deploy(echo)
    sent = {
        "Connection": "keep-alive, X-Hop",
        "X-Hop": "1",
        "Keep-Alive": "timeout=5",
        "TE": "trailers",
        "Proxy-Authorization": "Basic x",
        "Authorization": "Bearer key",
        "X-Forwarded-For": "10.0.0.1",
        "Content-Type": "application/json",
        "X-Name": "né",
    }
    async with gateway.session.post(f"{gateway.url}/serving/default/m/x", data=b"{}", headers=sent) as response:
        seen = await response.json()
        assert "X-Secret" not in response.headers
        assert response.headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert len(response.headers.getall("Date")) == 1
        assert len(response.headers.getall("Server")) == 1
    headers = dict(seen["headers"])
    assert not {"X-Hop", "x-hop", "keep-alive", "te", "proxy-authorization"} & {name.lower() for name in headers}
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["authorization"] == "Bearer key"
    assert lower["x-forwarded-for"] == "10.0.0.1"  # a proxy in front said so; uvicorn believes it on loopback
    assert lower["x-forwarded-host"] == gateway.url.removeprefix("http://")
    assert lower["x-forwarded-proto"] == "http"
    assert lower["x-forwarded-prefix"] == "/serving/default/m"
    assert lower["host"] == replica.url.removeprefix("http://")
    assert lower["content-type"] == "application/json"
    assert lower["x-name"] == "né"


async def test_no_header_is_made_up(gateway: Running) -> None:
    await gateway.deploy(echo)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rsplit(":", 1)[1]))
    writer.write(b"POST /serving/default/m/ HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab")
    body = (await reader.read()).split(b"\r\n\r\n", 1)[1]
    writer.close()
    names = {name.lower() for name, _ in json.loads(body)["headers"]}
    assert names <= {
        "host",
        "content-length",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-prefix",
        "connection",
    }


async def test_one_clients_cookies_are_not_sent_for_another(gateway: Running) -> None:
    replica = await gateway.deploy(echo)
    by_name = Replica("r", replica.url.replace("127.0.0.1", "localhost"))  # cookie jars keep none of an address's
    gateway.endpoints.publish("default", "m", [by_name], waiting=False)
    for _ in range(2):
        async with gateway.session.get(f"{gateway.url}/serving/default/m/") as response:
            seen = await response.json()
            assert response.headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert "cookie" not in {name.lower() for name, _ in seen["headers"]}


async def test_compressed_responses_and_redirects_pass_as_they_are(gateway: Running) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/moved":
            return web.Response(status=307, headers={"Location": "/elsewhere"})
        return web.Response(body=b"\x1f\x8bnot really", headers={"Content-Encoding": "gzip"})

    await gateway.deploy(handler)
    async with gateway.session.get(f"{gateway.url}/serving/default/m/x") as response:
        assert (response.headers["Content-Encoding"], await response.read()) == ("gzip", b"\x1f\x8bnot really")
    async with gateway.session.get(f"{gateway.url}/serving/default/m/moved", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (307, "/elsewhere")


@pytest.mark.parametrize("status", [204, 304, 400, 404, 429, 500, 503])
async def test_the_runtimes_own_status_passes(gateway: Running, status: int) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"X-Own": "1"})

    await gateway.deploy(handler)
    for _ in range(2):
        async with gateway.session.get(f"{gateway.url}/serving/default/m/x") as response:
            assert (response.status, response.headers["X-Own"]) == (status, "1")


async def test_unknown_deployment_is_refused_in_the_protocols_own_shape(gateway: Running) -> None:
    async with gateway.session.get(f"{gateway.url}/serving/default/none/v2/health/ready") as response:
        assert response.status == 404
        assert "'default/none' does not exist" in (await response.json())["error"]
    async with gateway.session.get(f"{gateway.url}/serving/default/none/v1/models") as response:
        assert (await response.json())["error"]["code"] == "model_not_found"
    async with gateway.session.get(f"{gateway.url}/serving/default") as response:
        assert response.status == 404


async def test_websocket_is_refused(gateway: Running) -> None:
    await gateway.deploy(echo)
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13"}
    async with gateway.session.get(f"{gateway.url}/serving/default/m/v1/realtime", headers=headers) as response:
        assert response.status == 501
        assert (await response.json())["error"]["code"] == "upgrade_unsupported"


async def test_large_body_is_streamed_and_counted(gateway: Running) -> None:
    await gateway.deploy(echo)

    async def pieces() -> object:
        for _ in range(160):
            yield b"x" * 256 * 1024

    for sent in (io.BytesIO(b"x" * (40 * 1024**2)), pieces()):
        async with gateway.session.post(f"{gateway.url}/serving/default/m/upload", data=sent) as response:
            assert (await response.json())["length"] == 40 * 1024**2
    name = 'forecourt_gateway_request_bytes_total{name="m",namespace="default"}'
    await until(lambda: gateway.metrics()[name] == 80 * 1024**2)


async def test_large_body_is_routed_by_its_model(gateway: Running) -> None:
    await gateway.deploy(echo, "m", "team-a")
    body = json.dumps({"messages": [{"role": "user", "content": "x" * (20 * 1024**2)}], "model": "team-a/m"}).encode()
    async with gateway.session.post(f"{gateway.url}/v1/chat/completions", data=io.BytesIO(body)) as response:
        assert (await response.json())["length"] == len(body) - len("team-a/")


async def test_runtime_that_answers_before_the_body_is_read_is_heard(gateway: Running) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=413, text="too much", headers={"Connection": "close"})

    await gateway.deploy(handler)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rsplit(":", 1)[1]))
    writer.write(b"POST /serving/default/m/x HTTP/1.1\r\nHost: h\r\nContent-Length: 99000000\r\n\r\nx")
    assert b" 413 " in await reader.readline()
    writer.close()


async def test_large_response_passes_whole(gateway: Running) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b"y" * (30 * 1024**2))

    await gateway.deploy(handler)
    async with gateway.session.get(f"{gateway.url}/serving/default/m/x") as response:
        assert int(response.headers["Content-Length"]) == 30 * 1024**2
        assert len(await response.read()) == 30 * 1024**2


async def test_pipelined_requests_are_answered_in_order(gateway: Running) -> None:
    await gateway.deploy(echo)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rsplit(":", 1)[1]))
    request = b"GET /serving/default/m/%d HTTP/1.1\r\nHost: h\r\n%s\r\n"
    writer.write(request % (1, b"") + request % (2, b"") + request % (3, b"Connection: close\r\n"))
    text = await reader.read()
    writer.close()
    assert [text.find(b'"/%d"' % n) for n in (1, 2, 3)] == sorted(text.find(b'"/%d"' % n) for n in (1, 2, 3))
    assert text.count(b"200 OK") == 3


async def test_responses_leave_without_waiting_for_an_acknowledgement(gateway: Running) -> None:
    await gateway.deploy(echo)
    async with gateway.session.get(f"{gateway.url}/serving/default/m/"):
        for connection in gateway.server.server_state.connections:
            sock = connection.transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_gateway_says_which_paths_are_its_own() -> None:
    assert Gateway.serves("/v1/models")
    assert Gateway.serves("/serving/default/m")
    assert not Gateway.serves("/healthz")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux counts a connection's segments")
async def test_the_head_and_the_body_of_an_answer_come_in_one_segment(gateway: Running) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2]))) as connection:
        connection.setblocking(False)
        for number in (1, 2, 3):
            await loop.sock_sendall(connection, b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            said = b""
            while not said.endswith(b"}"):
                said += await loop.sock_recv(connection, 65_536)
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
            (came,) = struct.unpack_from("I", info, 152)  # tcpi_data_segs_in: /usr/include/linux/tcp.h
            assert said.startswith(b"HTTP/1.1 200") and came == number
