"""``forecourt catalog search``: models by words and filters, or how many there are of each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.catalog.filters import LATENCIES
from forecourt.cli.catalog.choosing import asked, filter_options, option_of
from forecourt.cli.catalog.names import API
from forecourt.cli.options import with_options
from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_document, print_table

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]

_PAGE = 100  # the most that the server gives at once
_VALUES = 12  # of a filter, that are shown
_COLUMNS = ("Name", "Provider", "License", "Quantization", "Parameters", "Recovery (%)", "Accuracy", "Validated on")
_WIDE = ("Source", "Tasks", "Tool calling", "Hardware", "Modified", "URI")


@app.command()
@with_options(filter_options())
def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS", help="Words that are in the name, provider, description or tasks."),
    ] = None,
    filter_query: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="FILTERQUERY",
            help="Only those that match, as \"artifacts.mmlu > 80 AND license = 'mit'\".",
        ),
    ] = "",
    latency_metric: Annotated[
        str, typer.Option(metavar="NAME", help=f"What --max-latency is about: {', '.join(LATENCIES)}.")
    ] = LATENCIES[0],
    sort: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="By what: relevance, name, updated, created, recovery, accuracy, parameters, latency, throughput, or a"
            " property; -NAME the other way round.",
            show_default=False,
        ),
    ] = "",
    limit: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="At most so many; 0 for all.")] = 20,
    facets: Annotated[
        bool, typer.Option("--facets", help="Show how many models there are of each value, instead of the models.")
    ] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
    **chosen: Any,
) -> None:
    """Find models by words and by what is known of them. Values of one filter are alternatives; filters all hold.

    What a recovery is, and what is measured: forecourt catalog show MODEL.
    """
    from forecourt.cli.catalog.loading import first_load
    from forecourt.cli.connection import connect

    output = Output.JSON if json else output
    client = connect()
    query: dict[str, Any] = asked(chosen) | {"q": " ".join(words or []), "filterQuery": filter_query, "sort": sort}
    query |= {"latency-metric": latency_metric, "facets": facets}
    found = _found(client, query, limit)
    if not found["total"] and first_load(client):
        found = _found(client, query, limit)
    if output in {Output.JSON, Output.YAML}:
        print_document(found, output)
        return
    if not found["total"]:
        _teach(client, query, found)
    elif output is Output.NAME:
        for item in found["items"]:
            console.print(item["name"])
    elif facets:
        console.note(_said(found, found["total"]))
        _show_facets(found["facets"], wide=output is Output.WIDE)
    else:
        console.note(_said(found, found["total"]))
        wide = output is Output.WIDE
        print_table(_COLUMNS + (_WIDE if wide else ()), [list(_row(item, wide=wide)) for item in found["items"]])
    if not facets and len(found["items"]) < found["total"]:
        console.note(f"These are the first {len(found['items'])}: see all with --limit 0.")


def _found(client: Client, query: Mapping[str, Any], limit: int) -> Document:
    """Return models, as many pages as it takes to have `limit`; all where that is 0."""
    found: Document = client.get(f"{API}/search", **query, pageSize=min(limit or _PAGE, _PAGE))
    while found["nextPageToken"] and (not limit or len(found["items"]) < limit):
        size = min(limit - len(found["items"]) if limit else _PAGE, _PAGE)
        more = client.get(
            f"{API}/search", **dict(query) | {"facets": False}, pageSize=size, nextPageToken=found["nextPageToken"]
        )
        found["items"] += more["items"]
        found["nextPageToken"] = more["nextPageToken"]
    return found


def _said(found: Document, count: int) -> str:
    """Return what was sought with how many models there are of it."""
    sought = str(found["sentence"]).removeprefix("all ").removeprefix("models")
    return f"{count or 'No'} model{'' if count == 1 else 's'}{sought}"


def _row(item: Document, *, wide: bool) -> Iterator[object]:
    from forecourt.cli.catalog.cells import first_of, parameters, percent
    from forecourt.cli.registry.properties import ago

    yield from (item["name"], item["provider"], item["license"], item["quantization"])
    yield from (parameters(item["parametersB"]), percent(item["averageRecovery"]), percent(item["accuracy"]))
    validated = item["validatedOn"]
    yield ", ".join(validated) if wide else first_of(validated)
    if wide:
        yield from (item["source"], ", ".join(item["tasks"]), "yes" if item["toolCalling"] else "")
        yield from (", ".join(item["hardware"]), ago(item["lastUpdateTimeSinceEpoch"]), first_of(item["uris"]))


def _show_facets(facets: list[Document], *, wide: bool) -> None:
    rows = []
    for facet in facets:
        values = facet["values"] if wide else facet["values"][:_VALUES]
        rows += [(option_of(facet["name"]), _value(facet, one), one["count"]) for one in values]
        if more := len(facet["values"]) - len(values):
            rows.append((option_of(facet["name"]), f"… and {more} more (-o wide)", ""))
    print_table(("Option", "Value", "Models"), [[cell if cell != "" else "-" for cell in row] for row in rows])


def _value(facet: Document, one: Document) -> str:
    return "yes" if facet["kind"] == "flag" else str(one["value"])


def _teach(client: Client, query: Mapping[str, Any], found: Document) -> None:
    """Say why nothing was found: what each condition leaves out, or that the catalog is empty as yet."""
    conditions = [name for name, value in query.items() if name not in _NO_CONDITIONS and value]
    console.note(f"{_said(found, 0)}.")
    if loading := [one["id"] for one in client.get(f"{API}/sources")["items"] if one["status"] == "loading"]:
        console.note(f"There may be more soon, from {', '.join(loading)}: forecourt catalog sources")
    if not conditions or not client.get(f"{API}/search", pageSize=1)["total"]:
        _teach_sources(client)
        return
    _tell_unknown(client, query)
    if len(conditions) > 1:
        one_less = {name: [other for other in conditions if other != name] for name in conditions}
        if not _tell_counts(client, query, {f"Without {_option(name)}": kept for name, kept in one_less.items()}):
            _tell_counts(client, query, {f"With {_option(name)} alone": [name] for name in conditions})
    console.note("What one can search by, and the values there are: forecourt catalog filters")


def _tell_unknown(client: Client, query: Mapping[str, Any]) -> None:
    """Say which values no model has, and which one may have been meant."""
    for facet in client.get(f"{API}/search", facets=True, pageSize=1)["facets"]:
        known = [str(one["value"]) for one in facet["values"]]
        said = query.get(facet["name"])
        for value in said if isinstance(said, list) else []:
            if value not in known:
                folded = {each.casefold(): each for each in known}
                close = [folded[each] for each in get_close_matches(value.casefold(), folded, 2, 0.5)]
                meant = f" Did you mean {' or '.join(close)}?" if close else ""
                console.note(f"No model has the {facet['title'].lower()} {value}.{meant}")


def _tell_counts(client: Client, query: Mapping[str, Any], cases: Mapping[str, list[str]]) -> bool:
    """Say how many models there are where only some conditions hold; return whether there are any."""
    some = False
    for said, names in cases.items():
        kept = {name: query[name] for name in (*names, "latency-metric")}
        if total := client.get(f"{API}/search", **kept, pageSize=1)["total"]:
            console.note(f"{said} there {'is 1' if total == 1 else f'are {total}'}.")
            some = True
    return some


_NO_CONDITIONS = frozenset({"sort", "facets", "latency-metric"})


def _option(name: str) -> str:
    return {"q": "the words", "filterQuery": "--filter"}.get(name, option_of(name))


def _teach_sources(client: Client) -> None:
    if client.get(f"{API}/sources")["items"]:
        console.note("Its sources give none that can be seen: forecourt catalog sources")
    else:
        console.note("The catalog has no sources. Add one: forecourt catalog sources add --help")
