"""Models in the catalog's API: searched, listed in an order, shown with their artifacts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from pyroaring import BitMap

from forecourt.catalog import store
from forecourt.catalog.api.parameters import (
    Parameters,
    of_sources,
    offset_after,
    paged,
    position_after,
    property_of,
    token,
)
from forecourt.catalog.catalog import Catalog
from forecourt.catalog.index import ARTIFACTS, Rows, Snapshot
from forecourt.catalog.model import METRICS_ARTIFACT, MODEL_ARTIFACT
from forecourt.catalog.performance import models_by_recommended_latency
from forecourt.errors import InvalidInput, NotFound

UNLABELED = "null"
"""What stands for sources without a label."""
_FIELDS = {"CREATE_TIME": "createTimeSinceEpoch", "LAST_UPDATE_TIME": "lastUpdateTimeSinceEpoch", "ID": "id"}
_ACCURACY = "artifacts.overall_average"
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


async def list_models(catalog: Catalog, given: Parameters, source_key: str) -> str:
    """Return a page of models as JSON; raises `InvalidInput`, `InvalidFilter`."""
    snapshot = catalog.snapshot
    among = _asked_for(catalog, snapshot, given)
    size = given.page_size
    order = given.text("orderBy") or ("RECOMMENDED" if given.flag("recommendations") else "NAME")
    if order == "RECOMMENDED":
        ranked = models_by_recommended_latency(
            snapshot, given.text("filterQuery"), given.number("targetRPS") or 0, given.properties
        )
        known = [number for number in ranked if among is None or number in among]
        rest = (snapshot.models.everything if among is None else among) - BitMap(ranked)
        chosen = [*(reversed(known) if given.descending else known), *rest]
        start = offset_after(given.text("nextPageToken"))
        page = chosen[start : start + size]
        following = str(start + size) if start + size < len(chosen) else ""
    else:
        page, following = _page(snapshot, among, given, order, size)
    return paged(await shown(catalog, snapshot, page, source_key), size, following)


def _page(snapshot: Snapshot, among: Rows | None, given: Parameters, by: str, size: int) -> tuple[list[int], str]:
    order = snapshot.order(*_property(by, snapshot, given))

    def position_of(identity: int) -> int | None:
        number = snapshot.number_of(identity)
        return None if number is None else order.position(number)

    page = order.page(among, position_after(given.text("nextPageToken"), position_of), size + 1)
    if len(page) <= size:
        return page, ""
    last = page[size - 1]
    return page[:size], token(order.position(last), snapshot.identities[last])


def _property(by: str, snapshot: Snapshot, given: Parameters) -> tuple[str, bool, bool]:
    """Return the property to order by, whether downwards, and whether by its texts; what no model has is the id."""
    if by == "NAME":
        return "name", given.descending, True
    if by == "ACCURACY":
        return _ACCURACY, given.descending, False
    if by in _FIELDS:
        return _FIELDS[by], given.descending, False
    name, kind = property_of(by)
    inner = name.removeprefix(ARTIFACTS)
    space = snapshot.artifacts if name != inner else snapshot.models
    known = space.named(inner) in space.columns
    return name if known else "id", given.descending, known and kind == "string"


def _asked_for(catalog: Catalog, snapshot: Snapshot, given: Parameters) -> Rows | None:
    """Return the models that the sources, words and filter of a request leave; None for all."""
    sets: list[Rows] = []
    sources, labels = given.texts("source"), given.texts("sourceLabel")
    if sources and labels:
        raise InvalidInput("source and sourceLabel cannot be used together")
    if labels:
        sources = labelled(catalog, labels)
    if sources or labels:
        sets.append(of_sources(snapshot, sources))
    if words := given.text("q").strip():
        sets.append(snapshot.containing(words))
    if filter_query := given.text("filterQuery").strip():
        sets.append(snapshot.matching(filter_query))
    return reduce(lambda one, other: one & other, sets) if sets else None


def labelled(catalog: Catalog, labels: Sequence[str]) -> list[str]:
    """Return the ids of the sources that have one of these labels, in any case; ``null`` stands for having none."""
    wanted = {label.casefold() for label in labels}
    return [
        state.id
        for state in catalog.sources
        if wanted & {label.casefold() for label in state.definition.labels}
        or (UNLABELED in wanted and not state.definition.labels)
    ]


async def shown(catalog: Catalog, snapshot: Snapshot, numbers: Sequence[int], source_key: str) -> list[str]:
    """Return models as JSON texts, read from the database."""
    if not numbers:
        return []
    rows = [snapshot.rows[number] for number in numbers]
    found = await catalog.database.ask(lambda connection: store.read_models(connection, rows))
    return [_written(found[row], source_key) for row in rows if row in found]


def _written(row: tuple[Any, ...], source_key: str, extra: str = "") -> str:
    _, identity, source, created, updated, document, readme, _ = row
    said = json.loads(document)
    times = "".join(
        f'"{name}":"{time}",'
        for name, time in (("createTimeSinceEpoch", created), ("lastUpdateTimeSinceEpoch", updated))
        if name not in said
    )
    card = f'"readme":{_ENCODE(readme)},' if readme else ""
    return f'{{"id":"{identity}","{source_key}":{_ENCODE(source)},{times}{card}{extra}{document[1:]}'


def number_of(snapshot: Snapshot, source: str, name: str) -> int:
    """Return the number of a model; raises `NotFound`."""
    number = snapshot.numbers.get((source, name))
    if number is None:
        raise NotFound(f"No model found '{name}' in source '{source}'")
    return number


async def one_model(catalog: Catalog, source: str, name: str, source_key: str) -> str:
    """Return a model as JSON, with how many artifacts it has of each sort; raises `NotFound`."""
    snapshot = catalog.snapshot
    number = number_of(snapshot, source, name)
    theirs = snapshot.artifacts_of(number)
    counts: dict[str, int] = {}
    for column in ("artifactType", "metricsType"):
        texts = snapshot.artifacts.column(column).texts
        for value in texts:
            if value != METRICS_ARTIFACT and (count := theirs.intersection_cardinality(texts.rows(value))):
                counts[value] = count
    extra = f'"artifactCounts":{_ENCODE(counts)},' if counts else ""
    row = snapshot.rows[number]
    found = await catalog.database.ask(lambda connection: store.read_models(connection, [row]))
    if row not in found:
        raise NotFound(f"No model found '{name}' in source '{source}'")
    return _written(found[row], source_key, extra)


async def list_artifacts(catalog: Catalog, source: str, name: str, given: Parameters) -> str:
    """Return a page of a model's artifacts; raises `InvalidInput` for a model that is not there, as upstream does."""
    snapshot = catalog.snapshot
    try:
        number = number_of(snapshot, source, name)
    except NotFound as error:
        raise InvalidInput(error.message) from None
    among = snapshot.artifacts_of(number)
    kinds = given.texts("artifactType") or given.texts("artifact_type")
    for kind in kinds:
        if kind not in (MODEL_ARTIFACT, METRICS_ARTIFACT):
            raise InvalidInput(f"invalid artifactType {kind[:40]!r}: it is {MODEL_ARTIFACT} or {METRICS_ARTIFACT}")
    if kinds:
        among &= snapshot.artifacts.column("artifactType").texts.union(kinds)
    if filter_query := given.text("filterQuery").strip():
        among &= snapshot.matching_artifacts(filter_query)
    return await artifact_page(catalog, snapshot, among, given)


