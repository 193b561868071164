"""``forecourt catalog register``: a model of the catalog becomes a version in the registry, with all that is known."""

from __future__ import annotations

from typing import Annotated

import typer

from forecourt.cli.catalog.names import ModelArgument
from forecourt.cli.output import JsonOption, Output, OutputOption
from forecourt.cli.registry.completing import complete_model as complete_registered
from forecourt.cli.registry.properties import LabelOption, PropertyOption

app = typer.Typer()


@app.command()
def register(
    model: ModelArgument,
    name: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Name in the registry; by default the end of the model's.",
            show_default=False,
            autocompletion=complete_registered,
        ),
    ] = "",
    version: Annotated[
        str,
        typer.Option(metavar="VERSION", help="By default the image's tag, else v1, v2, …", show_default=False),
    ] = "",
    alias: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="An alias, as champion. Repeatable.", show_default=False)
    ] = None,
    stage: Annotated[
        str, typer.Option(metavar="STAGE", help="development, staging or production.", show_default=False)
    ] = "",
    pairs: PropertyOption = None,
    labels: LabelOption = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Register a model of the catalog in the model registry, as a version.

    With where its files are, what the catalog knows of it, where it comes from, what it was made from, and its
    evidence. Nothing is copied.
    """
    from forecourt.cli.catalog.asking import find
    from forecourt.cli.catalog.names import uri_of
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.properties import properties
    from forecourt.cli.registry.register import proposed, send

    output = Output.JSON if json else output
    given = properties(pairs or [], labels or [])
    client = connect()
    found = proposed(client, uri_of(find(client, model)), name=name, version=version)
    wanted = found["registration"]
    wanted["modelVersion"]["customProperties"] |= given
    send(client, wanted | {"aliases": alias or [], "stage": stage}, output, new=not found["registeredModel"])
