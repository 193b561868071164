"""``forecourt registry link`` and ``unlink``: lineage that is known only afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.output import JsonOption, console, print_json
from forecourt.cli.registry.completing import RELATIONS, complete_relation, complete_version
from forecourt.cli.registry.names import OURS, VersionArgument

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]

RelationArgument = Annotated[
    str, typer.Argument(metavar="RELATION", help=f"{', '.join(RELATIONS)}.", autocompletion=complete_relation)
]
EndArgument = Annotated[
    str,
    typer.Argument(metavar="URI|MODEL/VERSION", help="Where the arrow leads to.", autocompletion=complete_version),
]


@app.command()
def link(
    version: VersionArgument,
    relation: RelationArgument,
    to: EndArgument,
    detail: Annotated[str, typer.Option(metavar="TEXT", help="What else there is to say of it.")] = "",
    json: JsonOption = False,
) -> None:
    """Add to a version's lineage: its source, its training run, what it was made from, evidence."""
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.names import version_target

    client = connect()
    named = version_target(client, version)
    arrow = {"relation": relation, **end(client, to), **({"detail": detail} if detail else {})}
    made = client.post(f"{OURS}/{named.path}/lineage", arrow)
    if json:
        print_json(made)
    else:
        console.print(f"Linked {named.shown}: {relation} {arrow['uri']}")


@app.command()
def unlink(version: VersionArgument, relation: RelationArgument, to: EndArgument, json: JsonOption = False) -> None:
    """Take an arrow out of a version's lineage."""
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.names import version_target
    from forecourt.errors import NotFound

    client = connect()
    named = version_target(client, version)
    lineage = client.get(f"{OURS}/{named.path}/lineage")
    arrows = [*lineage["sources"], *lineage["trainedBy"], *lineage["parents"], *lineage["evidence"]]
    ends = {to} if "://" in to else {to, end(client, to)["uri"]}
    found = [one for one in arrows if one["relation"] == relation and one["uri"] in ends and "id" in one]
    if not found:
        raise NotFound(
            f"{named.shown} has no link {relation} {to}.", hint=f"See: forecourt registry lineage {named.shown}"
        )
    gone = [client.send("DELETE", f"{OURS}/{named.path}/lineage/{one['id']}") for one in found]
    if json:
        print_json(gone[0])
    else:
        console.print(f"Unlinked {named.shown}: {relation} {found[0]['uri']}")


def end(client: Client, text: str) -> Document:
    """Return where an arrow leads to: a version of ours with its id, or any URI. Raises `NotFound`."""
    from forecourt.cli.registry.names import SCHEME, version_target

    if "://" in text and not text.startswith(SCHEME):
        return {"uri": text}
    named = version_target(client, text)
    return {"uri": named.uri, "modelVersionId": int(named.id)}
