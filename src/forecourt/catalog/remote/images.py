"""What an image says of its model, as a model of the catalog: its labels and annotations, its card, its tags."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from forecourt.catalog.model import MODEL_ARTIFACT, Document, Entry, double_value, string_value
from forecourt.catalog.remote import cards
from forecourt.catalog.remote.hub_models import model_type, size_text
from forecourt.catalog.remote.wire import plain
from forecourt.errors import InvalidManifest
from forecourt.modelcar import ModelInfo
from forecourt.modelcar.annotations import FILEPATH
from forecourt.modelcar.contents import DIRECTORY, check_readable
from forecourt.modelcar.image import Image, model_car
from forecourt.oci import LAYER_TAR, Descriptor, Digest

_VENDOR = "org.opencontainers.image.vendor"
_CREATED = "org.opencontainers.image.created"
_IN_LAYER = "olot.layer.content.inlayerpath"
_COPIED = re.compile(rf"\b(?:COPY|ADD)\b.*\s/{DIRECTORY}(?:/|\s|$)")
"""A build step that puts something below ``/models``, as ``podman build`` and ``docker build`` write their history."""

_OF_ANOTHER = re.compile(r"sha(256|512)-[0-9a-f]{64,128}(\..*)?")
"""Tags that hold what is said of another image: referrers of registries that know none, cosign's signatures."""

_FORM = 3
"""To be raised when `entry_of` reads more of an image, or otherwise, so that entries that are kept are made anew."""

_PIECES = re.compile(r"(\d{1,18})")
_TENSORS = {
    "F16": "FP16",
    "F32": "FP32",
    "BF16": "BF16",
    "FP8": "FP8",
    "W4A16": "INT4",
    "W8A8": "INT8",
    "W8A16": "INT8",
}


@dataclass(frozen=True, slots=True)
class Tagged:
    """An image that carries a model, by one of its tags; `digest` is what the tag stands for, an index maybe."""

    tag: str
    digest: Digest
    image: Image

    @property
    def created(self) -> str:
        """When it was built, in milliseconds since 1970; nothing where it does not say, or says the beginning."""
        said = self.image.manifest.annotations.get(_CREATED) or self.image.labels.get(_CREATED)
        said = said or self.image.config.get("created")
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            milliseconds = int(datetime.fromisoformat(str(said)).timestamp() * 1000)
            return str(milliseconds) if milliseconds > 0 else ""
        return ""


def carries_model(image: Image) -> bool:
    """Say whether an image is a ModelCar, ours or another tool's, as far as its manifest and config tell.

    Ours says its model's format. Others name their layers' files, or have a build step that copies to ``/models``.
    """
    try:
        check_readable(image.manifest)
    except InvalidManifest:
        return False
    if model_car(image).info.format:
        return True
    for layer in image.manifest.layers:
        path = layer.annotations.get(_IN_LAYER, "").lstrip("/")
        if layer.annotations.get(FILEPATH) or path.startswith(f"{DIRECTORY}/"):
            return True
    history = image.config.get("history")
    steps = history if isinstance(history, list) else []
    return any(_COPIED.search(str(step.get("created_by", ""))[:2000]) for step in steps if isinstance(step, dict))


def model_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags that may be a model's, the highest version first and ``latest`` before all."""
    own = [tag for tag in tags if not _OF_ANOTHER.fullmatch(tag)]
    return sorted(own, key=_version, reverse=True)


def newest(images: Sequence[Tagged]) -> Tagged:
    """Return the image that stands for all: ``latest``, else the one built last, else the highest version."""
    return max(images, key=lambda each: (each.tag == "latest", int(each.created or 0), _version(each.tag)))


def fingerprint(registry: str, digests: Mapping[str, Digest], attached: Iterable[Digest] = ()) -> str:
    """Return a text that changes when a tag comes, goes or stands for another image, or what we make of images does.

    So it does when something is attached to one of them, or is no more.
    """
    seen = [_FORM, registry, sorted(digests.items()), sorted(attached)]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:32]


def card_layer(image: Image) -> Descriptor | None:
    """Return the layer that holds the model card and nothing else, where one says so."""
    for layer in image.manifest.layers:
        if layer.media_type == LAYER_TAR and layer.annotations.get(FILEPATH) == "README.md":
            return layer
    return None


