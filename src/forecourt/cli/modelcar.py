"""``forecourt modelcar``: models as OCI images, packed, pushed, pulled, looked into and compared."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecourt.cli.attaching import attach
from forecourt.cli.completion import complete_image
from forecourt.cli.machine import PLATFORM, Machine, PlatformOption, ReferenceArgument, image_argument, this_machine
from forecourt.cli.output import JsonOption, console

if TYPE_CHECKING:
    from forecourt.modelcar import Image
    from forecourt.oci import Platform

app = typer.Typer(no_args_is_help=True, help="Models as OCI images: pack, push, pull, look into, compare.")


@app.command()
def pack(
    source: Annotated[Path, typer.Argument(metavar="PATH", help="A model's directory, or a file such as a GGUF.")],
    tag: Annotated[str, typer.Option("--tag", "-t", metavar="REFERENCE", help="Name of the image.")],
    base: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="Image to put the model on, so that KServe's sidecar runs.")
    ] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Name of the model.")] = None,
    source_url: Annotated[str | None, typer.Option("--source", metavar="URL", help="Where it comes from.")] = None,
    revision: Annotated[str | None, typer.Option(metavar="TEXT", help="Which version of it.")] = None,
    license: Annotated[str | None, typer.Option(metavar="SPDX", help="Its licence.")] = None,  # noqa: A002
    format: Annotated[  # noqa: A002
        str | None, typer.Option(metavar="FORMAT", help="Its format, where the files do not show it.")
    ] = None,
    annotation: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Annotation of the image; may be repeated.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Pack this pickle all the same; may be repeated.")
    ] = None,
    follow_links: Annotated[bool, typer.Option("--follow-links", help="Pack what links outside lead to.")] = False,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy the files; by default they are linked, read-only.")
    ] = False,
    platform: PlatformOption = PLATFORM,
    json: JsonOption = False,
) -> None:
    """Pack a model as an image: a layer a file, the same digests everywhere. It stays on this machine until pushed."""
    from forecourt import modelcar
    from forecourt.cli.images import show
    from forecourt.cli.progress import progress_bars
    from forecourt.oci import Reference

    reference = Reference.parse(tag)
    said = {"title": title, "source": source_url, "revision": revision, "license": license}
    annotations = {modelcar.FIELDS[field]: value for field, value in said.items() if value is not None}
    annotations |= dict(map(_annotation, annotation or []))
    with this_machine() as here, progress_bars() as progress:
        under = None
        if base:
            under = modelcar.pull_base(
                Reference.parse(base),
                store=here.store,
                images=here.images,
                client_for=here.client_for,
                platform=_platform(platform),
                progress=progress,
            )
        car = modelcar.pack(
            source,
            reference,
            store=here.store,
            images=here.images,
            base=under,
            platform=_platform(platform),
            annotations=annotations,
            format=format or "",
            allow=allow or (),
            follow_links=follow_links,
            copy=copy,
            progress=progress,
        )
    show(car, json, f"Packed {car.reference}", note=f"Push it: forecourt modelcar push {car.reference}")


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
            platform=_platform(platform),
            progress=progress,
        )
    show(car, json, f"Pulled {car.reference}" + (f" into {destination}" if destination else ""))


@app.command()
def inspect(reference: ReferenceArgument, platform: PlatformOption = PLATFORM, json: JsonOption = False) -> None:
    """Show what an image says of its model, here or in its registry; no layer is pulled."""
    from forecourt import modelcar
    from forecourt.cli.images import show
    from forecourt.errors import ForecourtError
    from forecourt.oci import Reference

    with this_machine() as here:
        image = modelcar.find(Reference.parse(reference), platform=_platform(platform), **here.parts)
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
        image = _find(here, reference)
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
        found = modelcar.difference(_find(here, old), _find(here, new), here.store)
    if json:
        print_json(asdict(found))
        return
    show_difference(found)


app.command()(attach)


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


@app.command()
def tag(
    source: Annotated[str, image_argument("SOURCE")],
    target: Annotated[str, image_argument("TARGET")],
    json: JsonOption = False,
) -> None:
    """Give an image of this machine another name."""
    from forecourt import modelcar
    from forecourt.cli.images import say
    from forecourt.oci import Reference

    name = Reference.parse(target)
    with this_machine() as here:
        digest = modelcar.tag(Reference.parse(source), name, here.images)
    say(json, {"reference": str(name), "digest": digest}, f"Tagged {name}")


@app.command()
def rm(
    references: Annotated[
        list[str], typer.Argument(metavar="REFERENCE", help="Images to forget.", autocompletion=complete_image)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Forget images of this machine. Registries and deployments keep theirs; `prune` frees the space."""
    from forecourt import modelcar
    from forecourt.cli.images import say
    from forecourt.oci import Reference

    named = [Reference.parse(reference) for reference in references]
    question = f"Forget {', '.join(map(str, named))}?"
    if not yes and console.can_ask and not console.confirm(question):
        console.note("Nothing was forgotten.")
        raise typer.Exit(1)
    with this_machine() as here:
        for reference in named:
            here.images.resolve(reference.name, reference.version)
        for reference in named:
            modelcar.remove(reference, here.images)
    say(json, [str(reference) for reference in named], "\n".join(f"Forgot {reference}" for reference in named))


@app.command()
def prune(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False, json: JsonOption = False
) -> None:
    """Free the space of what no image needs: neither this machine's nor the embedded registry's.

    Earlier versions of a tag go too. What came within the last minute stays until the next time.
    """
    from forecourt import modelcar
    from forecourt.cli.images import say
    from forecourt.cli.invocation import settings
    from forecourt.cli.output import size
    from forecourt.oci import Repositories

    if not yes and console.can_ask and not console.confirm("Remove every blob that no image refers to?"):
        console.note("Nothing was removed.")
        raise typer.Exit(1)
    with this_machine() as here:
        registry = Repositories(settings().repositories, here.store)
        freed = modelcar.prune(here.store, here.images, registry)
    say(json, {"freedBytes": freed}, f"Freed {size(freed)}")


def _find(here: Machine, reference: str) -> Image:
    from forecourt import modelcar
    from forecourt.oci import Reference

    return modelcar.find(Reference.parse(reference), **here.parts)


def _platform(text: str) -> Platform:
    from forecourt.oci import Platform

    return Platform.parse(text)


def _annotation(text: str) -> tuple[str, str]:
    from forecourt.errors import InvalidInput

    key, equals, value = text.partition("=")
    if not (key and equals):
        raise InvalidInput(f"{text!r} is no annotation.", hint="Write it as key=value.")
    return key, value
