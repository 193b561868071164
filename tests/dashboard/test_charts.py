"""Charts as data, and as the SVG that is made of it."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, PackageLoader, StrictUndefined

from forecourt.dashboard.charts import Axis, Group, Point, Series, lines, scatter
from forecourt.dashboard.charts.scale import written
from forecourt.dashboard.charts.ticks import linear, logarithmic, times

NUMBERS = st.floats(-1e12, 1e12, allow_nan=False)
ABOVE_ZERO = st.floats(1e-9, 1e12)
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()
HOUR, DAY = 3600, 86400


def drawn(chart: dict[str, Any]) -> str:
    environment = Environment(
        loader=PackageLoader("forecourt.dashboard"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    module: Any = environment.get_template("macros/charts.html").module
    return str(module.chart(chart))


@given(NUMBERS, NUMBERS, st.integers(2, 12))
def test_marks_are_round_evenly_apart_and_reach_over_all_that_is_shown(one: float, other: float, most: int) -> None:
    marks = linear(one, other, most)
    low, high = min(one, other), max(one, other)
    slack = (marks[-1] - marks[0]) * 1e-6
    assert marks[0] <= low + slack
    assert marks[-1] >= high - slack
    assert 2 <= len(marks) <= most + 2
    apart = [after - before for before, after in pairwise(marks)]
    assert max(apart) - min(apart) <= max(map(abs, marks)) * 1e-6 + 1e-12


def test_marks_are_what_a_person_would_choose() -> None:
    assert linear(0, 97) == [0, 20, 40, 60, 80, 100]
    assert linear(0, 0.3) == [0, 0.1, 0.2, 0.3]
    assert linear(5, 5) == [0, 1, 2, 3, 4, 5]
    assert linear(0, 0) == [-0.6, -0.4, -0.2, 0, 0.2, 0.4, 0.6]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_bounds_that_are_no_numbers_do_no_harm(odd: float) -> None:
    assert all(map(math.isfinite, linear(odd, odd)))


@given(ABOVE_ZERO, ABOVE_ZERO)
def test_marks_of_a_logarithmic_axis_reach_over_all_and_are_few(one: float, other: float) -> None:
    marks = logarithmic(one, other)
    assert marks == sorted(set(marks))
    assert marks[0] <= min(one, other) * (1 + 1e-6)
    assert marks[-1] >= max(one, other) * (1 - 1e-6)
    assert 2 <= len(marks) <= 9


@given(
    st.floats(NOON - 400 * DAY, NOON),
    st.floats(60, 62 * DAY),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
)
def test_marks_of_time_are_inside_rising_and_few(start: float, span: float, zone: str) -> None:
    marks = times(start, start + span, ZoneInfo(zone))
    moments = [mark.value for mark in marks]
    assert all(start <= moment <= start + span for moment in moments)
    assert moments == sorted(moments)
    assert len(marks) <= 9


@pytest.mark.parametrize(
    ("span", "texts"),
    [
        (HOUR, ["11:00", "11:10", "11:20", "11:30", "11:40", "11:50", "12:00"]),
        (DAY, ["12:00", "16:00", "20:00", "26 Nov", "04:00", "08:00", "12:00"]),
        (7 * DAY, ["20 Nov", "21 Nov", "22 Nov", "23 Nov", "24 Nov", "25 Nov", "26 Nov"]),
    ],
)
def test_time_is_marked_at_hours_and_days_that_people_know(span: int, texts: list[str]) -> None:
    assert [mark.text for mark in times(NOON - span, NOON)] == texts


def test_a_month_is_marked_by_days() -> None:
    marks = times(NOON - 30 * DAY, NOON)
    assert 4 <= len(marks) <= 8
    assert all(re.fullmatch(r"\d+ \w{3}", mark.text) for mark in marks)


def test_values_are_written_with_their_unit() -> None:
    assert written(1_250_000_000, "bytes") == "1.25 GB"
    assert written(12.5, "ms") == "12.5 ms"
    assert written(1200) == "1,200"
    assert written(None, "ms") == "–"
    assert written(0) == "0"


def test_a_line_breaks_where_nothing_is_known_and_a_point_alone_is_marked() -> None:
    moments = [NOON + index * 60 for index in range(30)]
    values: list[float | None] = [1.0] * 10 + [None] * 5 + [2.0] + [None] * 5 + [3.0] * 9
    (line,) = lines("Requests", moments, [Series("success", values)])["series"]
    assert line["path"].count("M") == 2
    assert line["markers"].count("M") >= 3


def test_what_is_no_number_is_a_gap() -> None:
    chart = lines("Odd", [NOON, NOON + 60], [Series("a", [math.nan, math.inf])])
    assert chart["empty"]
    assert "Nothing to show yet" in drawn(chart)


def test_a_chart_without_any_moment_says_so() -> None:
    assert "Nothing to show yet" in drawn(lines("Nothing", [], [Series("a", [])]))


def test_every_number_is_in_the_table_and_every_moment_tells_its_values() -> None:
    chart = lines("Response time", [NOON, NOON + 60], [Series("mean", [10, None]), Series("p99", [20, 40])], unit="ms")
    assert [row["cells"] for row in chart["table"]["rows"]] == [
        ["12:00:00", "10 ms", "20 ms"],
        ["12:01:00", "–", "40 ms"],
    ]
    assert [band["text"] for band in chart["bands"]] == [
        "12:00:00\nmean: 10 ms\np99: 20 ms",
        "12:01:00\np99: 40 ms",
    ]
    assert chart["label"] == (
        "Response time. mean from 10 ms to 10 ms, 10 ms at the end; p99 from 20 ms to 40 ms, 40 ms at the end."
    )


def test_series_differ_in_more_than_colour() -> None:
    chart = lines("a", [NOON], [Series(name, [1.0]) for name in "abcdef"])
    assert len({one["key"] for one in chart["series"]}) == 6
    assert len({one["class"] for one in chart["series"]}) == 6


def test_a_point_on_the_front_has_a_shape_of_its_own_and_is_on_the_fronts_line() -> None:
    points = [Point(10, 100, "fast"), Point(20, 200, "wide", "/catalog/a", front=True), Point(5, 50, "x", front=True)]
    chart = scatter("Latency", [Group("H100", points)], x=Axis("TTFT", "ms"), y=Axis("Throughput", "requests/s"))
    shapes = [one["shape"].count("L") for one in chart["series"][0]["points"]]
    assert shapes == [0, 9, 9]
    assert chart["front"].count("L") == 1
    text = drawn(chart)
    assert (
        '<a href="/catalog/a" aria-label="wide, H100, TTFT: 20 ms, Throughput: 200 requests/s, On the Pareto front">'
        in text
    )
    assert 'role="group"' in text


def test_a_logarithmic_axis_with_a_zero_is_linear() -> None:
    points = [Point(0, 1, "a"), Point(100, 2, "b")]
    chart = scatter("a", [Group("g", points)], x=Axis("x", log=True), y=Axis("y", log=True))
    assert chart["x_ticks"][0]["text"] == "0"


@pytest.mark.parametrize("bad", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_what_was_written_elsewhere_comes_out_as_text(bad: str) -> None:
    charts = [
        lines(bad, [NOON], [Series(bad, [1.0])], unit=bad),
        scatter(bad, [Group(bad, [Point(1, 1, bad, "/x", True)])], x=Axis(bad, bad), y=Axis(bad, bad)),
    ]
    for chart in charts:
        text = drawn(chart)
        assert bad not in text
        ET.fromstring(text)
