"""What a model says of itself, short enough for a table; and text of strangers, safe for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that move a terminal's cursor, colour it, or turn text around."""


def plain(text: object) -> str:
    """Return a text without what a terminal would do instead of show."""
    return _UNSAFE.sub("", str(text))


def parameters(billions: float | None) -> str:
    """Return a number of parameters, which is given in billions: ``8B``, ``135M``."""
    if billions is None:
        return ""
    return f"{billions:g}B" if billions >= 1 else f"{billions * 1000:g}M"


def percent(value: float | None) -> str:
    """Return a percentage with one decimal."""
    return "" if value is None else f"{value:.1f}"


def number(value: float | None) -> str:
    """Return a measured number with as many digits as matter: ``1234``, ``56.7``, ``8.90``."""
    if value is None:
        return ""
    size = abs(value)
    return f"{value:.0f}" if size >= 100 or value == int(value) else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def first_of(values: Iterable[str]) -> str:
    """Return the first of several, and how many more there are."""
    all_of_them = list(values)
    more = len(all_of_them) - 1
    return f"{all_of_them[0]} +{more}" if more > 0 else "".join(all_of_them)


def cut(text: str, most: int) -> str:
    """Return a text on one line, of at most so many characters."""
    line = " ".join(plain(text).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
