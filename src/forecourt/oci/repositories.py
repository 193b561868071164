"""Repositories: which manifests and blobs belong to a name, its tags and its referrers; safe for several processes.

The bytes are in the content store, which repositories share; here are only links to them. Layout, below the root::

    <name>/_manifests/<algorithm>/<hex>                        what the manifest is (JSON: its descriptor, its subject)
    <name>/_blobs/<algorithm>/<hex>                            an empty file: the blob belongs here
    <name>/_tags/<tag>                                         the digest that the tag stands for
    <name>/_referrers/<algorithm>/<hex>/<algorithm>-<hex>      an empty file: which manifest refers to which subject
    <name>/_lock                                               held by whoever changes manifests, tags and referrers
    _staging/<random>                                          what is being written

No part of a repository's name begins with ``_``. Readers take no lock: every change is one rename or unlink, and in
such an order that nothing is seen that leads nowhere. A repository exists while it has a manifest.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from forecourt import durable
from forecourt.errors import ContentMismatch, InvalidManifest, InvalidReference, NotFound, from_os_error
from forecourt.oci.digest import Digest
from forecourt.oci.manifest import Descriptor, Index, Manifest, parse
from forecourt.oci.reference import is_name, is_tag
from forecourt.oci.store import ContentStore


class Repositories:
    """The repositories below `root`, whose bytes are in `store`. A directory is made when something is first written.

    A repository is named as in a registry (``demo/my-model``) or with its registry (``localhost:5000/demo/my-model``).
    Every method raises `InvalidReference` where a name can be neither.
    """

    def __init__(self, root: Path, store: ContentStore) -> None:
        self.root = root
        self.store = store

    # Manifests and tags

    def put(
        self, repository: str, document: Manifest | Index, tag: str | None = None, *, algorithm: str = "sha256"
    ) -> Digest:
        """Keep a manifest, list it under its subject if it has one, then move `tag` to it; return its digest.

        Whether its blobs are here is the caller's to check. Raises `InvalidReference` where `tag` can be no tag, and
        `StorageFull`; the tag then stands where it stood.
        """
        directory = self._directory(repository)
        if tag is not None and not is_tag(tag):
            raise InvalidReference(f"{tag!r} is not a tag.", hint="A tag has up to 128 letters, digits and . _ -")
        digest = self.store.add(document.raw, algorithm)
        subject = document.subject.digest if document.subject else None
        entry = _Entry(replace(document.descriptor, digest=digest), subject).to_json()
        with self._changing(directory):
            path = self._manifest(directory, digest)
            if not path.exists() or path.read_text() != entry:
                if subject:
                    self._write(self._referrer(directory, subject, digest))
                self._write(path, entry)
            if tag is not None:
                self._write(directory / "_tags" / _tag_file(tag), digest)
        return digest

    def get(self, repository: str, version: str) -> Manifest | Index:
        """Return the manifest that a tag or a digest stands for; raises `NotFound`, `InvalidDigest`."""
        digest = self.resolve(repository, version)
        entry = self._entry(self._directory(repository), digest)
        return parse(self.store.read(digest), entry.descriptor.media_type)

    def resolve(self, repository: str, version: str) -> Digest:
        """Return the digest of the manifest that a tag or a digest stands for; raises `NotFound`, `InvalidDigest`."""
        directory = self._directory(repository)
        with contextlib.suppress(FileNotFoundError):
            if ":" not in version:
                if is_tag(version):
                    return Digest((directory / "_tags" / _tag_file(version)).read_text())
            elif self._manifest(directory, digest := Digest(version)).exists():
                return digest
        raise NotFound(f"{repository} has no manifest {version}.")

    def tags(self, repository: str) -> list[str]:
        """Return the tags in the distribution specification's order, which does not look at case.

        Raises `NotFound` where there is no such repository.
        """
        directory = self._directory(repository)
        if not _exists(directory):
            raise NotFound(f"There is no repository {repository}.")
        return sorted((_tag_of(name) for name in _names(directory / "_tags")), key=tag_order)

    def manifests(self, repository: str) -> list[Digest]:
        """Return the digests of all manifests, tagged or not; none where there is no such repository."""
        return _digests(self._directory(repository) / "_manifests")

    def referrers(self, repository: str, subject: Digest, artifact_type: str = "") -> list[Descriptor]:
        """Return what refers to `subject`, sorted by digest, of one artifact type or of all."""
        directory = self._directory(repository)
        found = []
        for name in _names(directory / "_referrers" / subject.algorithm / subject.hex):
            with contextlib.suppress(NotFound):  # it is being deleted, or not there yet
                found.append(self._entry(directory, Digest(name.replace("-", ":", 1))).descriptor)
        return [entry for entry in found if not artifact_type or entry.artifact_type == artifact_type]

    def delete_tag(self, repository: str, tag: str) -> None:
        """Remove a tag and leave what it stood for; raises `NotFound`."""
        directory = self._directory(repository)
        self.resolve(repository, tag)
        with self._changing(directory):
            _remove(directory / "_tags" / _tag_file(tag))

    def delete(self, repository: str, digest: Digest) -> None:
        """Remove a manifest, every tag that stands for it, and the links to blobs that only it needed.

        Raises `NotFound`. The bytes stay in the store, which others may use.
        """
        directory = self._directory(repository)
        self.resolve(repository, digest)
        with self._changing(directory):
            for name in _names(directory / "_tags"):
                if (directory / "_tags" / name).read_text() == digest:
                    _remove(directory / "_tags" / name)
            subject, children = self._entry(directory, digest).subject, self._children(digest)
            _remove(self._manifest(directory, digest))
            if subject:
                _remove(self._referrer(directory, subject, digest))
            for child in children - self._needed(repository) if children else ():
                _remove(self._blob(directory, child))

    # Blobs

    def link(self, repository: str, digest: Digest) -> None:
        """Say that a blob of the store belongs to the repository; raises `NotFound` where the store lacks it."""
        directory = self._directory(repository)
        if not self.store.touch(digest):
            raise NotFound(f"The blob {digest} is not in the content store.")
        path = self._blob(directory, digest)
        try:
            os.utime(path)
        except FileNotFoundError:
            self._write(path)

    def has(self, repository: str, digest: Digest) -> bool:
        """Say whether a blob belongs to the repository, and is there."""
        return self._blob(self._directory(repository), digest).exists() and self.store.has(digest)

    def unlink(self, repository: str, digest: Digest) -> None:
        """Say that a blob no longer belongs to the repository; raises `NotFound` where it does not."""
        try:
            self._blob(self._directory(repository), digest).unlink()
        except FileNotFoundError:
            raise NotFound(f"{repository} has no blob {digest}.") from None

    def blobs(self, repository: str) -> list[Digest]:
        """Return the digests of all blobs that belong to the repository."""
        return _digests(self._directory(repository) / "_blobs")

    # All of them

    def linked(self) -> set[Digest]:
        """Return every blob that belongs to a repository, those of a push that goes on too."""
        return {digest for path in self.root.glob("**/_blobs") for digest in _digests(path)}

    def expire(self, before: float) -> None:
        """Remove links to blobs that no manifest needs, made before a time (seconds since the epoch).

        A push that broke off left them. A link is made when the blob is pushed or mounted.
        """
        for path in self.root.glob("**/_blobs"):
            repository = path.parent.relative_to(self.root).as_posix()
            with self._changing(path.parent):
                for digest in set(_digests(path)) - self._needed(repository):
                    link = self._blob(path.parent, digest)
                    with contextlib.suppress(FileNotFoundError):
                        if link.stat().st_mtime < before:
                            _remove(link)

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the repositories, sorted."""
        names = []
        for path, directories, _ in os.walk(self.root):
            if "_manifests" in directories and _exists(Path(path)):
                names.append(Path(path).relative_to(self.root).as_posix())
            directories[:] = [name for name in directories if not name.startswith("_")]
        yield from sorted(names)

    # Inside

    def _directory(self, repository: str) -> Path:
        if not is_name(repository):
            raise InvalidReference(
                f"{repository!r} is not a repository.",
                hint="Use lower-case letters, digits and . _ - between them, in parts separated by /.",
            )
        return self.root / repository

    @staticmethod
    def _manifest(directory: Path, digest: Digest) -> Path:
        return directory / "_manifests" / digest.algorithm / digest.hex

    @staticmethod
    def _blob(directory: Path, digest: Digest) -> Path:
        return directory / "_blobs" / digest.algorithm / digest.hex

    @staticmethod
    def _referrer(directory: Path, subject: Digest, digest: Digest) -> Path:
        return directory / "_referrers" / subject.algorithm / subject.hex / f"{digest.algorithm}-{digest.hex}"

    def _entry(self, directory: Path, digest: Digest) -> _Entry:
        try:
            return _Entry.from_json(self._manifest(directory, digest).read_text())
        except FileNotFoundError:
            raise NotFound(f"{directory.relative_to(self.root)} has no manifest {digest}.") from None

    def _needed(self, repository: str) -> set[Digest]:
        """Return what the repository's manifests name."""
        return {child for digest in self.manifests(repository) for child in self._children(digest)}

    def _children(self, digest: Digest) -> set[Digest]:
        """Return what a manifest names; nothing where its bytes are lost."""
        try:
            return {child.digest for child in parse(self.store.read(digest)).children}
        except (NotFound, ContentMismatch, InvalidManifest):
            return set()

    def _write(self, path: Path, text: str = "") -> None:
        try:
            durable.write(path, text, self.root / "_staging" / secrets.token_hex(8))
        except OSError as error:
            raise from_os_error(error, path) or error from error

    @contextlib.contextmanager
    def _changing(self, directory: Path) -> Iterator[None]:
        """Keep other threads and processes from changing the repository meanwhile."""
        try:
            directory.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(directory / "_lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise from_os_error(error, directory) or error from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is remembered of a manifest, so that a list of referrers reads no manifest."""

    descriptor: Descriptor
    subject: Digest | None

    @classmethod
    def from_json(cls, text: str) -> _Entry:
        document = json.loads(text)
        subject = document.get("subject")
        return cls(Descriptor.from_json(document["descriptor"]), Digest(subject) if subject else None)

    def to_json(self) -> str:
        return json.dumps({"descriptor": self.descriptor.to_json(), "subject": self.subject})


def tag_order(tag: str) -> tuple[str, str]:
    """Return what tags are sorted by: the distribution specification wants "case-insensitive alphanumeric order"."""
    return tag.lower(), tag


def _tag_file(tag: str) -> str:
    """Name a tag's file so that ``v1`` and ``V1`` are two on a file system that does not look at case."""
    upper = sum(1 << place for place, letter in enumerate(tag) if letter.isupper())
    return f"{tag.lower()}+{upper:x}" if upper else tag


def _tag_of(name: str) -> str:
    lower, _, mask = name.partition("+")
    upper = int(mask, 16) if mask else 0
    return "".join(letter.upper() if upper >> place & 1 else letter for place, letter in enumerate(lower))


def _exists(directory: Path) -> bool:
    """Say whether the repository in `directory` has a manifest."""
    return next((directory / "_manifests").glob("*/*"), None) is not None


def _digests(directory: Path) -> list[Digest]:
    return sorted(Digest(f"{path.parent.name}:{path.name}") for path in directory.glob("*/*"))


def _names(directory: Path) -> list[str]:
    try:
        return sorted(path.name for path in directory.iterdir())
    except FileNotFoundError:
        return []


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
