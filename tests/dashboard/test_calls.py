"""The API asked from within: an answer as a whole or as it comes, and every way in which there is none."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from forecourt.dashboard.calls import Calls, Refused
from forecourt.errors import ForecourtError

Asgi = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def answering(status: int, *pieces: bytes, then: Exception | None = None) -> Asgi:
    """Return an application that answers so, and may fail after that."""

    async def application(_scope: dict[str, Any], _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"X-Kind", b"made up")]})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        if then:
            raise then

    return application


async def test_an_answer_is_put_together():
    answer = await Calls(answering(201, b'{"a":', b"1}")).send("POST", "/a", {"b": 2})
    assert (answer.status, answer.headers, answer.document) == (201, {"x-kind": "made up"}, {"a": 1})
    assert await Calls(answering(204)).delete("/a") is None


async def test_a_request_says_what_it_is():
    asked: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        asked.append(scope | {"body": (await receive())["body"]})
        await answering(200, b"{}")(scope, receive, send)

    calls = Calls(application)
    await calls.patch("/api/v1/namespaces/a%2Fb", {"c": 1}, dryRun="All", empty="", flag=True)
    await calls.get("/api/forecourt/v1/storage")
    first, second = asked
    assert (first["method"], first["path"], first["raw_path"]) == (
        "PATCH",
        "/api/v1/namespaces/a/b",
        b"/api/v1/namespaces/a%2Fb",
    )
    assert (first["query_string"], json.loads(first["body"])) == (b"dryRun=All&flag=true", {"c": 1})
    assert dict(first["headers"])[b"content-type"] == b"application/merge-patch+json"
    assert (second["method"], second["body"]) == ("GET", b"")
    assert b"content-type" not in dict(second["headers"])


async def test_a_refusal_is_told_in_its_own_words():
    said = {
        "message": "Not so.",
        "reason": "Conflict",
        "details": {"causes": [{"reason": "NextStep", "message": "So."}]},
    }
    with pytest.raises(Refused, match="Not so") as refused:
        await Calls(answering(409, json.dumps(said).encode())).get("/a")
    assert (refused.value.status, refused.value.reason, refused.value.hint) == (409, "Conflict", "So.")
    with pytest.raises(Refused, match="down for the day"):
        async with Calls(answering(503, b"down for", b" the day")).stream("/a"):
            pass


async def test_a_failure_that_the_answer_tells_of_is_logged_and_not_raised(caplog):
    caplog.set_level(logging.ERROR)
    with pytest.raises(Refused, match="went wrong"):
        await Calls(answering(500, b'{"message": "Something went wrong."}', then=ZeroDivisionError())).get("/a")
    assert "ZeroDivisionError" in caplog.text


async def test_an_application_that_does_not_answer_is_an_error():
    async def silent(*_: Any) -> None:
        return

    async def failing(*_: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ForecourtError, match="did not answer"):
        await Calls(silent).get("/a")
    with pytest.raises(ZeroDivisionError):
        await Calls(failing).get("/a")
    with pytest.raises(ForecourtError, match="did not answer"):
        async with Calls(silent).stream("/a"):
            pass
    with pytest.raises(ZeroDivisionError):
        async with Calls(failing).stream("/a"):
            pass


async def test_who_waits_for_the_asker_to_go_waits_until_the_answer_is_whole():
    """As Starlette's streams do: they listen for the end of the connection while they send."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        going = asyncio.create_task(receive())
        await asyncio.sleep(0)
        assert not going.done()
        await answering(200, b"1")(scope, receive, send)
        going.cancel()

    assert await Calls(application).get("/a") == 1


async def test_what_goes_on_comes_as_it_is_sent_and_ends_when_nobody_listens():
    ended = asyncio.Event()

    async def application(_scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        ended.set()

    async with Calls(application).stream("/a", follow=True) as pieces:
        assert await anext(pieces) == b"first"
        assert not ended.is_set()
    assert ended.is_set()
