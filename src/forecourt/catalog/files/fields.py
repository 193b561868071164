"""The fields of models and artifacts, checked as Kubeflow's OpenAPI documents have them.

``catalog.yaml`` of https://github.com/kubeflow/hub, ``api/openapi``: ``CatalogModel``, ``CatalogModelArtifact``,
``CatalogMetricsArtifact`` and the six kinds of ``MetadataValue``. A field that is null counts as not said, and one that
is not known is passed over: it may be of a newer version.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from forecourt.catalog.files.scalars import truth
from forecourt.catalog.model import (
    METRICS_ARTIFACT,
    METRICS_TYPES,
    MODEL_ARTIFACT,
    URI_SCHEMES,
    Document,
    bool_value,
    double_value,
    int_value,
    string_value,
)

INT32 = range(-(2**31), 2**31)
_TIMES = ("createTimeSinceEpoch", "lastUpdateTimeSinceEpoch")
_LAST = 2**63
_MILLISECONDS = re.compile(r"[0-9]{1,19}")
_INTEGER = re.compile(r"-?[0-9]{1,10}")


class Unfit(Exception):
    """What is wrong with a value, with the field it is in."""


def read_text(value: Any, field: str) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise Unfit(f"{field} must be a text, not {shown(value)}")
    if "\0" in value:
        raise Unfit(f"{field} has a null character in it")
    return value


def read_name(value: Any, field: str) -> str:
    """Return a text of one line that is not blank."""
    name = read_text(value, field)
    if not name.strip() or not name.isprintable():
        raise Unfit(f"{field} must be a text of one line, not {shown(value)}")
    return name


def read_texts(value: Any, field: str) -> list[str]:
    """Return a list of texts."""
    if not isinstance(value, list):
        raise Unfit(f"{field} must be a list of texts, not {shown(value)}")
    return [read_text(each, f"{field}[{index}]") for index, each in enumerate(value)]


def read_time(value: Any, field: str) -> str:
    """Return a time, in milliseconds since 1970, as the text that the API has it as."""
    written = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(written, str) or not _MILLISECONDS.fullmatch(written) or int(written) >= _LAST:
        raise Unfit(f"{field} must be milliseconds since 1970, not {shown(value)}")
    return str(int(written))


def read_serving_config(value: Any, field: str) -> Document:
    """Return a ``ServingConfig``: how a runtime calls tools with the model."""
    config = _mapping(value, field)
    tools = config.get("toolCalling")
    if tools is None:
        return {}
    return {"toolCalling": read_known(_mapping(tools, f"{field}.toolCalling"), _TOOL_CALLING, f"{field}.toolCalling.")}


def read_properties(value: Any, field: str) -> Document:
    """Return custom properties, each a ``MetadataValue``."""
    return {name: _metadata(each, f"{field}.{name}") for name, each in _mapping(value, field).items()}


def read_artifacts(value: Any, field: str) -> tuple[Document, ...]:
    """Return artifacts; one that does not say its type is where the model can be had."""
    if not isinstance(value, list):
        raise Unfit(f"{field} must be a list, not {shown(value)}")
    return tuple(_artifact(each, f"{field}[{index}]") for index, each in enumerate(value))


def read_known(given: dict[str, Any], readers: dict[str, Callable[[Any, str], Any]], before: str = "") -> Document:
    """Return the fields that are known and said, checked; `before` goes before their names in messages."""
    return {
        name: reader(given[name], f"{before}{name}") for name, reader in readers.items() if given.get(name) is not None
    }


def shown(value: Any) -> str:
    """Return a value as a message repeats it."""
    text = {type(None): "nothing", dict: "a mapping", list: "a list"}.get(type(value)) or repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _mapping(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unfit(f"{field} must be a mapping, not {shown(value)}")
    return value


def _truth(value: Any, field: str) -> bool:
    if (said := truth(value)) is None:
        raise Unfit(f"{field} must be true or false, not {shown(value)}")
    return said


def _artifact(value: Any, field: str) -> Document:
    given = _mapping(value, field)
    kind = given.get("artifactType")
    if kind not in (None, MODEL_ARTIFACT, METRICS_ARTIFACT):
        raise Unfit(f"{field}.artifactType must be {MODEL_ARTIFACT} or {METRICS_ARTIFACT}, not {shown(kind)}")
    said = read_known(given, _ARTIFACT, f"{field}.")
    if kind == METRICS_ARTIFACT:
        metrics = given.get("metricsType")
        if metrics not in METRICS_TYPES:
            raise Unfit(f"{field}.metricsType must be one of {', '.join(METRICS_TYPES)}, not {shown(metrics)}")
        return {"artifactType": METRICS_ARTIFACT, "metricsType": metrics, **said}
    return {"artifactType": MODEL_ARTIFACT, "uri": _uri(given.get("uri"), f"{field}.uri"), **said}


def _uri(value: Any, field: str) -> str:
    uri = read_text(value, field)
    try:
        parts = urlsplit(uri)
        fine = parts.scheme in URI_SCHEMES and bool(parts.netloc or parts.path.strip("/"))
    except ValueError:
        fine = False
    if not fine or not uri.isprintable() or " " in uri:
        raise Unfit(f"{field} must be a URI of {', '.join(URI_SCHEMES)}, not {shown(value)}")
    return uri


def _metadata(value: Any, field: str) -> Document:
    given = _mapping(value, field)
    kind = given.get("metadataType")
    if kind is None:
        # A value that says of what kind it is only by its key is clear enough.
        kinds = [each for each, key in _VALUES.items() if key in given]
        kind = kinds[0] if len(kinds) == 1 else None
    if not isinstance(kind, str) or kind not in _VALUES:
        raise Unfit(f"{field}.metadataType must be one of {', '.join(_VALUES)}, not {shown(kind)}")
    key = _VALUES[kind]
    if given.get(key) is None:
        raise Unfit(f"{field} needs {key}")
    return _KINDS[kind](given, f"{field}.{key}")


def _string(given: Document, field: str) -> Document:
    return string_value(read_text(given["string_value"], field))


def _int(given: Document, field: str) -> Document:
    value = given["int_value"]
    written = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(written, str) or not _INTEGER.fullmatch(written) or int(written) not in INT32:
        raise Unfit(f"{field} must be an integer of 32 bits, not {shown(value)}")
    return int_value(int(written))


def _double(given: Document, field: str) -> Document:
    value = given["double_value"]
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Unfit(f"{field} must be a number, not {shown(value)}")
    return double_value(number)


def _bool(given: Document, field: str) -> Document:
    return bool_value(_truth(given["bool_value"], field))


def _struct(given: Document, field: str) -> Document:
    return {"metadataType": "MetadataStructValue", "struct_value": _base64(given["struct_value"], field)}


def _proto(given: Document, field: str) -> Document:
    kind = read_text(given.get("type"), f"{field.rpartition('.')[0]}.type")
    return {
        "metadataType": "MetadataProtoValue",
        "type": kind,
        "proto_value": _base64(given["proto_value"], field),
    }


def _base64(value: Any, field: str) -> str:
    text = read_text(value, field)
    try:
        base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        raise Unfit(f"{field} must be base64, not {shown(value)}") from None
    return text


_TOOL_CALLING: dict[str, Callable[[Any, str], Any]] = {
    "toolCallParser": read_text,
    "chatTemplate": read_text,
    "enableAutoToolChoice": _truth,
    "requiredArgs": read_texts,
}
_ARTIFACT: dict[str, Callable[[Any, str], Any]] = {
    "name": read_name,
    "description": read_text,
    "externalId": read_text,
    "customProperties": read_properties,
    **dict.fromkeys(_TIMES, read_time),
}
MODEL: dict[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(("description", "provider", "maturity", "license", "licenseLink", "libraryName"), read_text),
    **dict.fromkeys(("language", "tasks", "validatedTasks"), read_texts),
    "logo": read_text,
    "externalId": read_text,
    "servingConfig": read_serving_config,
    "customProperties": read_properties,
    **dict.fromkeys(_TIMES, read_time),
}
"""How each field of a model is read, but for its name, readme and artifacts."""

_VALUES = {
    "MetadataStringValue": "string_value",
    "MetadataIntValue": "int_value",
    "MetadataDoubleValue": "double_value",
    "MetadataBoolValue": "bool_value",
    "MetadataStructValue": "struct_value",
    "MetadataProtoValue": "proto_value",
}
_KINDS: dict[str, Callable[[Document, str], Document]] = {
    "MetadataStringValue": _string,
    "MetadataIntValue": _int,
    "MetadataDoubleValue": _double,
    "MetadataBoolValue": _bool,
    "MetadataStructValue": _struct,
    "MetadataProtoValue": _proto,
}
