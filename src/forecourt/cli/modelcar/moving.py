"""``forecourt modelcar push``, ``pull`` and ``copy``: images on their way between machines and registries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecourt.cli.machine import PLATFORM, PlatformOption, ReferenceArgument, image_argument, platform_of, this_machine
from forecourt.cli.output import JsonOption

app = typer.Typer()


@app.command()
def push(
    reference: ReferenceArgument,
    destination: Annotated[
        str | None, typer.Argument(metavar="DESTINATION", help="Another name to push it under.", show_default=False)
    ] = None,
    json: JsonOption = False,
) -> None:
    """Push an image of this machine, with what refers to it. What the registry has does not move."""
    from forecourt import modelcar
    from forecourt.cli.images import say
    from forecourt.cli.progress import progress_bars
    from forecourt.oci import Reference

    target = Reference.parse(destination or reference)
    with this_machine() as here:
        if destination:
            modelcar.tag(Reference.parse(reference), target, here.images)
        with progress_bars() as progress:
            digest = modelcar.push(
                target, store=here.store, images=here.images, client_for=here.client_for, progress=progress
            )
    say(json, {"reference": str(target), "digest": digest}, f"Pushed {target}\nDigest {digest}")


@app.command()
def pull(
    reference: ReferenceArgument,
    destination: Annotated[
        Path | None,
        typer.Argument(metavar="DIRECTORY", help="New directory for the model's files.", show_default=False),
    ] = None,
    platform: PlatformOption = PLATFORM,
    json: JsonOption = False,
) -> None:
    """Pull an image to this machine; with a directory, put the model's files there (links, read-only)."""
    from forecourt import modelcar
    from forecourt.cli.images import show
    from forecourt.cli.progress import progress_bars
    from forecourt.oci import Reference

    with this_machine() as here, progress_bars() as progress:
        car = modelcar.pull(
            Reference.parse(reference),
            destination,
            store=here.store,
            images=here.images,
            client_for=here.client_for,
            platform=platform_of(platform),
            progress=progress,
        )
    show(car, json, f"Pulled {car.reference}" + (f" into {destination}" if destination else ""))


@app.command()
def copy(
    source: Annotated[str, image_argument("SOURCE")],
    destination: Annotated[str, image_argument("DESTINATION")],
    json: JsonOption = False,
) -> None:
    """Copy an image from registry to registry, digests unchanged; what is there already does not move."""
    from forecourt import modelcar
    from forecourt.cli.images import say
    from forecourt.cli.progress import progress_bars
    from forecourt.oci import Reference

    target = Reference.parse(destination)
    with this_machine() as here, progress_bars() as progress:
        digest = modelcar.copy(Reference.parse(source), target, here.client_for, store=here.store, progress=progress)
    say(json, {"reference": str(target), "digest": digest}, f"Copied to {target}\nDigest {digest}")
