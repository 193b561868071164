"""``forecourt catalog sources``: where the catalog's models come from, listed and shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from forecourt.cli.catalog import adding, changing
from forecourt.cli.catalog.names import API, SourceArgument, source_path
from forecourt.cli.output import JsonOption, Output, OutputOption, console, pairs, print_as, print_table

app = typer.Typer(
    invoke_without_command=True,
    epilog="Sources are also defined in FORECOURT_HOME/catalog/sources.yaml, which is read again when it changes.",
)

Document = dict[str, Any]

_PROBLEMS = 20  # that are shown


@app.callback()
def sources(ctx: typer.Context, output: OutputOption = Output.TABLE, json: JsonOption = False) -> None:
    """List where the models come from; add, refresh, remove."""
    if ctx.invoked_subcommand:
        return
    from forecourt.cli.connection import connect

    output = Output.JSON if json else output
    found: Document = connect().get(f"{API}/sources")
    if found["error"]:
        console.warn(f"The sources are not as their files say. {found['error']}")
    if print_as(output, found, (one["id"] for one in found["items"])):
        return
    if found["items"]:
        _table(found["items"], wide=output is Output.WIDE)
    else:
        console.note("The catalog has no sources. Add one, from a file, Hugging Face, a catalog or a registry:")
        console.note("  forecourt catalog sources add mine --path models.yaml")
        console.note("  forecourt catalog sources add granite --type hf --include 'ibm-granite/granite-4*'")


def _table(items: list[Document], *, wide: bool) -> None:
    from forecourt.cli.catalog.cells import cut
    from forecourt.cli.registry.properties import ago

    columns = ["Id", "Name", "Type", "Status", "Models", "Loaded", "Error"]
    rows = []
    for one in items:
        loaded = ago(one["loadedTimeSinceEpoch"]) if one["loadedTimeSinceEpoch"] else "never"
        row = [one["id"], one["name"], one["type"], status(one), one["models"], loaded]
        row.append(cut(one.get("error", ""), 200 if wide else 60))
        rows.append(row + ([", ".join(one["labels"]), one["origin"] or "added"] if wide else []))
    print_table([*columns, *(["Labels", "Defined in"] if wide else [])], rows)


def status(source: Document) -> str:
    """Return a source's status, with how far it is loaded."""
    progress = source.get("progress")
    if not progress or not progress["done"]:
        return str(source["status"])
    of = f" of {progress['of']}" if progress["of"] else ""
    return f"{source['status']} ({progress['done']}{of})"


@app.command()
def show(source: SourceArgument, output: OutputOption = Output.TABLE, json: JsonOption = False) -> None:
    """Show a source, and how its last load went.

    Models that had to be left out are named, with why.
    """
    from forecourt.cli.catalog.cells import plain
    from forecourt.cli.connection import connect

    output = Output.JSON if json else output
    found: Document = connect().get(source_path(source))
    if print_as(output, found, [found["id"]]):
        return
    for line in _lines(found):
        console.print(plain(line))


def _lines(found: Document) -> Iterator[str]:
    from forecourt.cli.registry.properties import ago, moment

    loaded, problems = found["loadedTimeSinceEpoch"], found["problems"]
    failed = found.get("error", "") if not problems else ""
    yield from pairs(
        {
            "Id": found["id"],
            "Name": found["name"],
            "Type": found["type"],
            "Status": status(found),
            "Models": found["models"],
            "Loaded": f"{moment(loaded)} ({ago(loaded)} ago)" if loaded else "never",
            "Error": failed,
            "Labels": ", ".join(found["labels"]),
            "Included": ", ".join(found.get("includedModels", [])),
            "Excluded": ", ".join(found.get("excludedModels", [])),
            **{key: ", ".join(said) if isinstance(said, list) else said for key, said in found["properties"].items()},
            "Defined in": found["origin"] or "the catalog itself (added)",
        }
    )
    if problems:
        yield f"Left out, or not whole ({len(problems)}):"
        yield from (f"  {one['name']}: {one['message']}" for one in problems[:_PROBLEMS])
        if len(problems) > _PROBLEMS:
            yield f"  and {len(problems) - _PROBLEMS} more: see --json"


app.registered_commands += adding.app.registered_commands
app.registered_commands += changing.app.registered_commands
