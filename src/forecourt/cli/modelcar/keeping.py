"""``forecourt modelcar tag``, ``rm`` and ``prune``: which images this machine keeps, and by which names."""

from __future__ import annotations

from typing import Annotated

import typer

from forecourt.cli.completion import complete_image
from forecourt.cli.machine import image_argument, this_machine
from forecourt.cli.output import JsonOption, console

app = typer.Typer()


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
