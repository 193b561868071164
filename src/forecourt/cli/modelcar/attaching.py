"""``forecourt modelcar attach``: what a model scored and how fast it is, attached to its image."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.machine import PLATFORM, PlatformOption, ReferenceArgument, platform_of, this_machine
from forecourt.cli.output import JsonOption, console

if TYPE_CHECKING:
    from datetime import datetime

    from forecourt.evidence.rows import AboutModel

app = typer.Typer()

_FIELDS = "One JSON object a line; docs/evidence.md has the fields."


def _file(what: str) -> Any:
    return typer.Option(metavar="FILE", help=f"{what} {_FIELDS}", show_default=False)


@app.command()
def attach(
    reference: ReferenceArgument,
    evaluations: Annotated[Path | None, _file("What it scored.")] = None,
    performance: Annotated[Path | None, _file("How fast it is.")] = None,
    created: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it was measured: 2026-05-31, or with a time.", show_default=False),
    ] = None,
    platform: PlatformOption = PLATFORM,
    json: JsonOption = False,
) -> None:
    """Attach evidence to an image, in its registry and on this machine; it travels with the image from then on.

    A catalog that has the registry as a source shows it; of what is measured again, the newest. The same lines again
    change nothing.
    """
    from forecourt import modelcar
    from forecourt.cli.images import attachment, say
    from forecourt.cli.progress import steps
    from forecourt.errors import InvalidInput
    from forecourt.evidence import read_accuracy, read_performance
    from forecourt.modelcar import Kind
    from forecourt.oci import Reference

    lines: dict[Kind, bytes] = {}
    if evaluations:
        lines[Kind.EVALUATIONS] = _checked(evaluations, read_accuracy)
    if performance:
        lines[Kind.PERFORMANCE] = _checked(performance, read_performance)
    if not lines:
        raise InvalidInput("There is nothing to attach.", hint="Give --evaluations FILE, --performance FILE, or both.")
    when = None if created is None else _time(created)
    name = Reference.parse(reference)
    with this_machine() as here, steps() as shown:
        shown.show("attach", f"Attaching to {name}")
        done = modelcar.attach(name, lines, platform=platform_of(platform), created=when, **here.parts)
        shown.end()
    found = [attachment(each) | {"new": each.digest in done.new} for each in done.attachments]
    data = {"reference": str(done.image.reference), "subject": str(done.image.manifest.digest), "attachments": found}
    told = [f"{'Attached' if each['new'] else 'There already:'} {each['kind']} {each['digest']}" for each in found]
    say(json, data | {"onThisMachine": done.on_this_machine, "inRegistry": not done.missing}, "\n".join(told))
    if done.missing:
        console.note(f"On this machine only. {done.missing}")
        console.note(f"A push takes it along: forecourt modelcar push {done.image.reference}")


def _checked(path: Path, read: Callable[[Iterable[str]], Iterable[AboutModel]]) -> bytes:
    """Return what is in a file, whose lines `read` can read; raises `InvalidInput`, and `NotFound` for no file."""
    from forecourt.errors import InvalidInput
    from forecourt.evidence import check_one_model, lines_of

    data = _contents(path)
    try:
        check_one_model(read(lines_of(data)))
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error.message}", hint=error.hint) from None
    return data


def _contents(path: Path) -> bytes:
    from forecourt.errors import InvalidInput, NotFound
    from forecourt.modelcar.attachments import LARGEST

    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from None
    if not data.strip():
        raise InvalidInput(f"{path} is empty.", hint=_FIELDS)
    if len(data) > LARGEST:
        raise InvalidInput(f"{path} has more than {LARGEST} bytes.", hint="Attach the lines of this model only.")
    return data


def _time(text: str) -> datetime:
    """Return a time, in UTC; one without a zone is."""
    from datetime import UTC, datetime

    from forecourt.errors import InvalidInput

    try:
        said = datetime.fromisoformat(text)
        return said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text!r} is no time.", hint="Write it as 2026-05-31 or 2026-05-31T12:00:00Z.") from None
