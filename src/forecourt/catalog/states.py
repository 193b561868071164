"""A source with what became of it: whether it is shown, when it was loaded, and why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from forecourt.catalog.model import Document, Problem, SourceDefinition

STATUSES = ("available", "partially-available", "error", "disabled")


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source as people see it."""

    definition: SourceDefinition
    enabled: bool
    status: str
    """One of `STATUSES`; empty where it was never loaded."""
    error: str = ""
    problems: tuple[Problem, ...] = ()
    loaded: int | None = None
    """When it was last loaded without an error, in milliseconds since 1970."""
    stamp: str = ""
    """What its files were like then."""

    @property
    def id(self) -> str:
        """The source's id."""
        return self.definition.id

    @staticmethod
    def of(definition: SourceDefinition, noted: Mapping[str, Any] | None) -> SourceState:
        """Return a source with what is noted of it: what a person said of it goes before its definition."""
        noted = noted or {"enabled": None, "status": "", "error": "", "problems": "[]", "loaded": None, "stamp": ""}
        enabled = definition.enabled if noted["enabled"] is None else noted["enabled"]
        problems = tuple(Problem(*each) for each in json.loads(noted["problems"]))
        status = noted["status"] if enabled else "disabled"
        return SourceState(definition, enabled, status, noted["error"], problems, noted["loaded"], noted["stamp"])

    def shown(self) -> Document:
        """Return it as a ``CatalogSource`` of Kubeflow's API."""
        definition = self.definition
        document: Document = {
            "id": definition.id,
            "name": definition.name,
            "enabled": self.enabled,
            "labels": list(definition.labels),
            "status": self.status or "available",
            "assetType": definition.asset_type,
        }
        if definition.included_models:
            document["includedModels"] = list(definition.included_models)
        if definition.excluded_models:
            document["excludedModels"] = list(definition.excluded_models)
        if self.error:
            document["error"] = self.error
        elif self.problems:
            document["error"] = "; ".join(f"{one.name}: {one.message}" for one in self.problems[:20])
        return document

    @staticmethod
    def written(definition: SourceDefinition) -> str:
        """Return a definition as it is kept."""
        document = asdict(definition) | {"properties": dict(definition.properties)}
        document.pop("origin")
        return json.dumps(document, ensure_ascii=False)

    @staticmethod
    def read(text: str) -> SourceDefinition:
        """Return a definition that was kept."""
        document = json.loads(text)
        for name in ("labels", "included_models", "excluded_models"):
            document[name] = tuple(document[name])
        return SourceDefinition(**document)
