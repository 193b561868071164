"""``forecourt registry register``: a model's URI becomes a version in the registry, with all that is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.completion import complete_image
from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_as
from forecourt.cli.registry.completing import complete_model, complete_version
from forecourt.cli.registry.properties import LabelOption, PropertyOption

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]

_BESIDE = ("source", "trained-by", "evidence")
_MADE = "derived-from"
"""The relation to a parent where nothing says another."""


def _text(metavar: str, text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, metavar=metavar, help=text, show_default=False, **more)


@app.command()
def register(
    uri: Annotated[
        str,
        typer.Argument(
            metavar="URI",
            help="oci://…, s3://…, hf://owner/model, https://…, catalog://source/model, or a path.",
            autocompletion=complete_image,
        ),
    ],
    name: Annotated[
        str,
        _text("MODEL", "Name of the model; by default the URI's last word.", autocompletion=complete_model),
    ] = "",
    version: Annotated[str, _text("VERSION", "Name of the version; by default the image's tag, else v1, v2, …")] = "",
    description: Annotated[str, _text("TEXT", "What the model is, where it is new.")] = "",
    version_description: Annotated[str, _text("TEXT", "What the version is; by default what its files say.")] = "",
    owner: Annotated[str, _text("NAME", "Whose the model is, where it is new; by default you.")] = "",
    author: Annotated[str, _text("NAME", "Who made the version; by default you.")] = "",
    model_format: Annotated[
        str, _text("NAME", "Format of the model, as gguf; by default what its files say.", "--format")
    ] = "",
    format_version: Annotated[str, _text("VERSION", "Version of the format.")] = "",
    pairs: PropertyOption = None,
    labels: LabelOption = None,
    alias: Annotated[list[str] | None, _text("NAME", "An alias, as champion. Repeatable.")] = None,
    stage: Annotated[str, _text("STAGE", "development, staging or production.")] = "",
    source: Annotated[
        str, _text("URI", "Where it comes from; by default what its files say, else where they are.")
    ] = "",
    trained_by: Annotated[str, _text("URI", "The training run that made it.")] = "",
    parent: Annotated[
        list[str] | None,
        _text(
            "MODEL/VERSION|URI",
            "What it was made from; by default what its files say. Repeatable.",
            autocompletion=complete_version,
        ),
    ] = None,
    relation: Annotated[
        str,
        _text("RELATION", "How: quantized-from, finetuned-from, adapter-of, merged-from, derived-from."),
    ] = "",
    evidence: Annotated[list[str] | None, _text("URI", "What was measured of it. Repeatable.")] = None,
    pin: Annotated[bool, typer.Option("--pin/--no-pin", help="Write an image's digest into its URI.")] = True,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Register a version of a model: where its files are, what they are, where they come from.

    Nothing is copied. The server asks an image for its format, size and origin, and reads files on its machine.
    A model of that name that is there stays as it is, and gets another version.
    """
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.properties import properties
    from forecourt.errors import InvalidInput
    from forecourt.importing import located

    output = Output.JSON if json else output
    given = properties(pairs or [], labels or [])
    uri = located(uri)
    client = connect()
    found = proposed(client, uri, name=name, version=version, pin=pin)
    wanted = found["registration"]
    if not wanted["registeredModel"].get("name"):
        raise InvalidInput(f"{uri} does not say how to call the model.", hint="Say it: --name MODEL")
    if found["registeredModel"] and (description or owner):
        name = found["registeredModel"]["name"]
        console.warn(f"{name} is there already, and stays as it is: change it with forecourt registry set {name}")
    said = {
        "registeredModel": {"description": description, "owner": owner or author},
        "modelVersion": {"description": version_description, "author": author},
        "modelArtifact": {"modelFormatName": model_format, "modelFormatVersion": format_version},
    }
    for part, fields in said.items():
        wanted[part] |= {key: value for key, value in fields.items() if value}
    wanted["modelVersion"]["customProperties"] = wanted["modelVersion"].get("customProperties", {}) | given
    links = _links(client, wanted["links"], source, trained_by, parent or [], relation, evidence or [])
    wanted |= {"aliases": alias or [], "stage": stage, "links": links}
    send(client, wanted, output, new=not found["registeredModel"])


def proposed(client: Client, uri: str, *, name: str, version: str, pin: bool = True) -> Document:
    """Return what the server would register of the model at a URI, and what it has of the names already."""
    from forecourt.cli.registry.names import OURS

    # `get` leaves out what is False, and without it the server pins.
    pinning: dict[str, str] = {} if pin else {"pin": "false"}
    found: Document = client.get(f"{OURS}/proposal", uri=uri, name=name, version=version, **pinning)
    for warning in found["warnings"]:
        console.warn(warning)
    return found


def send(client: Client, wanted: Document, output: Output, *, new: bool) -> None:
    """Register what is wanted, of a model that is new or not, and show what came of it. Raises `AlreadyExists`."""
    from forecourt.cli.registry.names import OURS, Target
    from forecourt.errors import AlreadyExists

    try:
        made = client.post(f"{OURS}/register", wanted)
    except AlreadyExists as error:
        error.hint = error.hint or "Choose another version: --version NAME"
        raise
    target = Target(made["registeredModel"], made["modelVersion"])
    if not print_as(output, made, [target.shown]):
        _show(target, made, wanted["links"], new=new)


def _links(
    client: Client,
    known: list[Document],
    source: str,
    trained_by: str,
    parents: list[str],
    relation: str,
    evidence: list[str],
) -> list[Document]:
    """Return the arrows of lineage; a source and parents that are said take the place of what is known."""
    from forecourt.cli.registry.links import end

    made = next((one for one in known if one["relation"] not in _BESIDE), None)
    relation = relation or (made["relation"] if made else _MADE)
    links = [one for one in known if one is not made and not (source and one["relation"] == "source")]
    pairs = [("source", source), ("trained-by", trained_by), *(("evidence", each) for each in evidence)]
    links += [{"relation": one, "uri": uri} for one, uri in pairs if uri]
    if parents:
        links += [{"relation": relation} | end(client, each) for each in parents]
    elif made:
        links.append(made | {"relation": relation})
    return links


def _show(target: Any, made: Document, links: list[Document], *, new: bool) -> None:
    """Say what was registered, and what may be next."""
    artifact = made["modelArtifact"]
    console.print(f"Registered {target.shown}" + (" (a new model)" if new else ""))
    rows = {"URI": artifact["uri"], "Format": artifact.get("modelFormatName") or "<unknown>"}
    for title, value in rows.items():
        console.print(f"  {title + ':':<16}{value}")
    for link in links:
        console.print(f"  {link['relation'] + ':':<16}{link['uri']}")
    console.note(f"\nServe it: forecourt deploy {target.uri}")
