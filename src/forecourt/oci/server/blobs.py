"""Blobs: asked for, read whole or in part, and removed from a repository.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs

A blob's file goes from the disk to the socket inside the kernel (``sendfile``), whole or in part; the head and the tail
of a layer that is kept as its file are sent around it.
"""

from __future__ import annotations

import asyncio
import contextlib
from io import FileIO

from aiohttp import web

from forecourt.errors import NotFound
from forecourt.oci.blob import Blob
from forecourt.oci.digest import Digest
from forecourt.oci.repositories import Repositories
from forecourt.oci.server.errors import Refusal, unknown
from forecourt.oci.server.names import digest_in, is_known, repository_in
from forecourt.oci.server.ranges import Span, Unsatisfiable, requested


class Blobs:
    """What a registry answers about blobs."""

    def __init__(self, repositories: Repositories) -> None:
        self.repositories = repositories

    def routes(self) -> list[web.RouteDef]:
        """Return the paths that are answered here."""
        path = "/v2/{name:.+}/blobs/{digest}"
        return [web.get(path, self.get), web.delete(path, self.delete)]

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Send a blob or a range of it; for HEAD, only say what it is."""
        repository, digest = repository_in(request), digest_in(request)
        with unknown("BLOB_UNKNOWN"):
            blob, file = await asyncio.to_thread(self._open, repository, digest)
        with file:
            headers = {
                "Docker-Content-Digest": digest,
                "ETag": f'"{digest}"',
                "Cache-Control": "max-age=31536000",  # what has this digest never changes
                "Accept-Ranges": "bytes",
                "Content-Type": "application/octet-stream",
            }
            if is_known(request, digest):
                return web.Response(status=304, headers=headers)
            try:
                span = requested(request.headers.get("Range"), blob.size)
            except Unsatisfiable:
                unsatisfied = {"Content-Range": f"bytes */{blob.size}"}
                message = f"The blob has {blob.size} bytes."
                raise Refusal(416, "RANGE_INVALID", message, headers=unsatisfied) from None
            if span:
                headers["Content-Range"] = f"bytes {span.start}-{span.last}/{blob.size}"
            response = web.StreamResponse(status=206 if span else 200, headers=headers)
            return await _send(request, response, blob, file, span or Span(0, blob.size))

    async def delete(self, request: web.Request) -> web.Response:
        """Remove a blob from the repository."""
        repository, digest = repository_in(request), digest_in(request)
        with unknown("BLOB_UNKNOWN"):
            await asyncio.to_thread(self.repositories.unlink, repository, digest)
        return web.Response(status=202)

    def _open(self, repository: str, digest: Digest) -> tuple[Blob, FileIO]:
        """Open the blob's file too, so that it can be sent to its end whatever is deleted meanwhile."""
        if not self.repositories.has(repository, digest):
            raise NotFound(f"{repository} has no blob {digest}.")
        blob = self.repositories.store.open(digest)
        try:
            return blob, FileIO(blob.path)
        except FileNotFoundError:
            raise NotFound(f"The blob {digest} has just been deleted.") from None


async def _send(
    request: web.Request, response: web.StreamResponse, blob: Blob, file: FileIO, span: Span
) -> web.StreamResponse:
    response.content_length = span.length
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    loop = asyncio.get_running_loop()
    # What has begun cannot be answered otherwise any more: a lost connection, or a file that ends early, ends it.
    with contextlib.suppress(ConnectionError):
        for segment in blob.segments(span.start, span.length):
            if isinstance(segment, bytes):
                await response.write(segment)
                continue
            transport = request.transport
            if transport is None or transport.is_closing():
                break
            if await loop.sendfile(transport, file, segment.start, segment.length) != segment.length:
                transport.abort()
                break
        else:
            await response.write_eof()
    return response
