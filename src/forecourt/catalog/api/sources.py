"""Sources and labels in the catalog's API, and what a source would give."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from forecourt.catalog.api.parameters import Parameters, offset_after, paged
from forecourt.catalog.catalog import Catalog
from forecourt.errors import InvalidInput

ASSET_TYPES = ("models", "mcp_servers", "agents", "skills")
_STATUSES = ("all", "included", "excluded")
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def list_sources(catalog: Catalog, given: Parameters) -> str:
    """Return a page of sources as JSON, by id unless it is said otherwise; raises `InvalidInput`."""
    name, kind, order = given.text("name").casefold(), _asset_type(given), given.text("orderBy") or "ID"
    if order not in ("ID", "NAME"):
        raise InvalidInput(f"invalid orderBy {order[:40]!r}: it is ID or NAME")
    states = [
        state
        for state in catalog.sources
        if state.definition.asset_type == kind and name in state.definition.name.casefold()
    ]
    states.sort(
        key=lambda state: state.id if order == "ID" else state.definition.name.casefold(), reverse=given.descending
    )
    return _page([state.shown() for state in states], given)


def list_labels(catalog: Catalog, given: Parameters) -> str:
    """Return a page of labels as JSON, by any of their keys; those without it come last. Raises `InvalidInput`."""
    kind, key, descending = _asset_type(given), given.text("orderBy"), given.descending
    labels = [label for label in catalog.configuration.labels if label.get("assetType", "models") == kind]
    having = [label for label in labels if isinstance(label.get(key), str)]
    having.sort(key=lambda label: str(label[key]), reverse=descending)
    return _page(having + [label for label in labels if not isinstance(label.get(key), str)], given)


def preview_page(assets: Sequence[tuple[str, bool]], kind: str, given: Parameters) -> str:
    """Return which assets a source would show and which not; raises `InvalidInput`."""
    status = given.text("filterStatus").lower() or "all"
    if status not in _STATUSES:
        raise InvalidInput(f"invalid filterStatus {status[:40]!r}: it is one of {', '.join(_STATUSES)}")
    wanted = [
        (name, included) for name, included in assets if status in ("all", "included" if included else "excluded")
    ]
    start, size = offset_after(given.text("nextPageToken")), given.page_size
    items = [_ENCODE({"name": name, "included": included}) for name, included in wanted[start : start + size]]
    word = "Models" if kind == "models" else "Assets"
    included = sum(included for _, included in assets)
    counts = {f"total{word}": len(assets), f"included{word}": included, f"excluded{word}": len(assets) - included}
    following = str(start + size) if start + size < len(wanted) else ""
    body = paged(items, size, following)
    return f'{{"assetType":"{kind}","summary":{_ENCODE(counts)},{body[1:]}'


def _asset_type(given: Parameters) -> str:
    kind = given.text("assetType") or "models"
    if kind not in ASSET_TYPES:
        raise InvalidInput(f"invalid assetType {kind[:40]!r}: it is one of {', '.join(ASSET_TYPES)}")
    return kind


def _page(documents: Sequence[Mapping[str, Any]], given: Parameters) -> str:
    start, size = offset_after(given.text("nextPageToken")), given.page_size
    following = str(start + size) if start + size < len(documents) else ""
    return paged([_ENCODE(document) for document in documents[start : start + size]], size, following)
