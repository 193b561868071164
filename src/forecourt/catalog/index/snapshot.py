"""Everything in sight, ready to be asked: built aside from the rows, never changed, and replaced as a whole.

Models are numbered in the order of their names. A number is good for one snapshot only; who goes on in the next one
goes by id.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyroaring import BitMap

from forecourt.catalog.index.byrow import ByRow
from forecourt.catalog.index.columns import Rows
from forecourt.catalog.index.kept import Kept
from forecourt.catalog.index.matching import ARTIFACTS, Owners, matching_artifacts, matching_models, witnesses
from forecourt.catalog.index.orders import Order, by_column
from forecourt.catalog.index.space import Space
from forecourt.catalog.index.words import Words
from forecourt.query import parse

_KEPT = 128
_FILTERS = 1024  # answers of filters that are kept
_TIMES = ("createTimeSinceEpoch", "lastUpdateTimeSinceEpoch")
_ARTIFACT_FIELDS = ("artifactType", "metricsType", "uri", "name", "externalId", "description")
_TEXTS = ("name", "provider", "license", "maturity", "description", "externalId")
_OTHER_NAMES = {
    "sourceId": "source_id",
    "libraryName": "library_name",
    "licenseLink": "license_link",
    "validatedTasks": "validated_tasks",
}
"""Fields that the API writes otherwise than upstream's filters do; both may be written."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model as it is read from the database."""

    id: int
    identity: int
    source: str
    created: int
    updated: int
    document: Mapping[str, Any]
    artifacts: Sequence[tuple[int, Mapping[str, Any]]]
    """Row and document of each."""


@dataclass(eq=False)
class Snapshot:
    """What is in sight."""

    models: Space = field(default_factory=lambda: Space(_OTHER_NAMES))
    artifacts: Space = field(default_factory=Space)
    words: Words = field(default_factory=Words)
    rows: array[int] = field(default_factory=lambda: array("q"))
    """Each model's row in the database."""
    artifact_rows: array[int] = field(default_factory=lambda: array("q"))
    identities: array[int] = field(default_factory=lambda: array("q"))
    names: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    """Models by source and name."""
    texts: list[str] = field(default_factory=list)
    """What a free search looks into, in small letters."""
    version: int = 0

    def __post_init__(self) -> None:
        """Have nothing in it yet."""
        self._first, self._owner = array("I", [0]), array("I")
        self.owners = Owners(self._first, self._owner)
        self._by_identity: dict[int, int] = {}
        self._kept = Kept(_KEPT)
        self._filtered = Kept(_FILTERS)

    # Filling

    def add(self, row: ModelRow) -> None:
        """Add a model; models are added in the order of their names."""
        document = row.document
        number = self.models.add(_model_fields(row), document.get("customProperties") or {})
        self.rows.append(row.id)
        self.identities.append(row.identity)
        self.names.append(document["name"])
        self.sources.append(row.source)
        self.numbers[row.source, document["name"]] = number
        self._by_identity[row.identity] = number
        self.words.add(number, _words(document))
        self.texts.append("\n".join(_searched(document)).casefold())
        for artifact_row, artifact in row.artifacts:
            fields: dict[str, Any] = {name: artifact.get(name) for name in _ARTIFACT_FIELDS}
            fields |= {name: _number(artifact.get(name)) for name in _TIMES} | {"id": artifact_row}
            self.artifacts.add(fields, artifact.get("customProperties") or {})
            self.artifact_rows.append(artifact_row)
            self._owner.append(number)
        self._first.append(self.artifacts.size)

    def freeze(self) -> None:
        """Make it ready to be asked."""
        self.models.freeze()
        self.artifacts.freeze(self._owner)
        self.words.freeze()

    # Asking

    def __len__(self) -> int:
        return len(self.names)

    def number_of(self, identity: int) -> int | None:
        """Return the number of the model with an id; None where it is gone."""
        return self._by_identity.get(identity)

    def artifacts_of(self, number: int) -> Rows:
        """Return the artifacts of a model."""
        these = self.owners.artifacts(number)
        found: Rows = BitMap()
        found.add_range(these.start, these.stop)
        return found

    def matching(self, filter_query: str) -> Rows:
        """Return the models that a filterQuery matches; raises `InvalidFilter`."""

        def find() -> Rows:
            return matching_models(parse(filter_query), self.models, self.artifacts, self.owners)

        found: Rows = self._filtered.once(("models", filter_query), find)
        return found

    def witnesses(self, filter_query: str) -> Rows:
        """Return the artifacts with which a filterQuery on models holds; raises `InvalidFilter`."""

        def find() -> Rows:
            return witnesses(parse(filter_query), self.models, self.artifacts, self.owners)

        found: Rows = self._filtered.once(("witnesses", filter_query), find)
        return found

    def matching_artifacts(self, filter_query: str) -> Rows:
        """Return the artifacts that a filterQuery on artifacts matches; raises `InvalidFilter`."""

        def find() -> Rows:
            return matching_artifacts(parse(filter_query), self.artifacts)

        found: Rows = self._filtered.once(("artifacts", filter_query), find)
        return found

    def containing(self, text: str) -> Rows:
        """Return the models with a text within name, description, provider, tasks or library, in any case."""
        folded = text.casefold()
        found: Rows = self._filtered.once(("text", folded), lambda: self._containing(folded))
        return found

    def _containing(self, text: str) -> Rows:
        candidates = self.words.containing(text)
        among: Iterable[int] = range(len(self)) if candidates is None else candidates
        return BitMap(array("I", (number for number in among if text in self.texts[number])))

    def order(self, name: str, descending: bool, texts: bool = False) -> Order:
        """Return the models by a property, which may be one of their artifacts': ``artifacts.mmlu``.

        It is by numbers where there are any, unless `texts` are asked for.
        """
        made: Order = self.once(("order", name, descending, texts), lambda: self._order(name, descending, texts))
        return made

    def _order(self, name: str, descending: bool, texts: bool) -> Order:
        if name.startswith(ARTIFACTS):
            column = self.artifacts.column(name.removeprefix(ARTIFACTS))
            return by_column(column, len(self), descending=descending, texts=texts, owner=self.owners.owner)
        return by_column(self.models.column(name), len(self), descending=descending, texts=texts)

    def numbers_of_artifacts(self, name: str) -> ByRow[float]:
        """Return a property's numbers by artifact."""

        def make() -> ByRow[float]:
            numbers = self.artifacts.column(name).numbers
            return ByRow(self.artifacts.size, numbers.values, ((row, place) for place, row in enumerate(numbers.rows)))

        made: ByRow[float] = self.once(("numbers", name), make)
        return made

    def texts_of_artifacts(self, name: str) -> ByRow[str]:
        """Return a property's texts by artifact, the first of several."""

        def make() -> ByRow[str]:
            texts = self.artifacts.column(name).texts
            values = sorted(texts, reverse=True)  # what comes later takes the place of what came before
            places = ((row, place) for place, text in enumerate(values) for row in texts.rows(text))
            return ByRow(self.artifacts.size, values, places)

        made: ByRow[str] = self.once(("texts", name), make)
        return made

    def once(self, key: object, make: Callable[[], Any]) -> Any:
        """Return what `make` makes, made once for this snapshot as long as not much else was asked for since."""
        return self._kept.once(key, make)


