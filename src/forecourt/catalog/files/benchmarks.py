"""What was measured of models, from the files that lie beside a catalog, in Kubeflow's format.

Each folder below the one that is read has a ``metadata.json``, whose `id` is the model's name, and beside it
``performance.ndjson``, ``evaluations.ndjson`` and ``security-evaluations.ndjson``; any of them may be missing. A line
of performance or security is an artifact; evaluations are one, with the score of each benchmark; the metadata are
custom properties of the model, and a cold start is an artifact of performance too, by which models can be filtered.
https://github.com/kubeflow/hub, ``catalog/internal/catalog/modelcatalog/performance_metrics.go``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from forecourt.catalog.files.folders import unreadable
from forecourt.catalog.files.records import BadRecord, finite, properties_of, read_lines, read_object, times_of, typed
from forecourt.catalog.files.yamltext import MIB
from forecourt.catalog.model import (
    ACCURACY,
    COLD_START,
    METRICS_ARTIFACT,
    PERFORMANCE,
    SECURITY,
    Document,
    Entry,
    Problem,
    double_value,
    string_value,
)
from forecourt.errors import ForecourtError, InvalidInput

METADATA = "metadata.json"
_ARTIFACTS_OF = (("performance.ndjson", PERFORMANCE), ("security-evaluations.ndjson", SECURITY))
_EVALUATIONS = "evaluations.ndjson"
_MOST_FOLDERS = 20_000
_MOST_COLD_STARTS = 1_000
_TEXTS = ("size", "tensor_type", "variant_group_id")
_NUMBERS = ("min_vram_gb", "modelcar_image_size", "modelcar_image_size_bytes")
_COLD_STARTS = "cold_start_matrix"
Note = Callable[[Problem], None]


@dataclass(frozen=True, slots=True)
class _Measured:
    """A model's folder, and what its metadata say."""

    name: str
    folder: Path
    properties: Document
    cold_starts: tuple[Document, ...]
    overall: float | None


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """Which models were measured; the measurements are read when a model wants them, and never all at once."""

    root: Path
    problems: tuple[Problem, ...] = ()
    """What is wrong with metadata."""
    _models: Mapping[str, _Measured] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, folder: Path) -> Benchmarks:
        """Find the models in a folder and those below it; raises `InvalidInput` where it is no folder."""
        try:
            root = folder.resolve()
            if not root.is_dir():
                raise InvalidInput(f"{folder} is no folder.", hint="Name the folder with the benchmarks.")
        except (OSError, ValueError) as error:
            raise unreadable(folder, error) from None
        models: dict[str, _Measured] = {}
        problems: list[Problem] = []
        for path in _metadata_files(root, problems.append):
            try:
                measured = _read_metadata(path, problems.append)
            except BadRecord as error:
                problems.append(Problem(path.parent.name, f"{path}: {error}."))
                continue
            earlier = models.setdefault(measured.name.lower(), measured)
            if earlier is not measured:
                problems.append(Problem(measured.name, f"{path}: {measured.name} is in {earlier.folder} already."))
        return cls(root, tuple(problems), models)

    def __len__(self) -> int:
        """Return how many models were measured."""
        return len(self._models)

    def attach(self, entry: Entry, note: Note = lambda _problem: None) -> Entry:
        """Return a model with what was measured of it; the name may differ in case.

        `note` is called with each problem: a line that is wrong is left out. What cannot be read is a problem, too.
        """
        measured = self._models.get(entry.name.lower())
        if measured is None:
            return entry
        artifacts = [*entry.artifacts]
        for name, metrics in _ARTIFACTS_OF:
            artifacts += self._artifacts(measured, name, metrics, note)
        artifacts += [_cold_start(each) for each in measured.cold_starts]
        artifacts += self._accuracy(measured, note)
        document = dict(entry.document)
        if measured.properties:
            document["customProperties"] = {**document.get("customProperties", {}), **measured.properties}
        return replace(entry, document=document, artifacts=tuple(artifacts))

    def _artifacts(self, measured: _Measured, file: str, metrics: str, note: Note) -> Iterator[Document]:
        seen: set[str] = set()
        for place, record in self._records(measured, file, note):
            try:
                identity = _identity(record)
                if identity and identity in seen:
                    raise BadRecord(f"there is a line of the id {identity!r} before it")
                seen.add(identity)
                yield {
                    "artifactType": METRICS_ARTIFACT,
                    "metricsType": metrics,
                    **({"name": f"{metrics}-{identity}", "externalId": identity} if identity else {}),
                    **times_of(record),
                    "customProperties": properties_of(record),
                }
            except BadRecord as error:
                note(Problem(measured.name, f"{place}: {error}."))

    def _accuracy(self, measured: _Measured, note: Note) -> Iterator[Document]:
        scores: dict[str, Document] = {}
        created, updated = [], []
        for place, record in self._records(measured, _EVALUATIONS, note):
            try:
                said = record.get("model_id")
                if isinstance(said, str) and said and said.lower() != measured.name.lower():
                    raise BadRecord(f"it is about {said}, in the folder of {measured.name}")
                benchmark = record.get("benchmark")
                if not isinstance(benchmark, str) or not benchmark.strip():
                    raise BadRecord("it names no benchmark")
                score = record["score"] if record.get("score") is not None else record.get("result")
                times = times_of(record)
                # Of two lines about one benchmark, the later counts.
                scores[benchmark] = double_value(finite("score", score))
            except BadRecord as error:
                note(Problem(measured.name, f"{place}: {error}."))
                continue
            created += [times["createTimeSinceEpoch"]] if "createTimeSinceEpoch" in times else []
            updated += [times["lastUpdateTimeSinceEpoch"]] if "lastUpdateTimeSinceEpoch" in times else []
        if scores:
            if measured.overall is not None:
                scores["overall_average"] = double_value(measured.overall)
            yield {
                "artifactType": METRICS_ARTIFACT,
                "metricsType": ACCURACY,
                "name": ACCURACY,
                **({"createTimeSinceEpoch": min(created, key=int)} if created else {}),
                **({"lastUpdateTimeSinceEpoch": max(updated, key=int)} if updated else {}),
                "customProperties": scores,
            }

    def _records(self, measured: _Measured, file: str, note: Note) -> Iterator[tuple[str, Document]]:
        """Return the lines that can be read, each with its place."""
        path = measured.folder / file
        try:
            if not path.exists():
                return
            if not _is_inside(path, self.root):
                raise InvalidInput(f"{path} leads out of {self.root}.")
            for line in read_lines(path):
                place = f"{path}, line {line.number}"
                if line.problem:
                    note(Problem(measured.name, f"{place}: {line.problem}."))
                else:
                    yield place, line.record
        except ForecourtError as error:
            note(Problem(measured.name, error.message))


