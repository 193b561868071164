"""Sources as the text of a ``sources.yaml``, so that what was added through the API can go to another catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from forecourt.catalog.files.scalars import needs_quotes
from forecourt.catalog.files.sources import LISTS
from forecourt.catalog.files.statements import PATTERNS
from forecourt.catalog.model import SourceDefinition


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if needs_quotes(text) else None)


_Dumper.add_representer(str, _text)


def dump_source(definition: SourceDefinition) -> str:
    """Return a file with this one source, in Kubeflow's format; it is read back as the same source."""
    key = next(key for key, asset_type in LISTS.items() if asset_type == definition.asset_type)
    included, excluded = PATTERNS[definition.asset_type]
    entry: dict[str, Any] = {
        "name": definition.name,
        "id": definition.id,
        "type": definition.type,
        "enabled": definition.enabled,
        "properties": _plain(definition.properties),
        "labels": list(definition.labels),
        included: list(definition.included_models),
        excluded: list(definition.excluded_models),
    }
    said = {field: value for field, value in entry.items() if value not in ([], {})}
    return yaml.dump({key: [said]}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
