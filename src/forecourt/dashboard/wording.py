"""How values are written for people: times, sizes, numbers; the filters of templates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_STEPS = ((60, "second"), (60, "minute"), (24, "hour"), (7, "day"), (4.35, "week"), (12, "month"), (1e9, "year"))


def size(count: float | None) -> str:
    """Return a number of bytes: ``1.2 GB`` (powers of 1000)."""
    if count is None:
        return "–"
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 100 else f"{value:.1f} {_UNITS[unit]}"


def number(value: float | None, digits: int = 1) -> str:
    """Return a number with thousands set apart, and no more than so many digits after the point."""
    if value is None:
        return "–"
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def time_of(value: Any) -> datetime | None:
    """Return the time that a value is: RFC 3339 (Kubernetes), or milliseconds since the epoch (Kubeflow)."""
    if value in (None, ""):
        return None
    try:
        text = str(value)
        if text.isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        return datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None


def ago(value: Any, now: datetime | None = None) -> str:
    """Return how long ago something was, in words."""
    when = time_of(value)
    if when is None:
        return "–"
    count = max(0.0, ((now or datetime.now(UTC)) - when).total_seconds())
    if count < 10:
        return "just now"
    for step, unit in _STEPS:
        if count < step:
            whole = int(count)
            return f"{whole} {unit}{'' if whole == 1 else 's'} ago"
        count /= step
    return "long ago"


def timestamp(value: Any) -> Markup:
    """Return a time element that says how long ago, with the exact time as its title."""
    when = time_of(value)
    if when is None:
        return Markup("–")
    exact = when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(when.isoformat(), exact, ago(when))


def plural(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 model``, ``3 models``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def sentence(message: object) -> str:
    """Return a message as a sentence begins, with a capital letter; the empty text where there is none."""
    text = str(message or "")
    return text[:1].upper() + text[1:]


FILTERS = {
    "size": size,
    "number": number,
    "ago": ago,
    "timestamp": timestamp,
    "plural": plural,
    "sentence": sentence,
}
