"""``forecourt modelcar inspect``, ``ls`` and ``diff``: what is in an image, and in another."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from forecourt.cli.completion import complete_image
from forecourt.cli.machine import PLATFORM, PlatformOption, ReferenceArgument, image_argument, platform_of, this_machine
from forecourt.cli.output import JsonOption, console

app = typer.Typer()


@app.command()
def inspect(reference: ReferenceArgument, platform: PlatformOption = PLATFORM, json: JsonOption = False) -> None:
    """Show what an image says of its model, here or in its registry; no layer is pulled."""
    from forecourt import modelcar
    from forecourt.cli.images import show
    from forecourt.errors import ForecourtError

    with this_machine() as here:
        image = here.find(reference, platform_of(platform))
        attached, records, note = None, None, ""
        try:
            attached = modelcar.attached(here.place_of(image), image.manifest.digest)
            records = modelcar.read_records(here.place_of(image), image.manifest.digest)
        except ForecourtError as error:
            note = f"What is attached to it is not known. {error.message}"
    show(modelcar.model_car(image), json, note=note, attached=attached, records=records)


@app.command()
def ls(
    reference: Annotated[
        str | None,
        typer.Argument(metavar="REFERENCE", help="Image whose files are listed.", autocompletion=complete_image),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the images of this machine, or the files of one."""
    from forecourt import modelcar
    from forecourt.cli.images import document
    from forecourt.cli.output import print_json, print_table, size

    with this_machine() as here:
        if reference is None:
            cars = modelcar.list_images(here.images, here.store)
            if json:
                print_json([document(car) for car in cars])
            elif cars:
                rows = [
                    (car.reference, car.digest.short, car.info.format, car.info.quantization, size(car.info.size))
                    for car in cars
                ]
                print_table(("REFERENCE", "DIGEST", "FORMAT", "QUANTIZATION", "SIZE"), rows)
            else:
                console.note("No images on this machine yet. Pack one: forecourt modelcar pack ./my-model -t ...")
            return
        image = here.find(reference)
        whole = all(here.store.has(layer.digest) for layer in image.manifest.layers)
        files = modelcar.files(image.manifest, here.store) if whole else modelcar.announced(image.manifest)
    if json:
        print_json([asdict(file) for file in files])
        return
    if not whole:
        console.note("Not all layers are on this machine; this is what the image announces.")
    print_table(
        ("PATH", "SIZE", "LAYER"),
        [(file.path, "" if file.size is None else size(file.size), file.layer.short) for file in files],
    )


@app.command()
def diff(
    old: Annotated[str, image_argument("OLD")], new: Annotated[str, image_argument("NEW")], json: JsonOption = False
) -> None:
    """Compare two images: files and tensors that changed, and the bytes that would move from one to the other."""
    from forecourt import modelcar
    from forecourt.cli.images import show_difference
    from forecourt.cli.output import print_json

    with this_machine() as here:
        found = modelcar.difference(here.find(old), here.find(new), here.store)
    if json:
        print_json(asdict(found))
        return
    show_difference(found)
