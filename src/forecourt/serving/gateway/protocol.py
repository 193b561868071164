"""HTTP/1.1 towards clients: a response's head and its body go out together, and nothing waits for an acknowledgement.

uvicorn writes a response's head and its body one after the other, and uvloop sends what is written at once. So there
would be two system calls and two segments for an answer, and the client would be woken twice for it.

With Nagle's algorithm on, what follows would also wait until the client has acknowledged what came before, which takes
40 ms where it delays that. asyncio turns the algorithm off for sockets that say that they are TCP; those accepted by a
listener that was made with `socket.socket()` do not say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD = b"HTTP/1.1 "


class PromptProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol, on connections that send what they have at once (``TCP_NODELAY``), heads joined."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection."""
        with contextlib.suppress(OSError, AttributeError):  # a Unix socket has no such option
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(_Joining(transport, self.loop))  # type: ignore[arg-type]


class _Joining:
    """A transport on which the head of a response waits for what is written next, or for the event loop's next round.

    Whatever begins as a head does is taken for one; it would not be sent later than that either.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        """Do all else as the transport does it."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send what was held and this, or hold this where it is a head."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._send_head)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection once all is sent."""
        self._send_head()
        self._transport.close()

    def _send_head(self) -> None:
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)
