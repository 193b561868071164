"""Descriptors, image manifests and image indexes: frozen, and read back as the very bytes they came from.

https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md and …/image-index.md. Docker's schema 2 types are
read too, since registries are full of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeGuard

from forecourt.errors import InvalidDigest, InvalidManifest
from forecourt.oci.digest import Digest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"

MANIFEST_TYPES = frozenset({MANIFEST, DOCKER_MANIFEST})
INDEX_TYPES = frozenset({INDEX, DOCKER_INDEX})
ACCEPT = ", ".join([MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX])
"""The ``Accept`` header of a client that reads all of them."""

MAX_MANIFEST = 4 * 1024 * 1024
"""The most bytes a manifest may have; the distribution specification asks registries to take at least this many."""

EMPTY_JSON = b"{}"
"""The content of the empty descriptor (image-spec, "Guidance for an Empty Descriptor")."""


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """Return the one text we write for `document`: sorted keys, no spaces, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and a processor architecture, in Go's words (``linux``, ``amd64``)."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read ``os/architecture[/variant]``."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise InvalidManifest(f"{text!r} is not a platform.", hint="A platform looks like linux/amd64.")
        return cls(*parts)

    def to_json(self) -> dict[str, str]:
        """Return the document that a descriptor carries."""
        document = {"architecture": self.architecture, "os": self.os}
        return document | ({"variant": self.variant} if self.variant else {})

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What one piece of content is, how long (bytes), and its digest."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    artifact_type: str = ""
    platform: Platform | None = None

    @classmethod
    def of(cls, media_type: str, data: bytes, *, artifact_type: str = "") -> Descriptor:
        """Describe `data`."""
        return cls(media_type, Digest.of(data), len(data), artifact_type=artifact_type)

    @classmethod
    def from_json(cls, document: object) -> Descriptor:
        """Read a descriptor; raises `InvalidManifest` where a required field is missing or wrong."""
        if not isinstance(document, dict):
            raise InvalidManifest("A descriptor is not a JSON object.")
        media_type, digest, size = document.get("mediaType"), document.get("digest"), document.get("size")
        if not _is_text(media_type) or not isinstance(digest, str):
            raise InvalidManifest("A descriptor lacks its mediaType or digest.")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise InvalidManifest(f"The descriptor of {digest} has no proper size.")
        try:
            known_digest = Digest(digest)
        except InvalidDigest as error:
            raise InvalidManifest(error.message) from None
        platform = document.get("platform")
        return cls(
            media_type,
            known_digest,
            size,
            _annotations(document),
            _text(document, "artifactType"),
            Platform(
                _text(platform, "os") or "linux", _text(platform, "architecture") or "amd64", _text(platform, "variant")
            )
            if isinstance(platform, dict)
            else None,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON document."""
        document: dict[str, Any] = {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        if self.platform:
            document["platform"] = self.platform.to_json()
        return document

    @property
    def title(self) -> str:
        """The ``org.opencontainers.image.title`` annotation, or nothing."""
        return self.annotations.get("org.opencontainers.image.title", "")


EMPTY_DESCRIPTOR = Descriptor.of(EMPTY, EMPTY_JSON)


@dataclass(frozen=True, slots=True)
class _Document:
    """What manifests and indexes share: the bytes they were read from, and what follows from those."""

    raw: bytes
    media_type: str
    annotations: Mapping[str, str] = field(hash=False)
    subject: Descriptor | None
    artifact_type: str

    @property
    def digest(self) -> Digest:
        """The digest of the bytes: the image's identity."""
        return Digest.of(self.raw)

    @property
    def descriptor(self) -> Descriptor:
        """What a referrers list or an index says of this document."""
        return Descriptor(self.media_type, self.digest, len(self.raw), self.annotations, self.artifact_type)


@dataclass(frozen=True, slots=True)
class Manifest(_Document):
    """An image manifest: a config and layers in order."""

    config: Descriptor
    layers: tuple[Descriptor, ...]

    @classmethod
    def build(
        cls,
        config: Descriptor,
        layers: Sequence[Descriptor],
        *,
        annotations: Mapping[str, str] | None = None,
        subject: Descriptor | None = None,
        artifact_type: str = "",
    ) -> Self:
        """Make a manifest; the same arguments give the same bytes."""
        document: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.to_json(),
            "layers": [layer.to_json() for layer in layers],
        }
        if artifact_type:
            document["artifactType"] = artifact_type
        if annotations:
            document["annotations"] = dict(annotations)
        if subject:
            document["subject"] = subject.to_json()
        raw = canonical_json(document)
        # Image-spec: where artifactType is absent, a referrers list shows the config's media type.
        kind = artifact_type or config.media_type
        return cls(raw, MANIFEST, dict(annotations or {}), subject, kind, config, tuple(layers))

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """Everything the manifest needs, in the order a client fetches it."""
        return (self.config, *self.layers)

    @property
    def size(self) -> int:
        """The bytes of config and layers, as they move."""
        return sum(child.size for child in self.children)


