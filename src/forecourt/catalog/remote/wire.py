"""Models and artifacts as another catalog's API sends them, held against its OpenAPI document before they are kept.

https://github.com/kubeflow/hub/blob/main/api/openapi/catalog-v1.yaml. Fields that it does not have are left out, and
fields of ours that are another catalog's own business too: ids, the source, counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from forecourt.catalog.model import METRICS_ARTIFACT, METRICS_TYPES, MODEL_ARTIFACT, URI_SCHEMES, Document
from forecourt.errors import InvalidInput

NAME_LIMIT = 512
"""The longest name of a model, in characters."""

_TIMES = ("createTimeSinceEpoch", "lastUpdateTimeSinceEpoch")
_TEXTS = ("description", "externalId")
_MODEL_TEXTS = (*_TEXTS, "maturity", "provider", "logo", "license", "licenseLink", "libraryName")
_MODEL_LISTS = ("language", "tasks", "validatedTasks")
_TOOL_CALLING = {"toolCallParser": str, "chatTemplate": str, "enableAutoToolChoice": bool, "requiredArgs": list}
_VALUES: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "MetadataStringValue": ("string_value", str),
    "MetadataIntValue": ("int_value", (str, int)),
    "MetadataDoubleValue": ("double_value", (float, int)),
    "MetadataBoolValue": ("bool_value", bool),
    "MetadataStructValue": ("struct_value", str),
    "MetadataProtoValue": ("proto_value", str),
}


def plain(value: Any) -> Any:
    r"""Return a JSON value whose texts any database can keep: no null byte, no half character (``"\ud800"``)."""
    match value:
        case str():
            return value.replace("\0", "").encode("utf-8", "replace").decode()
        case list():
            return [plain(each) for each in value]
        case dict():
            return {plain(key): plain(each) for key, each in value.items()}
        case _:
            return value


def model_name(document: object) -> str:
    """Return the name of a model; raises `InvalidInput` where it has none."""
    name = plain(document.get("name")) if isinstance(document, Mapping) else None
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput("It has no name.")
    if len(name) > NAME_LIMIT:
        raise InvalidInput(f"Its name is longer than {NAME_LIMIT} characters.")
    return name


def model(document: Mapping[str, Any]) -> Document:
    """Return the fields of an `Entry`'s document that a ``CatalogModel`` has; raises `InvalidInput`."""
    found = _common(document, _MODEL_TEXTS)
    for name in _MODEL_LISTS:
        if (value := document.get(name)) is not None:
            found[name] = _list(name, value)
    if (serving := document.get("servingConfig")) is not None:
        found["servingConfig"] = _serving(serving)
    return found


def readme(document: Mapping[str, Any]) -> str:
    """Return the readme of a ``CatalogModel``; raises `InvalidInput`."""
    value = document.get("readme")
    return "" if value is None else _text("readme", value)


def artifact(document: object) -> Document:
    """Return what an `Entry` keeps of a ``CatalogArtifact``; raises `InvalidInput`."""
    if not isinstance(document, Mapping):
        raise InvalidInput("It is no JSON object.")
    kind = document.get("artifactType")
    found = {"artifactType": kind} | _common(document, (*_TEXTS, "name"))
    if kind == MODEL_ARTIFACT:
        uri = _text("uri", document.get("uri"))
        if uri.partition("://")[0] not in URI_SCHEMES or "://" not in uri:
            raise InvalidInput(f"Its uri {uri[:100]!r} has none of the schemes {', '.join(URI_SCHEMES)}.")
        return found | {"uri": uri}
    if kind == METRICS_ARTIFACT:
        metrics = document.get("metricsType")
        if metrics not in METRICS_TYPES:
            raise InvalidInput(f"Its metricsType is none of {', '.join(METRICS_TYPES)}.")
        return found | {"metricsType": metrics}
    raise InvalidInput(f"Its artifactType is neither {MODEL_ARTIFACT} nor {METRICS_ARTIFACT}.")


def custom_properties(value: object) -> Document:
    """Return custom properties, each of one of the six kinds of value; raises `InvalidInput`."""
    if not isinstance(value, dict):
        raise InvalidInput("Its customProperties are no JSON object.")
    return {plain(name): _metadata(name, each) for name, each in value.items()}


def _common(document: Mapping[str, Any], texts: tuple[str, ...]) -> Document:
    found: Document = {}
    for name in texts:
        if (value := document.get(name)) is not None:
            found[name] = _text(name, value)
    for name in _TIMES:
        if (value := document.get(name)) is not None:
            if not str(value).isdecimal() or isinstance(value, bool) or len(str(value)) > 15:
                raise InvalidInput(f"Its {name} is no time in milliseconds.")
            found[name] = str(value)
    if (properties := document.get("customProperties")) is not None:
        found["customProperties"] = custom_properties(properties)
    return found


def _metadata(name: str, value: object) -> Document:
    kind = value.get("metadataType") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str) or kind not in _VALUES:
        raise InvalidInput(f"Its custom property {name[:100]!r} is of no kind that there is.")
    field, types = _VALUES[kind]
    said = value.get(field)
    if not isinstance(said, types) or (isinstance(said, bool) and kind != "MetadataBoolValue"):
        raise InvalidInput(f"Its custom property {name[:100]!r} has no {field} that fits.")
    if isinstance(said, float) and not math.isfinite(said):
        raise InvalidInput(f"Its custom property {name[:100]!r} is no finite number.")
    if kind == "MetadataIntValue":
        said = str(said)
        if not said.removeprefix("-").isdecimal() or not said.isascii() or len(said) > 19:
            raise InvalidInput(f"Its custom property {name[:100]!r} is no whole number.")
    found = {"metadataType": kind, field: plain(said)}
    return found | ({"type": _text("type", value.get("type"))} if kind == "MetadataProtoValue" else {})


def _serving(value: object) -> Document:
    if not isinstance(value, dict):
        raise InvalidInput("Its servingConfig is no JSON object.")
    said = value.get("toolCalling")
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise InvalidInput("Its toolCalling is no JSON object.")
    for name, kind in _TOOL_CALLING.items():
        if said.get(name) is not None and not isinstance(said[name], kind):
            raise InvalidInput(f"Its toolCalling has a {name} that does not fit.")
    if said.get("requiredArgs") is not None:
        _list("requiredArgs", said["requiredArgs"])
    return {"toolCalling": {name: plain(said[name]) for name in _TOOL_CALLING if said.get(name) is not None}}


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"Its {name} is no text.")
    found: str = plain(value)
    return found


def _list(name: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidInput(f"Its {name} is no list of texts.")
    return [_text(name, each) for each in value]
