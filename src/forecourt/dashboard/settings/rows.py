"""Rows of a form that are added, removed and moved by buttons which send the form: no script is needed.

A field of a row is called ``KIND-NUMBER-NAME``, and the field ``KINDs`` says how many there are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MOST = 50
"""Of a kind in one form."""


def count(typed: Mapping[str, Any], kind: str) -> range:
    """Return the numbers of the rows of a kind."""
    said = str(typed.get(f"{kind}s", "0"))
    return range(min(int(said[:9]), MOST) if said.isascii() and said.isdecimal() else 0)


def add(typed: dict[str, Any], kind: str, said: Mapping[str, str]) -> None:
    """Add a row at the end, unless there are as many as there may be."""
    row = len(count(typed, kind))
    if row < MOST:
        typed |= {f"{kind}-{row}-{name}": value for name, value in said.items()}
        typed[f"{kind}s"] = str(row + 1)


def remove(typed: dict[str, Any], kind: str, gone: int) -> None:
    """Take a row out, with its values; those that follow move up."""
    there = [*count(typed, kind)]
    if gone in there:
        there.remove(gone)
        _reordered(typed, kind, there)


def move(typed: dict[str, Any], kind: str, row: int, by: int) -> None:
    """Move a row up (-1) or down (1); the first and the last stay where they are."""
    there = [*count(typed, kind)]
    if row in there and row + by in there:
        there[row], there[row + by] = there[row + by], there[row]
        _reordered(typed, kind, there)


def _reordered(typed: dict[str, Any], kind: str, order: list[int]) -> None:
    """Put rows in an order of their numbers before; those that are not in it are dropped."""
    pattern = re.compile(rf"{kind}-(\d+)-(.+)")
    moved: dict[str, Any] = {}
    for key in [*typed]:
        if match := pattern.fullmatch(key):
            value, row = typed.pop(key), int(match[1])
            if row in order:
                moved[f"{kind}-{order.index(row)}-{match[2]}"] = value
    typed |= moved
    typed[f"{kind}s"] = str(len(order))
