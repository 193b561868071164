"""The images of this machine: listed, tagged, removed; and the space that nothing needs any more, freed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from forecourt.errors import ForecourtError, NotFound
from forecourt.modelcar.image import Image, model_car, read_config
from forecourt.modelcar.keeping import alone
from forecourt.modelcar.model import ModelCar
from forecourt.oci import ContentStore, Digest, Index, Manifest, Reference, Repositories

YOUNG_SECONDS = 60.0
"""Blobs younger than this are never pruned: the embedded registry may be about to link them."""


BROKEN_OFF_SECONDS = 86400.0
"""A push that has not named its image after so long has broken off, and its blobs are nobody's."""


def list_images(images: Repositories, store: ContentStore) -> list[ModelCar]:
    """Return the tagged images of this machine by name, those that are broken left out."""
    found = []
    for name in sorted(images):
        for tag in images.tags(name):
            reference = Reference.parse(f"{name}:{tag}")
            try:
                manifest = images.get(name, tag)
                if isinstance(manifest, Manifest):
                    config = read_config(store.read(manifest.config.digest))
                    found.append(model_car(Image(reference, manifest, config, local=True)))
            except ForecourtError:
                continue
    return found


def tag(source: Reference, target: Reference, images: Repositories) -> Digest:
    """Give an image of this machine another name; raises `NotFound`."""
    document = images.get(source.name, source.version)
    if isinstance(document, Index):
        for child in document.manifests:
            images.put(target.name, images.get(source.name, child.digest))
    return images.put(target.name, document, target.tag)


def remove(reference: Reference, images: Repositories) -> None:
    """Forget an image of this machine, by tag or digest; raises `NotFound`. Its space is freed by `prune`."""
    if reference.digest:
        images.delete(reference.name, reference.digest)
        return
    digest = images.resolve(reference.name, reference.version)
    images.delete_tag(reference.name, reference.version)
    if not any(images.resolve(reference.name, other) == digest for other in images.tags(reference.name)):
        images.delete(reference.name, digest)


def prune(
    store: ContentStore,
    images: Repositories,
    registry: Repositories,
    *,
    older_than: float = YOUNG_SECONDS,
    wait: bool = True,
    removing: Callable[[], None] | None = None,
) -> int:
    """Free what no image needs, and return how many bytes that gave.

    Needed is what a tag of `images`, this machine's, leads to, and everything in `registry`, the embedded one: there
    an image may be known by its digest alone. Waits for images that are being packed or pulled, and leaves alone what
    came less than `older_than` seconds ago. Without `wait`, it raises `Conflict` instead of waiting.
    `removing` is called before, while nobody packs or pulls: it forgets what is to go.
    """
    with alone(store, wait=wait):
        if removing:
            removing()
        oldest = time.time() - older_than
        _forget_untagged(images, store, oldest)
        registry.expire(time.time() - BROKEN_OFF_SECONDS)
        needed: set[Digest] = set()
        for each in (images, registry):
            needed |= each.linked()  # those of a push that goes on, too
            for name in each:
                for digest in each.manifests(name):
                    needed.add(digest)
                    with contextlib.suppress(NotFound):
                        needed.update(child.digest for child in each.get(name, digest).children)
        return store.sweep() + sum(
            store.delete(digest) for digest in list(store) if digest not in needed and store.added(digest) < oldest
        )


def _forget_untagged(images: Repositories, store: ContentStore, oldest: float) -> None:
    """Forget manifests that no tag leads to: earlier versions of a tag, and what was left when one was removed."""
    for name in list(images):
        reached: set[Digest] = set()
        left = [images.resolve(name, tag) for tag in images.tags(name)]
        while left:
            digest = left.pop()
            if digest in reached:
                continue
            reached.add(digest)
            left += [entry.digest for entry in images.referrers(name, digest)]
            with contextlib.suppress(NotFound):  # of an index, there may be only one platform's image
                document = images.get(name, digest)
                if isinstance(document, Index):
                    left += [child.digest for child in document.manifests]
        for digest in images.manifests(name):
            if digest not in reached and store.added(digest) < oldest:
                images.delete(name, digest)
