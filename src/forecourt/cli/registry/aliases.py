"""``forecourt registry alias``, ``archive`` and ``restore``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from forecourt.cli.output import JsonOption, console, print_json
from forecourt.cli.registry.names import API, MODELS, OURS, VERSIONS, TargetArgument, TargetsArgument

if TYPE_CHECKING:
    from forecourt.cli.client import Client
    from forecourt.cli.registry.names import Target

app = typer.Typer()

Document = dict[str, Any]


@app.command()
def alias(
    target: TargetArgument,
    aliases: Annotated[list[str], typer.Argument(metavar="ALIAS", help="Names of your own, as champion.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take the aliases away from the model.")] = False,
    json: JsonOption = False,
) -> None:
    """Give a version aliases. Each is for one version of its model at a time, and is taken from the one that has it."""
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.names import target as find
    from forecourt.cli.registry.names import version_target

    client = connect()
    named = find(client, target) if remove else version_target(client, target)
    done = []
    for each in aliases:
        text, made = (_take if remove else _give)(client, named, each)
        done.append(made)
        if not json:
            console.print(text)
    if json:
        print_json({"items": done})


def _give(client: Client, named: Target, name: str) -> tuple[str, Document]:
    """Give a version an alias; return what to say of it, and the answer."""
    from forecourt.cli.registry.names import by_id

    made: Document = client.send("PUT", _path(named, name), {"modelVersionId": int(named.id)})
    taken = ""
    if made["before"] and made["before"] != named.id:
        before = by_id(client, VERSIONS, [made["before"]]).get(made["before"], {})
        taken = f" (it was {before.get('name', made['before'])})"
    return f"{named.model['name']}/{name} is {named.document['name']}{taken}", made


def _take(client: Client, named: Target, name: str) -> tuple[str, Document]:
    """Take an alias away; return what to say of it, and the answer."""
    from forecourt.cli.registry.names import aliases
    from forecourt.errors import NotFound

    if named.version and aliases(client, named.model["id"]).get(name) not in (named.id, None):
        raise NotFound(f"{name} is no alias of {named.shown}, but of another version.")
    gone: Document = client.send("DELETE", _path(named, name))
    return f"{named.model['name']} has no alias {name} any more", gone


def _path(named: Target, name: str) -> str:
    return f"{OURS}/{MODELS}/{named.model['id']}/aliases/{quote(name, safe='')}"


@app.command()
def archive(targets: TargetsArgument, json: JsonOption = False) -> None:
    """Put models or versions away: they stay, and are listed only with --archived or --all."""
    _put(targets, "ARCHIVED", json=json)


@app.command()
def restore(targets: TargetsArgument, json: JsonOption = False) -> None:
    """Take models or versions out of the archive."""
    _put(targets, "LIVE", json=json)


def _put(words: list[str], state: str, *, json: bool) -> None:
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.describe import services
    from forecourt.cli.registry.names import target

    client = connect()
    named = [target(client, word) for word in words]
    made = []
    for one in named:
        if state == "ARCHIVED" and (served := services(client, one, "desiredState = 'DEPLOYED'")):
            names = ", ".join(str(each.get("name")) for each in served)
            console.warn(f"{one.shown} is deployed, and goes on to be: {names}")
        made.append(client.send("PATCH", f"{API}/{one.path}", {"state": state}))
        if not json:
            console.print(f"{one.kind} {one.shown} {'archived' if state == 'ARCHIVED' else 'restored'}")
    if json:
        print_json(made[0] if len(made) == 1 else {"items": made})