async def artifact_page(catalog: Catalog, snapshot: Snapshot, among: Rows, given: Parameters) -> str:
    """Return a page of artifacts in the order that is asked for."""
    rows = [snapshot.artifact_rows[artifact] for artifact in ordered_artifacts(snapshot, among, given)]
    positions = {row: position for position, row in enumerate(rows)}
    start, size = position_after(given.text("nextPageToken"), positions.get), given.page_size
    page = rows[start : start + size]
    more = token(start + size - 1, page[-1]) if start + size < len(rows) else ""
    written = await shown_artifacts(catalog, page)
    return paged([written[row] for row in page if row in written], size, more)


async def shown_artifacts(catalog: Catalog, rows: Sequence[int]) -> dict[int, str]:
    """Return artifacts by their rows as JSON texts, read from the database."""
    if not rows:
        return {}
    found = await catalog.database.ask(lambda connection: store.read_artifacts(connection, rows))
    return {row: f'{{"id":"{row}",{document[1:]}' for row, document in found.items()}


def ordered_artifacts(snapshot: Snapshot, among: Rows, given: Parameters) -> list[int]:
    """Return artifacts in the order that is asked for, those without the property last; raises `InvalidInput`."""
    numbers, by, texts = list(among), given.text("orderBy"), True
    if by == "NAME":
        column = "name"
    elif by in ("", *_FIELDS):
        column, texts = _FIELDS.get(by, "id"), False
    elif "." not in by:
        column = "id"  # as upstream has it for what says no type
    else:
        name, kind = property_of(by)
        column, texts = name.removeprefix(ARTIFACTS), kind == "string"
    values: Mapping[int, Any] = {} if texts else snapshot.numbers_of_artifacts(column)
    if column != "id" and not values:
        values = snapshot.texts_of_artifacts(column)
    if column == "id" or not values:
        return numbers[::-1] if given.descending else numbers
    having = [number for number in numbers if number in values]
    having.sort(key=values.__getitem__, reverse=given.descending)
    return having + [number for number in numbers if number not in values]
