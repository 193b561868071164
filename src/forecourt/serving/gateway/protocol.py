"""HTTP/1.1 towards clients, without a wait for the second half of a response.

uvicorn writes a response's head and its body one after the other. With Nagle's algorithm on, the body waits until the
client has acknowledged the head, which takes 40 ms where it delays that. asyncio turns the algorithm off for sockets
that say that they are TCP; those accepted by a listener that was made with `socket.socket()` do not say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class PromptProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol, on connections that send what they have at once (``TCP_NODELAY``)."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection."""
        with contextlib.suppress(OSError, AttributeError):  # a Unix socket has no such option
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
