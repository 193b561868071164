"""From values to places in a drawing, and how values are written in one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_BYTES = (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))

WIDTH, HEIGHT = 560, 240
LEFT, TOP, RIGHT, BOTTOM = 58, 14, 14, 30

CLASSES = ("fc-series-1", "fc-series-2", "fc-series-3", "fc-series-4", "fc-series-5", "fc-series-6")
"""The colours and dashes of series, in the order in which they are given."""
TONES = {"success": "fc-series-good", "danger": "fc-series-bad"}
SYMBOLS = ("circle", "square", "triangle", "diamond", "down", "cross")


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values from `low` to `high` to places from `start` to `end`, linearly or by their logarithms."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a value, in the drawing's units, within the scale."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(max(value, 1e-12))
        part = (at - low) / (high - low) if high > low else 0.5
        return round(self.start + min(1.0, max(0.0, part)) * (self.end - self.start), 1)


def written(value: float | None, unit: str = "", digits: int = 3) -> str:
    """Return a value as people read it: ``1.25 GB`` for bytes, ``12.5 ms``, ``1,200``; a dash where there is none."""
    if value is None:
        return "–"
    if unit == "bytes":
        for name, size in _BYTES:
            if abs(value) >= size:
                return f"{_significant(value / size, digits)} {name}"
        return f"{_significant(value, digits)} B"
    return f"{_significant(value, digits)} {unit}".rstrip()


def _significant(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    if abs(value) < 1e-4 or abs(value) >= 1e12:
        return f"{value:.{digits - 1}e}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def tick_text(value: float, unit: str) -> str:
    """Return what is written at a mark: the unit is said beside the axis, except for bytes, whose marks differ."""
    return written(value, "bytes" if unit == "bytes" else "", 4)


def shape(symbol: str, x: float, y: float, radius: float = 3.5) -> str:
    """Return a marker's outline as an SVG path."""
    r = radius
    if symbol == "square":
        return _closed(x, y, ((-r, -r), (r, -r), (r, r), (-r, r)))
    if symbol == "triangle":
        return _closed(x, y, ((0, -r * 1.2), (r * 1.15, r * 0.85), (-r * 1.15, r * 0.85)))
    if symbol == "down":
        return _closed(x, y, ((0, r * 1.2), (r * 1.15, -r * 0.85), (-r * 1.15, -r * 0.85)))
    if symbol == "diamond":
        return _closed(x, y, ((0, -r * 1.35), (r * 1.35, 0), (0, r * 1.35), (-r * 1.35, 0)))
    if symbol == "cross":
        t = r * 0.45
        arms = ((-t, -r), (t, -r), (t, -t), (r, -t), (r, t), (t, t), (t, r), (-t, r), (-t, t), (-r, t), (-r, -t))
        return _closed(x, y, (*arms, (-t, -t)))
    if symbol == "star":
        turns = [(math.pi * (index / 5 - 0.5), r * (1.9 if index % 2 == 0 else 0.85)) for index in range(10)]
        return _closed(x, y, [(math.cos(turn) * size, math.sin(turn) * size) for turn, size in turns])
    return f"M{x - r:.1f} {y:.1f}a{r:.1f} {r:.1f} 0 1 0 {2 * r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {-2 * r:.1f} 0Z"


def _closed(x: float, y: float, corners: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x + dx:.1f} {y + dy:.1f}" for dx, dy in corners) + "Z"


def polyline(places: Sequence[tuple[float, float]]) -> str:
    """Return a line through places as an SVG path."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in places) if places else ""
