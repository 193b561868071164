"""Reading what a client sends, as strictly as upstream's server, and writing what it gets back.

A resource's document is kept as JSON text in the shape of ``v1``, without what the database gives it (id and times):
an answer is that text with those put in front, so that a list of a thousand is not parsed and written again.
Messages are those of Go's ``encoding/json`` and of upstream's generated server, which clients have been written for.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from typing import Any, Literal

from forecourt.errors import InvalidInput
from forecourt.registry.model import (
    BY_ARTIFACT_TYPE,
    EXTERNAL_ID_LIMIT,
    METRIC,
    METRIC_HISTORY,
    RUN_FIELDS,
    V1,
    ApiVersion,
    Field,
    Kind,
)

Document = dict[str, Any]
Purpose = Literal["create", "update", "put"]
"""What a body is for. ``put`` is the body of a nested POST, whose schema is the whole resource."""

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_NULL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_READ_ONLY = ("id", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch")
_PROPERTY_NAME_LIMIT = 255
INT32_MAX = 2**31 - 1
"""The largest id."""

_INT32 = range(-INT32_MAX - 1, INT32_MAX + 1)
_INT64 = range(-(2**63), 2**63)


class RequiredField(InvalidInput):
    """A field that must be there is missing or empty: 422, where every other mistake is 400, as upstream has it."""

    status = 422

    def __init__(self, name: str) -> None:
        super().__init__(f"required field '{name}' is zero value.")


def read_body(body: bytes) -> Document:
    """Return the JSON object in a request's body; raises `InvalidInput`."""
    try:
        text = body.decode()
        document = json.loads(text, parse_constant=_no_constant)
        if "\\u" in text:
            if _NULL.search(text):
                raise InvalidInput("null bytes are not allowed: bad request")
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = str(error) or "nested too deeply"
        raise InvalidInput(f"the body is no valid JSON: {reason}") from None
    if not isinstance(document, dict):
        raise InvalidInput(f"json: cannot unmarshal {_json_type(document)} into an object")
    return document


def read_fields(kind: Kind, document: Document, version: ApiVersion, purpose: Purpose) -> Document:
    """Return what a body says of a resource, in the canonical shape.

    Raises `InvalidInput` for a field that is unknown or of another type, `RequiredField` for one that is missing.
    """
    schema = kind.schema + {"create": "Create", "update": "Update", "put": ""}[purpose]
    known = _known(kind, version, purpose)
    result: Document = {}
    for name, value in document.items():
        reader = known.get(name)
        if reader is None:
            raise InvalidInput(f'json: unknown field "{name}"')
        if value is not None:
            read = reader(value, f"{schema}.{name}")
            if name not in _READ_ONLY:
                result[name] = read
    if purpose == "update":
        return result
    if kind.name_required and not result.get("name"):
        raise RequiredField("name")
    for field in kind.fields:
        if field.required and result.get(field.name) in (None, ""):
            if field.type == "double":
                raise InvalidInput(f"{kind.schema.lower()} {field.name} is required: bad request")
            raise RequiredField(field.name)
    return result


def artifact_kind(document: Document) -> Kind:
    """Return the kind that a body's ``artifactType`` says; raises `InvalidInput`."""
    said = document.get("artifactType")
    kind = BY_ARTIFACT_TYPE.get(said) if isinstance(said, str) else None
    if kind is None:
        raise InvalidInput(
            "invalid artifact type, must be either ModelArtifact, DocArtifact, DataSet, Metric, or Parameter: "
            f"artifactType is one of {', '.join(BY_ARTIFACT_TYPE)}: bad request"
        )
    return kind


def to_text(document: Document | list[Document]) -> str:
    """Return the JSON text in which a canonical document is kept, or several are sent to the database."""
    return _ENCODE(document)


def render(kind: Kind, version: ApiVersion, identity: int, created: int, updated: int, text: str) -> str:
    """Return the JSON of a resource, as this version of the API has it."""
    if kind.artifact_type:
        text = _as_artifact(kind, version, text)
    return f'{{"id":"{identity}","createTimeSinceEpoch":"{created}","lastUpdateTimeSinceEpoch":"{updated}",{text[1:]}'


def parse_id(text: str, word: str) -> int:
    """Return an id, which has 32 bits; raises `InvalidInput` with Go's words for a text that is none."""
    problem = "invalid syntax"
    if re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII):
        if len(text) < 12 and (number := int(text)) in _INT32:
            return number
        problem = "value out of range"
    raise InvalidInput(f"invalid {word} ID: strconv.ParseInt: parsing {json.dumps(text)}: {problem}: bad request")


def _as_artifact(kind: Kind, version: ApiVersion, text: str) -> str:
    of_run = version is V1 and RUN_FIELDS[1] in text
    metric = version.step == "number" and kind in (METRIC, METRIC_HISTORY) and '"step"' in text
    if not of_run and not metric:
        return text
    document: Document = json.loads(text)
    if of_run:
        for name in RUN_FIELDS:
            document.pop(name, None)
    if metric and "step" in document:
        document["step"] = int(document["step"])
    return to_text(document)


Reader = Callable[[Any, str], Any]


