"""KServe's own schemas, made strict: a field that they do not know is an error, since a cluster would drop it."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema

from forecourt.serving.definitions import schema_of

_SHIPPED = {"ClusterServingRuntime": "servingruntimes"}  # which is the same, as a test holds


@cache
def _schema(kind: str) -> Any:
    return jsonschema.Draft202012Validator(_strict(schema_of(_SHIPPED.get(kind, f"{kind.lower()}s"))))


def _strict(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    strict = dict(schema)
    for key in ("items", "additionalProperties"):
        if key in schema:
            strict[key] = _strict(schema[key])
    if "properties" in schema:
        strict["properties"] = {name: _strict(value) for name, value in schema["properties"].items()}
        strict["additionalProperties"] = False
    return strict


def conforms(document: dict[str, Any]) -> None:
    """Raise where KServe's schema refuses `document`, or does not know one of its fields."""
    _schema(document["kind"]).validate(document)
