"""Custom properties: plain values, and as Kubeflow's API has them, typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]
Value = str | int | float | bool

INT32 = range(-(2**31), 2**31)


def to_metadata(value: Value) -> Document:
    """Return a value as the API has it. Its integers have 32 bits; a larger one is a double."""
    if isinstance(value, bool):
        return {"bool_value": value, "metadataType": "MetadataBoolValue"}
    if isinstance(value, int) and value in INT32:
        return {"int_value": str(value), "metadataType": "MetadataIntValue"}
    if isinstance(value, int | float):
        return {"double_value": float(value), "metadataType": "MetadataDoubleValue"}
    return {"string_value": value, "metadataType": "MetadataStringValue"}


def from_metadata(value: Mapping[str, Any]) -> Value:
    """Return the value that the API has; what is no text, number or truth as its type in brackets."""
    for name in ("string_value", "double_value", "bool_value"):
        if name in value:
            said: Value = value[name]
            return said
    if "int_value" in value:
        return int(value["int_value"])
    return f"<{value.get('type') or 'structure'}>"
