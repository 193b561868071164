"""Snapshots of models that a test makes up, without a database."""

from __future__ import annotations

from collections.abc import Iterable

from forecourt.catalog.index import ModelRow, Snapshot, build, in_order
from forecourt.catalog.model import Entry
from forecourt.query import parse


def built(*entries: Entry, **of_sources: Iterable[Entry]) -> Snapshot:
    """Return the snapshot of models of a source called ``s``, and of others by their sources."""
    everything = [("s", one) for one in entries] + [(name, one) for name, many in of_sources.items() for one in many]
    rows: dict[int, ModelRow] = {}
    artifact = 1000
    for number, (source, one) in enumerate(everything, 1):
        document = {"name": one.name} | one.document
        artifacts = [(artifact + place, each) for place, each in enumerate(one.artifacts)]
        artifact += len(artifacts)
        rows[number] = ModelRow(number, number, source, 1000 + number, 2000 + number, document, artifacts)
    ordered = in_order((row.id, row.source, row.document["name"]) for row in rows.values())
    return build(rows[number] for number in ordered)


def found(snapshot: Snapshot, filter_query: str) -> list[str]:
    """Return the names of the models that a filter finds."""
    parse(filter_query)
    return [snapshot.names[number] for number in snapshot.matching(filter_query)]


def ranked(snapshot: Snapshot, query: str) -> list[str]:
    """Return the names of the models that words find, the best first."""
    return [snapshot.names[number] for number in snapshot.words.ranked(query, None)]