def _known(kind: Kind, version: ApiVersion, purpose: Purpose) -> dict[str, Reader]:
    key = (kind.schema, version.name, purpose)
    if key not in _READERS:
        _READERS[key] = _readers(kind, version, purpose)
    return _READERS[key]


def _readers(kind: Kind, version: ApiVersion, purpose: Purpose) -> dict[str, Reader]:
    readers: dict[str, Reader] = {
        "description": _string,
        "externalId": _external_id,
        "customProperties": _custom_properties,
    }
    if purpose != "update":
        readers["name"] = _string
    if purpose == "put":
        readers |= dict.fromkeys(_READ_ONLY, _string)
        if kind.artifact_type and version.experiments:
            readers |= dict.fromkeys(RUN_FIELDS, _string)
    if kind.artifact_type:
        readers["artifactType"] = _string
    for field in kind.fields:
        if purpose != "update" or not field.fixed:
            readers[field.name] = _reader(field, version)
    return readers


_READERS: dict[tuple[str, str, str], dict[str, Reader]] = {}


def _reader(field: Field, version: ApiVersion) -> Reader:
    if field.name == "step":
        return _digits if version.step == "string" else _step
    if field.enum:
        return _enum(field)
    return {"string": _string, "strings": _strings, "int64": _digits, "double": _double, "id": _id}[field.type]


def _string(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, where, "string")
    return value


def _external_id(value: Any, where: str) -> str:
    text = _string(value, where)
    if len(text) > EXTERNAL_ID_LIMIT:
        raise InvalidInput(f"an externalId has at most {EXTERNAL_ID_LIMIT} characters: bad request")
    return text


def _strings(value: Any, where: str) -> list[str]:
    if not isinstance(value, list):
        raise _mismatch(value, where, "[]string")
    return [_string(item, where) for item in value]


def _double(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(value, where, "float64")
    try:
        finite = math.isfinite(float(value))
    except OverflowError:
        finite = False
    if not finite:
        raise _mismatch(value, where, "float64")
    return value


def _digits(value: Any, where: str) -> str:
    text = _string(value, where)
    if not re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) or int(text) not in _INT64:
        raise InvalidInput(f"{where}: {json.dumps(text)} is no integer of 64 bits: bad request")
    return text


def _step(value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or value not in _INT64:
        raise _mismatch(value, where, "int64")
    return str(value)


def _id(value: Any, where: str) -> str:
    text = _string(value, where)
    return str(parse_id(text, where.rpartition(".")[2].removesuffix("Id"))) if text else ""


def _enum(field: Field) -> Reader:
    enum = field.enum
    assert enum is not None

    def read(value: Any, where: str) -> str:
        text = _string(value, where)
        if text not in enum.values:
            allowed = " ".join(enum.values)
            raise InvalidInput(f"invalid value '{text}' for {enum.name}: valid values are [{allowed}]")
        return text

    return read


def _custom_properties(value: Any, where: str) -> Document:
    if not isinstance(value, dict):
        raise _mismatch(value, where, "map[string]MetadataValue")
    for name in value:
        if len(name) > _PROPERTY_NAME_LIMIT:
            raise InvalidInput(
                f"the name of a custom property has at most {_PROPERTY_NAME_LIMIT} characters: bad request"
            )
    return {name: _metadata(each, f"{where}.{name}") for name, each in value.items()}


def _metadata(value: Any, where: str) -> Document:
    if not isinstance(value, dict):
        raise _mismatch(value, where, "MetadataValue")
    said = value.get("metadataType")
    wanted = _METADATA.get(said) if isinstance(said, str) else None
    if wanted is None:
        raise InvalidInput(f"{where}: metadataType {json.dumps(said)} is none of {', '.join(_METADATA)}: bad request")
    for name in value:
        if name not in wanted and name != "metadataType":
            raise InvalidInput(f'json: unknown field "{name}"')
    for name, read in wanted.items():
        if value.get(name) is None:
            raise InvalidInput(f"no value given for required property {where}.{name}: bad request")
        read(value[name], f"{said}.{name}")
    return {name: value[name] for name in (*wanted, "metadataType")}


def _int32(value: Any, where: str) -> None:
    text = _string(value, where)
    if not re.fullmatch(r"-?[0-9]{1,10}", text, re.ASCII) or int(text) not in _INT32:
        raise InvalidInput(f"{where}: {json.dumps(text)} is no integer of 32 bits: bad request")


def _bool(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        raise _mismatch(value, where, "bool")


def _base64(value: Any, where: str) -> None:
    try:
        base64.b64decode(_string(value, where), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"{where} is not encoded in base64: bad request") from None


_METADATA: dict[str, dict[str, Callable[[Any, str], Any]]] = {
    "MetadataStringValue": {"string_value": _string},
    "MetadataIntValue": {"int_value": _int32},
    "MetadataDoubleValue": {"double_value": _double},
    "MetadataBoolValue": {"bool_value": _bool},
    "MetadataStructValue": {"struct_value": _base64},
    "MetadataProtoValue": {"type": _string, "proto_value": _base64},
}


def _mismatch(value: Any, where: str, wanted: str) -> InvalidInput:
    return InvalidInput(f"json: cannot unmarshal {_json_type(value)} into Go struct field {where} of type {wanted}")


def _json_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
    return f"number {value}" if isinstance(value, float) else "number"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
