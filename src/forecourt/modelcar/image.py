"""An image that carries a model, found on this machine or in its registry; its config read, no layer moved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from forecourt.errors import InvalidManifest, NotFound
from forecourt.modelcar.annotations import from_annotations
from forecourt.modelcar.model import ModelCar
from forecourt.oci import ClientFactory, ContentStore, Descriptor, Index, Manifest, Platform, Reference, Repositories

DEFAULT_PLATFORM = Platform("linux", "amd64")


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest with its config, and whether both came from this machine."""

    reference: Reference
    manifest: Manifest
    config: Mapping[str, Any]
    local: bool

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its config."""
        labels = (self.config.get("config") or {}).get("Labels")
        if not isinstance(labels, dict):
            return {}
        return {str(key): str(value) for key, value in labels.items()}


def find(
    reference: Reference,
    *,
    store: ContentStore,
    images: Repositories,
    client_for: ClientFactory,
    platform: Platform | None = None,
) -> Image:
    """Return the image: this machine's, where it has one of the name, or else its registry's.

    Raises `NotFound` where neither has it, and `InvalidManifest` where it is no image.
    """
    try:
        return find_here(reference, store=store, images=images, platform=platform)
    except NotFound:
        return find_there(reference, client_for=client_for, platform=platform)


def find_here(
    reference: Reference, *, store: ContentStore, images: Repositories, platform: Platform | None = None
) -> Image:
    """Return this machine's image of that name; raises `NotFound`, `InvalidManifest`."""
    manifest = _chosen(reference, platform, lambda version: images.get(reference.name, version))
    return Image(reference, manifest, read_config(store.read(manifest.config.digest)), local=True)


def find_there(reference: Reference, *, client_for: ClientFactory, platform: Platform | None = None) -> Image:
    """Return the image as its registry has it, no layer pulled; raises `NotFound`, `InvalidManifest`."""
    client = client_for(reference.registry)
    manifest = _chosen(reference, platform, lambda version: client.manifest(reference.repository, version))
    return Image(reference, manifest, read_config(client.read_blob(reference.repository, manifest.config)), local=False)


def inspect(
    reference: Reference,
    *,
    store: ContentStore,
    images: Repositories,
    client_for: ClientFactory,
    platform: Platform | None = None,
) -> ModelCar:
    """Return what is known of the image's model; raises as `find`."""
    return model_car(find(reference, store=store, images=images, client_for=client_for, platform=platform))


def model_car(image: Image) -> ModelCar:
    """Return what an image says of its model: its labels, and its manifest's annotations over them."""
    labels = image.labels
    info = from_annotations(labels | dict(image.manifest.annotations))
    os, architecture, variant = (str(image.config.get(key) or "") for key in ("os", "architecture", "variant"))
    platform = Platform(os or "linux", architecture or "amd64", variant)
    size = info.size or sum(layer.size for layer in image.manifest.layers)
    return ModelCar(image.reference, image.manifest.digest, image.manifest, replace(info, size=size), platform, labels)


def read_config(raw: bytes) -> dict[str, Any]:
    """Read an image's config; an artifact that has another kind of config gives an empty one."""
    try:
        config = json.loads(raw or b"{}")
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(f"The image's config is not JSON: {error}.") from None
    if not isinstance(config, dict):
        return {}
    for key in ("config", "rootfs"):
        if not isinstance(config.get(key) or {}, dict):
            raise InvalidManifest(f"The image's config is wrong: its {key} is not a JSON object.")
    return config


def _chosen(reference: Reference, platform: Platform | None, get: Any) -> Manifest:
    document = get(reference.version)
    if isinstance(document, Index):
        entry: Descriptor = document.select(platform or DEFAULT_PLATFORM)
        document = get(str(entry.digest))
    if not isinstance(document, Manifest):
        raise InvalidManifest(f"{reference} is an index of indexes, not an image.")
    return document
