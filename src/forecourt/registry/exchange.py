"""One request to the registry's API: what it says, who asks, and how it is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Any, TypeVar

from sqlalchemy import Connection

from forecourt.access import asking
from forecourt.db import Writer
from forecourt.errors import InvalidInput
from forecourt.registry.changes import Actor
from forecourt.registry.documents import Document, read_body, render
from forecourt.registry.model import ApiVersion
from forecourt.registry.registry import Registry
from forecourt.registry.requests import Parameters
from forecourt.registry.store import Found

BODY_LIMIT = 16 * 1024 * 1024
"""The largest body that is read, in bytes."""

_WHO = (b"kubeflow-userid", b"x-forwarded-user", b"x-forwarded-email", b"x-remote-user")
"""Headers in which a proxy before us says who asks; Kubeflow's is the first."""

T = TypeVar("T")
Header = tuple[bytes, bytes]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


def actor_of(headers: Iterable[Header]) -> Actor:
    """Return who asks: the user who has signed in, else what a request's headers say, as far as they do."""
    said = dict(headers)
    agent = said.get(b"user-agent", b"").decode("utf-8", "replace")
    if (request := asking()) is not None and request.identity is not None:
        return Actor(request.identity.name or "anonymous", agent or request.agent)
    name = next((said[header] for header in _WHO if said.get(header)), b"anonymous")
    return Actor(name.decode("utf-8", "replace"), agent)


class Exchange:
    """A request, with what answers it."""

    def __init__(
        self,
        registry: Registry,
        version: ApiVersion,
        headers: tuple[Header, ...],
        readers: Executor,
        writer: Writer,
        scope: dict[str, Any],
        receive: Receive,
        send: Send,
    ) -> None:
        self.registry = registry
        self.version = version
        self.method = scope["method"]
        self.headers = headers
        self.begun = False
        self._readers = readers
        self._writer = writer
        self._scope = scope
        self._receive = receive
        self._send = send

    @property
    def parameters(self) -> Parameters:
        """Its query parameters."""
        return Parameters.parse(self._scope["query_string"])

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return actor_of(self._scope["headers"])

    async def read(self, work: Callable[[], T], *, short: bool = False) -> T:
        """Ask the database. What is `short` is asked at once where it is a file: a thread would take longer."""
        if short and self.registry.database.is_sqlite:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def point(self, work: Callable[[Any], T]) -> T:
        """Ask the database for single rows, on what `work` is given."""
        return await self.registry.database.ask(work)

    async def create(self, work: Callable[[Any], T]) -> T:
        """Add a resource: on SQLite in turn with all other changes, on PostgreSQL in a statement of its own."""
        if self.registry.database.is_sqlite:
            return await self.write(work)
        return await self.registry.database.ask(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Change the database, in the order in which requests came."""
        return await asyncio.wrap_future(self._writer.submit(work))

    async def body(self) -> Document:
        """Read its body, which is a JSON object; raises `InvalidInput`."""
        chunks, size, more = [], 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > BODY_LIMIT:
                raise InvalidInput(f"the body is larger than {BODY_LIMIT} bytes: bad request")
            chunks.append(chunk)
            more = message.get("more_body", False)
        return read_body(b"".join(chunks))

    async def respond(self, status: int, text: str) -> None:
        """Send an answer."""
        self.begun = True
        await respond(self._send, status, text, self.headers)

    async def show(self, found: Found, status: int = 200) -> None:
        """Send a resource."""
        await self.respond(status, self.rendered(found))

    def rendered(self, found: Found) -> str:
        """Return a resource's JSON."""
        return render(found.kind, self.version, found.id, found.created, found.updated, found.text)

    async def pieces(self, pieces: AsyncIterator[str]) -> None:
        """Send an answer in pieces, of which there are two or more."""
        self.begun = True
        await self._send({"type": "http.response.start", "status": 200, "headers": list(self.headers)})
        async for piece in pieces:
            await self._send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})


def error(status: int, message: str, *, required: bool = False) -> tuple[int, str]:
    """Return the status and the body of an error; a required field that is missing is 422 and still a bad request."""
    code = HTTPStatus.BAD_REQUEST if required else HTTPStatus(status)
    return status, json.dumps({"code": code.phrase, "message": message})


async def respond(send: Send, status: int, text: str, headers: Iterable[Header]) -> None:
    """Send an answer in one piece."""
    body = text.encode()
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
