"""``forecourt modelcar attach``: what a model scored and how fast it is, attached to its image."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from forecourt.cli.machine import PLATFORM, PlatformOption, ReferenceArgument, this_machine
from forecourt.cli.output import JsonOption, console

_FIELDS = "One JSON object a line; docs/evidence.md has the fields."


def _file(what: str) -> Any:
    return typer.Option(metavar="FILE", help=f"{what} {_FIELDS}", show_default=False)


def attach(
    reference: ReferenceArgument,
    evaluations: Annotated[Path | None, _file("What it scored.")] = None,
    performance: Annotated[Path | None, _file("How fast it is.")] = None,
    platform: PlatformOption = PLATFORM,
    json: JsonOption = False,
) -> None:
    """Attach evidence to an image, in its registry and on this machine; it travels with the image from then on.

    A catalog that has the registry as a source shows it. The same lines again change nothing.
    """
    from forecourt import modelcar
    from forecourt.cli.images import attachment, say
    from forecourt.errors import InvalidInput
    from forecourt.evidence import read_accuracy, read_performance
    from forecourt.modelcar import Kind
    from forecourt.oci import Platform, Reference

    lines: dict[Kind, bytes] = {}
    if evaluations:
        lines[Kind.EVALUATIONS] = _checked(evaluations, read_accuracy)
    if performance:
        lines[Kind.PERFORMANCE] = _checked(performance, read_performance)
    if not lines:
        raise InvalidInput("There is nothing to attach.", hint="Give --evaluations FILE, --performance FILE, or both.")
    with this_machine() as here:
        done = modelcar.attach(Reference.parse(reference), lines, platform=Platform.parse(platform), **here.parts)
    found = [attachment(each) | {"new": each.digest in done.new} for each in done.attachments]
    data = {"reference": str(done.image.reference), "subject": str(done.image.manifest.digest), "attachments": found}
    told = [f"{'Attached' if each['new'] else 'There already:'} {each['kind']} {each['digest']}" for each in found]
    say(json, data | {"onThisMachine": done.on_this_machine, "inRegistry": not done.missing}, "\n".join(told))
    if done.missing:
        console.note(f"On this machine only. {done.missing}")
        console.note(f"A push takes it along: forecourt modelcar push {done.image.reference}")


def _checked(path: Path, read: Callable[[Iterable[str]], object]) -> bytes:
    """Return the lines of a file, which `read` can read; raises `InvalidInput`, and `NotFound` for no file."""
    from forecourt.errors import InvalidInput, NotFound

    try:
        data = path.read_bytes()
        if not data.strip():
            raise InvalidInput(f"{path} is empty.", hint=_FIELDS)
        read(data.decode().splitlines())
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is no UTF-8 text.", hint=_FIELDS) from None
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error.message}", hint=error.hint) from None
    return data
