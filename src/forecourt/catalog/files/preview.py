"""Which models (or servers, agents, skills) a source would show, before anybody has it: the names, and yes or no.

The configuration is that of one entry of a ``sources.yaml``, of which only `type` must be there, so that an entry can
be pasted as it is. https://github.com/kubeflow/hub, ``api/openapi``: ``POST /sources/preview``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from forecourt.catalog.files.folders import locate
from forecourt.catalog.files.models import read_names
from forecourt.catalog.files.statements import asset_type_of, read_statement
from forecourt.catalog.files.yamltext import MIB, Limits, parse, read
from forecourt.catalog.model import AssetType, Loading, SourceDefinition
from forecourt.errors import InvalidInput

Candidates: TypeAlias = Callable[[SourceDefinition, Loading], Iterator[tuple[str, bool]]]
"""Gives the names that a source that is elsewhere would look at, and whether it includes each."""

_CONFIG = "config"
_DATA = "catalogData"
_LIMITS = Limits(size=MIB, values=50_000, depth=16)
_PATH = "yamlCatalogPath"


def read_config(text: bytes, *, with_data: bool = False) -> SourceDefinition:
    """Return the source that a preview is asked for; `with_data` says that its data were sent along.

    Raises `InvalidInput` for a configuration that is wrong, with the line.
    """
    document = parse(text, _CONFIG, _LIMITS)
    entry = document.value

    def place(key: str) -> str:
        if not isinstance(entry, dict):
            return _CONFIG
        outer, _, inner = key.partition(".")
        if not outer:
            return _CONFIG
        return document.place(entry[outer], inner) if inner else document.place(entry, outer)

    asset_type = asset_type_of(entry, place)
    statement = read_statement(entry, asset_type, place, identity="preview")
    return statement.define(preview=True, lacking=_PATH if with_data else "")


def preview(
    config_text: bytes, data: bytes | None, loading: Loading, candidates: Candidates
) -> tuple[AssetType, list[tuple[str, bool]]]:
    """Return what kind of assets a source has, each one's name, and whether it would be shown.

    The names of a source of type ``yaml`` are those in `data`, or in the file that it names; those of another type are
    what `candidates` finds. Raises `InvalidInput` for a configuration or data that are wrong, and what `candidates`
    raises.
    """
    definition = read_config(config_text, with_data=bool(data))
    if definition.type == "yaml":
        named = str(definition.properties.get(_PATH, ""))
        document = parse(data, _DATA) if data else read(locate(definition, named, loading))
        names = read_names(document, definition.asset_type)
        return definition.asset_type, [(name, definition.includes(name)) for name in names]
    if data:
        hint = f"Leave {_DATA} out."
        raise InvalidInput(f"{_DATA} goes with a source of type yaml, not {definition.type}.", hint=hint)
    return definition.asset_type, list(candidates(definition, loading))
