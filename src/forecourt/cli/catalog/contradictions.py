"""``forecourt catalog contradictions``: what model cards claim, and their own scores deny."""

from __future__ import annotations

from typing import Any

import typer

from forecourt.cli.catalog.names import API, short
from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_as, print_table

app = typer.Typer()

Document = dict[str, Any]


@app.command()
def contradictions(output: OutputOption = Output.TABLE, json: JsonOption = False) -> None:
    """Show claims that their own scores contradict.

    Each recovery that a model card prints beside two scores is computed again. A claim counts as contradicted only
    where no rounding of the two printed scores could give it. Tables that are broken are told as well.
    """
    from forecourt.cli.catalog.loading import first_load
    from forecourt.cli.connection import connect

    output = Output.JSON if json else output
    client = connect()
    first_load(client)
    found: Document = client.get(f"{API}/contradictions")
    if not print_as(output, found, dict.fromkeys(one["model"] for one in [*found["contradictions"], *found["broken"]])):
        _show(found, wide=output is Output.WIDE)


def _show(found: Document, *, wide: bool) -> None:
    from forecourt.cli.catalog.cells import cut, plain

    if found["contradictions"]:
        columns = ("Model", "Task", "Baseline", "Score", "What is wrong", *(["Source"] if wide else []))
        print_table(
            columns,
            [
                (
                    one["model"] if wide else short(one["model"]),
                    cut(one["label"], 60),
                    one["baseline"],
                    one["score"],
                    plain(one["sentence"]),
                    *([one["source"]] if wide else []),
                )
                for one in found["contradictions"]
            ],
        )
    for table in found["broken"]:
        where = f" {table['source']}" if wide else ""
        console.print(f"\n{short(table['model'])}, {table['rows']} rows: {plain(table['message'])}{where}")
    if not found["rows"]:
        console.note("No model of the catalog comes with published scores.")
        return
    rows, computed, contradicted = found["rows"], found["recomputed"], len(found["contradictions"])
    console.print(
        f"\n{rows} published rows; {computed} print a recovery that could be computed again, and {contradicted}"
        f" of those contradict their own scores."
    )
