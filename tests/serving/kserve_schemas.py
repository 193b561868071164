"""KServe's own schemas, made strict: a field that they do not know is an error, since a cluster would drop it."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

_DIRECTORY = Path(__file__).parents[1] / "data" / "kserve"


@cache
def _schema(plural: str) -> Any:
    document = json.loads(gzip.decompress((_DIRECTORY / f"serving.kserve.io_{plural}.json.gz").read_bytes()))
    return jsonschema.Draft202012Validator(_strict(document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))


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
    _schema(document["kind"].lower() + "s").validate(document)
