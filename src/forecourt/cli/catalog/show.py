"""``forecourt catalog show``: a model with all that is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.catalog.names import ModelArgument, short
from forecourt.cli.output import JsonOption, Output, OutputOption, console, pairs, print_as, print_table

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]

_SHOWN = frozenset(
    (
        *("quantization", "tensor_type", "parameters_b", "average_recovery", "validated_on", "size"),
        *("variant_group_id", "validated", "base_model", "source"),
    )
)
"""Properties that have a line of their own, or say nothing to a person."""


@app.command()
def show(
    model: ModelArgument,
    readme: Annotated[bool, typer.Option("--readme", help="Print the model's card, and nothing else.")] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Show all that is known of a model.

    Facts, files, tool calling, accuracy with its sources, performance, variants. A recovery is the model's score in
    percent of what it was made from, computed here from the two scores. What the model's author claims stands beside
    it, and where their own scores contradict it a sentence says so.
    """
    from forecourt.cli.catalog.asking import find
    from forecourt.cli.catalog.cells import plain
    from forecourt.cli.catalog.names import uri_of
    from forecourt.cli.connection import connect
    from forecourt.errors import NotFound

    output = Output.JSON if json else output
    client = connect()
    found = find(client, model)
    if readme:
        if not found["readme"]:
            raise NotFound(f"{found['name']} comes without a card.", hint=_where_card(found))
        console.print(plain(found["readme"]).rstrip())
    elif not print_as(output, found, [uri_of(found)]):
        _show(client, found, wide=output is Output.WIDE)


def _show(client: Client, found: Document, *, wide: bool) -> None:
    from forecourt.cli.catalog.cells import plain
    from forecourt.cli.catalog.evidence import print_performance, print_scores

    for line in pairs(_facts(found)):
        console.print(plain(line))
    _heading("Files")
    for line in _files(found):
        console.print(f"  {plain(line)}")
    if found["servingArguments"]:
        _heading("Tool calling (arguments for vLLM)")
        for argument in found["servingArguments"]:
            console.print(f"  {plain(argument)}")
    evidence = found["evidence"]
    if evidence["scores"] or evidence["broken"]:
        _heading("Accuracy")
        print_scores(evidence)
    if found["performance"]:
        _heading("Performance")
        print_performance(found["performance"], wide=wide)
    if found["variants"]:
        _heading("Variants")
        _show_variants(client, found)
    _tell_next(found)


def _heading(text: str) -> None:
    console.print(f"\n{text}:")


def _facts(found: Document) -> dict[str, object]:
    from forecourt.cli.catalog.cells import parameters
    from forecourt.cli.catalog.names import uri_of
    from forecourt.cli.registry.properties import ago, moment

    properties = found["properties"]
    labels = [name for name, value in properties.items() if value == "" and name not in _SHOWN]
    others = {name: value for name, value in properties.items() if value != "" and name not in _SHOWN}
    modified = found["lastUpdateTimeSinceEpoch"]
    return {
        "Name": found["name"],
        "URI": uri_of(found),
        "Description": " ".join(found["description"].split()),
        "Provider": found["provider"],
        "License": " ".join(word for word in (found["license"], found["licenseLink"]) if word),
        "Tasks": ", ".join(found["tasks"]),
        "Languages": ", ".join(found["language"]),
        "Parameters": found["size"] or parameters(found["parametersB"]),
        "Quantization": found["quantization"],
        "Tensor type": found["tensorType"],
        "Made from": properties.get("base_model"),
        "Library": found["libraryName"],
        "Validated on": ", ".join(found["validatedOn"]),
        "Validated for": ", ".join(found["validatedTasks"]),
        "Accuracy": f"{found['accuracy']:.1f} on average" if found["accuracy"] is not None else "",
        "Recovery": f"{found['averageRecovery']:.1f} % on average" if found["averageRecovery"] is not None else "",
        "Card": properties.get("source") or ("see --readme" if found["readme"] else ""),
        "Labels": ", ".join(labels),
        "Properties": ", ".join(f"{name}={value}" for name, value in others.items()),
        "Modified": f"{moment(modified)} ({ago(modified)} ago)",
    }


def _files(found: Document) -> Iterator[str]:
    from forecourt.cli.output import size

    if not found["artifacts"]:
        yield "<none>"
    for artifact in found["artifacts"]:
        custom = artifact.get("customProperties") or {}
        digest = (custom.get("digest") or {}).get("string_value", "")
        held = (custom.get("image_bytes") or custom.get("size_bytes") or {}).get("double_value")
        yield "  ".join(word for word in (artifact["uri"], digest, size(held) if held else "") if word)


def _show_variants(client: Client, found: Document) -> None:
    from forecourt.cli.catalog.cells import percent
    from forecourt.cli.catalog.variants import variants_of

    print_table(
        ("Name", "Quantization", "Recovery (%)", "Accuracy"),
        [
            (one["name"], one["quantization"], percent(one["averageRecovery"]), percent(one["accuracy"]))
            for one in variants_of(client, found)
        ],
    )


def _tell_next(found: Document) -> None:
    name = short(found["name"])
    console.note()
    if found["variants"]:
        console.note(f"Side by side:  forecourt catalog compare {name} --variants")
    if found["artifacts"]:
        console.note(f"Register it:   forecourt catalog register {name}")
        console.note(f"Serve it:      forecourt catalog deploy {name}")


def _where_card(found: Document) -> str:
    source = found["properties"].get("source")
    return f"It is at {source}" if source else f"See: forecourt catalog show {short(found['name'])}"
