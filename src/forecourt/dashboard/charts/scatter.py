"""Points by two values, in groups, those that no other point betters marked and joined by a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forecourt.dashboard.charts import ticks
from forecourt.dashboard.charts.scale import (
    BOTTOM,
    CLASSES,
    HEIGHT,
    LEFT,
    RIGHT,
    SYMBOLS,
    TOP,
    WIDTH,
    Scale,
    polyline,
    shape,
    tick_text,
    written,
)

_HEIGHT = HEIGHT + 80
_BOTTOM = BOTTOM + 16


@dataclass(frozen=True, slots=True)
class Point:
    """A point: `label` says what it is, `href` leads to it, `front` says that no other betters it."""

    x: float
    y: float
    label: str
    href: str = ""
    front: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Points that belong together (one hardware, say), joined in the order in which they are given where `joined`."""

    name: str
    points: Sequence[Point]
    joined: bool = True


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis stands for; `log` asks for a logarithmic one, which is had where all values are above 0."""

    title: str
    unit: str = ""
    log: bool = False

    @property
    def words(self) -> str:
        """The title with its unit."""
        return f"{self.title} ({self.unit})" if self.unit and self.unit != "bytes" else self.title


def scatter(title: str, groups: Sequence[Group], *, x: Axis, y: Axis) -> dict[str, Any]:
    """Return a chart of `groups`, to be drawn by ``charts.chart``. Points that are no finite numbers are left out."""
    shown = [Group(group.name, [point for point in group.points if _whole(point)], group.joined) for group in groups]
    points = [point for group in shown for point in group.points]
    across = _scale([point.x for point in points], x, LEFT, WIDTH - RIGHT)
    upward = _scale([point.y for point in points], y, _HEIGHT - _BOTTOM, TOP)
    front = sorted((across[0](point.x), upward[0](point.y)) for point in points if point.front)
    drawn = []
    for index, group in enumerate(shown):
        symbol = SYMBOLS[index % len(SYMBOLS)]
        places = [(across[0](point.x), upward[0](point.y)) for point in group.points]
        drawn.append(
            {
                "name": group.name,
                "class": CLASSES[index % len(CLASSES)],
                "path": polyline(places) if group.joined and len(places) > 1 else "",
                "key": shape(symbol, 14, 6),
                "points": [
                    {
                        "x": place[0],
                        "y": place[1],
                        "shape": shape("star" if point.front else symbol, *place, 4.5),
                        "front": point.front,
                        "href": point.href,
                        "text": _told(point, group, x, y),
                    }
                    for point, place in zip(group.points, places, strict=True)
                ],
            }
        )
    rows = [
        {
            "cells": [
                point.label,
                group.name,
                written(point.x, x.unit),
                written(point.y, y.unit),
                "Yes" if point.front else "No",
            ],
            "href": point.href,
        }
        for group in shown
        for point in group.points
    ]
    return {
        "kind": "scatter",
        "title": title,
        "unit": "",
        "label": f"{title}. {y.words} by {x.words}: {len(points)} points in {len(shown)} groups, "
        f"{len(front)} of them on the Pareto front.",
        "width": WIDTH,
        "height": _HEIGHT,
        "plot": {"left": LEFT, "top": TOP, "right": WIDTH - RIGHT, "bottom": _HEIGHT - _BOTTOM},
        "x_title": x.words,
        "y_title": y.words,
        "x_ticks": [{"at": across[0](mark), "text": tick_text(mark, x.unit)} for mark in across[1]],
        "y_ticks": [{"at": upward[0](mark), "text": tick_text(mark, y.unit)} for mark in upward[1]],
        "series": drawn,
        "front": polyline(front) if len(front) > 1 else "",
        "has_front": bool(front),
        "front_key": shape("star", 14, 6, 3.2),
        "links": any(point.href for point in points),
        "table": {"columns": ["Point", "Series", x.words, y.words, "On the Pareto front"], "rows": rows},
        "empty": not points,
    }


def _whole(point: Point) -> bool:
    return math.isfinite(point.x) and math.isfinite(point.y)


def _scale(values: Sequence[float], axis: Axis, start: float, end: float) -> tuple[Scale, list[float]]:
    log = axis.log and bool(values) and min(values) > 0
    if log:
        marks = ticks.logarithmic(min(values), max(values))
    else:
        marks = ticks.linear(min(0.0, *values, 0.0), max(values, default=1.0) or 1.0)
    return Scale(marks[0], marks[-1], start, end, log), marks


def _told(point: Point, group: Group, x: Axis, y: Axis) -> str:
    told = [point.label, group.name, f"{x.title}: {written(point.x, x.unit)}", f"{y.title}: {written(point.y, y.unit)}"]
    return "\n".join([*told, "On the Pareto front"] if point.front else told)
