"""Uploads: a blob comes whole or in chunks, is hashed as it arrives, and is kept once its digest is right.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs

An upload lives in this process: what it wrote is in the store's staging, under this process's number. It ends with its
PUT, with a DELETE, when its content turns out wrong or the disk full, when nothing was sent for a while, and with the
server; then nothing of it is left. A PATCH that breaks off leaves what arrived: the client can go on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web

from forecourt.oci.digest import Digest
from forecourt.oci.repositories import Repositories
from forecourt.oci.server.errors import Refusal, body_of
from forecourt.oci.server.names import repository_in
from forecourt.oci.server.ranges import sent
from forecourt.oci.writer import BlobWriter

_WAIT_SECONDS = 10.0
"""How long a request waits for an earlier one on the same upload to end."""


@dataclass(eq=False)
class Upload:
    """A blob on its way into a repository; `touched` is when something last happened to it (loop's clock, seconds)."""

    repository: str
    writer: BlobWriter
    touched: float
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def headers(self) -> dict[str, str]:
        """Where the upload goes on, and how far it is: the last byte's number (0 too where there is none yet)."""
        return {
            "Location": f"/v2/{self.repository}/blobs/uploads/{self.id}",
            "Range": f"0-{max(0, self.writer.written - 1)}",
            "Docker-Upload-UUID": self.id,
        }


class Uploads:
    """What a registry answers about uploads; those that are idle for `idle_seconds` are forgotten."""

    def __init__(self, repositories: Repositories, idle_seconds: float) -> None:
        self.repositories = repositories
        self.idle_seconds = idle_seconds
        self._uploads: dict[str, Upload] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the paths that are answered here."""
        path = "/v2/{name:.+}/blobs/uploads/{id}"
        return [
            web.post("/v2/{name:.+}/blobs/uploads{slash:/?}", self.start),
            web.get(path, self.status),
            web.patch(path, self.append),
            web.put(path, self.finish),
            web.delete(path, self.cancel),
        ]

    async def start(self, request: web.Request) -> web.Response:
        """Begin an upload; or do without one: link a blob that the store has, or take it from this very request.

        A ``mount`` succeeds wherever the blob comes from: every repository's blobs are in the one store, so ``from``
        need not be said ("automatic content discovery").
        """
        repository = repository_in(request)
        if mount := request.query.get("mount"):
            digest = Digest(mount)
            if await asyncio.to_thread(self._mount, repository, digest):
                return _created(repository, digest)
        if "digest" in request.query:
            digest = _digest(request)
            with self.repositories.store.writer(digest, request.content_length) as writer:
                async for chunk in body_of(request):
                    writer.write(chunk)
                await asyncio.to_thread(self._commit, repository, writer)
            return _created(repository, digest)
        writer = self.repositories.store.writer()
        if algorithm := request.query.get("digest-algorithm"):
            writer.hash_with(algorithm)
        upload = Upload(repository, writer, asyncio.get_running_loop().time())
        self._uploads[upload.id] = upload
        return web.Response(status=202, headers=upload.headers)

    async def status(self, request: web.Request) -> web.Response:
        """Say how far an upload is."""
        async with self._held(request) as upload:
            return web.Response(status=204, headers=upload.headers)

    async def append(self, request: web.Request) -> web.Response:
        """Take the next chunk; without ``Content-Range``, whatever the body holds."""
        async with self._held(request) as upload:
            await self._receive(request, upload)
            return web.Response(status=202, headers=upload.headers)

    async def finish(self, request: web.Request) -> web.Response:
        """Take the last chunk, if there is one, and keep the blob."""
        async with self._held(request) as upload:
            try:
                digest = _digest(request)
                if not upload.writer.written:  # all of it comes now: its digest and size are known beforehand
                    _check_range(request, upload)
                    upload.writer = self.repositories.store.writer(digest, request.content_length)
                await self._receive(request, upload)
                await asyncio.to_thread(upload.writer.require, digest)
                await asyncio.to_thread(self._commit, upload.repository, upload.writer)
            except Refusal as refusal:
                if refusal.status != 416:  # a chunk out of order may be sent again
                    await self._drop(upload)
                raise
            except BaseException:
                await self._drop(upload)
                raise
            await self._drop(upload)
            return _created(upload.repository, digest)

    async def cancel(self, request: web.Request) -> web.Response:
        """Forget an upload and what it brought."""
        async with self._held(request) as upload:
            await self._drop(upload)
            return web.Response(status=204)

    async def expire(self) -> None:
        """Forget uploads that are idle, for as long as this runs."""
        while True:
            await asyncio.sleep(min(60.0, self.idle_seconds / 4))
            oldest = asyncio.get_running_loop().time() - self.idle_seconds
            for upload in list(self._uploads.values()):
                if upload.touched < oldest and not upload.lock.locked():
                    await self._drop(upload)

    async def close(self) -> None:
        """Forget all uploads."""
        for upload in list(self._uploads.values()):
            await self._drop(upload)

    async def _receive(self, request: web.Request, upload: Upload) -> None:
        """Write the body's bytes as they come: the hash is done when the last one is here."""
        _check_range(request, upload)
        loop, before = asyncio.get_running_loop(), upload.writer.written
        try:
            async for chunk in body_of(request):
                upload.writer.write(chunk)
                upload.touched = loop.time()
        except Refusal:  # the client broke off
            raise
        except BaseException:
            await self._drop(upload)
            raise
        said = sent(request.headers.get("Content-Range", ""))
        if said and upload.writer.written - before != said.length:
            await self._drop(upload)
            raise Refusal(400, "SIZE_INVALID", f"The chunk has not the {said.length} bytes that Content-Range says.")

    @contextlib.asynccontextmanager
    async def _held(self, request: web.Request) -> AsyncIterator[Upload]:
        """Find the request's upload and keep other requests from it meanwhile."""
        repository, upload = repository_in(request), self._uploads.get(request.match_info["id"])
        if upload is None or upload.repository != repository:
            raise Refusal(404, "BLOB_UPLOAD_UNKNOWN", "There is no such upload, or it has expired.")
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await upload.lock.acquire()
        except TimeoutError:
            raise Refusal(409, "BLOB_UPLOAD_INVALID", "Another request is still sending to this upload.") from None
        try:
            if upload.id not in self._uploads:
                raise Refusal(404, "BLOB_UPLOAD_UNKNOWN", "The upload has just ended.")
            upload.touched = asyncio.get_running_loop().time()
            yield upload
        finally:
            upload.lock.release()

    async def _drop(self, upload: Upload) -> None:
        self._uploads.pop(upload.id, None)
        await asyncio.to_thread(upload.writer.discard)  # to unlink gigabytes takes a while

    def _mount(self, repository: str, digest: Digest) -> bool:
        if not self.repositories.store.has(digest):
            return False
        self.repositories.link(repository, digest)
        return True

    def _commit(self, repository: str, writer: BlobWriter) -> None:
        """Sync and keep the blob; on a thread, since this waits for the disk."""
        self.repositories.link(repository, writer.commit())


def _digest(request: web.Request) -> Digest:
    return Digest(request.query.get("digest", ""))


def _check_range(request: web.Request, upload: Upload) -> None:
    """See that a chunk goes on where the last one ended; raises `Refusal`."""
    header = request.headers.get("Content-Range")
    if header is None:
        return
    said = sent(header)
    if said is None or said.start != upload.writer.written:
        message = f"{upload.writer.written} bytes are here; Content-Range says {header!r}."
        raise Refusal(416, "RANGE_INVALID", message, headers=upload.headers)
    if request.content_length not in (None, said.length):
        raise Refusal(
            400, "SIZE_INVALID", f"The body has {request.content_length} bytes; Content-Range says {header!r}."
        )


def _created(repository: str, digest: Digest) -> web.Response:
    headers = {"Location": f"/v2/{repository}/blobs/{digest}", "Docker-Content-Digest": digest}
    return web.Response(status=201, headers=headers)
