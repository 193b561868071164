"""Images on the move: push, pull, and copy from one registry to another.

Content goes first and names last: all blobs (a few at once), then the manifests from the leaves up, then the tag. So an
image that can be seen is whole, and what breaks off leaves nothing but blobs that the next attempt finds there. What
refers to an image (its evidence) goes with it, after it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from forecourt.errors import InvalidManifest, NotFound
from forecourt.oci.client import ClientFactory, Interruption, PassingBlob, RegistryClient, name_of
from forecourt.oci.digest import Digest
from forecourt.oci.manifest import Descriptor, Index, Manifest, Platform
from forecourt.oci.progress import SILENT, Progress
from forecourt.oci.reference import Reference
from forecourt.oci.repositories import Repositories
from forecourt.oci.store import ContentStore

_DEEPEST = 8  # indexes in indexes, referrers of referrers: more is a mistake or worse


def push(
    reference: Reference,
    images: Repositories,
    store: ContentStore,
    client_for: ClientFactory,
    *,
    progress: Progress = SILENT,
    jobs: int = 2,
) -> Digest:
    """Push an image or index of this machine, with its children and what refers to them; return its digest.

    Blobs that the registry has do not move. Raises `NotFound` where the image is not on this machine.
    """
    name, client = reference.name, client_for(reference.registry)
    tree = _gather(
        reference.version,
        get=lambda version: images.get(name, version),
        referrers=lambda digest: images.referrers(name, digest),
    )
    titles = _titles(tree.blobs())

    def send(blob: Descriptor) -> None:
        client.push_blob(reference.repository, store.open(blob.digest), titles[blob.digest], progress)

    _in_parallel([partial(send, blob) for blob in tree.blobs()], jobs)
    return _put_manifests(client, reference, tree)


def pull(
    reference: Reference,
    images: Repositories,
    store: ContentStore,
    client_for: ClientFactory,
    *,
    platform: Platform | None = None,
    progress: Progress = SILENT,
    jobs: int = 2,
) -> Manifest | Index:
    """Pull an image, with what refers to it, into the store, and record it under `reference`; return its manifest.

    Of an index, the image for `platform`, or the whole index where none is given. Blobs that are here do not move, and
    every byte is checked. Raises `NotFound`, `ContentMismatch`, `StorageFull`; the name then stands for what it did.
    """
    name, repository, client = reference.name, reference.repository, client_for(reference.registry)
    version = reference.version
    if platform:
        version = _select(client, repository, version, platform)
    tree = _gather(
        version,
        get=lambda wanted: client.manifest(repository, wanted),
        referrers=lambda digest: client.referrers(repository, digest),
    )
    titles = _titles(tree.blobs())

    def fetch(blob: Descriptor) -> None:
        client.pull_blob(repository, blob, store, progress, title=titles[blob.digest])

    _in_parallel([partial(fetch, blob) for blob in tree.blobs()], jobs)
    for node in tree.in_order():
        tag = reference.tag if node is tree.root else None
        images.put(name, node.document, tag, algorithm=node.digest.algorithm)
    return tree.root.document


def copy(
    source: Reference,
    destination: Reference,
    client_for: ClientFactory,
    *,
    store: ContentStore | None = None,
    progress: Progress = SILENT,
    jobs: int = 2,
) -> Digest:
    """Copy an image or index, with its children and what refers to them, to another registry; return its digest.

    Bytes and digests stay as they are. A blob that the destination lacks is mounted (within one registry), sent from
    `store` (where it is there), or passed through from registry to registry, and never kept on this machine.
    """
    origin, target = client_for(source.registry), client_for(destination.registry)
    same = source.registry == destination.registry
    tree = _gather(
        source.version,
        get=lambda version: origin.manifest(source.repository, version),
        referrers=lambda digest: origin.referrers(source.repository, digest),
    )
    titles = _titles(tree.blobs())

    def carry(blob: Descriptor) -> None:
        title = titles[blob.digest]
        if store and store.has(blob.digest):
            here = store.open(blob.digest)
            target.push_blob(destination.repository, here, title, progress, source.repository if same else "")
            return
        with contextlib.closing(PassingBlob(blob, lambda: origin.stream_blob(source.repository, blob))) as passing:
            target.push_blob(destination.repository, passing, title, progress, source.repository if same else "")

    _in_parallel([partial(carry, blob) for blob in tree.blobs()], jobs)
    return _put_manifests(target, destination, tree)


# What belongs to an image


@dataclass(frozen=True, slots=True)
class _Node:
    """A manifest, by the digest it is known under (which need not be sha256), with what is below and about it."""

    digest: Digest
    document: Manifest | Index
    children: tuple[_Node, ...]
    referrers: tuple[_Node, ...] = ()

    def walk(self) -> Iterator[_Node]:
        """Yield every node so that each comes after what it is made of, and before what refers to it."""
        for child in self.children:
            yield from child.walk()
        yield self
        for referrer in self.referrers:
            yield from referrer.walk()


@dataclass(frozen=True, slots=True)
class _Tree:
    root: _Node

    def in_order(self) -> list[_Node]:
        """Return every manifest once, as they are to be put."""
        return list({node.digest: node for node in self.root.walk()}.values())

    def blobs(self) -> list[Descriptor]:
        """Return every blob once: configs and layers."""
        documents = [node.document for node in self.in_order()]
        found = [blob for document in documents if isinstance(document, Manifest) for blob in document.children]
        return list({blob.digest: blob for blob in reversed(found)}.values())[::-1]


@dataclass(frozen=True, slots=True)
class _Gatherer:
    get: Callable[[str], Manifest | Index]
    referrers: Callable[[Digest], Sequence[Descriptor]]
    seen: set[Digest] = field(default_factory=set)

    def node(self, version: str, depth: int = 0) -> _Node:
        """Gather what is below and about a manifest."""
        if depth > _DEEPEST:
            raise InvalidManifest(f"Indexes and referrers are nested more than {_DEEPEST} deep.")
        document = self.get(version)
        digest = Digest(version) if ":" in version else document.digest
        self.seen.add(digest)
        children = document.children if isinstance(document, Index) else ()
        return _Node(
            digest,
            document,
            tuple(self.node(child.digest, depth + 1) for child in children),
            tuple(self._about(digest, depth + 1)),
        )

    def _about(self, subject: Digest, depth: int) -> Iterator[_Node]:
        for entry in self.referrers(subject):
            if entry.digest not in self.seen:  # a child of an index may refer to its sibling
                # A fallback tag may still list what has been deleted; an image is not to be lost over that.
                with contextlib.suppress(NotFound):
                    yield self.node(entry.digest, depth)


def _gather(
    version: str, get: Callable[[str], Manifest | Index], referrers: Callable[[Digest], Sequence[Descriptor]]
) -> _Tree:
    return _Tree(_Gatherer(get, referrers).node(version))


def _select(client: RegistryClient, repository: str, version: str, platform: Platform) -> str:
    """Return the digest of the image for `platform`."""
    document = client.manifest(repository, version)
    return document.select(platform).digest if isinstance(document, Index) else version


def _put_manifests(client: RegistryClient, reference: Reference, tree: _Tree) -> Digest:
    """Put the manifests, the tag's own last of those it is made of, and then what refers to them."""
    for node in tree.in_order():
        version = reference.tag if node is tree.root and reference.tag else node.digest
        client.put_manifest(reference.repository, version, node.document)
    return tree.root.digest


def _titles(blobs: Sequence[Descriptor]) -> Mapping[Digest, str]:
    """Name each blob for a person, no two alike."""
    taken: dict[str, Digest] = {}
    for blob in blobs:
        name = name_of(blob)
        taken[name if name not in taken else f"{name} ({blob.digest.short})"] = blob.digest
    return {digest: name for name, digest in taken.items()}


# Several at once


class _Work(Protocol):
    def __call__(self) -> None: ...


def _in_parallel(work: Sequence[_Work], jobs: int) -> None:
    """Do all of it, `jobs` at once; the first error, or Ctrl-C, stops the rest at once and is raised."""
    if not work:
        return
    together = Interruption()
    with ThreadPoolExecutor(max(1, min(jobs, len(work))), thread_name_prefix="transfer") as threads:
        futures = [threads.submit(together.run, one) for one in work]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            together.stop()
            raise
