"""Published performance: rows of a model card's tables -> points.

A row is a JSON object with the fields of `Performance`: ``model``, ``hardware_type``, ``hardware_count``,
``input_tokens``, ``output_tokens``, ``metric`` (a `Metric`), ``value`` (text, as printed, in the metric's unit),
``framework``, ``framework_version``, ``use_case``, ``tool``, ``tool_version`` and ``source``, the link to the card.
"""

from __future__ import annotations

from collections.abc import Iterable

from forecourt.evidence.model import Metric, Performance, Provenance, Tier
from forecourt.evidence.rows import Row, read_rows

_FIELDS = frozenset(
    {
        "model",
        "hardware_type",
        "hardware_count",
        "input_tokens",
        "output_tokens",
        "metric",
        "value",
        "framework",
        "framework_version",
        "use_case",
        "tool",
        "tool_version",
        "source",
    }
)


def read_performance(lines: Iterable[str]) -> tuple[Performance, ...]:
    """Return a point for each row, in their order. Raises `InvalidInput`, with the row and what to do."""
    return tuple(map(_point, read_rows(lines, _FIELDS)))


def _point(row: Row) -> Performance:
    value = row.printed("value")
    if value is None or value <= 0:
        raise row.refused("it has no value above zero.", "Leave out what was not measured.")
    if (metric := row.text("metric")) not in list(Metric):
        raise row.refused(f"its metric is {metric!r}.", f"The metrics are {' and '.join(Metric)}.")
    return Performance(
        model=row.text("model"),
        hardware_type=row.text("hardware_type"),
        hardware_count=row.count("hardware_count"),
        input_tokens=row.count("input_tokens"),
        output_tokens=row.count("output_tokens"),
        metric=Metric(metric),
        value=value,
        provenance=Provenance(Tier.MEASURED, row.link("source"), row.text("tool", ""), row.text("tool_version", "")),
        framework=row.text("framework", ""),
        framework_version=row.text("framework_version", ""),
        use_case=row.text("use_case", ""),
    )
