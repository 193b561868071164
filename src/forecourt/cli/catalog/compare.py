"""``forecourt catalog compare``: models side by side, their scores on the same tasks, speed on the same hardware."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.catalog.completing import complete_model
from forecourt.cli.catalog.names import short, uri_of
from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_as, print_table

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]

_MOST = 4


@app.command()
def compare(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL", help="Two to four models.", autocompletion=complete_model)
    ],
    variants: Annotated[
        bool, typer.Option("--variants", help="Take the other models made from the same base, instead of naming them.")
    ] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Show two to four models side by side.

    What they are, how accurate and how fast. A score has its recovery in brackets: what is left of the model that it
    was made from, in percent.
    """
    from forecourt.cli.catalog.asking import ask
    from forecourt.cli.connection import connect

    output = Output.JSON if json else output
    client = connect()
    found = ask(client, "compare", model=_with_variants(client, models) if variants else _named(models))
    if not print_as(output, found, (model["name"] for model in found["models"])):
        _show(found)


def _named(models: list[str]) -> list[str]:
    from forecourt.errors import InvalidInput

    if len(models) < 2:
        raise InvalidInput(
            "Two to four models are compared.",
            hint=f"Name another, or: forecourt catalog compare {models[0]} --variants",
        )
    if len(models) > _MOST:
        raise InvalidInput(f"Two to four models are compared, not {len(models)}.", hint="Leave some out.")
    return models


def _with_variants(client: Client, models: list[str]) -> list[str]:
    """Return a model with the variants of its base, those of which more is known first; say which are left out."""
    from forecourt.cli.catalog.asking import find
    from forecourt.cli.catalog.variants import variants_of
    from forecourt.errors import InvalidInput, NotFound

    if len(models) > 1:
        raise InvalidInput("The variants of one model are compared.", hint="Name one, or leave out --variants.")
    model = find(client, models[0])
    others = variants_of(client, model)
    if not others:
        raise NotFound(
            f"The catalog has no other model made from the base of {model['name']}.",
            hint=f"Compare it with another: forecourt catalog compare {short(model['name'])} MODEL",
        )
    others.sort(key=lambda one: (one["averageRecovery"] is None and one["quantization"] != "none", one["name"]))
    if left := [one["name"] for one in others[_MOST - 1 :]]:
        console.note(f"Four are compared; left out: {', '.join(left)}")
    return [uri_of(one) for one in [model, *others[: _MOST - 1]]]


def _show(found: Document) -> None:
    from forecourt.cli.catalog.evidence import Notes

    models = found["models"]
    heads = headings([model["name"] for model in models])
    print_table(("", *heads), _facts(models))
    if found["scores"]:
        notes = Notes()
        console.print("\nAccuracy (recovery in %):")
        print_table(("Task", *heads), [[_task(row, found["scores"]), *_scores(row, notes)] for row in found["scores"]])
        notes.print()
    if found["performance"]:
        console.print("\nPerformance (latency, requests/s):")
        _show_performance(found["performance"], heads)


def headings(names: Sequence[str]) -> list[str]:
    """Return names without their makers, and without the words that they all begin with, ``…`` in their place."""
    words = [re.split(r"(?<=[-._])", short(name)) for name in names]
    common = sum(1 for _ in takewhile(lambda same: len(set(same)) == 1, zip(*words, strict=False)))
    if common and all(len(each) > common for each in words):
        return ["…" + "".join(each[common:]) for each in words]
    return [short(name) for name in names]


def _facts(models: list[Document]) -> Iterable[list[object]]:
    from forecourt.cli.catalog.cells import first_of, parameters, percent

    rows: dict[str, Callable[[Document], object]] = {
        "Name": lambda model: model["name"],
        "Source": lambda model: model["source"],
        "License": lambda model: model["license"],
        "Parameters": lambda model: model["size"] or parameters(model["parametersB"]),
        "Quantization": lambda model: model["quantization"],
        "Tensor type": lambda model: model["tensorType"],
        "Average recovery (%)": lambda model: percent(model["averageRecovery"]),
        "Average accuracy": lambda model: percent(model["accuracy"]),
        "Contradicted claims": lambda model: _contradicted(model["evidence"]["scores"]),
        "Validated on": lambda model: first_of(model["validatedOn"]),
        "Tool calling": lambda model: "yes" if model["toolCalling"] else "",
        "Files": lambda model: "yes" if model["uris"] else "",
    }
    for title, value in rows.items():
        cells = [value(model) for model in models]
        if any(cell not in (None, "") for cell in cells):
            yield [title, *cells]


def _contradicted(scores: list[Document]) -> str:
    count = sum(1 for score in scores if score["verdict"] == "contradicts")
    return f"{count} of {len(scores)}" if scores else ""


def _task(row: Document, scores: list[Document]) -> str:
    from forecourt.cli.catalog.cells import cut

    suites = {each["suite"] for each in scores}
    lower = ", lower is better" if row["direction"] == "lower" else ""
    return cut(
        f"{row['suite']}: {row['label']}{lower}" if len(suites) > 1 and row["suite"] else row["label"] + lower, 60
    )


def _scores(row: Document, notes: Any) -> Iterable[str]:
    from forecourt.cli.catalog.evidence import recovery

    for value in row["values"]:
        if not value or value["score"] is None:
            yield ""
            continue
        cell = str(value["score"])
        if value.get("recovery") is not None:
            cell += f" ({recovery(value['recovery'])})"
        contradicts = value.get("verdict") == "contradicts"
        sentence = f"The card claims {value['claim']} %, which its own scores contradict." if contradicts else None
        yield notes.mark(cell, sentence)


def _show_performance(points: list[Document], heads: list[str]) -> None:
    from forecourt.cli.catalog.evidence import Notes, hardware_of, tokens_of

    notes = Notes()
    rows = []
    for point in points:
        size = " in, ".join(tokens_of(point)) + " out"
        cells = [notes.mark(_speed(value), value.get("doubt")) if value else "" for value in point["values"]]
        rows.append([hardware_of(point), point.get("use_case"), size, *cells])
    print_table(("Hardware", "Workload", "Tokens", *heads), rows)
    notes.print()


def _speed(value: Document) -> str:
    from forecourt.cli.catalog.cells import number

    latency = next((value[name] for name in ("e2e_mean", "e2e_p90", "ttft_mean", "ttft_p90") if name in value), None)
    rate = value.get("requests_per_second")
    said = (f"{number(latency)} ms" if latency is not None else "", f"{number(rate)}/s" if rate is not None else "")
    return ", ".join(word for word in said if word)