def _metadata_files(root: Path, note: Note) -> Iterator[Path]:
    """Return the metadata below a folder; what Kubernetes keeps in ``..`` folders of a mount is not looked at twice."""
    for visited, (folder, below, files) in enumerate(os.walk(root)):
        below[:] = sorted(name for name in below if not name.startswith(".."))
        if visited == _MOST_FOLDERS:
            note(Problem(root.name, f"{root}: only the first {_MOST_FOLDERS} folders were looked at."))
            return
        if METADATA in files:
            path = Path(folder) / METADATA
            if _is_inside(path, root):
                yield path
            else:
                note(Problem(path.parent.name, f"{path} leads out of {root}, or is no file."))


def _is_inside(path: Path, root: Path) -> bool:
    try:
        resolved = path.resolve()
        return resolved.is_relative_to(root) and resolved.is_file()
    except (OSError, RuntimeError):
        return False


def _read_metadata(path: Path, note: Note) -> _Measured:
    try:
        with path.open("rb") as file:
            data = file.read(MIB + 1)
    except OSError as error:
        raise BadRecord(unreadable(path, error).message.rstrip(".")) from None
    if len(data) > MIB:
        raise BadRecord("it is larger than 1 MiB")
    said = {name: value for name, value in read_object(data).items() if value is not None}
    name = said.get("id")
    if not isinstance(name, str) or not name.strip():
        raise BadRecord("it needs an id, which is the model's name")
    properties: Document = {}
    overall: float | None = None
    starts: tuple[Document, ...] = ()
    for key, value in said.items():
        try:
            if key in _TEXTS and value != "":
                properties[key] = string_value(_text(key, value))
            elif key in _NUMBERS:
                properties[key] = double_value(finite(key, value))
            elif key == "overall_accuracy":
                overall = finite(key, value)
            elif key == _COLD_STARTS:
                starts = _cold_starts(value)
                properties[key] = string_value(json.dumps(value, ensure_ascii=False))
        except BadRecord as error:
            note(Problem(name, f"{path}: {error}."))
    return _Measured(name, path.parent, properties, starts, overall)


def _cold_starts(value: Any) -> tuple[Document, ...]:
    if not isinstance(value, list) or len(value) > _MOST_COLD_STARTS:
        raise BadRecord(f"{_COLD_STARTS} is no list, or too long")
    for each in value:
        if not isinstance(each, dict):
            raise BadRecord(f"{_COLD_STARTS} is a list of objects")
        _text("gpu_type", each.get("gpu_type"))
        finite("gpu_count", each.get("gpu_count"))
        finite("cold_start_time_to_load_seconds", each.get("cold_start_time_to_load_seconds"))
    return tuple(properties_of(each) for each in value)


def _cold_start(properties: Document) -> Document:
    kind = {"performance_sub_type": typed("performance_sub_type", COLD_START)}
    return {"artifactType": METRICS_ARTIFACT, "metricsType": PERFORMANCE, "customProperties": {**kind, **properties}}


def _identity(record: Document) -> str:
    """Return what tells a record from the others; a configuration is measured in several scenarios."""
    if isinstance(said := record.get("id"), str) and said:
        return _text("id", said)
    parts = (record.get("config_id"), record.get("scenario_id"))
    return _text("config_id", "-".join(part for part in parts if isinstance(part, str) and part))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise BadRecord(f"{name} is no text")
    return value
