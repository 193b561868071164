"""What is attached to a ModelCar, as OCI referrers that travel with it: what its model scored, how fast it is.

An attachment is an image manifest with the `artifactType` of its kind, the empty config, and one layer of the same
media type: newline-delimited JSON (https://github.com/ndjson/ndjson-spec). Its `subject` is the image's manifest
(https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage). Nothing of the
machine or the moment goes into it, so the same lines about the same image are the same attachment anywhere.

What the lines mean is not known here (see `forecourt.evidence`): they are carried as they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from forecourt.errors import Denied, InvalidInput, InvalidManifest, NotFound, RegistryError
from forecourt.modelcar.annotations import TITLE
from forecourt.modelcar.keeping import kept
from forecourt.oci import (
    EMPTY_DESCRIPTOR,
    EMPTY_JSON,
    ContentStore,
    Descriptor,
    Digest,
    Index,
    Manifest,
    RegistryClient,
    Repositories,
)
from forecourt.oci.client import PassingBlob

CREATED = "org.opencontainers.image.created"
MOST = 64
"""How many attachments of an image are looked at."""
LARGEST = 4 * 1024 * 1024
"""The bytes that the lines of an attachment may have."""

_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Kind(StrEnum):
    """What an attachment says of the model: its artifact type, which is its layer's media type too."""

    EVALUATIONS = "application/vnd.forecourt.evaluations.v1+ndjson"
    """What the model scored; lines as `forecourt.evidence.published` has them."""
    PERFORMANCE = "application/vnd.forecourt.performance.v1+ndjson"
    """How fast it is; lines as `forecourt.evidence.performance` has them."""
    DEPLOYMENTS = "application/vnd.forecourt.deployments.v1+ndjson"
    """Where it was served, and what came of it; lines as `forecourt.serving.records` has them."""

    @property
    def word(self) -> str:
        """What a person calls it: ``evaluations``, ``performance``."""
        return self.name.lower()

    @property
    def file_name(self) -> str:
        """The name of a file with its lines, which tools that pull artifacts give it."""
        return f"{self.word}.ndjson"


EVIDENCE = (Kind.EVALUATIONS, Kind.PERFORMANCE)
"""The kinds that say how good a model is."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A referrer of one of the kinds: the digests of its manifest and of the image's.

    `created` is when its lines came to be (RFC 3339), empty where it does not say.
    """

    kind: Kind
    digest: Digest
    subject: Digest
    created: str = ""

    @classmethod
    def of(cls, entry: Descriptor, subject: Digest) -> Attachment:
        """Read an entry of the list of what refers to `subject`, which must be of one of the kinds."""
        return cls(Kind(entry.artifact_type), entry.digest, subject, entry.annotations.get(CREATED, ""))

    @property
    def age(self) -> tuple[datetime, Digest]:
        """What attachments are sorted by: their time, or before all times, then their digest."""
        when = _BEGINNING
        with contextlib.suppress(ValueError, OverflowError):
            said = datetime.fromisoformat(self.created)
            when = said if said.tzinfo else said.replace(tzinfo=UTC)
        return when, self.digest


class Place(Protocol):
    """Where an image and its referrers are: a repository of a registry, or this machine."""

    def referrers(self, subject: Digest) -> list[Descriptor]:
        """Return what refers to a manifest."""
        ...

    def manifest(self, digest: Digest) -> Manifest | Index:
        """Return a manifest; raises `NotFound`."""
        ...

    def blob(self, blob: Descriptor) -> bytes:
        """Return a blob of at most `LARGEST` bytes, checked; raises `NotFound`, `ContentMismatch`."""
        ...

    def put(self, referrer: Manifest, lines: bytes) -> None:
        """Keep a referrer, its blobs first."""

    def remove(self, digest: Digest) -> None:
        """Forget a referrer; nothing happens where there is none."""


