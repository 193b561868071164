"""``forecourt registry set``: change what a model or a version says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.output import JsonOption, console, print_json
from forecourt.cli.registry.names import OURS, TargetArgument
from forecourt.cli.registry.properties import STAGE, LabelOption, PropertyOption

if TYPE_CHECKING:
    from forecourt.cli.registry.names import Target

app = typer.Typer()

Document = dict[str, Any]


def _model_text(text: str) -> Any:
    return typer.Option(metavar="TEXT", help=f"{text}, of a model.", show_default=False)


@app.command("set")
def set_(
    target: TargetArgument,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is.", show_default=False)] = None,
    author: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who made it, of a version.", show_default=False)
    ] = None,
    owner: Annotated[str | None, _model_text("Whose it is")] = None,
    provider: Annotated[str | None, _model_text("Who gives it")] = None,
    license_: Annotated[
        str | None, typer.Option("--license", metavar="SPDX", help="Its licence, of a model.", show_default=False)
    ] = None,
    license_link: Annotated[str | None, _model_text("Where the licence is")] = None,
    maturity: Annotated[str | None, _model_text("How ripe it is")] = None,
    library: Annotated[str | None, _model_text("The library that loads it")] = None,
    task: Annotated[list[str] | None, _model_text("What it is for; repeatable")] = None,
    language: Annotated[list[str] | None, _model_text("What it speaks; repeatable")] = None,
    readme: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its README, of a model.", show_default=False)
    ] = None,
    pairs: PropertyOption = None,
    labels: LabelOption = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove-property", metavar="KEY", help="A property or label to take away. Repeatable."),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE", help="development, staging, production or none, of a version.", show_default=False
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Change a model or a version; what is not said stays. An empty text empties a field."""
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.names import target as find
    from forecourt.cli.registry.properties import properties
    from forecourt.errors import InvalidInput

    of_model = {"owner": owner, "provider": provider, "license": license_, "licenseLink": license_link}
    of_model |= {"maturity": maturity, "libraryName": library, "readme": _read(readme) if readme else None}
    lists = {"tasks": task, "language": language}
    given = properties(pairs or [], labels or [])
    client = connect()
    named = find(client, target)
    fields: Document = {name: value for name, value in of_model.items() if value is not None}
    fields |= {name: [each for each in value if each] for name, value in lists.items() if value}
    _refuse(named, fields, author=author, stage=stage)
    fields |= {name: text for name, text in {"description": description, "author": author}.items() if text is not None}
    if not (fields or given or remove or stage is not None):
        raise InvalidInput("Say what to change, as --description TEXT.", hint="See: forecourt registry set --help")
    if properties_ := _properties(named, given, remove or [], stage):
        fields["customProperties"] = properties_
    made: Document = client.send("PATCH", f"{OURS}/{named.path}", fields)
    if json:
        print_json(made)
    else:
        console.print(f"{named.kind} {named.shown} changed")


def _read(path: Path) -> str:
    from forecourt.errors import InvalidInput

    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is no text in UTF-8.") from None


def _refuse(named: Target, of_model: Document, *, author: str | None, stage: str | None) -> None:
    """Raise `InvalidInput` where something is said of a version that only a model has, or the other way round."""
    from forecourt.errors import InvalidInput

    if named.version and of_model:
        raise InvalidInput(
            f"{next(iter(of_model))} is said of a model, and {named.shown} is a version.",
            hint=f"Say it of {named.model['name']}.",
        )
    if not named.version and (author is not None or stage is not None):
        what = "author" if author is not None else "stage"
        raise InvalidInput(
            f"A {what} is said of a version, and {named.shown} is a model.",
            hint=f"See: forecourt registry versions {named.shown}",
        )


def _properties(named: Target, given: Document, remove: list[str], stage: str | None) -> Document:
    """Return the custom properties that change; those that go are None. Raises `NotFound`, `InvalidInput`."""
    from forecourt.errors import InvalidInput, NotFound
    from forecourt.registry.metadata import to_metadata

    if named.version and STAGE in {*given, *remove}:
        raise InvalidInput("The property stage says a version's stage.", hint="Use --stage.")
    before = named.document.get("customProperties") or {}
    for key in remove:
        if key not in before:
            raise NotFound(
                f"{named.shown} has no property {key}.", hint=f"See: forecourt registry describe {named.shown}"
            )
    changes: Document = given | dict.fromkeys(remove)
    if stage is not None:
        changes[STAGE] = None if stage == "none" else to_metadata(stage)
    return changes
