"""The labels and the named queries of a ``sources.yaml``: what groups sources, and filters that have a name.

https://github.com/kubeflow/hub, ``docs/catalog-yaml-reference.md``. A named query is written in one of two forms: with
``assetType`` and ``filters``, or, as it once was, with the filters alone, which are then for models.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from forecourt.catalog.files.document import Document
from forecourt.catalog.files.properties import nearest
from forecourt.catalog.files.statements import ASSET_TYPES
from forecourt.catalog.model import AssetType

OPERATORS = ("=", "!=", ">", "<", ">=", "<=", "LIKE", "ILIKE", "IN", "NOT IN")
_LISTS, _PATTERNS, _ORDERS = ("IN", "NOT IN"), ("LIKE", "ILIKE"), (">", "<", ">=", "<=")
Label = Mapping[str, str | None]
"""``name`` (None stands for sources without a label), ``displayName``, ``assetType`` and whatever else is said."""


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """What a named query asks of one property.

    `value` is a text, a number, true or false, or a tuple of them for IN and NOT IN; the texts ``min`` and ``max``
    stand for the least and the largest value that the catalog has.
    """

    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """Filters that have a name, by the property that each is about."""

    asset_type: AssetType
    filters: Mapping[str, FieldFilter]


def read_labels(document: Document, given: Any) -> tuple[Label, ...]:
    """Return the labels of a file; raises `InvalidInput` with the line."""
    if given is None:
        return ()
    if not isinstance(given, list):
        raise document.refused("labels must be a list.", document.value, "labels")
    labels: dict[tuple[str, str | None], Label] = {}
    for index, label in enumerate(given):
        if not isinstance(label, dict):
            raise document.refused("a label is a mapping with a name.", given, index)
        for key, value in label.items():
            if not isinstance(value, str) and not (key == "name" and value is None):
                raise document.refused(f"{key} of a label must be a text.", label, key)
        if (asset_type := label.get("assetType", "models")) not in ASSET_TYPES:
            raise document.refused(f"assetType must be one of {', '.join(ASSET_TYPES)}.", label, "assetType")
        name = (asset_type, label.get("name"))
        if name in labels:
            raise document.refused(f"there is another label with the name {name[1]!r}.", label)
        labels[name] = {"name": None, **label}
    return tuple(labels.values())


def merge_labels(files: Iterable[tuple[Label, ...]]) -> tuple[Label, ...]:
    """Return the labels of several files; one of a later file takes the place of that of the same name."""
    labels = {(label.get("assetType") or "models", label["name"]): label for file in files for label in file}
    return tuple(labels.values())


def read_queries(document: Document, given: Any) -> Mapping[str, NamedQuery]:
    """Return the named queries of a file, by name; raises `InvalidInput` with the line."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise document.refused("namedQueries must be a mapping.", document.value, "namedQueries")
    return {name: _query(document, given, name) for name in given}


def merge_queries(files: Iterable[Mapping[str, NamedQuery]]) -> Mapping[str, NamedQuery]:
    """Return the named queries of several files; the filters of a later one take the place of an earlier one's."""
    merged: dict[str, NamedQuery] = {}
    for file in files:
        for name, query in file.items():
            earlier = merged.get(name)
            if earlier is not None and earlier.asset_type == query.asset_type:
                query = NamedQuery(query.asset_type, {**earlier.filters, **query.filters})
            merged[name] = query
    return merged


def _query(document: Document, given: dict[str, Any], name: str) -> NamedQuery:
    query = given[name]
    if not name.strip():
        raise document.refused("a named query has a name.", given, name)
    if not isinstance(query, dict):
        raise document.refused(f"{name!r} must be a mapping with assetType and filters.", given, name)
    asset_type: Any = "models"
    filters: Any = query
    if "filters" in query:
        for key in query:
            if key not in ("assetType", "filters"):
                hint = nearest(key, ("assetType", "filters"))
                raise document.refused(f"{key!r} is no key of a named query.", query, key, hint=hint)
        asset_type, filters = query.get("assetType") or "models", query["filters"]
    if asset_type not in ASSET_TYPES:
        raise document.refused(f"assetType must be one of {', '.join(ASSET_TYPES)}.", query, "assetType")
    if not isinstance(filters, dict) or not filters:
        raise document.refused(
            f"{name!r} needs at least one filter.", given, name, hint="Write property: {operator, value}."
        )
    return NamedQuery(asset_type, {field: _filter(document, filters, field) for field in filters})


def _filter(document: Document, filters: dict[str, Any], field: str) -> FieldFilter:
    said = filters[field]
    if not field.strip() or not isinstance(said, dict) or set(said) != {"operator", "value"}:
        hint = 'Write it as {operator: "<", value: 70}.'
        raise document.refused(f"the filter of {field!r} needs an operator and a value.", filters, field, hint=hint)
    operator, value = said["operator"], said["value"]
    if not isinstance(operator, str) or operator.upper() not in OPERATORS:
        hint = f"Known are {', '.join(OPERATORS)}."
        raise document.refused(f"{operator!r} is no operator.", said, "operator", hint=hint)
    operator = operator.upper()
    if operator in _LISTS:
        if not isinstance(value, list) or not all(map(_is_scalar, value)):
            raise document.refused(f"{operator} takes a list of values.", said, "value")
        return FieldFilter(operator, tuple(value))
    if not _is_scalar(value):
        raise document.refused(f"{operator} takes a text, a number, true or false.", said, "value")
    if operator in _PATTERNS and not isinstance(value, str):
        raise document.refused(f"{operator} takes a pattern, such as granite%.", said, "value")
    if operator in _ORDERS and isinstance(value, bool):
        raise document.refused(f"{operator} takes a number or a text.", said, "value")
    return FieldFilter(operator, value)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
