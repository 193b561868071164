"""What a source says of a model -> with what else is known of it: how it was quantised, and what was measured.

Nothing that a source says is overwritten, but ``quantization`` is spelled as everybody spells it, so that it can be
searched by. Properties come from the model's name (`forecourt.catalog.naming`), numbers from published evidence, which
is kept beside them so that anyone can compute them again. A table that cannot be read is kept as well, and gives no
numbers; reading it again says why.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from forecourt.catalog import shipped
from forecourt.catalog.checking import tables_of
from forecourt.catalog.metrics import accuracy_artifact, performance_artifact, recovery_between, same_measurement
from forecourt.catalog.model import Document, Entry, double_value, string_value
from forecourt.catalog.variants import described, variant_key
from forecourt.errors import InvalidInput
from forecourt.evidence import Performance, doubts, mean_recovery, read_performance


@dataclass(frozen=True)
class Published:
    """Published evidence, by the names of models in lower case.

    `rows` are those of accuracy as they were published, `points` those of performance, each with the sentences that
    doubt it.
    """

    rows: Mapping[str, tuple[Document, ...]]
    points: Mapping[str, tuple[tuple[Performance, tuple[str, ...]], ...]]

    @classmethod
    def load(cls) -> Published:
        """Return what ships."""
        return cls.read(shipped.accuracy(), shipped.performance())

    @classmethod
    def read(cls, accuracy: Iterable[str], performance: Iterable[str]) -> Published:
        """Return what these lines say, each a JSON object (see `forecourt.evidence`).

        Raises `InvalidInput` for what is wrong, but what is wrong with the numbers of a row of accuracy is said when
        its model is enriched.
        """
        rows: dict[str, list[Document]] = defaultdict(list)
        full_names: dict[str, set[str]] = defaultdict(set)
        for row in map(_row, filter(str.strip, accuracy)):
            rows[row["model"].casefold()].append(row)
            for name in (row["model"], *row["columns"][:1]):
                full_names[_last(name)].add(name.casefold())
        points = read_performance(performance)
        doubted: dict[Performance, list[str]] = defaultdict(list)
        for doubt in doubts(points):
            for point in doubt.points:
                doubted[point].append(doubt.sentence)
        of_models: dict[str, list[tuple[Performance, tuple[str, ...]]]] = defaultdict(list)
        for point in points:
            for name in _names(point, full_names[_last(point.model)]):
                of_models[name].append((point, tuple(doubted.get(point, ()))))
        return cls(
            {name: tuple(these) for name, these in rows.items()},
            {name: tuple(these) for name, these in of_models.items()},
        )


def _row(line: str) -> Document:
    try:
        row: Document = json.loads(line)
        if isinstance(row["model"], str) and all(isinstance(each, str) for each in row["columns"]):
            return row
    except (ValueError, KeyError, TypeError):
        pass
    raise InvalidInput(
        f"A row of published accuracy does not say of which model it is, and in which columns: {line.strip()[:60]}",
        hint='Write one JSON object a line, with "model" and "columns" as docs/evidence.md describes them.',
    )


def _last(name: str) -> str:
    return name.casefold().rpartition("/")[2]


def _names(point: Performance, known: set[str]) -> set[str]:
    """Return the full names of the model that a point is about; tables of performance leave out who made it.

    It is the model of that name without a maker, by the maker of the card (``https://huggingface.co/maker/card``), or
    one that the tables of accuracy name in full. A model of the same name by anyone else was not measured.
    """
    name = point.model.casefold()
    maker = point.provenance.source.casefold().rstrip("/").split("/")[-2]
    return {name, f"{maker}/{_last(name)}", *known}


class Enricher:
    """Adds what is known of a model to what its source says."""

    def __init__(self, published: Published) -> None:
        self._published = published

    def enrich(self, entry: Entry, base: Entry | None = None) -> Entry:
        """Return an entry with more in it; enriched again, it stays the same.

        `base` is the model that it was quantised from, with the scores that its source gives: where no evidence was
        published, the recovery is computed from those. Raises `InvalidInput` for published rows that are wrong.
        """
        rows = self._published.rows.get(entry.name.casefold(), ()) or entry.evidence
        points = self._published.points.get(entry.name.casefold(), ())
        tables = tables_of(rows)
        accuracy = accuracy_artifact(tables)
        measured = [*([accuracy] if accuracy else []), *(performance_artifact(*point) for point in points)]
        properties = _named(entry)
        recovery = mean_recovery(each for table in tables for each in table.comparisons)
        if recovery.value is None and base is not None:
            recovery = recovery_between(base, entry) or recovery
        if recovery.value is not None:
            properties["average_recovery"] = double_value(round(float(recovery.value), 4))
        ours = {"quantization"}  # as its source says it, in our spelling
        if rows and entry.evidence:  # it was enriched before, and evidence may have been corrected since
            ours.add("average_recovery")
        said = entry.document.get("customProperties") or {}
        given = {name: value for name, value in said.items() if name not in ours or name not in properties}
        new = {same_measurement(artifact) for artifact in measured}
        kept = [one for one in entry.artifacts if (same := same_measurement(one)) is None or same not in new]
        return replace(
            entry,
            document=entry.document | {"customProperties": properties | given},
            artifacts=(*kept, *measured),
            evidence=rows,
        )


def _named(entry: Entry) -> Document:
    """Return the properties that come from what a model is called, and from what its source says of it."""
    known = described(entry.name, entry.document)
    properties = {
        "quantization": known.quantization and string_value(known.quantization),
        "tensor_type": known.tensor_type and string_value(known.tensor_type),
        "parameters_b": known.parameters_b and double_value(known.parameters_b),
        "variant_group_id": string_value(variant_key(entry.name, entry.document)),
    }
    return {name: value for name, value in properties.items() if value}
