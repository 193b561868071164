"""What the catalog is made of: sources, and the models that they give, as Kubeflow's catalog API has them.

A source is *defined* (in a ``sources.yaml``, or through Forecourt's API) and *loaded*: a loader, one for each type of
source, yields an `Entry` for each model, and a `Problem` for each that it has to leave out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

Document: TypeAlias = dict[str, Any]
SourceType: TypeAlias = Literal["yaml", "hf", "catalog", "oci-modelcars"]
AssetType: TypeAlias = Literal["models", "mcp_servers", "agents", "skills"]

MODEL_ARTIFACT = "model-artifact"
METRICS_ARTIFACT = "metrics-artifact"
PERFORMANCE, ACCURACY, SECURITY = "performance-metrics", "accuracy-metrics", "security-metrics"
METRICS_TYPES = (PERFORMANCE, ACCURACY, SECURITY)
COLD_START = "cold-start"
"""The ``performance_sub_type`` of performance metrics that say how long a server takes until it answers."""
URI_SCHEMES = ("oci", "http", "https", "s3", "gs", "az", "file", "hf")
"""Where a model artifact may be; the last is what Hugging Face sources give."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of a source.

    `document` has the fields of a ``CatalogModel`` as the API spells them (``licenseLink``, ``customProperties``, times
    as texts of milliseconds) but name, id, source, readme and counts; `artifacts` those of a ``CatalogModelArtifact``
    or ``CatalogMetricsArtifact`` but the id. `evidence` has what its accuracy was found to be, one line
    of an evidence file each (see `forecourt.evidence`), for who wants to check.
    """

    name: str
    document: Document
    readme: str = ""
    artifacts: tuple[Document, ...] = ()
    evidence: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a model (or what would have been one) of a source was left out; the source is then partially available."""

    name: str
    message: str


@dataclass(frozen=True)
class SourceDefinition:
    """A source, as it was defined. Patterns have ``*`` as their only wildcard and match whole names in any case."""

    id: str
    name: str
    type: SourceType
    enabled: bool = True
    labels: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    included_models: tuple[str, ...] = ()
    excluded_models: tuple[str, ...] = ()
    asset_type: AssetType = "models"
    origin: Path | None = None
    """The file that defines it; None where it was added through the API."""

    def includes(self, name: str) -> bool:
        """Say whether a model of this name is shown; what is excluded is not, whatever includes it."""
        if any(pattern.fullmatch(name) for pattern in self._excluded):
            return False
        return not self._included or any(pattern.fullmatch(name) for pattern in self._included)

    @cached_property
    def _included(self) -> tuple[re.Pattern[str], ...]:
        return tuple(map(glob, self.included_models))

    @cached_property
    def _excluded(self) -> tuple[re.Pattern[str], ...]:
        return tuple(map(glob, self.excluded_models))


def glob(pattern: str) -> re.Pattern[str]:
    """Return a pattern of a source (``*`` for any text, any case) as a regular expression."""
    return re.compile(".*".join(map(re.escape, re.split(r"\*+", pattern))), re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Loading:
    """What a loader may use, and whom it tells how far it is."""

    folders: tuple[Path, ...] = ()
    """Where files may be read from, besides the folder of the file that defines the source."""
    uploaded: Path | None = None
    """The folder of what people gave along with sources, whose files are named by their whole path."""
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """Where tokens are."""
    private_addresses: bool = False
    """Whether a URL may lead to this machine or a private network."""
    trusted: frozenset[str] = frozenset()
    """Hosts (``host:port``) that a URL may lead to all the same: Forecourt's own registry, say."""
    known: Callable[[str], Entry | None] = lambda _name: None
    """What the source last gave by a name; a loader that asks far away may keep it where nothing has changed."""
    progress: Callable[[int, int | None], None] = lambda _done, _of: None
    """Called with how many models were seen, and of how many where that is known."""
    stopped: Callable[[], bool] = lambda: False
    """Whether nobody wants the result any more."""


Loader: TypeAlias = Callable[[SourceDefinition, Loading], Iterator[Entry | Problem]]
"""Raises `ForecourtError` where the source as a whole cannot be loaded."""


def string_value(value: str) -> Document:
    """Return a text as a custom property's value."""
    return {"metadataType": "MetadataStringValue", "string_value": value}


def double_value(value: float) -> Document:
    """Return a number as a custom property's value."""
    return {"metadataType": "MetadataDoubleValue", "double_value": value}


def int_value(value: int) -> Document:
    """Return an integer as a custom property's value, which the API has as text."""
    return {"metadataType": "MetadataIntValue", "int_value": str(value)}


def bool_value(value: bool) -> Document:
    """Return true or false as a custom property's value."""
    return {"metadataType": "MetadataBoolValue", "bool_value": value}
