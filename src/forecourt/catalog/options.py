"""What one can filter by: the properties that models and artifacts have, with their values or their range."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from forecourt.catalog.index import ARTIFACTS, Column, Snapshot

_MOST_VALUES, _LONGEST = 49, 100
_HIDDEN = frozenset(
    (
        *("id", "name", "source_id", "logo", "license_link", "uri", "externalId", "artifactType", "metricsType"),
        *("serving_config", "servingConfig", "toolCallParser", "description", "last_synced"),
        *("createTimeSinceEpoch", "lastUpdateTimeSinceEpoch", ""),
    )
)
"""What nobody filters by, or only by what it says elsewhere."""
_PLAIN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_KEYWORDS = frozenset(("and", "or", "in", "like", "ilike", "true", "false"))


def options_text(snapshot: Snapshot, named_queries: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Return `filter_options` as JSON, written once for a snapshot."""

    def make() -> str:
        return json.dumps(filter_options(snapshot, named_queries), ensure_ascii=False, separators=(",", ":"))

    text: str = snapshot.once(("options", json.dumps(named_queries)), make)
    return text


def filter_options(snapshot: Snapshot, named_queries: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the answer of ``/models/filter_options``; in named queries ``min`` and ``max`` are the range's."""
    filters: dict[str, Any] = snapshot.once("filter_options", lambda: _filters(snapshot))
    queries = {
        name: {field: _resolved(filters.get(field), condition) for field, condition in fields.items()}
        for name, fields in named_queries.items()
    }
    return {"filters": filters, "namedQueries": queries}


def _filters(snapshot: Snapshot) -> dict[str, Any]:
    filters: dict[str, Any] = {}
    for prefix, space in (("", snapshot.models), (ARTIFACTS, snapshot.artifacts)):
        for name, column in sorted(space.columns.items()):
            if name not in _HIDDEN and "`" not in name:  # for which there is no way to write it
                filters |= _of(_written(prefix + name), column, own=not prefix and name in space.fields)
    return filters


def _written(name: str) -> str:
    """Return a property as a filterQuery has it."""
    plain = all(_PLAIN.fullmatch(part) for part in name.removeprefix(ARTIFACTS).split("."))
    return name if plain and name.partition(".")[0].lower() not in _KEYWORDS else f"`{name}`"


def _of(name: str, column: Column, *, own: bool) -> dict[str, Any]:
    """Return the options of a property by the name that a filterQuery has for it: with its type where it is custom."""
    options: dict[str, Any] = {}
    values = [value for value in column.texts if value] if 0 < len(column.texts) <= _MOST_VALUES else []
    if values and all(len(value) <= _LONGEST for value in values):
        options[name if own else f"{name}.string_value"] = {
            "type": "string",
            "values": sorted(values, key=str.casefold),
        }
    for kind, numbers in (("double", column.doubles), ("int", column.integers)):
        if between := numbers.range:
            low, high = (int(each) if kind == "int" else each for each in between)
            options[name if own else f"{name}.{kind}_value"] = {"type": "number", "range": {"min": low, "max": high}}
    return options


def _resolved(options: Any, condition: Mapping[str, Any]) -> dict[str, Any]:
    value = condition["value"]
    if options and options["type"] == "number" and value in ("min", "max"):
        value = options["range"][value]
    return {"operator": condition["operator"], "value": value}
