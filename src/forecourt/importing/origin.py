"""What a model's URI says before it is registered: its name and version, and what the model itself tells.

An image is asked in its registry, files on this machine are read; nothing else is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from forecourt import modelcar
from forecourt.errors import ForecourtError, InvalidInput, NotFound, UnsafeContent
from forecourt.modelcar import ModelCar, ModelInfo
from forecourt.oci import Reference
from forecourt.registry.metadata import Value
from forecourt.storage import SCHEMES

Inspect = Callable[[Reference], ModelCar]
"""Returns what an image says, on this machine or in its registry; raises `NotFound` and what the registry does."""
Warn = Callable[[str], None]

_HUB = "https://huggingface.co/"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_NOT_QUANTIZED = frozenset({"", "F64", "F32", "F16", "BF16"})


@dataclass(slots=True)
class Origin:
    """What is known of a model from its URI; what is empty or None is not."""

    uri: str
    name: str
    tag: str = ""
    format: str = ""
    description: str = ""
    license: str = ""
    languages: tuple[str, ...] = ()
    digest: str = ""
    properties: dict[str, Value] = field(default_factory=dict)
    source: str = ""
    base: str = ""
    """The model it was made from, as a URI."""

    @property
    def relation(self) -> str:
        """How it was made from its base."""
        quantized = str(self.properties.get("quantization", "")).upper() not in _NOT_QUANTIZED
        return "quantized-from" if quantized else "derived-from"


def look(text: str, inspect: Inspect, *, pin: bool = True, warn: Warn = lambda _: None) -> Origin:
    """Return what is known of the model at a URI or a path.

    An image's URI is pinned to its digest; without `pin` it stays, and an image that cannot be asked is none the less
    registered as it is named. `warn` is told what could not be read. Raises `InvalidInput`, `NotFound`, and what the
    image's registry answers.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _files(Path(text).expanduser(), text, warn)
    if not rest or not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        raise InvalidInput(f"{text!r} is no URI.", hint="Write oci://…, s3://…, hf://owner/model, https://… or a path.")
    if scheme == "model-registry":
        raise InvalidInput(
            f"{text} is in the registry already.", hint=f"To give it an alias: forecourt registry alias {rest} NAME"
        )
    if scheme == "catalog":
        raise InvalidInput(
            f"{text} is a model of the catalog.", hint=f"Register it with: forecourt catalog register {text}"
        )
    if scheme.partition("+")[0] not in SCHEMES:
        warn(f"Models are not fetched by {scheme}://, so that no deployment of it can be made here.")
    if scheme.partition("+")[0] == "oci":
        return _image(text, scheme, inspect, warn, pin=pin)
    if scheme == "file":
        return _files(Path(unquote(rest)), text, warn)
    if scheme == "hf":
        return Origin(text, re.split("[@:]", rest.strip("/").rpartition("/")[2])[0], source=text)
    return Origin(text, _stem(rest.partition("?")[0].partition("#")[0]), source=text)


def located(text: str) -> str:
    """Return what a person says as a URI: a path on this machine as ``file://``. Raises `NotFound` for none."""
    if "://" in text:
        return text
    path = Path(text).expanduser()
    if not path.exists():
        raise _nothing_at(text)
    return path.resolve().as_uri()


def _nothing_at(said: str) -> NotFound:
    image = re.match(r"[\w.-]+(:\d+)?/[\w./-]+:[\w.-]+$", said)
    hint = f"If it is an image, write oci://{said}." if image else "Give a path that is there, or a URI."
    return NotFound(f"{said} does not exist.", hint=hint)


def _image(uri: str, scheme: str, inspect: Inspect, warn: Warn, *, pin: bool) -> Origin:
    reference = Reference.parse(uri.partition("://")[2])
    name = reference.repository.rpartition("/")[2]
    tag = reference.tag if reference.tag and reference.tag != "latest" else ""
    try:
        car = inspect(reference)
    except InvalidInput:
        raise
    except ForecourtError as error:
        if pin:
            error.hint = error.hint or "To register it as it is named, without asking it: --no-pin."
            raise
        warn(f"{reference} was not asked what it is: {error}")
        return Origin(uri, name, tag)
    origin = _of(car.info, f"{scheme}://{reference.at(car.digest)}" if pin else uri, name)
    origin.tag, origin.digest = tag, str(car.digest)
    return origin


def of_image(car: ModelCar) -> Origin:
    """Return what is known of the model of an image that is known; its URI is pinned to the digest."""
    reference = car.reference
    origin = _of(car.info, f"oci://{reference.at(car.digest)}", reference.repository.rpartition("/")[2])
    origin.digest = str(car.digest)
    return origin


def _files(path: Path, said: str, warn: Warn) -> Origin:
    if not path.exists():
        raise _nothing_at(said)
    path = path.resolve()
    uri, name = path.as_uri(), _stem(path.name)
    try:
        info = modelcar.describe_path(path)
    except UnsafeContent as error:
        warn(f"Its format was not read: {error}")
        info = None
    return _of(info, uri, name, source=uri) if info else Origin(uri, name, source=uri)


def _of(info: ModelInfo, uri: str, name: str, *, source: str = "") -> Origin:
    facts = {
        "architecture": info.architecture,
        "parameters": info.parameters,
        "quantization": info.quantization,
        "context_length": info.context_length,
        "size": info.size,
        "base_model": info.base_model,
    }
    return Origin(
        uri,
        name,
        format=info.format,
        description=info.description or info.title,
        license=info.license,
        languages=info.languages,
        properties={key: value for key, value in facts.items() if value},
        source=_on_hub(info.source, info.revision) or source,
        base=_on_hub(info.base_model) if info.base_model.startswith(_HUB) or _is_repository(info.base_model) else "",
    )


def _is_repository(text: str) -> bool:
    return _REPOSITORY.fullmatch(text) is not None


def _on_hub(text: str, revision: str = "") -> str:
    """Return a model on Hugging Face as ``hf://owner/model@revision``; another URI as it is."""
    at = f"@{revision}" if revision else ""
    words = text.removeprefix(_HUB).strip("/")
    if _is_repository(words) and (text.startswith(_HUB) or "://" not in text):
        return f"hf://{words}{at}"
    return text


def _stem(path: str) -> str:
    """Return the last word of a path, a file's without its suffix."""
    last = PurePosixPath(unquote(path.rstrip("/"))).name
    suffix = PurePosixPath(last).suffix[1:]
    return last[: -len(suffix) - 1] if suffix.isalpha() else last
