"""A model's performance artifacts, with what so many requests a second would take, and those to be recommended."""

from __future__ import annotations

import json

from forecourt.catalog.api.models import artifact_page, number_of, ordered_artifacts, shown_artifacts
from forecourt.catalog.api.parameters import PROPERTIES, Parameters, offset_after, paged
from forecourt.catalog.catalog import Catalog
from forecourt.catalog.performance import configurations, known, performance_of, under_load, with_replicas
from forecourt.catalog.recommendations import recommended


async def list_performance(catalog: Catalog, source: str, name: str, given: Parameters) -> str:
    """Return a page of performance artifacts as JSON; raises `NotFound`, `InvalidInput`, `InvalidFilter`."""
    snapshot = catalog.snapshot
    number = number_of(snapshot, source, name)
    target, recommending, properties = given.number("targetRPS") or 0, given.flag("recommendations"), given.properties
    among = performance_of(snapshot, snapshot.artifacts_of(number))
    wanted = [given.text(each) for each in PROPERTIES]
    wanted += [properties.rps] if target or recommending else []
    wanted += [properties.latency, properties.hardware_count, properties.hardware_type] if recommending else []
    known(snapshot, among, filter(None, wanted))
    if filter_query := given.text("filterQuery").strip():
        among &= snapshot.matching_artifacts(filter_query)
    if not recommending and not target:
        return await artifact_page(catalog, snapshot, among, given)
    if recommending:
        among = under_load(snapshot, among)
    chosen = configurations(snapshot, ordered_artifacts(snapshot, among, given), properties)
    if recommending:
        target = target or 1
        chosen = recommended(chosen, target)
    start, size = offset_after(given.text("nextPageToken")), given.page_size
    page = chosen[start : start + size]
    following = str(start + size) if start + size < len(chosen) else ""
    written = await shown_artifacts(catalog, [snapshot.artifact_rows[one.number] for one in page])
    items = [
        json.dumps(with_replicas(json.loads(written[row]), one, target), ensure_ascii=False, separators=(",", ":"))
        for one in page
        if (row := snapshot.artifact_rows[one.number]) in written
    ]
    return paged(items, size, following)