def card_of(layer: bytes, limit: int) -> str:
    """Return the card from the tar that holds it; nothing where it is not there or longer than `limit` bytes."""
    with contextlib.suppress(tarfile.TarError), tarfile.open(fileobj=io.BytesIO(layer), mode="r:") as archive:
        for member in archive:
            if member.name == f"{DIRECTORY}/README.md" and member.isreg() and member.size <= limit:
                file = archive.extractfile(member)
                return file.read().decode("utf-8", "replace") if file else ""
    return ""


def entry_of(
    registry: str,
    repository: str,
    images: Sequence[Tagged],
    readme: str,
    *,
    mark: str,
    rows: Sequence[Document] = (),
    measured: Sequence[Document] = (),
) -> Entry:
    """Return the model of a repository: an artifact for each image and each `measured` one, and the newest's facts.

    `readme` is the newest one's card, `mark` what `fingerprint` said of all tags, `rows` the evidence.
    """
    first = newest(images)
    info, said = model_car(first.image).info, cards.parse(readme)
    task = next(iter(cards.texts(said.data.get("pipeline_tag"))), "")
    times = sorted((each.created for each in images if each.created), key=int)
    vendor = first.image.manifest.annotations.get(_VENDOR) or first.image.labels.get(_VENDOR, "")
    document: Document = {
        "provider": vendor or repository.rpartition("/")[0].partition("/")[0],
        "description": cards.cut(info.description) or cards.first_paragraph(said.body),
        "license": info.license.lower(),  # Hugging Face's words for licences, which other models of a catalog have
        "language": list(info.languages),
        "tasks": [task] if task else [],
        "libraryName": next(iter(cards.texts(said.data.get("library_name"))), ""),
        "createTimeSinceEpoch": times[0] if times else "",
        "lastUpdateTimeSinceEpoch": times[-1] if times else "",
    }
    custom = {
        "model_type": string_value(model_type(task, [info.architecture])),
        **({"tags_fingerprint": string_value(mark)} if mark else {}),
        **_properties(info),
    }
    kept = {key: value for key, value in document.items() if value} | {"customProperties": custom}
    artifacts = tuple(plain(_artifact(registry, repository, each)) for each in images)
    return Entry(repository, plain(kept), plain(readme), (*artifacts, *measured), tuple(rows))


def _properties(info: ModelInfo) -> Document:
    """Return what is known of the weights, as custom properties."""
    texts = {
        "title": info.title,
        "format": info.format,
        "architecture": info.architecture,
        "quantization": info.quantization,
        "tensor_type": _TENSORS.get(info.quantization, ""),
        "base_model": info.base_model,
        "source": info.source,
        "revision": info.revision,
        "labels": json.dumps(info.tags, ensure_ascii=False) if info.tags else "",
        "size": size_text(info.parameters) if info.parameters else "",
    }
    numbers = {
        "parameters_b": info.parameters / 1e9 if info.parameters else 0.0,
        "context_length": float(info.context_length or 0),
        "size_bytes": float(info.size),
    }
    return {key: string_value(value) for key, value in texts.items() if value} | {
        key: double_value(value) for key, value in numbers.items() if value
    }


def _artifact(registry: str, repository: str, tagged: Tagged) -> Document:
    car = model_car(tagged.image)
    platform = {"platform": string_value(str(car.platform))}
    artifact: Document = {
        "artifactType": MODEL_ARTIFACT,
        "uri": f"oci://{registry}/{repository}:{tagged.tag}",
        "customProperties": {"digest": string_value(tagged.digest), "tag": string_value(tagged.tag)}
        | {"image_bytes": double_value(float(car.size))}
        | platform
        | {key: value for key, value in _properties(car.info).items() if key in _OF_ARTIFACT},
    }
    times = ("createTimeSinceEpoch", "lastUpdateTimeSinceEpoch")
    return artifact | dict.fromkeys(times if tagged.created else (), tagged.created)


_OF_ARTIFACT = ("format", "quantization", "tensor_type", "revision", "size_bytes")


def _version(tag: str) -> tuple[bool, list[tuple[int, str]]]:
    """Return what tags are sorted by: numbers as numbers, and a release after what led to it (``1.0-rc1``)."""
    pieces = [piece for piece in _PIECES.split(tag.lower().removeprefix("v")) if piece]
    key = [
        (int(piece) + 2, "") if piece.isdecimal() else (0 if piece.startswith("-") else 2, piece) for piece in pieces
    ]
    return tag == "latest", [*key, (1, "")]
