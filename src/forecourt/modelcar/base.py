"""A base image under the model's layers, so that the image runs: KServe's sidecar mode wants ``sh`` and ``sleep``.

https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md. Of the base's config is kept what says how it runs;
when and by whom it was made is not, so the same base and the same files make the same image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from forecourt.errors import InvalidManifest
from forecourt.modelcar.image import find
from forecourt.oci import (
    LAYER_TAR,
    SILENT,
    ClientFactory,
    ContentStore,
    Descriptor,
    Platform,
    Progress,
    Reference,
    Repositories,
    transfer,
)

_GZIP = f"{LAYER_TAR}+gzip"
_LAYERS = {
    LAYER_TAR: LAYER_TAR,
    _GZIP: _GZIP,
    "application/vnd.docker.image.rootfs.diff.tar": LAYER_TAR,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": _GZIP,
}
"""What a base's layers may be, and what they are called in a manifest of ours; KServe reads no others."""

_PLATFORM = ("architecture", "os", "variant", "os.version", "os.features")


@dataclass(frozen=True, slots=True)
class Base:
    """An image's layers and config, to put a model's layers on."""

    layers: tuple[Descriptor, ...]
    config: Mapping[str, Any]

    def with_layers(self, layers: Sequence[Descriptor], *, labels: Mapping[str, str]) -> dict[str, Any]:
        """Return the config of an image that has `layers` above these.

        They are uncompressed, so their digests are those of their content (``diff_ids``) too.
        """
        runs = dict(self.config.get("config") or {})
        runs["Labels"] = dict(runs.get("Labels") or {}) | dict(labels)
        diff_ids = [*self.config["rootfs"]["diff_ids"], *(str(layer.digest) for layer in layers)]
        history = [*self._history(), *({"created_by": f"forecourt modelcar pack: {one.title}"} for one in layers)]
        return {
            **{key: self.config[key] for key in _PLATFORM if self.config.get(key)},
            "config": runs,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history,
        }

    def _history(self) -> list[Mapping[str, Any]]:
        """Return the base's history, one entry for each of its layers where it has none that fits."""
        history: list[Mapping[str, Any]] = [
            entry for entry in self.config.get("history") or [] if isinstance(entry, dict)
        ]
        if sum(not entry.get("empty_layer") for entry in history) == len(self.layers):
            return history
        return [{"created_by": "the base image"} for _ in self.layers]


def no_base(platform: Platform) -> Base:
    """Return the empty base: enough wherever an image is mounted or fetched rather than run."""
    return Base((), {**platform.to_json(), "rootfs": {"type": "layers", "diff_ids": []}})


def pull_base(
    reference: Reference,
    *,
    store: ContentStore,
    images: Repositories,
    client_for: ClientFactory,
    platform: Platform,
    progress: Progress = SILENT,
) -> Base:
    """Return the image `reference` as a base; its layers are pulled where they are not here.

    Raises `NotFound`, and `InvalidManifest` where it is for another platform or cannot be part of a ModelCar.
    """
    image = find(reference, store=store, images=images, client_for=client_for, platform=platform)
    diff_ids = (image.config.get("rootfs") or {}).get("diff_ids") or []
    if len(diff_ids) != len(image.manifest.layers) or not diff_ids:
        raise InvalidManifest(
            f"{reference} is not a container image.", hint="A base is one that runs, such as busybox."
        )
    if refused := sorted({layer.media_type for layer in image.manifest.layers} - _LAYERS.keys()):
        raise InvalidManifest(
            f"{reference} has layers of the type {refused[0]}, which KServe cannot read.",
            hint="Use a base whose layers are tars, with gzip or without.",
        )
    runs_on = image.config.get("os"), image.config.get("architecture")
    if runs_on != (platform.os, platform.architecture):
        raise InvalidManifest(
            f"{reference} is for {'/'.join(map(str, runs_on))}, not for {platform}.",
            hint="Use a base for that platform, or say with --platform which one the image is for.",
        )
    if not all(store.has(layer.digest) for layer in image.manifest.layers):
        pinned = reference.at(image.manifest.digest)
        transfer.pull(pinned, images, store, client_for, platform=platform, progress=progress)
    layers = (replace(layer, media_type=_LAYERS[layer.media_type]) for layer in image.manifest.layers)
    return Base(tuple(layers), image.config)
