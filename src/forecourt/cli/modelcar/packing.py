"""``forecourt modelcar pack``: a model becomes an image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecourt.cli.machine import PLATFORM, PlatformOption, platform_of, this_machine
from forecourt.cli.output import JsonOption

app = typer.Typer()


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
                platform=platform_of(platform),
                progress=progress,
            )
        car = modelcar.pack(
            source,
            reference,
            store=here.store,
            images=here.images,
            base=under,
            platform=platform_of(platform),
            annotations=annotations,
            format=format or "",
            allow=allow or (),
            follow_links=follow_links,
            copy=copy,
            progress=progress,
        )
    show(car, json, f"Packed {car.reference}", note=f"Push it: forecourt modelcar push {car.reference}")


def _annotation(text: str) -> tuple[str, str]:
    from forecourt.errors import InvalidInput

    key, equals, value = text.partition("=")
    if not (key and equals):
        raise InvalidInput(f"{text!r} is no annotation.", hint="Write it as key=value.")
    return key, value
