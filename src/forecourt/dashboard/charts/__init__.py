"""Charts as data: where lines, points, ticks and labels are, for the macros that draw them as SVG on the server."""

from forecourt.dashboard.charts.lines import Series, lines
from forecourt.dashboard.charts.scatter import Axis, Group, Point, scatter

__all__ = ["Axis", "Group", "Point", "Series", "lines", "scatter"]
