"""What is printed: tables as kubectl prints them, JSON, YAML, names; ages, sizes and rates.

Results go to standard output, and are the same text in a pipe and on a terminal. Everything else that is said
(`console.note`) goes to standard error, and is not said with ``--quiet``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from forecourt.cli.invocation import invocation


class Output(StrEnum):
    """The forms a result can be printed in."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Form of the output.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON; short for -o json.")]


class Console:
    """Where things are said; a command's result on standard output, the rest on standard error."""

    def print(self, text: str = "", *, end: str = "\n") -> None:
        """Print a part of the result."""
        typer.echo(text + end, nl=False)

    def note(self, text: str = "") -> None:
        """Say what happens, to the person who watches."""
        if not invocation.quiet:
            typer.echo(text, err=True)

    def warn(self, text: str) -> None:
        """Say what the person should know although it went well."""
        typer.echo(f"warning: {text}", err=True)

    @property
    def is_terminal(self) -> bool:
        """Whether a person watches standard error."""
        return sys.stderr.isatty()

    @property
    def can_ask(self) -> bool:
        """Whether a person can be asked something."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def confirm(self, question: str, *, default: bool = False) -> bool:
        """Ask a question with the answers yes and no."""
        return typer.confirm(question, default=default, err=True)


console = Console()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, headers: bool = True) -> None:
    """Print rows under upper-case headings, three spaces between the columns; an empty cell is ``<none>``."""
    cells = [[_cell(value) for value in row] for row in rows]
    lines = ([[column.upper() for column in columns]] if headers else []) + cells
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        console.print("   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def pairs(said: Mapping[str, object], *, always: Iterable[str] = ()) -> Iterator[str]:
    """Yield a line for each pair; one that has no value only where it is `always` shown."""
    kept = {title: value for title, value in said.items() if title in always or value not in (None, "")}
    width = max(map(len, kept), default=0) + 3
    for title, value in kept.items():
        first, *rest = str(value if value not in (None, "") else "<none>").splitlines() or [""]
        yield f"{title + ':':<{width}}{first}"
        yield from (" " * width + line for line in rest)


def print_json(data: object) -> None:
    """Print JSON, indented by two as kubectl and gh do."""
    console.print(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def print_yaml(data: object) -> None:
    """Print YAML, keys in the order given, text of several lines as a block."""
    console.print(to_yaml(data), end="")


def to_yaml(data: object) -> str:
    """Return data as YAML, keys in the order given, text of several lines as a block."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        # PyYAML writes these line breaks of Unicode raw, and reads them back as spaces, unless they are escaped.
        style = '"' if any(mark in value for mark in "\x85\u2028\u2029") else "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    written: str = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
    return written


def print_document(data: Any, output: Output) -> None:
    """Print data as JSON or YAML."""
    if output is Output.YAML:
        print_yaml(data)
    else:
        print_json(data)


def print_as(output: Output, data: Any, names: Iterable[str]) -> bool:
    """Print data as JSON or YAML, or the names of what is in it, a line each; say whether that is what was wanted."""
    if output in {Output.JSON, Output.YAML}:
        print_document(data, output)
    elif output is Output.NAME:
        for name in names:
            console.print(name)
    else:
        return False
    return True


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return " ".join(text.split()) or "<none>"


def size(count: float) -> str:
    """Return bytes as a person reads them, in powers of 1000: ``98.4 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def rate(count: float, seconds: float) -> str:
    """Return bytes over seconds as a person reads them: ``230 MB/s``."""
    return f"{size(count / seconds)}/s" if seconds > 0 else ""


def seconds(elapsed: float) -> str:
    """Return a short time as a person reads it: ``0.31 s``, ``12.4 s``, ``2m5s``."""
    if elapsed < 100:
        return f"{elapsed:.2f} s" if elapsed < 1 else f"{elapsed:.1f} s"
    return duration(elapsed)


def duration(elapsed: float) -> str:
    """Return a time as kubectl does, with at most two units: ``95s``, ``5m``, ``3h12m``, ``4d``."""
    total = max(int(elapsed), 0)
    if total < 120:
        return f"{total}s"
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if minutes < 10:
        return f"{minutes}m{total % 60}s" if total % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d"


def age(timestamp: str) -> str:
    """Return how long ago an RFC 3339 time was, as kubectl's AGE; ``<unknown>`` where it is none."""
    try:
        then = datetime.fromisoformat(timestamp)
    except (TypeError, ValueError):
        return "<unknown>"
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return duration((datetime.now(UTC) - then).total_seconds())
