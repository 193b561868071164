"""What the content store holds: by the images that need it, on this machine and in the embedded registry, and the rest.

A layer that several images share is part of the size of each, and of what removing one frees only where no other needs
it. What nothing needs any more is one item: it goes with `modelcar.prune`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from forecourt import modelcar
from forecourt.errors import Conflict, ForecourtError, NotFound
from forecourt.home import Home
from forecourt.oci import Digest, Index, Reference, Repositories
from forecourt.space.model import Group, Item
from forecourt.space.times import instant

_ABOUT = {
    "images": "ModelCars that were packed, pulled or imported. Layers that images share take their space once.",
    "registry": "What was pushed to the embedded registry: others may pull it from here.",
    "store": "Layers and files that no image needs any more, and downloads that broke off.",
}
Users = Mapping[str, Sequence[str]]
"""Who needs an image, by the hex of its manifest's digest."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """An image of a repository, and every blob that it needs."""

    group: str
    repositories: Repositories
    name: str
    version: str
    digest: Digest
    needs: frozenset[Digest]

    @property
    def id(self) -> str:
        return f"{self.group}/{self.name}{'@' if ':' in self.version else ':'}{self.version}"


class Images:
    """The images of a home."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def groups(self, users: Users, registered: Users) -> Iterator[Group]:
        """Yield the images, the registry's repositories, and what nothing needs; blocks.

        `users` are deployments, `registered` the versions whose files are in the embedded registry.
        """
        home, store = self._home, self._home.store
        kept = [*self._images("images", home.images), *self._images("registry", home.repositories)]
        counts: dict[Digest, int] = {}
        for image in kept:
            for digest in image.needs:
                counts[digest] = counts.get(digest, 0) + 1
        sizes = {digest: store.takes(digest) for digest in {*store, *counts}}
        seen: set[Digest] = set()
        for group, title in (("images", "Images of this machine"), ("registry", "Embedded registry")):
            those = [image for image in kept if image.group == group]
            mine = frozenset().union(*(image.needs for image in those)) - seen
            seen |= mine
            items = []
            for image in those:
                own = sum(sizes[digest].own for digest in image.needs if counts[digest] == 1)
                size = sum(sizes[digest].size for digest in image.needs)
                needed = list(users.get(image.digest.hex, ()))
                if group == "registry":
                    needed += [f"{each} (registered)" for each in dict.fromkeys(registered.get(image.digest.hex, ()))]
                items.append(self._item(image, size, own, tuple(needed)))
            yield Group(group, title, _ABOUT[group], sum(sizes[one].size for one in mine), tuple(items))
        yield self._needless({one: use for one, use in sizes.items() if one not in seen})

    def _images(self, group: str, repositories: Repositories) -> Iterator[_Kept]:
        for name in repositories:
            tags = repositories.tags(name)
            tagged: set[Digest] = set()
            for tag in tags:
                with contextlib.suppress(NotFound):
                    digest = repositories.resolve(name, tag)
                    needs = _needed(repositories, name, digest)
                    tagged |= needs
                    yield _Kept(group, repositories, name, tag, digest, frozenset(needs))
            if group == "registry":  # there an image may be known by its digest alone
                for digest in repositories.manifests(name):
                    if digest not in tagged:
                        with contextlib.suppress(NotFound):
                            needs = _needed(repositories, name, digest)
                            yield _Kept(group, repositories, name, digest, digest, frozenset(needs))

    def _item(self, image: _Kept, size: int, own: int, used_by: tuple[str, ...]) -> Item:
        here = image.group == "images"
        name = f"{image.name}{'@' if ':' in image.version else ':'}{image.version}"
        whence = "pulled or packed" if here else "pushed"
        return Item(
            image.id,
            name,
            size,
            own,
            used_by,
            instant(self._home.store.added(image.digest)),
            lost="The image, and what is attached to it." if here else "The image: nobody can pull it from here then.",
            again=f"It has to be {whence} again.",
            remove=partial(asyncio.to_thread, self._remove, image),
        )

    def _remove(self, image: _Kept) -> None:
        self._prune(lambda: self._forget(image))

    def _forget(self, image: _Kept) -> None:
        there = image.repositories
        if there.resolve(image.name, image.version) != image.digest:
            raise Conflict(f"{image.name}:{image.version} is another image by now.", hint="Look again what is there.")
        if image.group == "images":
            modelcar.remove(Reference.parse(image.id.partition("/")[2]), there)
        elif ":" in image.version:
            there.delete(image.name, image.digest)
        else:
            there.delete_tag(image.name, image.version)
            if not any(there.resolve(image.name, tag) == image.digest for tag in there.tags(image.name)):
                there.delete(image.name, image.digest)

    def _prune(self, removing: Callable[[], None] | None = None) -> None:
        home = self._home
        modelcar.prune(home.store, home.images, home.repositories, wait=False, removing=removing)

    def _needless(self, rest: Mapping[Digest, object]) -> Group:
        """Return what no image needs, in blobs, in staging and half downloaded."""
        store, oldest = self._home.store, time.time() - modelcar.YOUNG_SECONDS
        linked = self._home.repositories.linked()
        old = [digest for digest in rest if digest not in linked and store.added(digest) < oldest]
        uses = [store.takes(digest) for digest in old]
        items = []
        if old:
            items.append(
                Item(
                    "store/unneeded",
                    f"{len(old)} blobs that no image needs" if len(old) != 1 else "1 blob that no image needs",
                    sum(use.size for use in uses),
                    sum(use.own for use in uses),
                    lost="Nothing that an image or a deployment needs.",
                    needless=True,
                    remove=partial(asyncio.to_thread, self._prune),
                )
            )
        broken_off = [path for path in (store.root / "partial").glob("*") if path.is_file()]
        if broken_off:
            size = sum(path.stat().st_blocks * 512 for path in broken_off)
            items.append(
                Item(
                    "store/partial",
                    "Downloads that broke off",
                    size,
                    size,
                    lost="What had come of them.",
                    again="They begin anew when they are asked for again.",
                    remove=partial(asyncio.to_thread, self._remove_partial),
                )
            )
        size = sum(store.takes(digest).size for digest in rest) + sum(
            path.stat().st_blocks * 512 for path in broken_off
        )
        return Group("store", "Content store: the rest", _ABOUT["store"], size, tuple(items))

    def _remove_partial(self) -> None:
        store = self._home.store
        with modelcar.alone(store, wait=False):  # then nobody downloads
            for path in (store.root / "partial").glob("*"):
                path.unlink(missing_ok=True)


def _needed(repositories: Repositories, name: str, digest: Digest) -> set[Digest]:
    """Return every blob of an image: its manifest, what that names, and what refers to it."""
    found: set[Digest] = set()
    left = [digest]
    while left:
        one = left.pop()
        if one in found:
            continue
        found.add(one)
        left += [entry.digest for entry in repositories.referrers(name, one)]
        with contextlib.suppress(ForecourtError):
            document = repositories.get(name, one)
            if isinstance(document, Index):
                left += [child.digest for child in document.manifests]
            else:
                found.update(child.digest for child in document.children)
    return found
