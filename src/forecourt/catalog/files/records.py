"""Lines of measurements (NDJSON) as custom properties of an artifact, typed as clients of Kubeflow's catalog expect.

https://github.com/kubeflow/hub, ``catalog/internal/catalog/modelcatalog/performance_metrics.go``. There a number's type
follows how it was printed, so that a rate of ``4`` is an integer and escapes a filter on ``double_value``; here what is
measured is always a double, and what is counted an integer.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from forecourt.catalog.files.fields import INT32
from forecourt.catalog.files.folders import unreadable
from forecourt.catalog.files.yamltext import MIB
from forecourt.catalog.model import Document, bool_value, double_value, int_value, string_value

_LONGEST_LINE = MIB
_MOST_LINES = 50_000
_MOST_PROPERTIES = 500
_MEASURED = re.compile(
    r"(?:ttft|e2e|tps|itl)_.+|requests_per_second|total_requests_per_second|mean_(?:in|out)put_tokens|"
    r"cold_start_time_to_load_seconds|score|result"
)
_COUNTED = frozenset({"hardware_count", "gpu_count", "replicas"})
_TIMES = {"created_at": "createTimeSinceEpoch", "updated_at": "lastUpdateTimeSinceEpoch"}
_FIRST_MILLISECONDS = 100_000_000_000
"""Less than this (in 1973, as milliseconds) is a time in seconds."""


class BadRecord(Exception):
    """What is wrong with a line."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: its number, from 1, and its object, or what is wrong with it."""

    number: int
    record: Document
    problem: str = ""


def read_lines(path: Path) -> Iterator[Line]:
    """Return the lines of a file, one after the other; blank ones are passed over.

    A line of more than 1 MiB is a problem and is not kept; a file with too many lines ends with one. Raises
    `ForecourtError` where the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE + 1):
                number += 1
                if number > _MOST_LINES:
                    yield Line(number, {}, f"this and what follows is left out: a file has at most {_MOST_LINES} lines")
                    return
                if len(line) > _LONGEST_LINE and not line.endswith(b"\n"):
                    while line and not line.endswith(b"\n"):
                        line = file.readline(_LONGEST_LINE)
                    yield Line(number, {}, "the line is longer than 1 MiB")
                elif line.strip():
                    yield _line(number, line)
    except OSError as error:
        raise unreadable(path, error) from None


def read_object(data: bytes) -> Document:
    """Return a JSON object; raises `BadRecord`."""
    try:
        text = data.decode()
        record = json.loads(text, parse_constant=_no_constant)
        if "\\u" in text:
            json.dumps(record, ensure_ascii=False).encode()
    except UnicodeError:
        raise BadRecord("this is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"this is no JSON: {error or 'nested too deeply'}") from None
    if not isinstance(record, dict):
        raise BadRecord("this is no JSON object")
    return record


def properties_of(record: Document) -> Document:
    """Return the fields of a record as custom properties; times and nulls are none. Raises `BadRecord`."""
    if len(record) > _MOST_PROPERTIES:
        raise BadRecord(f"it has more than {_MOST_PROPERTIES} fields")
    return {
        name: typed(name, value)
        for name, value in record.items()
        if value is not None and name not in _TIMES and name.strip()
    }


def times_of(record: Document) -> Document:
    """Return when a record was made and changed, as fields of an artifact; raises `BadRecord`."""
    return {field: _time(name, record[name]) for name, field in _TIMES.items() if record.get(name) is not None}


def typed(name: str, value: Any) -> Document:
    """Return a value as a custom property of that name; raises `BadRecord`."""
    match value:
        case bool():
            return bool_value(value)
        case int() | float():
            return _number(name, value)
        case str():
            if "\0" in value:
                raise BadRecord(f"{name} has a null character in it")
            return string_value(value)
        case _:
            try:
                return string_value(json.dumps(value, ensure_ascii=False))
            except RecursionError:
                raise BadRecord(f"{name} is nested too deeply") from None


def finite(name: str, value: Any) -> float:
    """Return a number; raises `BadRecord`."""
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadRecord(f"{name} is no number")
    return number


def _number(name: str, value: float) -> Document:
    number = finite(name, value)
    if name in _COUNTED and number.is_integer() and int(number) in INT32:
        return int_value(int(number))
    if isinstance(value, int) and value in INT32 and not _MEASURED.fullmatch(name):
        return int_value(value)
    return double_value(number)


def _time(name: str, value: Any) -> str:
    number = finite(name, value)
    if not 0 <= number < 2**53 or not number.is_integer():
        raise BadRecord(f"{name} is no time")
    return str(int(number) * (1000 if number < _FIRST_MILLISECONDS else 1))


def _line(number: int, line: bytes) -> Line:
    try:
        return Line(number, read_object(line))
    except BadRecord as error:
        return Line(number, {}, str(error))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