@dataclass(frozen=True, slots=True)
class Index(_Document):
    """An image index: manifests, each for a platform."""

    manifests: tuple[Descriptor, ...]

    @classmethod
    def build(
        cls,
        manifests: Sequence[Descriptor],
        *,
        annotations: Mapping[str, str] | None = None,
        subject: Descriptor | None = None,
        artifact_type: str = "",
    ) -> Self:
        """Make an index; the same arguments give the same bytes."""
        document: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [manifest.to_json() for manifest in manifests],
        }
        if artifact_type:
            document["artifactType"] = artifact_type
        if annotations:
            document["annotations"] = dict(annotations)
        if subject:
            document["subject"] = subject.to_json()
        return cls(canonical_json(document), INDEX, dict(annotations or {}), subject, artifact_type, tuple(manifests))

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """The manifests."""
        return self.manifests

    def select(self, platform: Platform) -> Descriptor:
        """Return the manifest for `platform`; where the index names no platforms, its first image.

        Raises `InvalidManifest` where the index has none for it.
        """
        images = [entry for entry in self.manifests if entry.media_type in MANIFEST_TYPES]
        for entry in images:
            found = entry.platform
            if found and (found.os, found.architecture) == (platform.os, platform.architecture):
                return entry
        if images and not any(entry.platform for entry in images):
            return images[0]
        offered = ", ".join(str(entry.platform) for entry in images if entry.platform) or "none"
        raise InvalidManifest(f"The index has no image for {platform}; it offers {offered}.")


def parse(raw: bytes, media_type: str | None = None) -> Manifest | Index:
    """Read a manifest or index; the bytes are kept as they are.

    `media_type` is what the transport said (a Content-Type); it must agree with the document's own. Raises
    `InvalidManifest` where the bytes are neither.
    """
    if len(raw) > MAX_MANIFEST:
        raise InvalidManifest(f"The manifest has {len(raw)} bytes; at most {MAX_MANIFEST} are allowed.")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(f"The manifest is not JSON: {error}.") from None
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise InvalidManifest("The manifest is not an OCI manifest: schemaVersion is not 2.")
    said = media_type.partition(";")[0].strip() if media_type else None
    own = _text(document, "mediaType")
    if own and said in MANIFEST_TYPES | INDEX_TYPES and own != said:
        raise InvalidManifest(f"The manifest says it is {own} and was sent as {said}.")
    kind = own or said or (INDEX if "manifests" in document else MANIFEST)
    subject = Descriptor.from_json(document["subject"]) if document.get("subject") else None
    annotations, artifact_type = _annotations(document), _text(document, "artifactType")
    if kind in INDEX_TYPES:
        entries = tuple(Descriptor.from_json(entry) for entry in _list(document, "manifests"))
        return Index(raw, kind, annotations, subject, artifact_type, entries)
    if kind in MANIFEST_TYPES:
        config = Descriptor.from_json(document.get("config"))
        layers = tuple(Descriptor.from_json(layer) for layer in _list(document, "layers"))
        return Manifest(raw, kind, annotations, subject, artifact_type or config.media_type, config, layers)
    raise InvalidManifest(f"{kind} is neither an image manifest nor an index.")


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key) or ""
    if not _is_text(value):
        raise InvalidManifest(f"{key} is not text.")
    return value


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    if not isinstance(value, list):
        raise InvalidManifest(f"{key} is not a list.")
    return value


def _annotations(document: Mapping[str, Any]) -> dict[str, str]:
    value = document.get("annotations") or {}
    if not isinstance(value, dict) or not all(_is_text(part) for pair in value.items() for part in pair):
        raise InvalidManifest("annotations are not a map of text to text.")
    return value


def _is_text(value: object) -> TypeGuard[str]:
    r"""Say whether it is text that UTF-8 can hold: JSON allows half a character (``"\ud800"``)."""
    return isinstance(value, str) and (value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value))
