"""Lines over time: several series over the same moments, with gaps where nothing is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from forecourt.dashboard.charts import ticks
from forecourt.dashboard.charts.scale import (
    BOTTOM,
    CLASSES,
    HEIGHT,
    LEFT,
    RIGHT,
    SYMBOLS,
    TONES,
    TOP,
    WIDTH,
    Scale,
    polyline,
    shape,
    tick_text,
    written,
)

_MARKERS = 8  # about as many of a series' points carry its marker, so that lines can be told apart without colour
_ALL_MARKED = 16


@dataclass(frozen=True, slots=True)
class Series:
    """A line: a value for each moment, None where nothing is known.

    `tone` is ``success`` or ``danger`` for what is good or bad in itself; other series take the next colour.
    """

    name: str
    values: Sequence[float | None]
    tone: str = ""


def lines(
    title: str,
    moments: Sequence[float],
    series: Sequence[Series],
    *,
    unit: str = "",
    start: float | None = None,
    end: float | None = None,
    area: bool = False,
    zone: tzinfo = UTC,
    whole: bool = False,
) -> dict[str, Any]:
    """Return a chart of `series` over `moments` (seconds since the epoch, rising), to be drawn by ``charts.chart``.

    `unit` is of the values (``bytes`` are written as kB, MB, GB). `start` and `end` bound the axis of time where that
    is more than the moments. With `area`, what is under the first line is filled. `whole` marks whole numbers only.
    """
    first = start if start is not None else moments[0] if moments else 0.0
    last = end if end is not None else moments[-1] if moments else first + 3600
    cleaned = [[_finite(value) for value in each.values] for each in series]
    known = [value for values in cleaned for value in values if value is not None]
    marks = ticks.linear(min(0.0, *known, 0.0), max(known, default=0.0) or 1.0, 5)
    if whole:
        marks = [mark for mark in marks if mark == int(mark)]
    x = Scale(first, last, LEFT, WIDTH - RIGHT)
    y = Scale(marks[0], marks[-1], HEIGHT - BOTTOM, TOP)
    drawn = [
        _drawn(index, each, [(x(moment), value) for moment, value in zip(moments, values, strict=True)], y, area)
        for index, (each, values) in enumerate(zip(series, cleaned, strict=True))
    ]
    names = [each.name for each in series]
    rows = [
        {
            "cells": [_clock(moment, zone, last - first), *(written(values[index], unit) for values in cleaned)],
            "href": "",
        }
        for index, moment in enumerate(moments)
        if any(values[index] is not None for values in cleaned)
    ]
    return {
        "kind": "lines",
        "title": title,
        "unit": unit,
        "label": _label(title, unit, names, cleaned),
        "width": WIDTH,
        "height": HEIGHT,
        "plot": {"left": LEFT, "top": TOP, "right": WIDTH - RIGHT, "bottom": HEIGHT - BOTTOM},
        "x_ticks": [{"at": x(tick.value), "text": tick.text} for tick in ticks.times(first, last, zone, 8)],
        "y_ticks": [{"at": y(mark), "text": tick_text(mark, unit)} for mark in marks],
        "zone": datetime.fromtimestamp(last, zone).strftime("%Z"),
        "series": drawn,
        "has_front": False,
        "links": False,
        "bands": _bands(moments, names, cleaned, unit, zone, x, last - first),
        "table": {"columns": ["Time", *names], "rows": rows},
        "empty": not known,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _drawn(
    index: int, series: Series, points: Sequence[tuple[float, float | None]], y: Scale, area: bool
) -> dict[str, Any]:
    runs: list[list[tuple[float, float]]] = [[]]
    for place, value in points:
        if value is not None:
            runs[-1].append((place, y(value)))
        elif runs[-1]:
            runs.append([])
    runs = [run for run in runs if run]
    symbol = SYMBOLS[index % len(SYMBOLS)]
    places = [place for run in runs for place in run]
    every = 1 if len(places) <= _ALL_MARKED else math.ceil(len(places) / _MARKERS)
    alone = [run[0] for run in runs if len(run) == 1]
    marked = dict.fromkeys([*places[index % every :: every], *alone])
    floor = y(max(0.0, y.low))
    fills = [f"{polyline(run)}L{run[-1][0]:g} {floor:g}L{run[0][0]:g} {floor:g}Z" for run in runs if len(run) > 1]
    known = [value for _, value in points if value is not None]
    return {
        "name": series.name,
        "class": TONES.get(series.tone) or CLASSES[index % len(CLASSES)],
        "path": "".join(polyline(run) for run in runs if len(run) > 1),
        "area": "".join(fills) if area and index == 0 else "",
        "markers": "".join(shape(symbol, *place) for place in marked),
        "key": shape(symbol, 14, 6),
        "last": known[-1] if known else None,
    }


def _bands(
    moments: Sequence[float],
    names: Sequence[str],
    values: Sequence[Sequence[float | None]],
    unit: str,
    zone: tzinfo,
    x: Scale,
    span: float,
) -> list[dict[str, Any]]:
    """Return, for each moment at which something is known, the strip of the chart that tells it."""
    found = []
    places = [x(moment) for moment in moments]
    for index, place in enumerate(places):
        told = [
            f"{name}: {written(row[index], unit)}"
            for name, row in zip(names, values, strict=True)
            if row[index] is not None
        ]
        if not told:
            continue
        left = (places[index - 1] + place) / 2 if index else max(LEFT, place - 4)
        right = (place + places[index + 1]) / 2 if index + 1 < len(places) else min(WIDTH - RIGHT, place + 4)
        text = "\n".join((_clock(moments[index], zone, span), *told))
        found.append({"x": round(left, 1), "width": round(max(1.0, right - left), 1), "at": place, "text": text})
    return found


def _clock(moment: float, zone: tzinfo, span: float) -> str:
    local = datetime.fromtimestamp(moment, zone)
    return f"{local:%H:%M:%S}" if span <= 7200 else f"{local.day} {local:%b %H:%M}"


def _label(title: str, unit: str, names: Sequence[str], values: Sequence[Sequence[float | None]]) -> str:
    """Return the chart in a sentence, for those who do not see it."""
    told = []
    for name, row in zip(names, values, strict=True):
        if known := [value for value in row if value is not None]:
            low, high = written(min(known), unit), written(max(known), unit)
            told.append(f"{name} from {low} to {high}, {written(known[-1], unit)} at the end")
        else:
            told.append(f"{name} not known")
    return f"{title}. {'; '.join(told)}."
