"""The API, asked from within: what a page shows and does is what any client of the API may see and do.

Requests go to the same application that answers them from outside, without a socket between: the same rules, the same
errors, the same permissions.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode

from pydantic_core import from_json

from forecourt.errors import ForecourtError

Application = Any
"""An ASGI application."""
Document = dict[str, Any]

log = logging.getLogger(__name__)


class Refused(ForecourtError):
    """The API answered with an error; `status` is its HTTP status, `document` what it said."""

    def __init__(self, status: int, document: Any) -> None:
        said = document if isinstance(document, dict) else {}
        causes = (said.get("details") or {}).get("causes") or ()
        hint = next((cause["message"] for cause in causes if cause.get("reason") == "NextStep"), "")
        super().__init__(str(said.get("message") or f"The server answered {status}."), hint=hint)
        self.status = status
        self.reason = str(said.get("reason") or "")
        self.document = document


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON; None where it is empty."""
        return from_json(self.body) if self.body else None


class Calls:
    """Asks an ASGI application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def get(self, path: str, /, **query: Any) -> Any:
        """Return a document; raises `Refused`."""
        return (await self.send("GET", path, query=query)).document

    async def post(self, path: str, body: Any = None, /, **query: Any) -> Any:
        """Create something, or ask for something to be done; return what was answered. Raises `Refused`."""
        return (await self.send("POST", path, body, query=query)).document

    async def put(self, path: str, body: Any, /, **query: Any) -> Any:
        """Replace something; return what it is now. Raises `Refused`."""
        return (await self.send("PUT", path, body, query=query)).document

    async def patch(self, path: str, body: Any, /, **query: Any) -> Any:
        """Change something by a merge patch; return what it is now. Raises `Refused`."""
        kind = "application/merge-patch+json" if path.startswith(("/api/v1/", "/apis/")) else "application/json"
        return (await self.send("PATCH", path, body, query=query, content_type=kind)).document

    async def delete(self, path: str, body: Any = None, /, **query: Any) -> Any:
        """Delete something; raises `Refused`."""
        return (await self.send("DELETE", path, body, query=query)).document

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """Send a request with a JSON document (or bytes as they are) and return the answer; raises `Refused`."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        exchange = _Exchange(content)
        scope = _scope(method, path, _encoded(query or {}), content_type if content else "", len(content))
        try:
            await self._application(scope, exchange.receive, exchange.send)
        except Exception:
            if not exchange.begun:
                raise
            log.exception("The API failed at %s %s.", method, path)  # and has said so in its answer
        answer = exchange.answer()
        if answer.status >= 400:
            raise Refused(answer.status, _document(answer.body))
        return answer

    @asynccontextmanager
    async def stream(self, path: str, /, **query: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        """Get something that goes on, and give it as it comes. Raises `Refused`.

        Leaving the context is a client that goes away.
        """
        exchange = _Streamed()
        scope = _scope("GET", path, _encoded(query), "", 0)
        task = asyncio.create_task(exchange.run(self._application, scope))
        try:
            status = await exchange.started
            if status >= 400:
                raise Refused(status, _document(b"".join([piece async for piece in exchange.pieces()])))
            yield exchange.pieces()
        finally:
            exchange.gone.set()
            if not task.done():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):  # most end by themselves once they have answered
                        await asyncio.shield(task)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):  # was told to whoever awaits the answer
                await task


def path(*segments: object) -> str:
    """Return a path of segments, each quoted: a name with a slash stays one segment."""
    return "".join(f"/{quote(str(segment), safe='')}" for segment in segments)


def _encoded(query: Mapping[str, Any]) -> bytes:
    said = {key: str(value).lower() if isinstance(value, bool) else value for key, value in query.items()}
    return urlencode({key: value for key, value in said.items() if value not in (None, "")}, doseq=True).encode()


def _scope(method: str, where: str, query: bytes, content_type: str, length: int) -> dict[str, Any]:
    headers = [(b"host", b"localhost"), (b"accept", b"application/json")]
    if content_type:
        headers += [(b"content-type", content_type.encode()), (b"content-length", str(length).encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(where),
        "raw_path": where.encode(),
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 0),
        "server": ("localhost", 80),
    }


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return {"message": body.decode(errors="replace")[:500]}


class _Exchange:
    """One request and its answer, from the server's side."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._sent = False
        self._status = 0
        self._headers: dict[str, str] = {}
        self._pieces: list[bytes] = []

    async def receive(self) -> dict[str, Any]:
        """Give the request's body, and never say that its sender has gone."""
        if self._sent:
            await asyncio.get_running_loop().create_future()
        self._sent = True
        return {"type": "http.request", "body": self._content, "more_body": False}

    async def send(self, message: Mapping[str, Any]) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
            }
        elif message["type"] == "http.response.body":
            self._pieces.append(bytes(message.get("body", b"")))

    @property
    def begun(self) -> bool:
        """Whether an answer has begun to come."""
        return bool(self._status)

    def answer(self) -> Answer:
        """Return the whole of it."""
        if not self._status:
            raise ForecourtError("The API did not answer.")
        return Answer(self._status, self._headers, b"".join(self._pieces))


class _Streamed:
    """One request and its answer as it comes, from both ends."""

    def __init__(self) -> None:
        self._sent = False
        self._pieces = asyncio.Queue[bytes | None](maxsize=16)
        self.started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()

    async def run(self, application: Application, scope: dict[str, Any]) -> None:
        try:
            await application(scope, self._receive, self._send)
        except Exception as error:
            if not self.started.done():
                self.started.set_exception(error)
            else:
                raise
        finally:
            if not self.started.done():
                self.started.set_exception(ForecourtError("The API did not answer."))
            if not self.gone.is_set():
                await self._pieces.put(None)

    async def pieces(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            yield piece

    async def _receive(self) -> dict[str, Any]:
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            if not self.started.done():
                self.started.set_result(message["status"])
        elif message["type"] == "http.response.body" and message.get("body"):
            await self._pieces.put(bytes(message["body"]))
