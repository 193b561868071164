"""What the tests of sources that are elsewhere have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from forecourt.catalog.model import Entry, Loading, Problem, SourceDefinition
from forecourt.catalog.remote.http import Patience

QUICK = Patience(connect=2, silence=0.6, whole=3, attempts=3, pause=0.01, longest_pause=3)
"""Patience of the same kind as in life, in less time."""


def loading(**options: Any) -> Loading:
    """What a loader may use, where the servers are on loopback."""
    return Loading(**({"environment": {}, "private_addresses": True} | options))


def source(kind: Any, *included: str, excluded: Iterable[str] = (), **properties: Any) -> SourceDefinition:
    """A source called ``far``."""
    return SourceDefinition(
        "far", "Far away", kind, properties=properties, included_models=included, excluded_models=tuple(excluded)
    )


def entries(found: Iterable[Entry | Problem]) -> dict[str, Entry]:
    """The models that a loader gave, which must be all that it gave."""
    given = list(found)
    assert [each for each in given if isinstance(each, Problem)] == []
    return {entry.name: entry for entry in given if isinstance(entry, Entry)}


def problems(found: Iterable[Entry | Problem]) -> dict[str, str]:
    """What a loader had to leave out, and why."""
    return {each.name: each.message for each in found if isinstance(each, Problem)}


def custom(entry: Entry) -> dict[str, Any]:
    """The plain values of a model's custom properties."""
    return values(entry.document["customProperties"])


def values(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        name: next(value for key, value in each.items() if key != "metadataType") for name, each in properties.items()
    }
