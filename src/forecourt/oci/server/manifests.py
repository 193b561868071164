"""Manifests and indexes: read, put and deleted, by tag or by digest; and what refers to them.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests and #listing-referrers

A manifest is answered as it was put, whatever the client accepts: to make another of it would change its digest.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from aiohttp import web

from forecourt.errors import ContentMismatch, NotFound
from forecourt.oci.digest import Digest
from forecourt.oci.manifest import INDEX, INDEX_TYPES, MANIFEST_TYPES, MAX_MANIFEST, Descriptor, Index, Manifest, parse
from forecourt.oci.reference import is_tag
from forecourt.oci.repositories import Repositories
from forecourt.oci.server.errors import Refusal, body_of, unknown
from forecourt.oci.server.names import digest_in, is_known, repository_in


class Manifests:
    """What a registry answers about manifests."""

    def __init__(self, repositories: Repositories) -> None:
        self.repositories = repositories

    def routes(self) -> list[web.RouteDef]:
        """Return the paths that are answered here."""
        path = "/v2/{name:.+}/manifests/{version}"
        return [
            web.get(path, self.get),
            web.put(path, self.put),
            web.delete(path, self.delete),
            web.get("/v2/{name:.+}/referrers/{digest}", self.referrers),
        ]

    async def get(self, request: web.Request) -> web.Response:
        """Send a manifest."""
        repository, version = repository_in(request), request.match_info["version"]
        with unknown("MANIFEST_UNKNOWN"):
            digest = await asyncio.to_thread(self.repositories.resolve, repository, version)
            headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"'}
            if is_known(request, digest):
                return web.Response(status=304, headers=headers)
            document = await asyncio.to_thread(self.repositories.get, repository, digest)
        return web.Response(body=document.raw, headers=headers | {"Content-Type": document.media_type})

    async def put(self, request: web.Request) -> web.Response:
        """Keep a manifest whose blobs are in the repository, and move the tag to it where one is named."""
        repository, version = repository_in(request), request.match_info["version"]
        digest = Digest(version) if ":" in version else None
        if not digest and not is_tag(version):
            raise Refusal(400, "TAG_INVALID", f"{version!r} is not a tag.")
        raw = await _read(request)
        document = parse(raw, request.headers.get("Content-Type"))
        if digest and Digest.of(raw, digest.algorithm) != digest:
            raise ContentMismatch(f"The manifest has digest {Digest.of(raw, digest.algorithm)}, not {digest}.")
        kept = await asyncio.to_thread(self._keep, repository, document, None if digest else version, digest)
        headers = {"Location": f"/v2/{repository}/manifests/{kept}", "Docker-Content-Digest": kept}
        if document.subject:
            headers["OCI-Subject"] = document.subject.digest
        return web.Response(status=201, headers=headers)

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a tag, or a manifest with all its tags."""
        repository, version = repository_in(request), request.match_info["version"]
        with unknown("MANIFEST_UNKNOWN"):
            if ":" in version:
                await asyncio.to_thread(self.repositories.delete, repository, Digest(version))
            else:
                await asyncio.to_thread(self.repositories.delete_tag, repository, version)
        return web.Response(status=202)

    async def referrers(self, request: web.Request) -> web.Response:
        """List what refers to a manifest; one that is unknown has no referrers, which is not an error."""
        repository, subject = repository_in(request), digest_in(request)
        kind = request.query.get("artifactType", "")
        found = await asyncio.to_thread(self.repositories.referrers, repository, subject, kind)
        headers = {"OCI-Filters-Applied": "artifactType"} if kind else {}
        return web.Response(body=Index.build(found).raw, headers=headers | {"Content-Type": INDEX})

    def _keep(self, repository: str, document: Manifest | Index, tag: str | None, digest: Digest | None) -> Digest:
        needed = list(_needed(document))
        for child in needed:
            self._check(repository, child)
        kept = self.repositories.put(repository, document, tag, algorithm=digest.algorithm if digest else "sha256")
        for child in needed:  # a manifest that was deleted meanwhile may have taken its links with it
            if child.media_type not in MANIFEST_TYPES | INDEX_TYPES:
                with contextlib.suppress(NotFound):
                    self.repositories.link(repository, child.digest)
        return kept

    def _check(self, repository: str, child: Descriptor) -> None:
        """See that the repository has what a manifest names, and that it is as long as is said."""
        detail = {"digest": child.digest}
        try:
            if child.media_type in MANIFEST_TYPES | INDEX_TYPES:
                size = len(self.repositories.get(repository, child.digest).raw)
            elif self.repositories.has(repository, child.digest):
                size = self.repositories.store.open(child.digest).size
            else:
                raise NotFound(f"{repository} has no blob {child.digest}.")
        except NotFound as error:
            raise Refusal(404, "MANIFEST_BLOB_UNKNOWN", error.message, detail=detail) from None
        if size != child.size:
            message = f"{child.digest} has {size} bytes, not {child.size} as the manifest says."
            raise Refusal(400, "MANIFEST_INVALID", message, detail=detail)


def _needed(document: Manifest | Index) -> Iterator[Descriptor]:
    """Yield what must be in the repository: all but layers that are to be had elsewhere (foreign ones)."""
    for child in document.children:
        if "nondistributable" not in child.media_type and ".foreign." not in child.media_type:
            yield child


async def _read(request: web.Request) -> bytes:
    """Read the whole body, which is small: nothing larger is read."""
    raw = bytearray()
    if (request.content_length or 0) <= MAX_MANIFEST:
        async for chunk in body_of(request):
            raw += chunk
            if len(raw) > MAX_MANIFEST:
                break
        else:
            return bytes(raw)
    raise Refusal(413, "MANIFEST_INVALID", f"A manifest may have {MAX_MANIFEST} bytes at most.")
