"""The client's side of a request: its body, and whether it is still there.

ASGI tells of a client that went away through `receive`, the same call that brings the body. Small bodies are read
before anything else; a large one is brought by the task that watches, at the pace at which the runtime takes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.types import Receive

from forecourt.serving.gateway.errors import BodyTooLarge


class ClientGone(Exception):
    """The client went away before its request was complete: there is nobody to answer."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """Return the request's body. Raises `BodyTooLarge` above `limit` bytes, `ClientGone` where it is never complete."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):  # as most are
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise too_large(limit)
        return body
    chunks, size = [], 0
    while message["type"] != "http.disconnect":
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise too_large(limit)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()
    raise ClientGone


def too_large(limit: int) -> BodyTooLarge:
    """Return the error for a body above `limit` bytes."""
    return BodyTooLarge(
        f"The request's body is larger than {limit // 1024**2} MiB.",
        hint="Send it to /serving/{namespace}/{name}/..., which passes bodies of any size on.",
    )


class Watch:
    """Cancels the task that makes it as soon as the client goes away; `gone` then says that this was why.

    With `upload`, the body was not read yet and comes through `body()`.
    """

    def __init__(self, receive: Receive, *, upload: bool = False) -> None:
        self.gone = False
        self.received = 0
        self.taken = False
        self._over = False
        self._receive = receive
        self._queue: asyncio.Queue[bytes | None] | None = asyncio.Queue(1) if upload else None
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                break
            if self._queue is not None:
                if body := message.get("body"):
                    self.received += len(body)
                    await self._queue.put(body)
                if not message.get("more_body"):
                    await self._queue.put(None)
        if not self._over:
            self.gone = True
            self._task.cancel()

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. It can be read once; `taken` says that this has begun."""
        assert self._queue is not None
        while (chunk := await self._queue.get()) is not None:
            self.taken = True
            yield chunk

    def forgive(self) -> None:
        """Take the cancellation back, once everything for this client is let go of."""
        self._task.uncancel()

    def stop(self) -> None:
        """End watching: the response is complete."""
        self._over = True
        self._watcher.cancel()
