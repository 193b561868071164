"""``forecourt catalog filters``: what one can search by, with the values that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from forecourt.cli.catalog.choosing import option_of
from forecourt.cli.catalog.names import API
from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_as, print_table

app = typer.Typer()

Document = dict[str, Any]

_OPTIONS = "/api/model_catalog/v1/models/filter_options"
_VALUES = 8  # that are shown of a filter
_ABOUT = {"choice": "is", "flag": "has", "least": "at least", "most": "at most"}


@app.command()
def filters(output: OutputOption = Output.TABLE, json: JsonOption = False) -> None:
    """Show what one can search by, and the values there are.

    Behind a value is how many models have it. -o wide adds every property that --filter may name.
    """
    from forecourt.cli.connection import connect

    output = Output.JSON if json else output
    client = connect()
    found: Document = client.get(f"{API}/filters")
    facets = {one["name"]: one["values"] for one in client.get(f"{API}/search", facets=True, pageSize=1)["facets"]}
    properties: Document = client.get(_OPTIONS)["filters"]
    for one in found["items"]:
        if one["kind"] in ("choice", "flag"):
            one["values"] = facets.get(one["name"], [])
        else:
            one["range"] = properties.get(one["property"].replace("{latency}", found["latencies"][0]), {}).get("range")
    found["properties"] = properties
    if print_as(output, found, (one["name"] for one in found["items"])):
        return
    wide = output is Output.WIDE
    rows = [[option_of(one["name"]), _ABOUT[one["kind"]], _values(one, wide=wide)] for one in found["items"]]
    print_table(("Option", "Keeps what", "Values (models)"), rows)
    if wide:
        console.print()
        print_table(("Property for --filter", "Values"), [[name, _said(one)] for name, one in properties.items()])
    console.note(f"\nSort with --sort {', '.join(found['sorts'])}, or a property.")
    if not wide:
        console.note("Every property that --filter may name: forecourt catalog filters -o wide")


def _values(one: Document, *, wide: bool) -> str:
    if "range" in one:
        unit = f" {one['unit']}" if one["unit"] else ""
        return f"{_between(one['range'])}{unit}" if one["range"] else ""
    if one["kind"] == "flag":
        return "".join(f"({value['count']})" for value in one["values"])
    values = one["values"] if wide else one["values"][:_VALUES]
    said = ", ".join(f"{value['value']} ({value['count']})" for value in values)
    return f"{said}, …" if len(one["values"]) > len(values) else said


def _said(option: Mapping[str, Any]) -> str:
    if option["type"] == "number":
        return _between(option["range"])
    values = [f"'{value}'" for value in option["values"]]
    return ", ".join(values[:_VALUES]) + (f", … ({len(values)})" if len(values) > _VALUES else "")


def _between(ends: Mapping[str, float]) -> str:
    return f"{ends['min']:.4g} … {ends['max']:.4g}"
