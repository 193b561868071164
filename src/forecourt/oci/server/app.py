"""The registry put together: its routes, and what lives as long as it does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from forecourt.oci.repositories import Repositories
from forecourt.oci.server.blobs import Blobs
from forecourt.oci.server.errors import answer_errors
from forecourt.oci.server.listing import Listing
from forecourt.oci.server.manifests import Manifests
from forecourt.oci.server.uploads import Uploads
from forecourt.oci.store import ContentStore

_READ_BYTES = 256 * 1024
"""How much of a body is taken from the socket before it is hashed: asyncio reads no more than this at once."""


def registry_app(store: ContentStore, repositories: Repositories, *, idle_seconds: float = 900.0) -> web.Application:
    """Make a registry that speaks distribution-spec 1.1 about `repositories`, whose bytes are in `store`.

    Uploads that nothing is sent to for `idle_seconds` are forgotten. Run it on asyncio's own event loop, whose
    ``sendfile`` hands blobs to the kernel. Requests are logged at debug level only.
    """
    app = web.Application(
        middlewares=[answer_errors],
        # A body is content, whatever its Content-Encoding says: its digest is of the bytes that were sent.
        handler_args={"access_log": None, "auto_decompress": False, "read_bufsize": _READ_BYTES},
    )
    uploads = Uploads(repositories, idle_seconds)
    app.add_routes([web.get("/v2{slash:/?}", _version)])
    for room in (Listing(repositories), uploads, Blobs(repositories), Manifests(repositories)):
        app.add_routes(room.routes())

    async def attend(_: web.Application) -> AsyncIterator[None]:
        await asyncio.to_thread(store.sweep)
        expiring = asyncio.create_task(uploads.expire())
        yield
        expiring.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await expiring
        await uploads.close()

    app.cleanup_ctx.append(attend)
    app.on_response_prepare.append(_say_version)
    return app


async def _version(_: web.Request) -> web.Response:
    """Say that the distribution API is spoken here."""
    return web.json_response({})


async def _say_version(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
