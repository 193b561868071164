"""Custom properties: ``KEY=VALUE`` on the command line, typed values in the API, short text in a table."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from forecourt.cli.output import duration
from forecourt.errors import InvalidInput
from forecourt.registry.metadata import INT32, Value, from_metadata, to_metadata

Document = dict[str, Any]

STAGE = "stage"
"""The property that says a version's stage."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LONGEST = 24  # characters of a value in a table

PropertyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--property",
        metavar="KEY=VALUE",
        help="A property: a number, true or false, or text, as it looks; KEY:text=5, KEY:int=5, KEY:double=5 and"
        " KEY:bool=true say which. Repeatable.",
    ),
]
LabelOption = Annotated[list[str] | None, typer.Option("--label", metavar="NAME", help="A label. Repeatable.")]


def properties(pairs: Iterable[str], labels: Iterable[str] = ()) -> Document:
    """Read ``KEY=VALUE`` pairs and labels, which are properties that say nothing. Raises `InvalidInput`."""
    found = dict(map(_property, pairs))
    for label in labels:
        if not label.strip():
            raise InvalidInput("A label is not empty.")
        found[label] = to_metadata("")
    return found


def _property(text: str) -> tuple[str, Document]:
    key, equals, value = text.partition("=")
    name, colon, kind = key.rpartition(":")
    typed = bool(colon and name) and kind in _TYPES
    if not equals or not key or key.startswith(":"):
        raise InvalidInput(f"{text!r} is no property.", hint="Write it as KEY=VALUE.")
    if not typed:
        return key, to_metadata(_as_it_looks(value))
    try:
        return name, _TYPES[kind](value)
    except (ValueError, KeyError):
        raise InvalidInput(
            f"{value!r} is no {kind}.", hint="An int has 32 bits; a bool is true or false; text is any."
        ) from None


def _as_it_looks(value: str) -> Value:
    if value in _TRUTH:
        return _TRUTH[value]
    if not value.isascii() or not _NUMBER.fullmatch(value):
        return value
    if re.fullmatch(r"-?(0|[1-9]\d*)", value):
        return int(value) if len(value) <= 15 else value  # longer ones, as identifiers, would not survive a double
    number = float(value)
    leading_zero = value.lstrip("+-")[:2].isdigit() and value.lstrip("+-").startswith("0")
    return value if leading_zero or number in (float("inf"), float("-inf")) else number


def _int(value: str) -> Document:
    if int(value) not in INT32:
        raise ValueError(value)
    return to_metadata(int(value))


def _double(value: str) -> Document:
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(value)
    return to_metadata(number)


_TRUTH = {"true": True, "false": False}
_TYPES: dict[str, Callable[[str], Document]] = {
    "text": to_metadata,
    "int": _int,
    "double": _double,
    "bool": lambda value: to_metadata(_TRUTH[value]),
}


def stage_of(document: Document) -> str:
    """Return a version's stage; empty where it is in none."""
    return str((document.get("customProperties") or {}).get(STAGE, {}).get("string_value") or "")


def split(document: Document) -> tuple[list[str], dict[str, Value]]:
    """Return the labels and the other properties of a resource; its stage is neither."""
    values = {key: from_metadata(value) for key, value in (document.get("customProperties") or {}).items()}
    stage = stage_of(document)
    labels = [key for key, value in values.items() if value == ""]
    others = {key: value for key, value in values.items() if value != "" and not (key == STAGE and value == stage)}
    return labels, others


def short(document: Document, most: int = 3) -> str:
    """Return labels, then short properties, as many as a table has room for."""
    labels, others = split(document)
    said = [*labels, *(f"{key}={value}" for key, value in others.items() if len(str(value)) <= _LONGEST)]
    more = len(labels) + len(others) - len(said[:most])
    return ",".join(said[:most]) + (f",+{more}" if more and said else "")


def ago(milliseconds: str | int | None) -> str:
    """Return how long ago a time of the API was, which is milliseconds since 1970."""
    try:
        return duration(time.time() - int(milliseconds or "") / 1000)
    except ValueError:
        return "<unknown>"


def moment(milliseconds: str) -> str:
    """Return a time of the API as RFC 3339 has it, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(milliseconds) / 1000))
