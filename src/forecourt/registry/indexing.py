"""A document's values as rows of the index that filters use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from forecourt.registry.documents import Document
from forecourt.registry.model import METRIC_HISTORY, MODEL_ARTIFACT, Kind
from forecourt.registry.tables import HEAD

DIGEST = "@digest"
"""The name of the row that says an artifact's digest; no filter can ask for it, as no property has such a name."""

EXACT = 2**53
"""From here on not every integer is a double; such a one has its digits beside it."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FREE = ("description",)
_NUMBERS = {"int_value": "int", "double_value": "double", "bool_value": "bool"}


def digest_of(artifact: Document) -> str | None:
    """Return the digest of the image that an artifact is: in its URI, or in its custom property ``digest``."""
    if said := _DIGEST.search(artifact.get("uri") or ""):
        return said.group()
    value: str | None = artifact["customProperties"].get("digest", {}).get("string_value")
    return value


def _exact(value: Any) -> str | None:
    """Return the digits of an integer that a double does not hold exactly; None for any other number."""
    return str(value) if isinstance(value, str) and abs(int(value)) >= EXACT else None


@cache
def own_types(kind: Kind) -> Mapping[str, str]:
    """Return the type (string, int, double) of each field of its own that has rows in the index."""
    types = {"string": "string", "strings": "string", "enum": "string", "id": "int", "int64": "int", "double": "double"}
    free = (*_FREE, "name") if kind is METRIC_HISTORY else _FREE  # whose rows have no name of their own
    return dict.fromkeys(free, "string") | {field.name: types[field.type] for field in kind.fields}


def property_rows(kind: Kind, resource_id: int, document: Document) -> list[dict[str, Any]]:
    """Return the rows of `Property` for a document."""
    same = {"resource_id": resource_id, "kind": kind.schema, "head": None, "tail": None, "number": None}
    return [same | values for values in property_values(kind, document)]


def property_values(kind: Kind, document: Document) -> list[dict[str, Any]]:
    """Return what the rows of `Property` for a document do not have in common; a column without a value is left out."""
    rows: list[dict[str, Any]] = []

    def add(custom: bool, name: str, position: int, type_: str, value: Any) -> None:
        row: dict[str, Any] = {"custom": int(custom), "name": name, "position": position, "type": type_}
        if type_ != "string":
            row["number"] = float(value)
            if exact := _exact(value):
                row["tail"] = exact
        elif len(value) > HEAD:
            row |= {"type": "long", "head": value[:HEAD], "tail": value[HEAD:]}
        else:
            row["head"] = value
        rows.append(row)

    for name, type_ in own_types(kind).items():
        value = document.get(name)
        if value in (None, ""):
            continue
        for position, each in enumerate(dict.fromkeys(value) if isinstance(value, list) else (value,)):
            add(False, name, position, type_, each)
    if kind is MODEL_ARTIFACT and (digest := digest_of(document)):
        add(False, DIGEST, 0, "string", digest)
    for name, metadata in document.get("customProperties", {}).items():
        if "string_value" in metadata:
            add(True, name, 0, "string", metadata["string_value"])
        for field, type_ in _NUMBERS.items():
            if field in metadata:
                add(True, name, 0, type_, metadata[field])
    return rows