def build(rows: Iterable[ModelRow], version: int = 0) -> Snapshot:
    """Return the snapshot of models that come in the order of their names."""
    snapshot = Snapshot(version=version)
    for row in rows:
        snapshot.add(row)
    snapshot.freeze()
    return snapshot


def in_order(names: Iterable[tuple[int, str, str]]) -> list[int]:
    """Return the rows of models (row, source, name) in the order of their names, in any case, then of their sources."""
    return [row for row, _, _ in sorted(names, key=lambda each: (each[2].casefold(), each[2], each[1]))]


def _model_fields(row: ModelRow) -> dict[str, Any]:
    document = row.document
    fields: dict[str, Any] = {name: document.get(name) for name in _TEXTS}
    fields |= {name: document.get(name) or [] for name in ("tasks", "language")}
    fields |= {known: document.get(written) for written, known in _OTHER_NAMES.items()}
    fields |= {"source_id": row.source, "id": row.identity}
    fields["toolCallParser"] = ((document.get("servingConfig") or {}).get("toolCalling") or {}).get("toolCallParser")
    return fields | dict(zip(_TIMES, (row.created, row.updated), strict=True))


def _searched(document: Mapping[str, Any]) -> Iterable[str]:
    for name in ("name", "description", "provider", "libraryName"):
        yield document.get(name) or ""
    for name in ("tasks", "validatedTasks"):
        yield from document.get(name) or ()


def _words(document: Mapping[str, Any]) -> dict[str, str]:
    facts = [document.get("provider") or "", document.get("license") or "", document.get("libraryName") or ""]
    for name in ("tasks", "validatedTasks"):
        facts += document.get(name) or []
    for name, value in (document.get("customProperties") or {}).items():
        text = value.get("string_value")
        facts += [name] if text == "" else [str(text)[:200]] if text is not None else []
    return {"name": document["name"], "facts": " ".join(facts), "description": document.get("description") or ""}


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, str | int) and str(value).isdecimal() else None


def decoded(text: str) -> dict[str, Any]:
    """Return a document that is kept as text."""
    document: dict[str, Any] = json.loads(text)
    return document
