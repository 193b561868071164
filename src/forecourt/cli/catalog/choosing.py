"""An option for each filter of the catalog, and what is asked of the server for those that are chosen."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from forecourt.catalog.filters import FILTERS, Filter
from forecourt.cli.catalog.completing import values_of


def filter_options() -> Iterator[inspect.Parameter]:
    """Yield an option for each filter, called as the filter is."""
    for one in FILTERS:
        yield inspect.Parameter(_field(one), inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(one))


def asked(chosen: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return the filters that are chosen, as the server's search has them."""
    return {
        one.name: list(map(str, value)) if isinstance(value, list | tuple) else _text(value)
        for one in FILTERS
        if (value := chosen.get(_field(one))) not in (None, [], ())
    }


def option_of(name: str) -> str:
    """Return the option that chooses by a filter."""
    return f"--{name}"


def _field(one: Filter) -> str:
    return one.name.replace("-", "_")


def _option(one: Filter) -> Any:
    option = option_of(one.name)
    text = " ".join(word for word in (f"{one.title}.", one.help) if word)
    match one.kind:
        case "choice":
            said = typer.Option(option, metavar="VALUE", help=f"{text} Repeatable.", autocompletion=values_of(one.name))
            return Annotated[list[str] | None, said]
        case "flag":
            return Annotated[bool | None, typer.Option(option, help=f"Only models {one.sentence.format('').strip()}.")]
        case _:
            return Annotated[float | None, typer.Option(option, metavar=_unit(one), help=text)]


def _unit(one: Filter) -> str:
    return {"%": "PERCENT", "B": "BILLIONS", "ms": "MS"}.get(one.unit.strip(), "NUMBER")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
