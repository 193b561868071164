"""A registry, as one speaks to it: what the distribution specification offers, each as a method.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from forecourt.errors import ContentMismatch, InvalidDigest, InvalidInput, InvalidManifest, NotFound, RegistryError
from forecourt.oci.blob import Blob
from forecourt.oci.client import referrers
from forecourt.oci.client.connection import Patience, Response
from forecourt.oci.client.credentials import Anonymous, Credentials
from forecourt.oci.client.download import stream
from forecourt.oci.client.failure import failure
from forecourt.oci.client.paging import next_page
from forecourt.oci.client.source import PassingBlob, Source, StoredBlob
from forecourt.oci.client.transport import Transport
from forecourt.oci.client.upload import Upload
from forecourt.oci.digest import Digest
from forecourt.oci.manifest import ACCEPT, INDEX_TYPES, MANIFEST_TYPES, MAX_MANIFEST, Descriptor, Index, Manifest, parse
from forecourt.oci.progress import SILENT, Progress
from forecourt.oci.store import ContentStore

_PUSH = ("pull", "push")
_DELETE = ("pull", "push", "delete")
_SMALL = 8 * 1024 * 1024


class RegistryClient:
    """Speaks to one registry (``host[:port]``), over HTTPS unless `insecure`. Several threads may use it at once.

    Besides what a method names, each raises `Unavailable` where the registry cannot be reached, `Denied` where it wants
    other credentials, and `RegistryError` where it answers with an error of its own.
    """

    def __init__(
        self,
        registry: str,
        *,
        insecure: bool = False,
        credentials: Credentials | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.registry = registry
        self._transport = Transport(
            registry,
            insecure=insecure,
            credentials=credentials or Anonymous(),
            patience=patience or Patience(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept for the next request."""
        self._transport.close()

    def ping(self) -> None:
        """See that there is a registry, and that it lets us in."""
        with self._transport.request("GET", "/v2/") as response:
            if response.status == 404:
                raise RegistryError(f"{self.registry} is no registry: it has no /v2/.", hint="Check host and port.")
            self._expect(response, "the first question")

    # Manifests

    def manifest(self, repository: str, version: str) -> Manifest | Index:
        """Return the manifest or index that a tag or digest stands for.

        Raises `NotFound`, `InvalidManifest`, and `ContentMismatch` where the bytes have another digest than was asked
        for or than the registry says they have.
        """
        path = f"/v2/{repository}/manifests/{version}"
        with self._transport.request("GET", path, repository, headers={"Accept": ACCEPT}) as response:
            if response.status == 404:
                raise self._missing(repository, version)
            self._expect(response, f"the question for {version}", repository)
            raw = response.read(MAX_MANIFEST)
            said, kind = response.header("Docker-Content-Digest"), response.header("Content-Type")
        for expected in (version if ":" in version else "", said):
            if expected:
                self._check(raw, expected, repository)
        return parse(raw, kind)

    def head(self, repository: str, version: str) -> Descriptor | None:
        """Describe the manifest that a tag or digest stands for, or return None where there is none."""
        path = f"/v2/{repository}/manifests/{version}"
        with self._transport.request("HEAD", path, repository, headers={"Accept": ACCEPT}) as response:
            if response.status == 404:
                return None
            self._expect(response, f"the question for {version}", repository)
            digest, length = response.header("Docker-Content-Digest"), response.header("Content-Length")
            kind = response.header("Content-Type").partition(";")[0]
        if digest and length.isdigit() and kind in MANIFEST_TYPES | INDEX_TYPES:
            with contextlib.suppress(InvalidDigest):
                return Descriptor(kind, Digest(digest), int(length))
        return self.manifest(repository, version).descriptor  # these headers are optional

    def put_manifest(self, repository: str, version: str, document: Manifest | Index) -> Digest:
        """Put a manifest under a tag or its digest; its blobs and children must be there already.

        Where it refers to another and the registry has no referrers API, the fallback tag is kept as well.
        """
        with self._transport.request(
            "PUT",
            f"/v2/{repository}/manifests/{version}",
            repository,
            _PUSH,
            headers={"Content-Type": document.media_type},
            body=document.raw,
        ) as response:
            self._expect(response, f"the upload of manifest {version}", repository, 201, 200, 202)
            said, knows_referrers = response.header("Docker-Content-Digest"), response.header("OCI-Subject")
        if said:
            self._check(document.raw, said, repository)
        if document.subject and not knows_referrers:
            referrers.add_to_tag(self.manifest, self.put_manifest, self._transport, repository, document)
        return Digest(version) if ":" in version else document.digest

    def delete_manifest(self, repository: str, version: str) -> None:
        """Delete a manifest by its digest, or a tag alone where the registry can do that. Raises `NotFound`."""
        document = None
        if ":" in version:
            with contextlib.suppress(NotFound, InvalidManifest):
                document = self.manifest(repository, version)
        path = f"/v2/{repository}/manifests/{version}"
        with self._transport.request("DELETE", path, repository, _DELETE) as response:
            if response.status == 404:
                raise self._missing(repository, version)
            self._expect(response, f"deleting {version}", repository, 202, 200, 204)
        if document and document.subject:
            subject = document.subject.digest
            if referrers.listed(self._transport, repository, subject, "") is None:
                referrers.remove_from_tag(
                    self.manifest, self.put_manifest, self._transport, repository, subject, document.digest
                )

    # Blobs

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Say whether the repository has a blob."""
        with self._transport.request("HEAD", f"/v2/{repository}/blobs/{digest}", repository) as response:
            if response.status != 404:
                self._expect(response, "the question for a blob", repository)
            return response.status == 200

    def read_blob(self, repository: str, descriptor: Descriptor, *, limit: int = _SMALL) -> bytes:
        """Return a small blob, checked; raises `NotFound`, `ContentMismatch`, `InvalidInput` above `limit` bytes."""
        if descriptor.size > limit:
            raise InvalidInput(f"The blob {descriptor.digest} has {descriptor.size} bytes; at most {limit} are read.")
        body = b"".join(bytes(chunk) for chunk in stream(self._transport, repository, descriptor))
        self._check(body, descriptor.digest, repository)
        return body

    def stream_blob(self, repository: str, descriptor: Descriptor) -> Iterator[memoryview]:
        """Yield a blob's bytes, *unchecked*, each part good until the next is asked for; raises as `pull_blob` does."""
        return stream(self._transport, repository, descriptor)

    def pull_blob(
        self,
        repository: str,
        descriptor: Descriptor,
        store: ContentStore,
        progress: Progress = SILENT,
        *,
        title: str = "",
    ) -> None:
        """Bring a blob into the store, unless it is there.

        Raises `NotFound`, `StorageFull`, and `ContentMismatch` where it has other bytes than its digest promises; then
        nothing is kept.
        """
        what = title or name_of(descriptor)
        progress.begin(what, descriptor.size)
        if store.has(descriptor.digest):
            progress.advance(what, descriptor.size)
            progress.done(what, "already there")
            return
        chunks = stream(self._transport, repository, descriptor)
        with contextlib.closing(chunks), store.writer(descriptor.digest, descriptor.size) as writer:
            for chunk in chunks:
                writer.write(chunk)
                progress.advance(what, len(chunk))
            try:
                writer.commit()
            except ContentMismatch as error:
                raise self._lied(repository, error.message) from None
        progress.done(what, "pulled")

    def push_blob(
        self,
        repository: str,
        blob: Blob | PassingBlob,
        title: str = "",
        progress: Progress = SILENT,
        mount_from: str = "",
    ) -> None:
        """Bring a blob into the repository, unless it is there.

        `mount_from` is another repository of this registry that has it, so that no byte need move. Raises
        `ContentMismatch` where the registry received, or the source gave, other bytes.
        """
        source: Source = StoredBlob(blob) if isinstance(blob, Blob) else blob
        what = title or source.digest.short
        progress.begin(what, source.size)
        upload = Upload(self._transport, repository, source, what=what, progress=progress)
        note = upload.run(mount_from)
        if note != "pushed":
            progress.advance(what, source.size)
        progress.done(what, note)

    # Lists

    def tags(self, repository: str) -> list[str]:
        """Return the repository's tags, all pages; raises `NotFound`."""
        path: str | None = f"/v2/{repository}/tags/list?n=1000"
        found: list[str] = []
        while path:
            with self._transport.request("GET", path, repository) as response:
                self._expect(response, "the list of tags", repository)
                try:
                    found += json.loads(response.read())["tags"] or []
                except (ValueError, KeyError, TypeError):
                    raise RegistryError(f"{self.registry} sent a list of tags that is none.") from None
                path = next_page(self._transport, response)
        return found

    def referrers(self, repository: str, subject: Digest, artifact_type: str = "") -> list[Descriptor]:
        """Return what refers to `subject`, of one artifact type or of all; nothing where nothing does."""
        found = referrers.listed(self._transport, repository, subject, artifact_type)
        if found is None:
            found = referrers.tagged(self.manifest, self._transport, repository, subject)
        # A registry need not filter; the fallback tag cannot.
        return [entry for entry in found if not artifact_type or entry.artifact_type == artifact_type]

    # Inside

    def _expect(self, response: Response, doing: str, repository: str = "", *statuses: int) -> None:
        if response.status not in (statuses or (200,)):
            raise failure(self._transport, response, doing, repository)

    def _missing(self, repository: str, version: str) -> NotFound:
        joint = "@" if ":" in version else ":"
        return NotFound(
            f"{self.registry}/{repository}{joint}{version} does not exist.",
            hint="Check the name and the tag; a private repository may hide itself until you log in.",
        )

    def _check(self, raw: bytes, expected: str, repository: str) -> None:
        try:
            digest = Digest(expected)
        except InvalidDigest as error:
            raise RegistryError(f"{self.registry} speaks of a digest that is none: {error.message}") from None
        if (got := Digest.of(raw, digest.algorithm)) != digest:
            raise self._lied(repository, f"The content has digest {got}, not {digest} as promised.")

    def _lied(self, repository: str, what: str) -> ContentMismatch:
        return ContentMismatch(
            f"{self.registry}/{repository}: {what}",
            hint="Nothing of it was kept. Try again; if it comes back, the registry or something before it is broken.",
        )


def name_of(descriptor: Descriptor) -> str:
    """Return what a person may call a blob: its title, or a part of its digest."""
    return descriptor.title or descriptor.digest.short