@dataclass(frozen=True, slots=True)
class There:
    """A repository of a registry. A registry without the referrers API gets the fallback tag from the client."""

    client: RegistryClient
    repository: str

    def referrers(self, subject: Digest) -> list[Descriptor]:
        """Return what refers to a manifest."""
        return self.client.referrers(self.repository, subject)

    def manifest(self, digest: Digest) -> Manifest | Index:
        """Return a manifest; raises `NotFound`, `ContentMismatch`."""
        return self.client.manifest(self.repository, digest)

    def blob(self, blob: Descriptor) -> bytes:
        """Return a blob of at most `LARGEST` bytes, checked; raises `NotFound`, `ContentMismatch`."""
        return self.client.read_blob(self.repository, blob, limit=LARGEST)

    def put(self, referrer: Manifest, lines: bytes) -> None:
        """Push a referrer, its blobs first; raises `Denied`."""
        for blob, data in ((referrer.config, EMPTY_JSON), (referrer.layers[0], lines)):
            with contextlib.closing(PassingBlob(blob, lambda data=data: iter((memoryview(data),)))) as passing:  # type: ignore[misc]
                self.client.push_blob(self.repository, passing)
        self.client.put_manifest(self.repository, referrer.digest, referrer)

    def remove(self, digest: Digest) -> None:
        """Forget a referrer; a registry that does not let anything be deleted keeps it."""
        with contextlib.suppress(NotFound, Denied, RegistryError):
            self.client.delete_manifest(self.repository, digest)


@dataclass(frozen=True, slots=True)
class Here:
    """The images of this machine under one name, ``registry/repository``; a push takes along what refers to them."""

    images: Repositories
    store: ContentStore
    name: str

    def referrers(self, subject: Digest) -> list[Descriptor]:
        """Return what refers to a manifest."""
        return self.images.referrers(self.name, subject)

    def manifest(self, digest: Digest) -> Manifest | Index:
        """Return a manifest; raises `NotFound`."""
        return self.images.get(self.name, digest)

    def blob(self, blob: Descriptor) -> bytes:
        """Return a blob of at most `LARGEST` bytes, checked; raises `NotFound`, `ContentMismatch`."""
        if self.store.open(blob.digest).size > LARGEST:
            raise InvalidInput(f"The blob {blob.digest} has more than {LARGEST} bytes.")
        return self.store.read(blob.digest)

    def put(self, referrer: Manifest, lines: bytes) -> None:
        """Keep a referrer, its blobs first; raises `StorageFull`."""
        with kept(self.store):
            self.store.add(EMPTY_JSON)
            self.store.add(lines)
            self.images.put(self.name, referrer)

    def remove(self, digest: Digest) -> None:
        """Forget a referrer; nothing happens where there is none."""
        with contextlib.suppress(NotFound):
            self.images.delete(self.name, digest)


def referrer(
    subject: Manifest,
    kind: Kind,
    lines: bytes,
    created: datetime | None = None,
    more: Mapping[str, str] | None = None,
) -> Manifest:
    """Return the manifest that attaches `lines` to an image; the same arguments give the same bytes.

    `created` without a zone is in UTC; `more` are annotations of its own.
    """
    annotations = {TITLE: kind.file_name}
    layer = Descriptor(kind, Digest.of(lines), len(lines), annotations)
    annotations |= more or {}
    if created:
        when = created.astimezone(UTC) if created.tzinfo else created
        annotations = annotations | {CREATED: f"{when.replace(tzinfo=None).isoformat(timespec='seconds')}Z"}
    about = Descriptor(subject.media_type, subject.digest, len(subject.raw))
    return Manifest.build(EMPTY_DESCRIPTOR, [layer], annotations=annotations, subject=about, artifact_type=kind)


def attached(place: Place, subject: Digest, kinds: Collection[Kind] = EVIDENCE) -> list[Attachment]:
    """Return what is attached to the image with this manifest, the newest first and not more than `MOST`.

    It is as the list of referrers has it; `read_attachment` holds each against its manifest.
    """
    found = {Attachment.of(entry, subject) for entry in place.referrers(subject) if entry.artifact_type in kinds}
    return sorted(found, key=lambda each: each.age, reverse=True)[:MOST]


def read_attachment(place: Place, attachment: Attachment) -> tuple[Attachment, bytes]:
    """Return an attachment as its own manifest has it, and its lines, checked against their digest.

    Raises `InvalidManifest` where it is not what the list of referrers said, or has more than `LARGEST` bytes;
    `NotFound`, `ContentMismatch`.
    """
    document = place.manifest(attachment.digest)
    if (
        not isinstance(document, Manifest)
        or document.artifact_type != attachment.kind
        or document.subject is None
        or document.subject.digest != attachment.subject
        or [layer.media_type for layer in document.layers] != [attachment.kind]
    ):
        raise InvalidManifest(f"{attachment.digest} does not attach {attachment.kind.word} to {attachment.subject}.")
    (layer,) = document.layers
    if layer.size > LARGEST:
        raise InvalidManifest(f"The {attachment.kind.word} have {layer.size} bytes; at most {LARGEST} are read.")
    return replace(attachment, created=document.annotations.get(CREATED, "")), place.blob(layer)
