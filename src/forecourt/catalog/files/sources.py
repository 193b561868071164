"""``sources.yaml``: which sources a catalog has, in Kubeflow's format, and several such files as one.

https://github.com/kubeflow/hub, ``docs/catalog-yaml-reference.md``. Keys are strict, so that a slip of the pen is told
and not passed over. A later file may say again what an earlier one said: a source field by field, a label whole, a
named query filter by filter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forecourt.catalog.files.document import Document
from forecourt.catalog.files.properties import nearest, seconds
from forecourt.catalog.files.queries import (
    Label,
    NamedQuery,
    merge_labels,
    merge_queries,
    read_labels,
    read_queries,
)
from forecourt.catalog.files.statements import Place, Statement, asset_type_of, read_statement
from forecourt.catalog.files.yamltext import MIB, Limits, parse, read
from forecourt.catalog.model import AssetType, SourceDefinition

LISTS: Mapping[str, AssetType] = {
    "model_catalogs": "models",
    "mcp_catalogs": "mcp_servers",
    "agent_catalogs": "agents",
    "skill_catalogs": "skills",
}
"""The lists of sources in a file, and what the sources of each give."""

_LEGACY = "catalogs"
_KEYS = (*LISTS, "labels", "namedQueries", _LEGACY)
_LIMITS = Limits(size=4 * MIB, values=200_000, depth=16)


@dataclass(frozen=True, slots=True)
class SourcesFile:
    """What one file says: of each source only what it says, which may be less than defines it."""

    name: str
    statements: tuple[Statement, ...] = ()
    labels: tuple[Label, ...] = ()
    named_queries: Mapping[str, NamedQuery] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sources:
    """What files say together."""

    definitions: tuple[SourceDefinition, ...] = ()
    labels: tuple[Label, ...] = ()
    named_queries: Mapping[str, NamedQuery] = field(default_factory=dict)


def read_sources(path: Path) -> SourcesFile:
    """Read a file; raises `NotFound`, and `InvalidInput` that tells file, line and what is wrong."""
    path = path.absolute()
    return _sources(read(path, _LIMITS), path)


def parse_sources(text: bytes, name: str, origin: Path | None = None) -> SourcesFile:
    """Return what a text says, which errors call `name`; paths in it start from the file `origin`."""
    return _sources(parse(text, name, _LIMITS), origin)


def merge(files: Iterable[SourcesFile]) -> Sources:
    """Return what several files say together, in their order.

    Raises `InvalidInput` for a source that all of them together do not define, or define wrongly.
    """
    files = tuple(files)
    merged: dict[str, Statement] = {}
    for file in files:
        for statement in file.statements:
            earlier = merged.get(statement.id)
            merged[statement.id] = statement.over(earlier) if earlier else statement
    return Sources(
        tuple(statement.define() for statement in merged.values()),
        merge_labels(file.labels for file in files),
        merge_queries(file.named_queries for file in files),
    )


def define_source(entry: Mapping[str, Any], *, name: str = "The source") -> SourceDefinition:
    """Return the source that a request describes, with the keys that a file's entry has, and maybe ``assetType``.

    Raises `InvalidInput`, which calls the entry `name`.
    """
    asset_type = asset_type_of(entry, lambda _key: name)
    return read_statement(entry, asset_type, lambda _key: name).define()


def sync_interval(definition: SourceDefinition, default: float) -> float:
    """Return after how many seconds a source is asked again."""
    said = definition.properties.get("syncInterval")
    return default if said is None else seconds(said)


def _sources(document: Document, origin: Path | None) -> SourcesFile:
    content = document.value
    if content is None:
        return SourcesFile(document.name)
    if not isinstance(content, dict):
        raise document.refused("a file of sources is a mapping.", hint=f"Known are {', '.join(_KEYS)}.")
    for key in content:
        if key not in _KEYS:
            raise document.refused(f"{key!r} is no key of a file of sources.", content, key, hint=nearest(key, _KEYS))
    statements: dict[str, Statement] = {}
    for key, asset_type in LISTS.items():
        _add(statements, _read_list(document, key, asset_type, origin))
    # What the old name of the list says counts only where the new one says nothing, as upstream has it.
    new = {each.id for each in statements.values() if each.asset_type == "models"}
    legacy = _read_list(document, _LEGACY, "models", origin)
    _add(statements, [each for each in legacy if each.id not in new])
    return SourcesFile(
        document.name,
        tuple(statements.values()),
        read_labels(document, content.get("labels")),
        read_queries(document, content.get("namedQueries")),
    )


def _read_list(document: Document, key: str, asset_type: AssetType, origin: Path | None) -> list[Statement]:
    entries = document.value.get(key)
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise document.refused(f"{key} must be a list of sources.", document.value, key)
    return [
        read_statement(entry, asset_type, _place(document, entries, index), origin=origin)
        for index, entry in enumerate(entries)
    ]


def _place(document: Document, entries: list[Any], index: int) -> Place:
    def place(key: str) -> str:
        entry = entries[index]
        if not key or not isinstance(entry, dict):
            return document.place(entries, index)
        outer, _, inner = key.partition(".")
        return document.place(entry[outer], inner) if inner else document.place(entry, outer)

    return place


def _add(statements: dict[str, Statement], more: Iterable[Statement]) -> None:
    for statement in more:
        if statement.id in statements:
            raise statement.refused("id", f"there is another source with the id {statement.id!r}")
        statements[statement.id] = statement
